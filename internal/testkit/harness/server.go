package harness

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/anvilforge/anvil-lsp/hotreload/control"
	"github.com/anvilforge/anvil-lsp/hotreload/control/transport"
	"github.com/anvilforge/anvil-lsp/internal/testkit"
)

// Server is a running `anvil-lsp --serve`.
type Server struct {
	T      testing.TB
	Dir    string
	Cmd    *exec.Cmd
	URL    string
	Client *http.Client
	Events chan control.Event
	Stderr *testkit.Buffer
	Exited chan struct{}
	Err    error // of the process, when exited is closed
}

// Start runs `anvil-lsp --serve --json` and waits until the application is
// live.
func Start(t testing.TB, dir string, args ...string) *Server {
	t.Helper()
	s := Launch(t, dir, args...)
	s.Wait(control.EventLive)
	return s
}

// Launch runs `anvil-lsp --serve --json` on a free port.
func Launch(t testing.TB, dir string, args ...string) *Server {
	t.Helper()
	return LaunchIn(t, "", dir, args...)
}

// LaunchIn is launch in a working directory; empty: that of the test.
func LaunchIn(t testing.TB, cwd, dir string, args ...string) *Server {
	t.Helper()
	s := &Server{
		T: t, Dir: dir, Client: &http.Client{Timeout: time.Minute, Transport: &http.Transport{}},
		Events: make(chan control.Event, 10_000), Stderr: new(testkit.Buffer), Exited: make(chan struct{}),
	}
	s.Cmd = exec.Command(Binary(t), append([]string{"--serve", dir, "--addr", "127.0.0.1:0", "--json"}, args...)...)
	s.Cmd.Dir, s.Cmd.Stderr = cwd, s.Stderr
	stdout, err := s.Cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(s.Exited)
		defer close(s.Events)
		lines := bufio.NewScanner(stdout)
		lines.Buffer(nil, 16<<20)
		for lines.Scan() {
			var ev control.Event
			if err := json.Unmarshal(lines.Bytes(), &ev); err != nil {
				fmt.Fprintf(s.Stderr, "not an event: %s: %v\n", lines.Text(), err)
				continue
			}
			s.Events <- ev
		}
		s.Err = s.Cmd.Wait()
	}()
	t.Cleanup(s.Stop)
	return s
}

// Stop ends the program by its own id, and checks that it ends well.
func (s *Server) Stop() {
	select {
	case <-s.Exited:
	default:
		_ = s.Cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-s.Exited:
			if s.Err != nil {
				s.T.Errorf("anvil-lsp ended with %v", s.Err)
			}
		case <-time.After(30 * time.Second):
			_ = s.Cmd.Process.Kill()
			<-s.Exited
			s.T.Error("anvil-lsp did not end on SIGTERM")
		}
	}
	s.Client.CloseIdleConnections()
	if s.T.Failed() {
		text := s.Stderr.String()
		s.T.Logf("the end of standard error of anvil-lsp:\n%s", text[max(0, len(text)-4000):])
	}
}

// Wait returns the next event of a kind. Any other event that ends a save fails
// the test.
func (s *Server) Wait(kind control.EventKind) control.Event {
	s.T.Helper()
	final := map[control.EventKind]bool{
		control.EventLive: true, control.EventKept: true, control.EventUnchanged: true,
		control.EventRolledBack: true, control.EventExited: true, control.EventStopped: true,
	}
	ev := s.WaitFor(fmt.Sprintf("event %q", kind), func(ev control.Event) bool {
		return ev.Kind == kind || final[ev.Kind]
	})
	if ev.Kind != kind {
		s.T.Fatalf("event %q, want %q: %s %v", ev.Kind, kind, ev.Message, ev.Diagnostics)
	}
	return ev
}

// WaitFor returns the next event that ok holds for.
func (s *Server) WaitFor(what string, ok func(control.Event) bool) control.Event {
	s.T.Helper()
	timeout := time.After(Patience)
	for {
		select {
		case ev, open := <-s.Events:
			if !open {
				s.T.Fatalf("anvil-lsp ended while waiting for %s:\n%s", what, s.Stderr.String())
			}
			if ev.Kind == control.EventStarting {
				s.URL = ev.URL
			}
			if ok(ev) {
				return ev
			}
		case <-timeout:
			s.T.Fatalf("no %s:\n%s", what, s.Stderr.String())
		}
	}
}

// Path returns the path of a file of the application.
func (s *Server) Path(name string) string { return filepath.Join(s.Dir, filepath.FromSlash(name)) }

func (s *Server) Read(name string) string {
	s.T.Helper()
	data, err := os.ReadFile(s.Path(name))
	if err != nil {
		s.T.Fatal(err)
	}
	return string(data)
}

// Save writes a file as an editor does that renames a temporary file over it.
func (s *Server) Save(name, text string) {
	s.T.Helper()
	testkit.Save(s.T, s.Path(name), text)
}

// Edit replaces text in a file and saves it.
func (s *Server) Edit(name, old, new string) {
	s.T.Helper()
	text := s.Read(name)
	if !strings.Contains(text, old) {
		s.T.Fatalf("%s does not contain %q", name, old)
	}
	s.Save(name, strings.Replace(text, old, new, 1))
}

// Get returns the body of a page that must be answered with 200.
func (s *Server) Get(path string) string {
	s.T.Helper()
	status, body := s.Try(path)
	if status != http.StatusOK {
		s.T.Fatalf("GET %s: %d %s", path, status, body)
	}
	return body
}

// Try returns the status and body of a page.
func (s *Server) Try(path string) (int, string) {
	s.T.Helper()
	res, err := s.Client.Get(s.URL + path)
	if err != nil {
		s.T.Fatalf("GET %s: %v", path, err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		s.T.Fatalf("GET %s: %v", path, err)
	}
	return res.StatusCode, string(body)
}

// Control returns a client of the engine.
func (s *Server) Control() *transport.Client {
	c := transport.NewClient(s.Path(".anvil/engine.sock"))
	s.T.Cleanup(func() { _ = c.Close })
	return c
}

// Status returns the engine's status.
func (s *Server) Status() control.Status {
	s.T.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	c := s.Control()
	defer c.Close()
	var st control.Status
	if err := c.Get(ctx, control.PathStatus, &st); err != nil {
		s.T.Fatal(err)
	}
	return st
}

// Live returns the engine's status with the part of the live server, which the
// engine leaves out if that does not answer in time.
func (s *Server) Live() (st control.Status) {
	s.T.Helper()
	Until(s.T, "the live server tells its state", func() bool {
		st = s.Status()
		return st.Live != nil
	})
	return st
}
