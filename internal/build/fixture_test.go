package build

import (
	"bufio"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"github.com/anvilforge/anvil-lsp/internal/testkit"
)

// app is a copy of a sample program and the builder for it.
type app struct {
	t    *testing.T
	dir  string
	b    *Builder
	snap *Snapshot // of what runs
	gen  int

	emulate []string // what runs the program; nothing if it is for this machine

	in  io.Writer
	out *bufio.Scanner
}

func newApp(t *testing.T, archive string, change ...func(*Config)) *app {
	t.Helper()
	if testing.Short() {
		t.Skip("builds real programs")
	}
	ar, err := txtar.ParseFile(filepath.Join("testdata", archive))
	if err != nil {
		t.Fatal(err)
	}
	a := &app{t: t, dir: t.TempDir()}
	for _, f := range ar.Files {
		a.write(f.Name, string(f.Data))
	}
	// The real thing, with what it keeps of the language, next to a small runtime.
	for _, name := range []string{"handoff.go", "language.go", "library.go"} {
		data, err := os.ReadFile(filepath.Join("../../hotreload/internal/handoff", name))
		if err != nil {
			t.Fatal(err)
		}
		a.write("runtime/internal/handoff/"+name, string(data))
	}
	cfg := Config{Dir: a.dir, OutDir: filepath.Join(a.dir, ".anvil")}
	for _, c := range change {
		c(&cfg)
	}
	if a.b, err = New(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
	return a
}

func (a *app) write(name, text string) string {
	a.t.Helper()
	path := filepath.Join(a.dir, name)
	testkit.WriteFile(a.t, path, text)
	return path
}

// edit replaces text in a file and returns the file's path.
func (a *app) edit(name, old, new string) string {
	a.t.Helper()
	data, err := os.ReadFile(filepath.Join(a.dir, name))
	if err != nil {
		a.t.Fatal(err)
	}
	if !strings.Contains(string(data), old) {
		a.t.Fatalf("%s does not contain %q", name, old)
	}
	return a.write(name, strings.Replace(string(data), old, new, 1))
}

// host builds the executable.
func (a *app) host() *Result {
	a.t.Helper()
	a.gen++
	res, _, err := a.b.Host(a.t.Context(), ".", a.gen, nil, Stages{})
	if err != nil {
		a.t.Fatalf("host build: %v", err)
	}
	a.snap = res.Snapshot
	return res
}

// start runs an executable and returns what its linked handlers say.
func (a *app) start(path string) string {
	a.t.Helper()
	words := append(slices.Clone(a.emulate), path)
	cmd := exec.Command(words[0], words[1:]...)
	in, err := cmd.StdinPipe()
	if err != nil {
		a.t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		a.t.Fatal(err)
	}
	cmd.Stderr = os.Stderr
	cmd.Env = append(os.Environ(), "GODEBUG=clobberfree=1")
	if err := cmd.Start(); err != nil {
		a.t.Fatal(err)
	}
	a.t.Cleanup(func() {
		if err := errors.Join(in.Close(), cmd.Wait()); err != nil {
			a.t.Errorf("sample program: %v", err)
		}
	})
	a.in, a.out = in, bufio.NewScanner(out)
	return a.line()
}

func (a *app) line() string {
	a.t.Helper()
	if !a.out.Scan() {
		a.t.Fatalf("sample program ended: %v", a.out.Err())
	}
	return a.out.Text()
}

// load has the running program load a plugin and returns what it says.
func (a *app) load(path string) string {
	a.t.Helper()
	if _, err := io.WriteString(a.in, path+"\n"); err != nil {
		a.t.Fatal(err)
	}
	return a.line()
}

// rehost builds the executable for a change, and removes what is not needed then.
func (a *app) rehost(files ...string) *Result {
	a.t.Helper()
	plan := a.plan(files...)
	a.gen++
	res, _, err := a.b.Rehost(a.t.Context(), plan, a.gen, nil, Stages{})
	if err != nil {
		a.t.Fatalf("rehost: %v", err)
	}
	a.snap = res.Snapshot
	a.b.Prune(a.gen, a.snap)
	return res
}

func (a *app) plan(files ...string) *Plan {
	a.t.Helper()
	p, _, err := a.b.Plan(a.t.Context(), a.snap, files)
	if err != nil {
		a.t.Fatalf("plan: %v", err)
	}
	return p
}

// swap plans, builds and loads a change that must be a hot swap.
func (a *app) swap(files ...string) (*Result, string) {
	a.t.Helper()
	plan := a.plan(files...)
	a.gen++
	res, err := a.b.Plugin(a.t.Context(), plan, a.gen)
	if err != nil {
		a.t.Fatalf("plugin: %v (plan %+v)", err, plan)
	}
	a.snap = res.Snapshot
	step := res.Steps[len(res.Steps)-1]
	a.t.Logf("generation %d: %s in %s, needs %q", a.gen, step.Detail, step.Duration, res.Needs)
	return res, a.load(res.Path)
}
