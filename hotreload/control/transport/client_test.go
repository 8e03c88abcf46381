//go:build unix

package transport

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/anvilforge/anvil-lsp/hotreload/control"
)

// serve runs a server on l until the test ends.
func serve(t *testing.T, l net.Listener, h http.Handler) {
	t.Helper()
	server := &http.Server{Handler: h}
	done := make(chan error, 1)
	go func() { done <- server.Serve(l) }()
	t.Cleanup(func() {
		server.Close()
		<-done
	})
}

func client(t *testing.T, mux *http.ServeMux) *Client {
	t.Helper()
	path := filepath.Join(socketDir(t), "s.sock")
	serve(t, listen(t, path), mux)
	c := NewClient(path)
	t.Cleanup(c.Close)
	return c
}

func TestClientRoundTrip(t *testing.T) {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/rollback", func(w http.ResponseWriter, r *http.Request) {
		var req control.RollbackRequest
		if err := ReadJSON(r, &req); err != nil {
			WriteProblem(w, http.StatusBadRequest, err)
			return
		}
		WriteJSON(w, http.StatusOK, control.LoadResult{Outcome: control.OutcomeLive, Generation: req.Generation})
	})
	mux.HandleFunc("POST /v1/drain", func(w http.ResponseWriter, r *http.Request) {
		if body, err := io.ReadAll(r.Body); len(body) != 0 || err != nil {
			t.Errorf("a body that nobody sent: %q, %v", body, err)
		}
		w.WriteHeader(http.StatusAccepted)
	})
	c := client(t, mux)
	var res control.LoadResult
	if err := c.Post(t.Context(), control.PathRollback, control.RollbackRequest{Generation: 3}, &res); err != nil || res.Generation != 3 {
		t.Errorf("rollback: %v, %+v", err, res)
	}
	if err := c.Post(t.Context(), control.PathDrain, nil, nil); err != nil {
		t.Errorf("drain: %v", err)
	}
	err := c.Post(t.Context(), control.PathRollback, "seven", &res)
	if p, ok := errors.AsType[*control.Problem](err); !ok || p.Status != 400 || p.Title != "bad JSON" {
		t.Errorf("bad request: %#v", err)
	}
}

func TestClientProblems(t *testing.T) {
	want := control.Problem{Type: "about:blank", Title: "unknown generation", Status: 404, Detail: "there are 3 and 4"}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/problem", func(w http.ResponseWriter, r *http.Request) { WriteProblem(w, 500, &want) })
	mux.HandleFunc("GET /v1/text", func(w http.ResponseWriter, r *http.Request) { http.Error(w, "no tea\n", http.StatusTeapot) })
	mux.HandleFunc("GET /v1/broken", func(w http.ResponseWriter, r *http.Request) {
		writeBody(w, 502, typeProblem, []byte("{"))
	})
	mux.HandleFunc("GET /v1/status", func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "hello") })
	c := client(t, mux)
	for path, want := range map[string]control.Problem{
		"/v1/problem": want,
		"/v1/text":    {Title: "I'm a teapot", Status: 418, Detail: "no tea"},
		"/v1/broken":  {Title: "Bad Gateway", Status: 502, Detail: "{"},
	} {
		err := c.Get(t.Context(), path, nil)
		if p, ok := errors.AsType[*control.Problem](err); !ok || *p != want {
			t.Errorf("GET %s: %#v, want %#v", path, err, want)
		}
	}
	var st control.LiveStatus
	err := c.Get(t.Context(), control.PathStatus, &st)
	if _, ok := errors.AsType[*control.Problem](err); ok || err == nil || !strings.Contains(err.Error(), "GET /v1/status on "+c.socket) {
		t.Errorf("an answer that is not JSON: %v", err)
	}
}

func TestClientWithoutServer(t *testing.T) {
	path := filepath.Join(socketDir(t), "s.sock")
	err := NewClient(path).Get(t.Context(), control.PathStatus, nil)
	if !errors.Is(err, fs.ErrNotExist) || strings.Count(err.Error(), path) != 1 {
		t.Errorf("Get: %v; want an error that names %s once", err, path)
	}
}

func TestClientContextEnds(t *testing.T) {
	asked := make(chan struct{})
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/status", func(w http.ResponseWriter, r *http.Request) {
		close(asked)
		<-r.Context().Done()
	})
	c := client(t, mux)
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-asked
		cancel()
	}()
	if err := c.Get(ctx, control.PathStatus, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("Get: %v", err)
	}
}

func TestEvents(t *testing.T) {
	s := NewStream[control.Event]()
	mux := http.NewServeMux()
	mux.Handle("GET /v1/events", s)
	c := client(t, mux)
	ready := make(chan struct{})
	go func() {
		<-ready
		for g := range 3 {
			s.Publish(control.Event{Kind: control.EventLive, Generation: g + 1, Message: "line one\nline two"})
		}
		s.Close()
	}()
	var last error
	got := 0
	for e, err := range eventsReady(t.Context(), c, ready) {
		if last = err; err == nil {
			if got++; e.Generation != got || e.Message != "line one\nline two" {
				t.Errorf("event %d: %+v", got, e)
			}
		}
	}
	if got != 3 || !errors.Is(last, io.EOF) {
		t.Errorf("%d events, then %v; want 3, then EOF", got, last)
	}
}

// eventsReady is Events that closes ready once the server knows the reader.
func eventsReady(ctx context.Context, c *Client, ready chan struct{}) func(func(control.Event, error) bool) {
	transport := c.http.Transport
	c.http.Transport = roundTripper(func(r *http.Request) (*http.Response, error) {
		resp, err := transport.RoundTrip(r)
		close(ready) // the headers of the answer are here
		return resp, err
	})
	return Events[control.Event](ctx, c, control.PathEvents)
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestEventsEndQuietlyWithTheContext(t *testing.T) {
	s := NewStream[control.Event]()
	mux := http.NewServeMux()
	mux.Handle("GET /v1/events", s)
	c := client(t, mux)
	ctx, cancel := context.WithCancel(t.Context())
	ready := make(chan struct{})
	go func() {
		<-ready
		cancel()
	}()
	for e, err := range eventsReady(ctx, c, ready) {
		t.Errorf("%+v, %v; want nothing", e, err)
	}
}

func TestEventsFaults(t *testing.T) {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/none", func(w http.ResponseWriter, r *http.Request) {
		WriteProblem(w, http.StatusServiceUnavailable, errors.New("starting"))
	})
	mux.HandleFunc("GET /v1/text", func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "data: x\n\n") })
	mux.HandleFunc("GET /v1/broken", func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, "data: {}\n\ndata: {")
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	})
	c := client(t, mux)
	for path, test := range map[string]struct {
		events int
		check  func(error) bool
	}{
		"/v1/none":   {0, func(err error) bool { return isStatus(err, 503) }},
		"/v1/text":   {0, func(err error) bool { return strings.Contains(err.Error(), "invalid character") }},
		"/v1/broken": {1, func(err error) bool { return errors.Is(err, io.ErrUnexpectedEOF) }},
	} {
		var errs []error
		events := 0
		for _, err := range Events[control.Event](t.Context(), c, path) {
			if err != nil {
				errs = append(errs, err)
			} else {
				events++
			}
		}
		if events != test.events || len(errs) != 1 || !test.check(errs[0]) {
			t.Errorf("%s: %d events, then %v", path, events, errs)
		}
	}
}

func TestEventsReaderMayStop(t *testing.T) {
	s := NewStream[control.Event]()
	mux := http.NewServeMux()
	gone := make(chan struct{})
	mux.HandleFunc("GET /v1/events", func(w http.ResponseWriter, r *http.Request) {
		defer close(gone)
		s.ServeHTTP(w, r)
	})
	c := client(t, mux)
	ready := make(chan struct{})
	go func() {
		<-ready
		s.Publish(control.Event{Generation: 1})
	}()
	for range eventsReady(t.Context(), c, ready) {
		break
	}
	<-gone
}
