//go:build unix

package e2e

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/anvilforge/anvil-lsp/hotreload/control"
	"github.com/anvilforge/anvil-lsp/hotreload/shared/visible/visibletest"
	"github.com/anvilforge/anvil-lsp/internal/testkit"
	"github.com/anvilforge/anvil-lsp/internal/testkit/harness"
	"github.com/anvilforge/anvil-lsp/lspserver"
	"github.com/anvilforge/anvil-lsp/lspserver/lsptest"
)

// secretText is what is in files that no checkout may have shown.
const secretText = "TOP-SECRET-6f1d"

// hostile is a checkout that means harm.
type hostile struct {
	dir    string // of the application
	victim string // a directory outside
	secret string // a file in it
	source string // source in it
}

// newHostile makes an application that does not parse: what happens to it
// happens before anything is compiled. What would run writes a file.
func newHostile(t *testing.T) *hostile {
	t.Helper()
	h := &hostile{dir: harness.CopyApp(t, "hello"), victim: t.TempDir()}
	h.secret, h.source = filepath.Join(h.victim, "id_rsa"), filepath.Join(h.victim, "other.go")
	for _, name := range []string{"id_rsa", "other.go", "work/thesis.txt", "gen/a", "host/b", "run/c", "tmp/d", "history/0001.json", "lock", "manifest.json"} {
		h.write(t, filepath.Join(h.victim, name), "first line\n"+secretText+"\n")
	}
	h.write(t, filepath.Join(h.dir, "evil.go"), "package main\n\nimport \"os\"\n\nfunc init() { _ = os.WriteFile("+strconv.Quote(filepath.Join(h.victim, "RAN"))+", nil, 0o600) }\n")
	h.write(t, filepath.Join(h.dir, "handlers", "broken.go"), "package handlers\n\nfunc (\n")
	return h
}

func (h *hostile) write(t *testing.T, path, text string) {
	t.Helper()
	testkit.WriteFile(t, path, text)
}

// victims describes the directory outside.
func (h *hostile) victims(t *testing.T) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := filepath.WalkDir(h.victim, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		var text []byte
		if info.Mode().IsRegular() {
			text, err = os.ReadFile(path)
		}
		out[path] = info.Mode().String() + string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestHostileCheckout: whatever a checkout holds, nothing outside is changed or
// shown, nothing of it runs before trust, the terminal gets nothing that it
// would obey, and everything comes to an end.
func TestHostileCheckout(t *testing.T) {
	out := func(h *hostile, elem ...string) string {
		return filepath.Join(append([]string{h.dir, ".anvil"}, elem...)...)
	}
	type row struct {
		name string
		make func(t *testing.T, h *hostile) error
		full bool // also what compiles
		// trusted: also in an editor whose user lets it run
		trusted bool
		root    bool // needs root
	}
	rows := []row{
		{name: ".anvil is a link", full: true, make: func(_ *testing.T, h *hostile) error { return os.Symlink(h.victim, out(h)) }},
		{name: ".anvil is a relative link", make: func(_ *testing.T, h *hostile) error {
			rel, err := filepath.Rel(h.dir, h.victim)
			return errors.Join(err, os.Symlink(rel, out(h)))
		}},
		{name: ".anvil is a dangling link", full: true, make: func(_ *testing.T, h *hostile) error { return os.Symlink(filepath.Join(h.victim, "new"), out(h)) }},
		{name: ".anvil of another user", root: true, full: true, make: func(_ *testing.T, h *hostile) error {
			return errors.Join(os.Mkdir(out(h), 0o755), os.Chown(out(h), 4242, 4242))
		}},
		{name: "socket of another user", root: true, make: func(t *testing.T, h *hostile) error {
			if err := os.Mkdir(out(h), 0o755); err != nil {
				return err
			}
			fd, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
			if err != nil {
				return err
			}
			t.Cleanup(func() { syscall.Close(fd) })
			short := filepath.Join("/tmp", "anvil-hostile-"+strconv.Itoa(os.Getpid())) // a path that fits
			defer os.Remove(short)
			if err := os.Symlink(out(h), short); err != nil {
				return err
			}
			path := out(h, "engine.sock")
			return errors.Join(syscall.Bind(fd, &syscall.SockaddrUnix{Name: short + "/engine.sock"}), syscall.Listen(fd, 8), os.Chown(path, 4242, 4242))
		}},
		{name: "sparse manifest", full: true, make: func(t *testing.T, h *hostile) error {
			h.write(t, out(h, "manifest.json"), "")
			return os.Truncate(out(h, "manifest.json"), 3<<30)
		}},
		{name: "manifest with escapes", full: true, make: func(t *testing.T, h *hostile) error {
			h.write(t, out(h, "manifest.json"), `{"format":1,"generation":1,"handlers":"`+`\u001b]0;PWNED\u0007`+`","routes":[{"method":"GET","pattern":"/\u001b[2J\u009b2J\u202e","handler":"\u001b[31m","signature":"\u0007","file":"\u001b[2J.go","line":1}]}`)
			return nil
		}},
		{name: "//line to a secret", full: true, make: func(t *testing.T, h *hostile) error {
			h.write(t, filepath.Join(h.dir, "handlers", "broken.go"), "package handlers\n\n//line "+h.secret+":2\nvar _ int = \"x\"\n")
			return nil
		}},
		{name: "//line to a link to a secret", full: true, make: func(t *testing.T, h *hostile) error {
			h.write(t, filepath.Join(h.dir, "handlers", "broken.go"), "package handlers\n\n//line leak.go:2\nvar _ int = \"x\"\n")
			return os.Symlink(h.secret, filepath.Join(h.dir, "leak.go"))
		}},
		{name: "//line to source elsewhere", full: true, trusted: true, make: func(t *testing.T, h *hostile) error {
			h.write(t, filepath.Join(h.dir, "handlers", "broken.go"), "package handlers\n\n//line "+h.source+":2:1\nvar _ int = \"x\"\n")
			return nil
		}},
		{name: "//line to source elsewhere, that does not parse", full: true, trusted: true, make: func(t *testing.T, h *hostile) error {
			h.write(t, filepath.Join(h.dir, "handlers", "broken.go"), "package handlers\n\n//line "+h.source+":2\nfunc (\n")
			return nil
		}},
		{name: "//line to a link to source elsewhere", full: true, make: func(t *testing.T, h *hostile) error {
			h.write(t, filepath.Join(h.dir, "handlers", "broken.go"), "package handlers\n\n//line ../docs/leak.y:2\nvar _ int = \"x\"\n")
			h.write(t, filepath.Join(h.dir, "docs", "README"), "")
			return os.Symlink(h.source, filepath.Join(h.dir, "docs", "leak.y"))
		}},
		{name: "//line with escapes", full: true, make: func(t *testing.T, h *hostile) error {
			h.write(t, filepath.Join(h.dir, "handlers", "broken.go"), "package handlers\n\n//line \x1b]0;PWNED\x07.go:7\nvar _ int = \"y\"\n")
			return nil
		}},
		{name: "//line to a FIFO", full: true, make: func(t *testing.T, h *hostile) error {
			h.write(t, filepath.Join(h.dir, "handlers", "broken.go"), "package handlers\n\n//line ../fifo:7\nvar _ int = \"y\"\n")
			return syscall.Mkfifo(filepath.Join(h.dir, "fifo"), 0o600)
		}},
		{name: "file name with escapes", full: true, make: func(t *testing.T, h *hostile) error {
			h.write(t, filepath.Join(h.dir, "handlers", "a\x1b[2J\u202e.go"), "package handlers\n\nfunc )\n")
			return nil
		}},
	}
	for _, name := range []string{".gitignore", "lock", "manifest.json", "decisions.json", "decisions.json.tmp", "anvil-log.txt", "engine.sock", "tmp", "work", "gen", "host", "run", "history"} {
		rows = append(rows,
			row{name: name + " is a link", full: name == "work", make: func(_ *testing.T, h *hostile) error {
				return errors.Join(os.Mkdir(out(h), 0o755), os.Symlink(filepath.Join(h.victim, name), out(h, name)))
			}},
			row{name: name + " is a FIFO", full: name == "lock", make: func(_ *testing.T, h *hostile) error {
				return errors.Join(os.Mkdir(out(h), 0o755), syscall.Mkfifo(out(h, name), 0o600))
			}})
	}
	quick := [][]string{{"routes"}, {"manifest", "show"}, {"manifest", "diff"}, {"ctl", "status"}}
	for _, tt := range rows {
		t.Run(tt.name, func(t *testing.T) {
			if tt.root && os.Geteuid() != 0 {
				t.Skip("only root can give a file away")
			}
			h := newHostile(t)
			if err := tt.make(t, h); err != nil {
				t.Fatal(err)
			}
			t.Setenv("XDG_CONFIG_HOME", t.TempDir())
			before := h.victims(t)
			untouched := func(after string) {
				t.Helper()
				if now := h.victims(t); !maps.Equal(now, before) {
					t.Errorf("%s: outside there is now\n%v\nand was\n%v", after, now, before)
				}
			}
			h.editor(t)
			untouched("the language server")
			if tt.trusted {
				h.trusting(t)
			}
			commands := quick
			if tt.full {
				commands = append(commands, []string{"check"}, []string{"check", "--sarif"}, []string{"check", "--json"}, []string{"--serve", "--once", "--addr", "127.0.0.1:0"})
			}
			for _, args := range commands {
				ctx, cancel := context.WithTimeout(t.Context(), harness.Patience)
				cmd := exec.CommandContext(ctx, harness.Binary(t), args...)
				cmd.Dir = h.dir
				said, err := cmd.CombinedOutput()
				if ctx.Err() != nil {
					t.Errorf("%q does not end", args)
				}
				cancel()
				if err == nil && tt.name != "manifest with escapes" { // which can be read
					t.Errorf("%q finds nothing wrong:\n%s", args, said)
				}
				visibletest.Check(t, strings.Join(args, " "), string(said))
				if strings.Contains(string(said), secretText) {
					t.Errorf("%q shows the secret:\n%s", args, said)
				}
				untouched(strings.Join(args, " "))
			}
		})
	}
}

// editor opens the checkout in an editor whose user trusts nothing.
func (h *hostile) editor(t *testing.T) {
	t.Helper()
	e := harness.StartEditor(t, h.dir)
	e.Initialize(lsptest.Options{Root: h.dir, Init: map[string]any{"trusted": false}})
	e.Await("a session", func(s *lsptest.State) bool { return s.Only().State == lspserver.StateOff && s.Only().Message != "" })
	e.Open("handlers/handlers.go")
	for _, command := range []string{"anvil.start", "anvil.reload", "anvil.showLog", "anvil.showManifestDiff", "anvil.remember"} {
		argument := []any{map[string]any{"code": "ANV001", "decision": "restart"}}
		if err := e.Call("workspace/executeCommand", map[string]any{"command": command, "arguments": argument}, nil); err == nil && command != "anvil.showLog" {
			t.Errorf("%s was carried out without trust", command)
		}
	}
	e.End()
}

// trusting opens the checkout in an editor whose user trusts it, until it shows
// what is wrong.
func (h *hostile) trusting(t *testing.T) {
	t.Helper()
	e := harness.StartProcess(t, h.dir)
	var said testkit.Buffer
	e.Editor = lsptest.New(t, io.TeeReader(e.Stdout, &said), e.Stdin)
	e.Initialize(lsptest.Options{Root: h.dir, Init: map[string]any{"trusted": true}})
	e.Open("handlers/broken.go")
	e.Await("a finding in the file with the directive", func(s *lsptest.State) bool {
		return len(s.Diagnostics[e.URI("handlers/broken.go")].Diagnostics) > 0 && s.Only().State == control.StateDown
	})
	e.End()
	e.AwaitEnd()
	e.Stdout.Close()
	if text := said.String(); strings.Contains(text, secretText) || !strings.Contains(text, "broken.go") {
		t.Errorf("the language server says\n%s", text)
	}
}
