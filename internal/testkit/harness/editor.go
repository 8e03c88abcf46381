package harness

import (
	"io"
	"net/http"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/anvilforge/anvil-lsp/internal/testkit"
	"github.com/anvilforge/anvil-lsp/lspserver/lsptest"
)

// Editor is a fake editor with the built binary as its language server.
type Editor struct {
	*lsptest.Editor
	T      testing.TB
	Dir    string
	Cmd    *exec.Cmd
	Stdin  io.WriteCloser
	Stdout io.ReadCloser
	Stderr *testkit.Buffer
	Exited chan struct{}
	Err    error // of the process, when exited is closed
}

// StartEditor starts the language server for a directory. Nothing was said yet.
func StartEditor(t testing.TB, dir string, args ...string) *Editor {
	t.Helper()
	e := StartProcess(t, dir, args...)
	e.Editor = lsptest.New(t, e.Stdout, e.Stdin)
	t.Cleanup(func() {
		e.End()
		e.AwaitEnd()
		e.Stdout.Close()
	})
	return e
}

// StartProcess starts the language server; nobody reads what it says.
func StartProcess(t testing.TB, dir string, args ...string) *Editor {
	t.Helper()
	e := &Editor{T: t, Dir: dir, Stderr: new(testkit.Buffer), Exited: make(chan struct{})}
	e.Cmd = exec.Command(Binary(t), args...)
	e.Cmd.Stderr = e.Stderr
	e.Cmd.Dir = t.TempDir() // the working directory must not matter
	stdin, err := e.Cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	// Not StdoutPipe: Wait would close it under the reader.
	out, server, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	e.Cmd.Stdout = server
	if err := e.Cmd.Start(); err != nil {
		t.Fatal(err)
	}
	server.Close()
	e.Stdin, e.Stdout = stdin, out
	go func() {
		e.Err = e.Cmd.Wait()
		close(e.Exited)
	}()
	t.Cleanup(func() {
		select {
		case <-e.Exited:
		default:
			_ = e.Cmd.Process.Kill()
			<-e.Exited
		}
	})
	return e
}

// OpenEditor starts the language server and waits until the application is
// live.
func OpenEditor(t testing.TB, dir string, settings map[string]any) *Editor {
	t.Helper()
	e := StartEditor(t, dir)
	e.Initialize(lsptest.Options{Root: dir, Settings: settings})
	e.Await("the application to be live", func(s *lsptest.State) bool { return s.Live(1) })
	return e
}

// End ends the language server as an editor does that is closed.
func (e *Editor) End() {
	select {
	case <-e.Exited:
		return
	default:
	}
	e.Begin("shutdown", nil)
	e.Notify("exit", nil)
	select {
	case <-e.Exited:
		if e.Err != nil {
			e.T.Errorf("the language server ended with %v", e.Err)
		}
	case <-time.After(time.Minute):
		_ = e.Cmd.Process.Kill()
		<-e.Exited
		e.T.Error("the language server did not end")
	}
	if text := e.Stderr.String(); text != "" {
		e.T.Errorf("standard error of the language server:\n%s", text[max(0, len(text)-4000):])
	}
}

// Wait waits for the end of the process and returns its exit code.
func (e *Editor) Wait() int {
	e.T.Helper()
	select {
	case <-e.Exited:
		return e.Cmd.ProcessState.ExitCode()
	case <-time.After(Patience):
		e.T.Fatal("the language server did not end")
		return 0
	}
}

// Get asks the application of the editor.
func (e *Editor) Get(path string) (status int, body string) {
	e.T.Helper()
	url := ""
	e.Look(func(s *lsptest.State) { url = s.Only().URL })
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: time.Minute}
	res, err := client.Get(url + path)
	if err != nil {
		e.T.Fatal(err)
	}
	defer res.Body.Close()
	data, err := io.ReadAll(res.Body)
	if err != nil {
		e.T.Fatal(err)
	}
	return res.StatusCode, string(data)
}

// The declaration of a handler of the sample blog, and one that no router accepts in
// its place: ANV001.
const (
	ShowPost       = "func (a *app) showPost(c *hotreload.Ctx) error {"
	ShowPostBroken = "func (a *app) showPost(w http.ResponseWriter, r *http.Request) error {\n\tvar c *hotreload.Ctx"
)
