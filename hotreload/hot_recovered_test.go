//go:build anvilhot

package hotreload

import (
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"github.com/anvilforge/anvil-lsp/hotreload/control"
	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"
)

func nilMap(http.ResponseWriter, *http.Request) {
	var m map[string]int
	//lint:ignore SA5000 the panic is what is tested
	m["a"] = 1
}

func nilPointer(http.ResponseWriter, *http.Request) {
	var p *struct{ n int }
	p.n++
}

func division(w http.ResponseWriter, r *http.Request) {
	_ = 1 / len(r.Header.Values("X-None"))
}

func spoken(http.ResponseWriter, *http.Request) { panic("a word") }

// recovers is the recover middleware that many applications have.
//
//go:noinline
func recovers(answer func(http.ResponseWriter)) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			defer func() {
				if v := recover(); v != nil {
					answer(w)
				}
			}()
			next.ServeHTTP(w, r)
		})
	}
}

// receivePanic returns the next event that is a panic. Those of the counters come
// when they come.
func receivePanic(t *testing.T, events <-chan control.LiveEvent) control.LiveEvent {
	t.Helper()
	for {
		if e := receive(t, events); e.Kind == control.LivePanic {
			return e
		}
	}
}

func quietLogger(next http.Handler) http.Handler {
	f := &middleware.DefaultLogFormatter{Logger: log.New(io.Discard, "", 0), NoColor: true}
	return middleware.RequestLogger(f)(next)
}

// TestPanicThatAMountedRouterRecovers: what is mounted recovers before the
// runtime sees the panic. The client gets what the middleware says; a person who
// would get nothing gets the page.
func TestPanicThatAMountedRouterRecovers(t *testing.T) {
	teapot := func(w http.ResponseWriter) { http.Error(w, "own words", http.StatusInternalServerError) }
	gateway := func(w http.ResponseWriter) { w.WriteHeader(http.StatusBadGateway) }
	gone := func(w http.ResponseWriter) { http.Error(w, "gone", http.StatusNotFound) }
	type mw = func(http.Handler) http.Handler
	for _, test := range []struct {
		name    string
		use     []mw
		handler http.HandlerFunc
		answer  string // to who takes anything
		page    string // how it begins for a browser
		message string // of the finding; empty: there is none
	}{
		{"Recoverer", []mw{middleware.Recoverer}, nilMap, "500", "<!doctype html>", "assignment to entry in nil map"},
		{"Recoverer, value", []mw{middleware.Recoverer}, spoken, "500", "<!doctype html>", "a word"},
		{"Logger and Recoverer", []mw{quietLogger, middleware.Recoverer}, nilMap, "500", "<!doctype html>", "assignment to entry in nil map"},
		{"nil pointer", []mw{quietLogger, middleware.Recoverer}, nilPointer, "500", "<!doctype html>", "runtime error: invalid memory address or nil pointer dereference"},
		{"division", []mw{quietLogger, middleware.Recoverer}, division, "500", "<!doctype html>", "runtime error: integer divide by zero"},
		{"a value that is gone", []mw{quietLogger, middleware.Recoverer}, spoken, "500", "<!doctype html>", "a value that middleware.Recoverer recovered"},
		{"Compress", []mw{middleware.Compress(5), middleware.Recoverer}, nilMap, "500", "<!doctype html>", "assignment to entry in nil map"},
		{"own words", []mw{recovers(teapot)}, spoken, "500 own words", "own words", "a value that hotreload.recovers recovered"},
		{"another status", []mw{recovers(gateway)}, spoken, "502", "<!doctype html>", "a value that hotreload.recovers recovered"},
		{"a panic that is an answer", []mw{recovers(gone)}, spoken, "404 gone", "gone", ""},
		{"an error without a panic", []mw{middleware.Recoverer}, func(w http.ResponseWriter, _ *http.Request) { gateway(w) }, "502", "", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := newBench(t)
			b.live(func(r *RouteSink) {
				inner := chi.NewRouter()
				inner.Use(test.use...)
				inner.Route("/deep", func(r chi.Router) { r.Get("/boom", test.handler) })
				outer := chi.NewRouter()
				outer.Mount("/sub", inner)
				r.Mount("/", outer)
				r.Get("/next", spoken)
			})
			events := b.events.Subscribe(t.Context())
			if got := ask(b.state, "GET /sub/deep/boom"); got != test.answer {
				t.Errorf("got %q, want %q", got, test.answer)
			}
			r := localRequest("GET", "/sub/deep/boom", nil)
			r.Header.Set("Accept", "text/html")
			w := httptest.NewRecorder()
			b.state.ServeHTTP(w, r)
			if body := w.Body.String(); !strings.HasPrefix(test.answer, strconv.Itoa(w.Code)) || !strings.HasPrefix(body, test.page) || test.page == "" && body != "" {
				t.Errorf("a browser gets %d %q", w.Code, body)
			}
			if got := w.Result().Header.Get("Content-Type"); strings.HasPrefix(test.page, "<") && got != "text/html; charset=utf-8" {
				t.Errorf("the page is %s", got)
			}
			ask(b.state, "GET /next") // its event is the next one, if these made none
			if test.message == "" {
				if e := receivePanic(t, events); !strings.Contains(e.Diagnostic.Message, "/next") {
					t.Errorf("event %v", e.Diagnostic)
				}
				return
			}
			for range 2 {
				d := receivePanic(t, events).Diagnostic
				if d.Code != manifest.CodeHandlerPanic || d.Message != "panic: "+test.message+" (GET /sub/deep/boom)" || !strings.HasSuffix(d.File, "hot_recovered_test.go") || d.Line == 0 {
					t.Errorf("event %v", d)
				}
				if first, _, _ := strings.Cut(d.Detail[strings.Index(d.Detail, "\n\n")+2:], "\n"); strings.Contains(first, "gopanic") || strings.Contains(first, "describe") {
					t.Errorf("the stack begins with %s", first)
				}
			}
			for _, s := range b.status().Stats {
				if s.Pattern == "/" && (s.Requests != 2 || s.Errors != 2 || s.Panic == nil) {
					t.Errorf("counted %+v", s)
				}
			}
		})
	}
}

// TestHeldAnswer: what middleware adds after it has set the status goes out as it
// is, in its order.
func TestHeldAnswer(t *testing.T) {
	for name, answer := range map[string]func(http.ResponseWriter){
		"write": func(w http.ResponseWriter) { w.WriteHeader(503); _, _ = w.Write([]byte("busy")) },
		"string": func(w http.ResponseWriter) {
			w.WriteHeader(503)
			_, _ = io.WriteString(w, "busy")
		},
		"flush": func(w http.ResponseWriter) {
			w.WriteHeader(503)
			w.(http.Flusher).Flush()
			_, _ = w.Write([]byte("busy"))
		},
		"copy": func(w http.ResponseWriter) {
			w.WriteHeader(503)
			_, _ = io.Copy(w, io.LimitReader(strings.NewReader("busy"), 4))
		},
		"twice": func(w http.ResponseWriter) { w.WriteHeader(503); w.WriteHeader(200); _, _ = w.Write([]byte("busy")) },
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			b.live(func(r *RouteSink) {
				r.Use(recovers(answer))
				r.Get("/", spoken)
			})
			srv := httptest.NewUnstartedServer(b.state)
			srv.Config.ErrorLog = log.New(io.Discard, "", 0)
			srv.Start()
			defer srv.Close()
			req, err := http.NewRequestWithContext(t.Context(), "GET", srv.URL, nil)
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Accept", "text/html")
			res, err := srv.Client().Do(req)
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(res.Body)
			if err := errors.Join(err, res.Body.Close()); err != nil {
				t.Fatal(err)
			}
			if res.StatusCode != 503 || string(body) != "busy" {
				t.Errorf("got %d %q", res.StatusCode, body)
			}
		})
	}
}
