package gopls

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"
	"testing/synctest"
	"time"
)

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

// TestDetector checks that gopls is noticed when it starts later, and that
// looking for it does not cost something for each diagnostic.
func TestDetector(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n Detector
		if n.Running() {
			t.Error("without a client there is a gopls")
		}
		looked, runs := 0, false
		n.Look = func() bool { looked++; return runs }
		for range 100 {
			n.Running()
		}
		if looked != 1 {
			t.Errorf("looked %d times", looked)
		}
		runs = true
		time.Sleep(fresh)
		if !n.Running() {
			t.Error("a gopls that started later is not noticed")
		}
		runs = false
		time.Sleep(fresh)
		if n.Running() {
			t.Error("a gopls that ended is believed to run")
		}
	})
}
