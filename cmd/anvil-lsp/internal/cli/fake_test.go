package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/anvilforge/anvil-lsp/hotreload/control"
	"github.com/anvilforge/anvil-lsp/hotreload/control/transport"
	"github.com/anvilforge/anvil-lsp/internal/engine"
	"github.com/anvilforge/anvil-lsp/internal/testkit"
)

// testProgram is a program whose streams and engine are the test's.
type testProgram struct {
	*program
	stdout, stderr *testkit.Buffer
	options        engine.Options // that the engine was made with
}

// newProgram returns a program in a directory of its own. Without an engine it
// fails if one is asked for.
func newProgram(t *testing.T, srv server) *testProgram {
	t.Helper()
	p := &testProgram{stdout: &testkit.Buffer{}, stderr: &testkit.Buffer{}}
	p.program = &program{
		stdin: strings.NewReader(""), stdout: p.stdout, stderr: p.stderr, dir: t.TempDir(), invocation: "anvil-lsp", patience: time.Minute,
		newEngine: func(_ context.Context, o engine.Options) (server, error) {
			p.options = o
			if srv == nil {
				return nil, errors.New("no engine in this test")
			}
			return srv, nil
		},
	}
	return p
}

// fakeEngine publishes what the test wants between starting and stopped.
type fakeEngine struct {
	events *transport.Stream[control.Event]
	script []control.Event
	during func() // while it runs, after the script
	err    error
}

func newFake(script ...control.Event) *fakeEngine {
	return &fakeEngine{events: transport.NewStream[control.Event](), script: script}
}

func (f *fakeEngine) Events() *transport.Stream[control.Event] { return f.events }

func (f *fakeEngine) Run(ctx context.Context) error {
	defer f.events.Close()
	f.events.Publish(control.Event{Kind: control.EventStarting, URL: "http://127.0.0.1:8080"})
	for _, ev := range f.script {
		f.events.Publish(ev)
	}
	if f.during != nil {
		f.during()
	}
	if f.err == nil {
		<-ctx.Done()
	}
	f.events.Publish(control.Event{Kind: control.EventStopped})
	return f.err
}

// fakeRemote is an engine of another process, as far as its socket goes.
type fakeRemote struct {
	http.ServeMux
	status atomic.Pointer[control.Status]
	// streams are what one client after the other sees; each connection ends
	// with its list. A nil event holds the connection open.
	streams chan []*control.Event
	posted  chan string // path and body of what was asked for
	stop    func()
}

// serveRemote listens on the socket of dir.
func serveRemote(t *testing.T, dir string) *fakeRemote {
	t.Helper()
	if err := os.MkdirAll(filepath.Join(dir, engine.OutDir), 0o777); err != nil {
		t.Fatal(err)
	}
	l, err := transport.ListenUnix(engine.SocketPath(dir))
	if err != nil {
		t.Fatal(err)
	}
	f := &fakeRemote{streams: make(chan []*control.Event, 8), posted: make(chan string, 8)}
	f.status.Store(&control.Status{
		Version: "v1.2.3", PID: 4711, Dir: dir, URL: "http://127.0.0.1:8080", State: control.StateLive, Generation: 3,
		Since: time.Date(2026, 3, 14, 12, 0, 0, 0, time.UTC), Hot: []string{"h"}, Host: []string{"m"},
	})
	f.HandleFunc("GET "+control.PathStatus, func(w http.ResponseWriter, _ *http.Request) { transport.WriteJSON(w, http.StatusOK, f.status.Load()) })
	f.HandleFunc("GET "+control.PathEvents, f.events)
	srv := &http.Server{Handler: f}
	var once sync.Once
	ended := make(chan struct{})
	go func() { defer close(ended); _ = srv.Serve(l) }()
	f.stop = func() {
		once.Do(func() {
			_ = srv.Close()
			<-ended
			_ = os.Remove(engine.SocketPath(dir))
		})
	}
	t.Cleanup(f.stop)
	return f
}

func (f *fakeRemote) events(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/event-stream")
	rc := http.NewResponseController(w)
	_ = rc.Flush()
	select {
	case <-r.Context().Done():
	case list := <-f.streams:
		for _, ev := range list {
			if ev == nil {
				<-r.Context().Done()
				return
			}
			data, _ := json.Marshal(ev)
			fmt.Fprintf(w, "data: %s\n\n", data)
			_ = rc.Flush()
		}
	}
}

// answer has the remote answer a POST with a value.
func (f *fakeRemote) answer(path string, status int, v any) {
	f.HandleFunc("POST "+path, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		f.posted <- path + " " + string(body)
		if p, ok := v.(error); ok {
			transport.WriteProblem(w, status, p)
			return
		}
		transport.WriteJSON(w, status, v)
	})
}

// waitFor waits until the program has printed a text.
func waitFor(t *testing.T, out *testkit.Buffer, text string) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !bytes.Contains([]byte(out.String()), []byte(text)); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%q was not printed, but\n%s", text, out.String())
		}
	}
}
