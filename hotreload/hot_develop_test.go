//go:build anvilhot

package hotreload

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/anvilforge/anvil-lsp/hotreload/control"
	"github.com/anvilforge/anvil-lsp/hotreload/internal/reply"
	"github.com/anvilforge/anvil-lsp/hotreload/internal/stack"
	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
)

type refusedByPanic struct{}

func panicky(http.ResponseWriter, *http.Request) {
	panic(errors.New("no post in anvil.g7/example.com/app"))
}

func TestPanicIsAnEventAndAPage(t *testing.T) {
	b := newBench(t)
	b.live(func(r *RouteSink) {
		r.Get("/", panicky)
		r.Get("/error", func(*Ctx) error { return errors.New("pool <closed>") })
	})
	events := b.events.Subscribe(t.Context())
	for _, test := range []struct{ accept, kind, start string }{
		{"text/html,application/xhtml+xml", "text/html; charset=utf-8", "<!doctype html>"},
		{"application/json", "application/problem+json", `{"title":"panic: no post in example.com/app","status":500,"detail":"GET /?x=1","position":{"file":"`},
		{"*/*", "text/plain; charset=utf-8", "500 panic: no post in example.com/app\n\nGET /?x=1\n"},
	} {
		r := localRequest("GET", "/?x=1", nil)
		r.Header.Set("Accept", test.accept)
		w := httptest.NewRecorder()
		b.state.ServeHTTP(w, r)
		body := w.Body.String()
		if w.Code != http.StatusInternalServerError || w.Header().Get("Content-Type") != test.kind || !strings.HasPrefix(body, test.start) {
			t.Errorf("%s: got %d %s\n%s", test.accept, w.Code, w.Header().Get("Content-Type"), body)
		}
		for _, part := range []string{"hot_develop_test.go:", "hotreload.panicky", "GET /?x=1"} {
			if !strings.Contains(body, part) {
				t.Errorf("%s: the page lacks %q:\n%s", test.accept, part, body)
			}
		}
		e := receive(t, events)
		d := e.Diagnostic
		if e.Kind != control.LivePanic || e.Generation != 1 || d.Code != manifest.CodeHandlerPanic ||
			d.Message != "panic: no post in example.com/app (GET /?x=1)" || !strings.HasSuffix(d.File, "hot_develop_test.go") || d.Line == 0 ||
			!strings.HasPrefix(d.Detail, "panic: no post in example.com/app\nGET /?x=1\n\n"+manifest.RuntimePath+".panicky\n\t") ||
			strings.Contains(d.Detail, "ServeHTTP\n\t"+stack.StandardRoot+"net/http/httptest") {
			t.Errorf("event %+v\n%s", e, d.Detail)
		}
	}
	// Returned errors show their text, escaped.
	r := localRequest("GET", "/error", nil)
	r.Header.Set("Accept", "text/html")
	w := httptest.NewRecorder()
	b.state.ServeHTTP(w, r)
	if w.Code != http.StatusInternalServerError || !strings.Contains(w.Body.String(), "pool &lt;closed&gt;") {
		t.Errorf("got %d %s", w.Code, w.Body)
	}
	if got := ask(b.state, "GET /error"); got != "500 500 Internal Server Error\n\npool <closed>" {
		t.Errorf("got %q", got)
	}
	var p reply.Problem
	r.Header.Set("Accept", "application/json")
	w = httptest.NewRecorder()
	b.state.ServeHTTP(w, r)
	if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil || p.Detail != "pool <closed>" || p.Generation != 1 {
		t.Errorf("got %s", w.Body)
	}
}

// Applications recover from panics themselves; the developer hears of them all
// the same, unless the panic was a way to answer.
func TestPanicThatMiddlewareRecovers(t *testing.T) {
	b := newBench(t)
	b.live(func(r *RouteSink) {
		r.Use(func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				defer func() {
					if v := recover(); v == (refusedByPanic{}) {
						http.Error(w, "refused", http.StatusForbidden)
					} else if v != nil {
						w.WriteHeader(http.StatusInternalServerError)
					}
				}()
				next.ServeHTTP(w, r)
			})
		})
		r.Get("/oops", panicky)
		r.Get("/refused", func(*Ctx) error { panic(refusedByPanic{}) })
		r.NotFound(panicky)
		r.Mount("/mounted", http.HandlerFunc(panicky))
		r.With(func(http.Handler) http.Handler { return http.HandlerFunc(panicky) }).Get("/middleware", ctxHandler)
	})
	events := b.events.Subscribe(t.Context())
	for request, want := range map[string]string{
		"GET /refused": "403 refused", "GET /oops": "500", "GET /missing": "500",
	} {
		if got := ask(b.state, request); got != want {
			t.Errorf("%s: got %q, want %q", request, got, want)
		}
		if want != "500" {
			continue
		}
		if e := receive(t, events); !strings.HasSuffix(e.Diagnostic.Message, "("+request+")") || !strings.HasSuffix(e.Diagnostic.File, "hot_develop_test.go") {
			t.Errorf("%s: event %v", request, e.Diagnostic)
		}
	}
	if got := ask(b.state, "GET /abc"); got != "500" {
		t.Errorf("got %q", got)
	}
	// The next event is that of this request: the refused one made none.
	if e := receive(t, events); !strings.HasSuffix(e.Diagnostic.Message, "(GET /abc)") {
		t.Errorf("event %v", e.Diagnostic)
	}
}

func TestPanicAfterTheAnswerBegan(t *testing.T) {
	b := newBench(t)
	b.live(func(r *RouteSink) {
		r.Get("/late", func(w http.ResponseWriter, _ *http.Request) {
			io.WriteString(w, "half")
			panic("too late")
		})
		r.Get("/abort", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
		r.Get("/next", func(http.ResponseWriter, *http.Request) { panic(1) })
	})
	events := b.events.Subscribe(t.Context())
	aborts := func(path string) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		defer func() {
			if v := recover(); v != http.ErrAbortHandler {
				t.Errorf("%s: recovered %v", path, v)
			}
		}()
		b.state.ServeHTTP(w, localRequest("GET", path, nil))
		return w
	}
	aborts("/late")
	if e := receive(t, events); !strings.Contains(e.Diagnostic.Message, "too late") {
		t.Errorf("event %v", e.Diagnostic)
	}
	aborts("/abort")
	if got := ask(b.state, "GET /next"); !strings.HasPrefix(got, "500 500 panic: int: 1") {
		t.Errorf("got %q", got)
	}
	if e := receive(t, events); !strings.Contains(e.Diagnostic.Message, "/next") { // none for the abort
		t.Errorf("event %v", e.Diagnostic)
	}
}

// TestPanicIsToldOnce checks that a panic is logged only where nobody reads the
// events, and again once the reader is gone.
func TestPanicIsToldOnce(t *testing.T) {
	var log bytes.Buffer
	b := newBench(t)
	b.state.logger = slog.New(slog.NewTextHandler(&log, nil))
	b.live(func(r *RouteSink) { r.Get("/", panicky) })
	logged := func() bool {
		t.Helper()
		log.Reset()
		b.state.ServeHTTP(httptest.NewRecorder(), localRequest("GET", "/", nil))
		return strings.Contains(log.String(), "a handler panicked")
	}
	if !logged() {
		t.Error("nobody is told of a panic")
	}
	ctx, leave := context.WithCancel(t.Context())
	events := b.events.Subscribe(ctx)
	if logged() {
		t.Error("a panic is logged beside its event")
	}
	receive(t, events)
	leave()
	for range events { // until it is dropped
	}
	if !logged() {
		t.Error("nobody is told of a panic after the reader has left")
	}
}
