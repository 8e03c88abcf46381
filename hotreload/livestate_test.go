package hotreload

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
)

func TestEmptyLiveStateAnswersUnavailable(t *testing.T) {
	s := NewLiveState(nil)
	if got := ask(s, "GET /"); got != "503 no generation is live" {
		t.Errorf("got %q", got)
	}
	if s.Manifest() != nil || s.Container() == nil {
		t.Error("no Container, or a manifest of nothing")
	}
}

func TestRegisterReplacesTheRoutes(t *testing.T) {
	s := serving(t, func(r *RouteSink) { r.Get("/old", text("old")) })
	goLiveWith(t, s, func(r *RouteSink) { r.Get("/new", text("new")) })
	for request, want := range map[string]string{"GET /old": "404 404 page not found", "GET /new": "200 new"} {
		if got := ask(s, request); got != want {
			t.Errorf("%s: got %q, want %q", request, got, want)
		}
	}
	if err := s.Register(nil); err == nil {
		t.Error("a nil function is registered")
	}
	if err := s.Register(func(r *RouteSink) { r.Fail(errors.New("no")) }); err == nil || s.Manifest().Generation != 2 {
		t.Errorf("a refused generation: %v, live is %d", err, s.Manifest().Generation)
	}
	if got := ask(s, "GET /new"); got != "200 new" {
		t.Errorf("got %q", got)
	}
}

func TestManifestDescribesTheGeneration(t *testing.T) {
	s := serving(t, func(r *RouteSink) {
		r.Post("/b", ctxHandler)
		r.Get("/b", typedHandler)
		r.Handle("/a", plainHandler)
	})
	m := s.Manifest()
	if m.Generation != 1 || m.RouteCount != 3 || m.ABIVersion != ABIVersion || m.Plugin != "" || m.Registered.IsZero() {
		t.Errorf("got %+v", m)
	}
	if m.Manifest.ABI != ABIVersion || m.Manifest.Format != manifest.FormatVersion || m.Manifest.Handlers != manifest.RuntimePath ||
		!strings.HasPrefix(m.Manifest.Toolchain, "go1.") {
		t.Errorf("got %+v", m.Manifest)
	}
	var got []string
	for _, r := range m.Manifest.Routes {
		got = append(got, fmt.Sprintf("%s %s %s: %s = %s", r.Method, r.Pattern, r.Handler, r.Kind, r.Signature))
		if len(r.Fingerprint) != 16 || !strings.HasSuffix(r.Position.File, "livestate_test.go") {
			t.Errorf("got %+v", r)
		}
	}
	want := []string{
		"* /a hotreload.plainHandler: func(w, r) = func(http.ResponseWriter, *http.Request)",
		"GET /b hotreload.typedHandler: func(*Ctx, In) (Out, error) = func(*hotreload.Ctx, struct {}) (string, error)",
		"POST /b hotreload.ctxHandler: func(*Ctx) error = func(*hotreload.Ctx) error",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestInstall(t *testing.T) {
	box, err := Box(text("installed"))
	if err != nil {
		t.Fatal(err)
	}
	s := NewLiveState(nil)
	if err := s.Install([]RouteEntry{{Method: "GET", Pattern: "/{id}", Handler: box}}); err != nil {
		t.Fatal(err)
	}
	if got := ask(s, "GET /7"); got != "200 installed 7" {
		t.Errorf("got %q", got)
	}
	err = s.Install([]RouteEntry{
		{Method: "GET", Pattern: "/a", Handler: box, File: "a.go", Line: 1},
		{Method: "GET", Pattern: "/a", Handler: box, File: "a.go", Line: 2},
		{Method: "GET", Pattern: "/b", File: "a.go", Line: 3},
	})
	want := "registration failed:\n\ta.go:2: GET /a is registered twice [ANV004]\n\ta.go:3: GET /b: the entry has no handler [ANV014]"
	if err == nil || err.Error() != want {
		t.Errorf("got %v\nwant %s", err, want)
	}
	if got := ask(s, "GET /7"); got != "200 installed 7" {
		t.Errorf("after a refused Install: got %q", got)
	}
	if err := s.Install(nil); err != nil || s.Manifest().RouteCount != 0 {
		t.Errorf("no entries: %v", err)
	}
}

func TestRequestEndsOnItsGeneration(t *testing.T) {
	s := NewLiveState(nil)
	var contexts []context.Context
	started, finish := make(chan int), make(chan struct{})
	generation := func(r *RouteSink) {
		number := r.Generation()
		contexts = append(contexts, r.Context())
		r.Get("/", func(c *Ctx) error {
			started <- number
			<-finish
			if contexts[number-1].Err() != nil {
				t.Error("the context is cancelled while the generation answers")
			}
			return c.Text(0, fmt.Sprint(number, c.Generation()))
		})
	}
	goLiveWith(t, s, generation)
	answers := make(chan string, 2)
	for want := 1; want <= 2; want++ {
		go func() { answers <- ask(s, "GET /") }()
		if got := receive(t, started); got != want {
			t.Fatalf("the request runs on generation %d, want %d", got, want)
		}
		if want == 1 {
			goLiveWith(t, s, generation)
		}
	}
	if contexts[0].Err() != nil || contexts[1].Err() != nil {
		t.Error("a context is cancelled too early")
	}
	close(finish)
	got := []string{receive(t, answers), receive(t, answers)}
	if all := strings.Join(got, ", "); !strings.Contains(all, "200 1 1") || !strings.Contains(all, "200 2 2") {
		t.Errorf("got %s", all)
	}
	<-contexts[0].Done() // retired, and answered its last request
	if contexts[1].Err() != nil {
		t.Error("the live generation's context is cancelled")
	}
	s.close()
	<-contexts[1].Done()
	if got := ask(s, "GET /"); !strings.HasPrefix(got, "503") {
		t.Errorf("after the end: got %q", got)
	}
	if err := s.Register(generation); !errors.Is(err, errClosed) {
		t.Errorf("after the end: %v", err)
	}
	if err := s.Install(nil); !errors.Is(err, errClosed) {
		t.Errorf("after the end: %v", err)
	}
	s.drain(t.Context())
}

// A hundred swaps under load: each request is answered by one generation as a
// whole, and every generation but the last is over at the end.
func TestSwapsUnderLoad(t *testing.T) {
	s := NewLiveState(nil)
	const swaps = 100
	over := make(chan struct{}, swaps+1)
	generation := func(r *RouteSink) {
		context.AfterFunc(r.Context(), func() { over <- struct{}{} })
		number, ctx := r.Generation(), r.Context()
		r.Get("/", func(c *Ctx) error {
			if ctx.Err() != nil || c.Generation() != number {
				t.Errorf("generation %d answers for %d: %v", number, c.Generation(), ctx.Err())
			}
			return c.Text(0, "ok")
		})
	}
	goLiveWith(t, s, generation)
	ctx, stop := context.WithCancel(t.Context())
	var load sync.WaitGroup
	for range 8 {
		load.Go(func() {
			for ctx.Err() == nil {
				if got := ask(s, "GET /"); got != "200 ok" {
					t.Errorf("got %q", got)
				}
			}
		})
	}
	for range swaps {
		goLiveWith(t, s, generation)
	}
	stop()
	load.Wait()
	for range swaps { // all but the live one
		receive(t, over)
	}
	if n := s.current.Load().inFlight(); n != 0 {
		t.Errorf("%d requests are in flight", n)
	}
}

func TestLateRequestFindsTheNextGeneration(t *testing.T) {
	s := NewLiveState(nil)
	goLiveWith(t, s, func(*RouteSink) {})
	old := s.current.Load()
	goLiveWith(t, s, func(*RouteSink) {})
	for range 2 {
		if old.acquire() {
			t.Error("a generation that is over takes a request")
		}
	}
	if !old.isOver() || old.inFlight() != 0 {
		t.Errorf("the old generation has %d in flight", old.inFlight())
	}
	g := s.current.Load()
	if !g.acquire() || g.inFlight() != 1 {
		t.Errorf("the live generation has %d in flight, want 1", g.inFlight())
	}
	g.release()
}

func TestPanicBecomesServerError(t *testing.T) {
	var log logBuffer
	s := NewLiveState(nil)
	s.logger = textLogger(&log)
	goLiveWith(t, s, func(r *RouteSink) {
		r.Get("/", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "3")
			panic("secret")
		})
		r.Get("/late", func(w http.ResponseWriter, r *http.Request) {
			io.WriteString(w, strings.Repeat("half an answer", 1000))
			panic("too late")
		})
		r.Get("/abort", func(w http.ResponseWriter, r *http.Request) { panic(http.ErrAbortHandler) })
	})
	srv := httptest.NewUnstartedServer(s)
	srv.Config.ErrorLog = serverLog(t.Output())
	srv.Start()
	defer srv.Close()
	if got := get(t, srv.URL); got != "500 500 Internal Server Error" {
		t.Errorf("got %q", got)
	}
	for _, want := range []string{"secret", "livestate_test.go", "url=/"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("the log lacks %q: %s", want, log.String())
		}
	}
	resp, err := http.Get(srv.URL + "/late")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if body, err := io.ReadAll(resp.Body); err == nil || strings.Contains(string(body), "Internal") {
		t.Errorf("half an answer looks like a whole one: %v", err)
	}
	if resp, err := http.Get(srv.URL + "/abort"); err == nil {
		resp.Body.Close()
		t.Errorf("an aborted request is answered with %s", resp.Status)
	}
	if n := s.current.Load().inFlight(); n != 0 {
		t.Errorf("%d requests are in flight after panics", n)
	}
}
