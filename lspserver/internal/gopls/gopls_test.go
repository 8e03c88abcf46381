package gopls

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"
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
