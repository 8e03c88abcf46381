package e2e

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
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

// binary is the program under test; TestMain builds it.
var binary string

func TestMain(m *testing.M) { os.Exit(testMain(m)) }

func testMain(m *testing.M) int {
	dir, err := os.MkdirTemp("", "anvil-e2e-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	// What the user is said to have decided is no concern of the user who runs the
	// tests.
	if err := os.Setenv("XDG_CONFIG_HOME", filepath.Join(dir, "config")); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	if binary = os.Getenv("ANVIL_LSP_TEST_BINARY"); binary != "" { // for a quick look at another build
		return m.Run()
	}
	binary = filepath.Join(dir, "anvil-lsp")
	args := []string{"build", "-o", binary}
	if raceEnabled {
		args = append(args, "-race")
	}
	build := exec.Command("go", append(args, "..")...)
	build.Stdout, build.Stderr = os.Stderr, os.Stderr
	if err := build.Run(); err != nil {
		fmt.Fprintln(os.Stderr, "building the binary:", err)
		return 1
	}
	return m.Run()
}

// patience bounds every wait; a first build of all dependencies takes a minute
// on a small machine.
const patience = 4 * time.Minute

// copyApp copies a sample application, with its link to this checkout.
func copyApp(t testing.TB, name string) string {
	t.Helper()
	if testing.Short() {
		t.Skip("builds and runs whole applications")
	}
	return testkit.CopyApp(t, name)
}

// server is a running `anvil-lsp --serve`.
type server struct {
	t      testing.TB
	dir    string
	cmd    *exec.Cmd
	URL    string
	client *http.Client
	events chan control.Event
	stderr *testkit.Buffer
	exited chan struct{}
	err    error // of the process, when exited is closed
}

// start runs `anvil-lsp --serve --json` and waits until the application is
// live.
func start(t testing.TB, dir string, args ...string) *server {
	t.Helper()
	s := launch(t, dir, args...)
	s.wait(control.EventLive)
	return s
}

// launch runs `anvil-lsp --serve --json` on a free port.
func launch(t testing.TB, dir string, args ...string) *server {
	t.Helper()
	return launchIn(t, "", dir, args...)
}

// launchIn is launch in a working directory; empty: that of the test.
func launchIn(t testing.TB, cwd, dir string, args ...string) *server {
	t.Helper()
	s := &server{
		t: t, dir: dir, client: &http.Client{Timeout: time.Minute, Transport: &http.Transport{}},
		events: make(chan control.Event, 10_000), stderr: new(testkit.Buffer), exited: make(chan struct{}),
	}
	s.cmd = exec.Command(binary, append([]string{"--serve", dir, "--addr", "127.0.0.1:0", "--json"}, args...)...)
	s.cmd.Dir, s.cmd.Stderr = cwd, s.stderr
	stdout, err := s.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(s.exited)
		defer close(s.events)
		lines := bufio.NewScanner(stdout)
		lines.Buffer(nil, 16<<20)
		for lines.Scan() {
			var ev control.Event
			if err := json.Unmarshal(lines.Bytes(), &ev); err != nil {
				fmt.Fprintf(s.stderr, "not an event: %s: %v\n", lines.Text(), err)
				continue
			}
			s.events <- ev
		}
		s.err = s.cmd.Wait()
	}()
	t.Cleanup(s.stop)
	return s
}

// stop ends the program by its own id, and checks that it ends well.
func (s *server) stop() {
	select {
	case <-s.exited:
	default:
		_ = s.cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-s.exited:
			if s.err != nil {
				s.t.Errorf("anvil-lsp ended with %v", s.err)
			}
		case <-time.After(30 * time.Second):
			_ = s.cmd.Process.Kill()
			<-s.exited
			s.t.Error("anvil-lsp did not end on SIGTERM")
		}
	}
	s.client.CloseIdleConnections()
	if s.t.Failed() {
		text := s.stderr.String()
		s.t.Logf("the end of standard error of anvil-lsp:\n%s", text[max(0, len(text)-4000):])
	}
}

// wait returns the next event of a kind. Any other event that ends a save fails
// the test.
func (s *server) wait(kind control.EventKind) control.Event {
	s.t.Helper()
	final := map[control.EventKind]bool{
		control.EventLive: true, control.EventKept: true, control.EventUnchanged: true,
		control.EventRolledBack: true, control.EventExited: true, control.EventStopped: true,
	}
	ev := s.waitFor(fmt.Sprintf("event %q", kind), func(ev control.Event) bool {
		return ev.Kind == kind || final[ev.Kind]
	})
	if ev.Kind != kind {
		s.t.Fatalf("event %q, want %q: %s %v", ev.Kind, kind, ev.Message, ev.Diagnostics)
	}
	return ev
}

// waitFor returns the next event that ok holds for.
func (s *server) waitFor(what string, ok func(control.Event) bool) control.Event {
	s.t.Helper()
	timeout := time.After(patience)
	for {
		select {
		case ev, open := <-s.events:
			if !open {
				s.t.Fatalf("anvil-lsp ended while waiting for %s:\n%s", what, s.stderr.String())
			}
			if ev.Kind == control.EventStarting {
				s.URL = ev.URL
			}
			if ok(ev) {
				return ev
			}
		case <-timeout:
			s.t.Fatalf("no %s:\n%s", what, s.stderr.String())
		}
	}
}

// path returns the path of a file of the application.
func (s *server) path(name string) string { return filepath.Join(s.dir, filepath.FromSlash(name)) }

func (s *server) read(name string) string {
	s.t.Helper()
	data, err := os.ReadFile(s.path(name))
	if err != nil {
		s.t.Fatal(err)
	}
	return string(data)
}

// save writes a file as an editor does that renames a temporary file over it.
func (s *server) save(name, text string) {
	s.t.Helper()
	testkit.Save(s.t, s.path(name), text)
}

// edit replaces text in a file and saves it.
func (s *server) edit(name, old, new string) {
	s.t.Helper()
	text := s.read(name)
	if !strings.Contains(text, old) {
		s.t.Fatalf("%s does not contain %q", name, old)
	}
	s.save(name, strings.Replace(text, old, new, 1))
}

// get returns the body of a page that must be answered with 200.
func (s *server) get(path string) string {
	s.t.Helper()
	status, body := s.try(path)
	if status != http.StatusOK {
		s.t.Fatalf("GET %s: %d %s", path, status, body)
	}
	return body
}

// try returns the status and body of a page.
func (s *server) try(path string) (int, string) {
	s.t.Helper()
	res, err := s.client.Get(s.URL + path)
	if err != nil {
		s.t.Fatalf("GET %s: %v", path, err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		s.t.Fatalf("GET %s: %v", path, err)
	}
	return res.StatusCode, string(body)
}

// control returns a client of the engine.
func (s *server) control() *transport.Client {
	c := transport.NewClient(s.path(".anvil/engine.sock"))
	s.t.Cleanup(func() { _ = c.Close })
	return c
}

// status returns the engine's status.
func (s *server) status() control.Status {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	c := s.control()
	defer c.Close()
	var st control.Status
	if err := c.Get(ctx, control.PathStatus, &st); err != nil {
		s.t.Fatal(err)
	}
	return st
}

// live returns the engine's status with the part of the live server, which the
// engine leaves out if that does not answer in time.
func (s *server) live() (st control.Status) {
	s.t.Helper()
	until(s.t, "the live server tells its state", func() bool {
		st = s.status()
		return st.Live != nil
	})
	return st
}

// alive reports whether a process exists.
func alive(pid int) bool { return !errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) }

// until waits for a condition.
func until(t testing.TB, what string, ok func() bool) {
	t.Helper()
	testkit.Until(t, patience, what, ok)
}
