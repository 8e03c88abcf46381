package engine

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/anvilforge/anvil-lsp/hotreload/control"
)

// TestReadableAgain: what could not be read is taken up when it can be, though
// nothing but its mode or its owner changes.
func TestReadableAgain(t *testing.T) {
	if testing.Short() {
		t.Skip("builds and runs a real program")
	}
	if readsAnything(t) {
		withoutOverride(t)
		return
	}
	allow := func(name string, mode os.FileMode) func(a *app) {
		return func(a *app) { a.check(os.Chmod(filepath.Join(a.dir, name), mode)) }
	}
	type step struct {
		name   string
		change func(a *app)
		allow  func(a *app)
		want   control.EventKind // in the end
	}
	try := func(a *app, s step) {
		a.Helper()
		ev := a.untilNow(control.EventKept)
		if text := fmt.Sprint(ev.Message, ev.Diagnostics); !strings.Contains(text, "permission denied") {
			a.Errorf("%s: kept for %s", s.name, text)
		}
		s.allow(a)
		a.untilNow(s.want)
	}
	t.Run("from the start", func(t *testing.T) {
		for _, s := range []step{
			{"the only file of the program", func(a *app) { a.deny(readFile(t, a.dir, "main.go"), "main.go") }, allow("main.go", 0o644), control.EventLive},
			{"the handlers' directory", allow("handlers", 0), allow("handlers", 0o755), control.EventLive},
		} {
			a := newApp(t)
			s.change(a)
			a.start()
			try(a, s)
			a.stop()
		}
	})
	t.Run("while it serves", func(t *testing.T) {
		a := newApp(t)
		a.start()
		a.until(control.EventLive)
		directory := func(name, denied string) func(*app) {
			return func(*app) {
				writeFile(t, "package extra\n", a.dir, name, "extra", "extra.go")
				a.check(os.Chmod(filepath.Join(a.dir, denied), 0))
				writeFile(t, "package handlers\n\nimport _ \"example.com/hello/"+name+"/extra\"\n", a.dir, "handlers", name+".go")
			}
		}
		steps := []step{
			{"a source file", func(*app) {
				a.deny(readFile(t, a.dir, "handlers/handlers.go")+"\n// changed\n", "handlers/handlers.go")
			}, allow("handlers/handlers.go", 0o644), control.EventLive},
			{"a new source file", func(*app) { a.deny("package handlers\n\nconst extra = 1\n", "handlers/extra.go") }, allow("handlers/extra.go", 0o400), control.EventLive},
			{"an embedded file", func(*app) {
				a.deny("one", "handlers/embedded.txt")
				writeFile(t, "package handlers\n\nimport _ \"embed\"\n\n//go:embed embedded.txt\nvar embedded string\n", a.dir, "handlers", "embedded.go")
			}, allow("handlers/embedded.txt", 0o644), control.EventLive},
			{"go.mod", func(*app) { a.deny(readFile(t, a.dir, "go.mod")+"\n// changed\n", "go.mod") }, allow("go.mod", 0o644), control.EventUnchanged},
			{"a directory", directory("deep", "deep/extra"), allow("deep/extra", 0o755), control.EventLive},
			{"a directory above", directory("other", "other"), allow("other", 0o755), control.EventLive},
			{"a file of a host package", func(*app) {
				a.deny(readFile(t, a.dir, "visits/visits.go")+"\nvar Changed int\n", "visits/visits.go")
			}, allow("visits/visits.go", 0o644), control.EventLive},
		}
		if os.Geteuid() == 0 { // who gives files away
			steps = append(steps, step{"an owner", func(*app) {
				made := writeFile(t, "package handlers\n\nconst owned = 1\n", t.TempDir(), "made")
				a.check(errors.Join(os.Chmod(made, 0o600), os.Chown(made, 65534, 65534)))
				a.check(os.Rename(made, filepath.Join(a.dir, "handlers/owned.go")))
			}, func(*app) { a.check(os.Chown(filepath.Join(a.dir, "handlers/owned.go"), 0, 0)) }, control.EventLive})
		}
		for _, s := range steps {
			s.change(a)
			try(a, s)
		}
		a.stop()
	})
}

// deny puts a file that may not be read into the application, at once.
func (a *app) deny(text, name string) {
	a.Helper()
	made := writeFile(a.T, text, a.TempDir(), "made")
	a.check(errors.Join(os.Chmod(made, 0), os.Rename(made, filepath.Join(a.dir, name))))
}

func (a *app) check(err error) {
	a.Helper()
	if err != nil {
		a.Fatal(err)
	}
}

// readsAnything reports whether modes do not hold for this process: it is root's.
func readsAnything(t *testing.T) bool {
	t.Helper()
	path := writeFile(t, "", t.TempDir(), "denied")
	if err := os.Chmod(path, 0); err != nil {
		t.Fatal(err)
	}
	_, err := os.ReadFile(path)
	return err == nil
}

// withoutOverride runs a test once more in a process, with children, for which
// modes hold though it is root's: a thread gives up what makes root an exception
// before it starts the process.
func withoutOverride(t *testing.T) {
	t.Helper()
	const dropFromBounding, overrideModes, readAnything = 24, 1, 2 // PR_CAPBSET_DROP, CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
	if end, ok := t.Deadline(); ok { // early enough to tell what hangs
		cmd.Args = append(cmd.Args, fmt.Sprintf("-test.timeout=%s", time.Until(end)*9/10))
	}
	done := make(chan error)
	var out []byte
	go func() {
		runtime.LockOSThread() // for good: the thread ends with the goroutine
		for _, capability := range []uintptr{overrideModes, readAnything} {
			if _, _, errno := syscall.RawSyscall(syscall.SYS_PRCTL, dropFromBounding, capability, 0); errno != 0 {
				done <- fmt.Errorf("giving up capability %d: %w", capability, errno)
				return
			}
		}
		var err error
		out, err = cmd.CombinedOutput()
		done <- err
	}()
	err := <-done
	if errors.Is(err, syscall.EPERM) {
		t.Skip(err)
	}
	if err != nil || !strings.Contains(string(out), "--- PASS: "+t.Name()) {
		t.Errorf("%v\n%s", err, out)
	}
}
