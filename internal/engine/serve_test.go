package engine

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/anvilforge/anvil-lsp/hotreload/control"
	"github.com/anvilforge/anvil-lsp/hotreload/control/transport"
	"github.com/anvilforge/anvil-lsp/internal/launch"
)

// served is an engine whose control socket is served, and whose loop is the
// test.
type served struct {
	*testing.T
	e      *Engine
	client *transport.Client
	ctx    context.Context // of the engine
	stop   context.CancelCauseFunc
	done   chan error // serve has returned
}

func newServed(t *testing.T) *served {
	t.Helper()
	e := newTestEngine(t)
	socket := filepath.Join(t.TempDir(), "engine.sock")
	var err error
	if e.control, err = transport.ListenUnix(socket); err != nil {
		t.Fatal(err)
	}
	if e.sup, err = launch.NewSupervisor(launch.Options{Socket: e.socket, RunDir: filepath.Join(t.TempDir(), "run"), Front: http.HandlerFunc(e.front)}); err != nil {
		t.Fatal(err)
	}
	s := &served{T: t, e: e, client: transport.NewClient(socket), done: make(chan error, 1)}
	s.ctx, s.stop = context.WithCancelCause(context.Background())
	supervised := make(chan error, 1)
	go func() { supervised <- e.sup.Run(s.ctx) }()
	served := make(chan struct{})
	go func() {
		defer close(served)
		s.done <- e.serve(s.ctx, s.stop)
	}()
	t.Cleanup(func() {
		s.stop(nil)
		<-served
		s.client.Close()
		if err := <-supervised; err != nil {
			t.Errorf("supervisor: %v", err)
		}
	})
	return s
}

// loop answers requests until the test ends, and hands them out.
func (s *served) loop() <-chan request {
	requests := make(chan request, 10)
	go func() {
		for {
			select {
			case r := <-s.e.requests:
				requests <- r
				r.answer(control.Event{Kind: control.EventLive, Generation: 7, Message: "done"})
			case <-s.ctx.Done():
				return
			}
		}
	}()
	return requests
}

func (s *served) problem(err error, status int, text string) {
	s.Helper()
	p, ok := errors.AsType[*control.Problem](err)
	if !ok || p.Status != status || !strings.Contains(p.Error(), text) {
		s.Errorf("error %v, want a problem with status %d about %q", err, status, text)
	}
}

func TestServeStatus(t *testing.T) {
	s := newServed(t)
	s.e.publish(control.Event{Kind: control.EventLive, Generation: 3})
	var st control.Status
	if err := s.client.Get(t.Context(), control.PathStatus, &st); err != nil {
		t.Fatal(err)
	}
	if st.State != control.StateLive || st.Generation != 3 || st.Last == nil || st.Last.Kind != control.EventLive {
		t.Errorf("status %+v", st)
	}
	if st.Live != nil {
		t.Errorf("there is no live server, and it says %+v", st.Live)
	}
}

func TestServeRequests(t *testing.T) {
	tests := map[string]struct {
		path string
		body any
		want request
	}{
		"reload":           {control.PathReload, nil, request{kind: requestReload}},
		"restart":          {control.PathRestart, nil, request{kind: requestRestart}},
		"fresh restart":    {control.PathRestart, control.RestartRequest{Fresh: true}, request{kind: requestRestart, fresh: true}},
		"rollback":         {control.PathRollback, control.RollbackRequest{}, request{kind: requestRollback}},
		"rollback to five": {control.PathRollback, control.RollbackRequest{Generation: 5}, request{kind: requestRollback, generation: 5}},
	}
	s := newServed(t)
	requests := s.loop()
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var ev control.Event
			if err := s.client.Post(t.Context(), tt.path, tt.body, &ev); err != nil {
				t.Fatal(err)
			}
			if ev.Kind != control.EventLive || ev.Generation != 7 || ev.Message != "done" {
				t.Errorf("answer %+v", ev)
			}
			if got := <-requests; got.kind != tt.want.kind || got.generation != tt.want.generation || got.fresh != tt.want.fresh {
				t.Errorf("request %+v, want %+v", got, tt.want)
			}
		})
	}
}

func TestServeRefuses(t *testing.T) {
	s := newServed(t) // nobody takes a request up
	s.problem(s.client.Post(t.Context(), control.PathRollback, nil, nil), http.StatusBadRequest, "body")
	s.problem(s.client.Post(t.Context(), control.PathRollback, map[string]string{"generation": "two"}, nil), http.StatusBadRequest, "bad JSON")
	s.problem(s.client.Get(t.Context(), "/v1/nothing", nil), http.StatusNotFound, "")
	s.problem(s.client.Get(t.Context(), control.PathReload, nil), http.StatusMethodNotAllowed, "")
	s.problem(s.client.Get(t.Context(), control.PathStop, nil), http.StatusMethodNotAllowed, "")
	if err := s.ctx.Err(); err != nil {
		t.Errorf("the engine ends: %v", context.Cause(s.ctx))
	}
}

func TestServeBadJSON(t *testing.T) {
	w := httptest.NewRecorder()
	// Without a loop: a request would wait for ever.
	newTestEngine(t).handleRequest(requestRollback)(w, httptest.NewRequest(http.MethodPost, control.PathRollback, strings.NewReader(`{"generation":`)))
	if w.Code != http.StatusBadRequest || w.Result().Header.Get("Content-Type") != "application/problem+json" || !strings.Contains(w.Body.String(), "bad JSON") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestServeEvents(t *testing.T) {
	s := newServed(t)
	// What is retained proves that the client has subscribed, as New has it.
	s.e.events.Retain(func(control.Event) bool { return true })
	s.e.publish(control.Event{Kind: control.EventLive, Generation: 1})
	var kinds []control.EventKind
	for ev, err := range transport.Events[control.Event](t.Context(), s.client, control.PathEvents) {
		if err != nil {
			if !errors.Is(err, io.EOF) {
				t.Errorf("the stream ended with %v", err)
			}
			break
		}
		kinds = append(kinds, ev.Kind)
		switch ev.Kind {
		case control.EventLive:
			s.e.publish(control.Event{Kind: control.EventUnchanged})
		case control.EventUnchanged:
			s.stop(nil) // an open stream does not hold the engine
		}
	}
	if len(kinds) != 2 {
		t.Errorf("events %v", kinds)
	}
	if err := <-s.done; err != nil {
		t.Errorf("serve: %v", err)
	}
}

func TestServeStop(t *testing.T) {
	s := newServed(t)
	if err := s.client.Post(t.Context(), control.PathStop, nil, nil); err != nil { // the answer goes out first
		t.Errorf("stop: %v", err)
	}
	if err := <-s.done; err != nil {
		t.Errorf("serve: %v", err)
	}
	if cause := context.Cause(s.ctx); !errors.Is(cause, errStopRequested) {
		t.Errorf("the engine ends because of %v", cause)
	}
}

// TestServeEndsWithARequest: a client that waits is told when the engine ends.
func TestServeEndsWithARequest(t *testing.T) {
	s := newServed(t)
	answer := make(chan error, 1)
	go func() { answer <- s.client.Post(context.Background(), control.PathReload, nil, nil) }()
	<-s.e.requests // taken up, and never finished
	s.stop(errStopRequested)
	s.problem(<-answer, http.StatusServiceUnavailable, errStopRequested.Error())
	if err := <-s.done; err != nil {
		t.Errorf("serve: %v", err)
	}
}

func TestServeFails(t *testing.T) {
	s := newServed(t)
	if err := s.e.control.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-s.done; err == nil || !strings.Contains(err.Error(), "serving the control socket") {
		t.Errorf("serve: %v", err)
	}
	if s.ctx.Err() != nil {
		t.Error("serve ended the engine by itself")
	}
}

func TestRequestOfAClientThatLeft(t *testing.T) {
	e := newTestEngine(t)
	gone := errors.New("the client left")
	ctx, leave := context.WithCancelCause(t.Context())
	leave(gone)
	if _, err := e.Restart(ctx, false); !errors.Is(err, gone) {
		t.Errorf("before it is taken up: %v", err)
	}
	ctx, leave = context.WithCancelCause(t.Context())
	go func() {
		r := <-e.requests
		leave(gone)
		r.answer(control.Event{}) // must not block
	}()
	if _, err := e.Rollback(ctx, 2); err != nil && !errors.Is(err, gone) {
		t.Errorf("while it waits: %v", err)
	}
}

// TestListenAnew: the control socket is made once more where its file is gone, and
// not where the directory it is in was only away for a while.
func TestListenAnew(t *testing.T) {
	e := newTestEngine(t)
	e.newControl = make(chan *net.UnixListener, 1)
	out := filepath.Join(e.opts.Dir, OutDir)
	if err := os.Mkdir(out, 0o777); err != nil {
		t.Fatal(err)
	}
	first, err := e.listenControl()
	if err != nil {
		t.Fatal(err)
	}
	defer first.Close()
	away := out + "-away"
	for _, move := range [][2]string{{out, away}, {away, out}} {
		if err := os.Rename(move[0], move[1]); err != nil {
			t.Fatal(err)
		}
	}
	if err := e.listenAgain(); err != nil || len(e.newControl) > 0 {
		t.Errorf("error %v, %d new sockets, though the socket is there", err, len(e.newControl))
	}
	if err := os.Remove(SocketPath(e.opts.Dir)); err != nil {
		t.Fatal(err)
	}
	if err := e.listenAgain(); err != nil || len(e.newControl) != 1 {
		t.Fatalf("error %v, %d new sockets, though it was deleted", err, len(e.newControl))
	}
	if err := e.listenAgain(); err != nil || len(e.newControl) != 1 {
		t.Errorf("error %v, %d new sockets, though the new one is there", err, len(e.newControl))
	}
	if err := (<-e.newControl).Close(); err != nil {
		t.Error(err)
	}
}
