package lspserver

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/lspserver/internal/view"
)

func TestLeftToGopls(t *testing.T) {
	const dir = "/src/app"
	compile := func(file string) manifest.Diagnostic {
		return manifest.Diagnose(manifest.CodeCompile, manifest.Position{File: file, Line: 3, Column: 1}, "undefined: x")
	}
	for _, tt := range []struct {
		name    string
		setting string
		tags    []string
		gopls   bool
		d       manifest.Diagnostic
		want    bool
	}{
		{"auto, beside gopls", view.CompileErrorsAuto, nil, true, compile(dir + "/handlers/a.go"), true},
		{"auto, alone", view.CompileErrorsAuto, nil, false, compile(dir + "/handlers/a.go"), false},
		{"auto, a file of our tags", view.CompileErrorsAuto, []string{"dev"}, true, compile(dir + "/handlers/a.go"), false},
		{"auto, a file elsewhere", view.CompileErrorsAuto, nil, true, compile("/src/lib/a.go"), false},
		{"auto, without a file", view.CompileErrorsAuto, nil, true, compile(""), false},
		{"auto, another code", view.CompileErrorsAuto, nil, true, manifest.Diagnose(manifest.CodeRoute, manifest.Position{File: dir + "/a.go", Line: 1}, "twice"), false},
		{"always, beside gopls", view.CompileErrorsAlways, nil, true, compile(dir + "/a.go"), false},
		{"never, alone", view.CompileErrorsNever, nil, false, compile(dir + "/a.go"), true},
		{"never, a file elsewhere", view.CompileErrorsNever, nil, false, compile("/src/lib/a.go"), false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := &Server{}
			s.neighbours.look = func() bool { return tt.gopls }
			f := &session{s: s, dir: dir}
			settings := view.DefaultSettings()
			settings.CompileErrors, settings.Tags = tt.setting, tt.tags
			f.settings.Store(&settings)
			if got := f.leftToGopls(tt.d); got != tt.want {
				t.Errorf("left to gopls: %v, want %v", got, tt.want)
			}
		})
	}
}

// TestNeighbours checks that gopls is noticed when it starts later, and that
// looking for it does not cost something for each diagnostic.
func TestNeighbours(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n neighbours
		if n.gopls() {
			t.Error("without a client there is a gopls")
		}
		looked, runs := 0, false
		n.look = func() bool { looked++; return runs }
		for range 100 {
			n.gopls()
		}
		if looked != 1 {
			t.Errorf("looked %d times", looked)
		}
		runs = true
		time.Sleep(goplsFresh)
		if !n.gopls() {
			t.Error("a gopls that started later is not noticed")
		}
		runs = false
		time.Sleep(goplsFresh)
		if n.gopls() {
			t.Error("a gopls that ended is believed to run")
		}
	})
}

// TestHasDescendant starts processes of the name, as a child and as a grandchild.
func TestHasDescendant(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("reads /proc")
	}
	shell, err := exec.LookPath("sh")
	if err != nil {
		t.Skip(err)
	}
	data, err := os.ReadFile(shell)
	if err != nil {
		t.Fatal(err)
	}
	gopls := filepath.Join(t.TempDir(), "gopls")
	if err := os.WriteFile(gopls, data, 0o777); err != nil {
		t.Fatal(err)
	}
	if hasDescendant(os.Getpid(), "gopls") {
		t.Fatal("there is a gopls before it was started")
	}
	for name, cmd := range map[string]*exec.Cmd{
		"child":      exec.Command(gopls, "-c", "echo; read line"),
		"grandchild": exec.Command(shell, "-c", gopls+" -c 'echo; read line'; :"),
	} {
		t.Run(name, func(t *testing.T) {
			in, err := cmd.StdinPipe()
			if err != nil {
				t.Fatal(err)
			}
			out, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			if _, err := io.ReadFull(out, make([]byte, 1)); err != nil { // it runs
				t.Fatal(err)
			}
			if !hasDescendant(os.Getpid(), "gopls") {
				t.Error("not found")
			}
			if hasDescendant(cmd.Process.Pid, "no such program") || hasDescendant(1<<30, "gopls") {
				t.Error("found below a process that does not exist, or by another name")
			}
			_ = in.Close()
			_ = cmd.Wait()
			if hasDescendant(os.Getpid(), "gopls") {
				t.Error("found after its end")
			}
		})
	}
}
