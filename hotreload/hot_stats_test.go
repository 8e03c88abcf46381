//go:build anvilhot

package hotreload

import (
	"bufio"
	"errors"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/anvilforge/anvil-lsp/hotreload/control"
	"github.com/anvilforge/anvil-lsp/hotreload/internal/observe"
	"github.com/anvilforge/anvil-lsp/hotreload/internal/process"
	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/go-chi/chi/v5"
)

// statsOf returns the counters of a route that is live.
func (b *bench) statsOf(method, pattern string) control.RouteStats {
	b.t.Helper()
	for _, s := range b.status().Stats {
		if s.Method == method && s.Pattern == pattern {
			return s
		}
	}
	b.t.Fatalf("no counters of %s %s", method, pattern)
	return control.RouteStats{}
}

// tally is what is counted, without times.
func tally(s control.RouteStats) [4]int64 {
	return [...]int64{s.Requests, s.Errors, int64(s.InFlight), int64(s.LastStatus)}
}

func turnAway(http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) })
}

func TestCountedRequests(t *testing.T) {
	b := newBench(t)
	mounted := chi.NewRouter()
	mounted.Get("/in", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) })
	b.live(func(r *RouteSink) {
		r.Get("/silent", func(http.ResponseWriter, *http.Request) {})
		r.Get("/posts/{id}", text("post"))
		r.Get("/fails", func(*Ctx) error { return errors.New("pool closed") })
		r.Get("/missing", func(*Ctx) error { return StatusErrorf(http.StatusNotFound, "no such post") })
		r.Get("/panics", panicky)
		r.Get("/late", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "half"); panicky(w, nil) })
		r.Get("/aborts", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
		r.With(turnAway).Get("/private", text("secret"))
		r.With(func(http.Handler) http.Handler { return http.HandlerFunc(panicky) }).Get("/middleware", text("never"))
		r.Group("/group", func(r *RouteSink) { r.Handle("/", text("root")) })
		r.Mount("/mounted", mounted)
		r.Get("/idle", text("never asked for"))
	})
	for _, request := range []string{
		"GET /silent", "GET /posts/1", "GET /posts/2", "GET /fails", "GET /missing", "GET /panics", "GET /private", "GET /middleware",
		"GET /group", "POST /group/", "GET /mounted/in", "GET /mounted/out", "GET /nowhere", "POST /silent",
	} {
		ask(b.state, request)
	}
	for _, path := range []string{"/late", "/aborts"} {
		func() {
			defer func() {
				if v := recover(); v != http.ErrAbortHandler {
					t.Errorf("%s: recovered %v", path, v)
				}
			}()
			b.state.ServeHTTP(httptest.NewRecorder(), localRequest("GET", path, nil))
		}()
	}
	for route, want := range map[string]string{
		"GET /posts/{id}": "/posts/2", "* /group": "/group/", "* /mounted": "/mounted/out", "GET /idle": "", "GET /panics": "/panics",
	} {
		method, pattern, _ := strings.Cut(route, " ")
		if got := b.statsOf(method, pattern).LastPath; got != want {
			t.Errorf("%s: last path %q, want %q", route, got, want)
		}
	}
	for route, want := range map[string][4]int64{ // requests, errors, in flight, last status
		"GET /silent": {1, 0, 0, 200}, "GET /posts/{id}": {2, 0, 0, 200}, "GET /fails": {1, 1, 0, 500}, "GET /missing": {1, 0, 0, 404},
		"GET /panics": {1, 1, 0, 500}, "GET /late": {1, 1, 0, 200}, "GET /aborts": {1, 0, 0, 0}, "GET /private": {1, 0, 0, 401},
		"GET /middleware": {1, 1, 0, 500}, "* /group": {2, 0, 0, 200}, "* /mounted": {2, 0, 0, 404}, "GET /idle": {0, 0, 0, 0},
	} {
		method, pattern, _ := strings.Cut(route, " ")
		if s := b.statsOf(method, pattern); tally(s) != want {
			t.Errorf("%s: got %v, want %v", route, tally(s), want)
		}
	}
	idle := b.statsOf("GET", "/idle")
	if idle != (control.RouteStats{Method: "GET", Pattern: "/idle"}) {
		t.Errorf("never asked for: %+v", idle)
	}
	silent := b.statsOf("GET", "/silent")
	if silent.P50 == 0 || silent.P50 != silent.LastDuration || silent.LastTime.IsZero() || silent.LastGeneration != 1 || silent.Panic != nil {
		t.Errorf("one request: %+v", silent)
	}
	panics := b.statsOf("GET", "/panics").Panic
	if panics == nil || panics.Message != "no post in example.com/app" || panics.Request != "GET /panics" || panics.Generation != 1 ||
		panics.Time.IsZero() || !strings.HasSuffix(panics.File, "hot_develop_test.go") || panics.Line == 0 {
		t.Errorf("panic: %+v", panics)
	}
	var order []string
	for _, s := range b.status().Stats {
		order = append(order, s.Pattern+" "+s.Method)
	}
	var routes []string
	for _, r := range b.status().Manifest.Routes {
		routes = append(routes, r.Pattern+" "+r.Method)
	}
	if strings.Join(order, "\n") != strings.Join(routes, "\n") {
		t.Errorf("counters of %q, routes %q", order, routes)
	}
}

// Counters go on over reloads and rollbacks, and away with their route.
// TestCountersOfMount: what is mounted at a pattern, and a handler of the same
// pattern, are two routes.
func TestCountersOfMount(t *testing.T) {
	b := newBench(t)
	for range 2 {
		b.live(func(r *RouteSink) {
			r.Handle("/both", text("itself"))
			r.Mount("/both", http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
		})
		for _, request := range []string{"GET /both", "GET /both/a", "GET /both/b"} {
			ask(b.state, request)
		}
	}
	got := map[manifest.RouteKey]int64{}
	for _, s := range b.status().Stats {
		got[s.Key()] = s.Requests
	}
	want := map[manifest.RouteKey]int64{{Method: "*", Pattern: "/both"}: 2, {Method: "*", Pattern: "/both", Mount: true}: 4}
	if !maps.Equal(got, want) {
		t.Errorf("counted %v, want %v", got, want)
	}
}

func TestCountersSurviveReloads(t *testing.T) {
	b := newBench(t)
	first := func(r *RouteSink) {
		r.Get("/stays", text("1"))
		r.Get("/goes", text("1"))
	}
	b.live(first)
	ask(b.state, "GET /stays")
	ask(b.state, "GET /goes")
	b.live(func(r *RouteSink) { r.Get("/stays", text("2")) })
	if s := b.statsOf("GET", "/stays"); tally(s) != [...]int64{1, 0, 0, 200} || s.LastGeneration != 1 || s.P50 == 0 {
		t.Errorf("after the reload: %+v", s)
	}
	ask(b.state, "GET /stays")
	if s := b.statsOf("GET", "/stays"); s.Requests != 2 || s.LastGeneration != 2 || s.P50 != s.LastDuration {
		t.Errorf("the median is not the live generation's: %+v", s)
	}
	if n := len(b.status().Stats); n != 1 {
		t.Errorf("counters of %d routes, want 1", n)
	}
	if result := b.try(fakePlugin{symbols: symbols(func(r *RouteSink) { r.Get("/stays", text("3")); r.Get("bad", ctxHandler) })}); result.Outcome == control.OutcomeLive {
		t.Fatal("a bad generation is live")
	}
	if _, err := b.rollback(1); err != nil {
		t.Fatal(err)
	}
	if s := b.statsOf("GET", "/stays"); s.Requests != 2 {
		t.Errorf("after the rollback: %+v", s)
	}
	if s := b.statsOf("GET", "/goes"); s.Requests != 0 {
		t.Errorf("a route that was gone still counts: %+v", s)
	}
}

// What takes its time is in flight until it is over, also on a generation that
// is not live any more.
func TestCountedInFlight(t *testing.T) {
	b := newBench(t)
	arrived, release := make(chan struct{}), make(chan struct{})
	b.live(func(r *RouteSink) {
		r.Get("/events", func(w http.ResponseWriter, _ *http.Request) {
			io.WriteString(w, "data: 1\n\n")
			if err := http.NewResponseController(w).Flush(); err != nil {
				t.Error(err)
			}
			arrived <- struct{}{}
			<-release
		})
		r.Get("/socket", func(w http.ResponseWriter, _ *http.Request) {
			conn, rw, err := http.NewResponseController(w).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			defer conn.Close()
			rw.WriteString("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\nhello")
			rw.Flush()
			arrived <- struct{}{}
			<-release
		})
	})
	srv := httptest.NewServer(b.state)
	defer srv.Close()
	free := sync.OnceFunc(func() { close(release) })
	defer free()
	conn, err := net.Dial("tcp", srv.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	io.WriteString(conn, "GET /socket HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
	receive(t, arrived)
	stream, err := http.Get(srv.URL + "/events")
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Body.Close()
	receive(t, arrived)
	if line, err := bufio.NewReader(stream.Body).ReadString('\n'); line != "data: 1\n" {
		t.Errorf("the stream begins with %q, %v", line, err)
	}
	empty := func(http.ResponseWriter, *http.Request) {}
	b.live(func(r *RouteSink) { r.Get("/events", empty); r.Get("/socket", empty) })
	for _, pattern := range []string{"/events", "/socket"} {
		if s := b.statsOf("GET", pattern); tally(s) != [...]int64{1, 0, 1, 0} || s.P50 != 0 {
			t.Errorf("%s, while it runs: %+v", pattern, s)
		}
	}
	free()
	over := func(pattern string) control.RouteStats {
		for {
			if s := b.statsOf("GET", pattern); s.InFlight == 0 {
				return s
			}
			time.Sleep(time.Millisecond)
		}
	}
	if s := over("/events"); s.LastStatus != 200 || s.LastGeneration != 1 || s.P50 == 0 {
		t.Errorf("the stream has ended: %+v", s)
	}
	if s := over("/socket"); s.LastStatus != 101 || s.P50 != 0 || s.LastDuration == 0 || s.Errors != 0 {
		t.Errorf("the connection has ended: %+v", s)
	}
	if answer, err := io.ReadAll(conn); !strings.HasSuffix(string(answer), "\r\n\r\nhello") {
		t.Errorf("the connection that was taken over said %q, %v", answer, err)
	}
}

// A handler that outlives its request, as under http.TimeoutHandler, is not
// counted twice.
func TestCountedTimeout(t *testing.T) {
	b := newBench(t)
	release, ended := make(chan struct{}), make(chan struct{})
	b.live(func(r *RouteSink) {
		r.Use(func(next http.Handler) http.Handler { return http.TimeoutHandler(next, time.Millisecond, "late") })
		r.Get("/slow", func(http.ResponseWriter, *http.Request) {
			defer close(ended)
			<-release
			panic("after the answer")
		})
	})
	if got := ask(b.state, "GET /slow"); got != "503 late" {
		t.Errorf("got %q", got)
	}
	close(release)
	receiveClosed(ended)
	// The router may have come too late to choose a route at all.
	if s := b.statsOf("GET", "/slow"); s.InFlight != 0 || s.Requests != s.Errors || s.Panic != nil {
		t.Errorf("got %+v", s)
	}
}

func receiveClosed(c <-chan struct{}) { <-c }

// Events come while requests do, at most two a second, and hold what changed.
func TestRequestEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.live(func(r *RouteSink) {
			r.Get("/a", text("a"))
			r.Get("/b", text("b"))
			r.Get("/c", text("c"))
		})
		events := b.events.Subscribe(t.Context())
		next := func() control.LiveEvent {
			for e := range events {
				if e.Kind == control.LiveRequests {
					return e
				}
			}
			t.Fatal("the stream has ended")
			return control.LiveEvent{}
		}
		begun := time.Now()
		for range 3 {
			ask(b.state, "GET /a")
		}
		ask(b.state, "GET /c")
		e := next()
		if len(e.Stats) != 2 || e.Stats[0].Pattern != "/a" || e.Stats[0].Requests != 3 || e.Stats[1].Pattern != "/c" || e.Generation != 1 || e.Time.IsZero() {
			t.Errorf("first: %+v", e)
		}
		if late := time.Since(begun); late > statsInterval {
			t.Errorf("the first event came after %v", late)
		}
		// A stream of requests for ten seconds.
		begun = time.Now()
		asked, counted, seen := int64(0), int64(0), 0
		done := make(chan struct{})
		go func() {
			defer close(done)
			for time.Since(begun) < 10*time.Second {
				ask(b.state, "GET /b")
				asked++
				time.Sleep(3 * time.Millisecond)
			}
		}()
		for running := true; running; {
			select {
			case e := <-events:
				seen++
				if len(e.Stats) != 1 || e.Stats[0].Pattern != "/b" || e.Stats[0].Requests <= counted {
					t.Fatalf("event %+v after %d", e, counted)
				}
				counted = e.Stats[0].Requests
			case <-done:
				running = false
			}
		}
		if seen < 15 || seen > 21 {
			t.Errorf("%d events in ten seconds", seen)
		}
		time.Sleep(2 * statsInterval)
		for len(events) > 0 {
			counted = next().Stats[0].Requests
		}
		if counted != asked {
			t.Errorf("the last event counts %d of %d", counted, asked)
		}
		// Nothing while nothing comes.
		time.Sleep(time.Hour)
		synctest.Wait()
		select {
		case e := <-events:
			t.Errorf("event of an idle server: %+v", e)
		default:
		}
	})
}

func TestCountingIsSafe(t *testing.T) {
	b := newBench(t)
	routes := func(r *RouteSink) { r.Get("/a", text("a")); r.Get("/boom", panicky) }
	b.state.logger = textLogger(io.Discard)
	b.live(routes)
	const each = 200
	var wait sync.WaitGroup
	for _, request := range []string{"GET /a", "GET /a", "GET /boom"} {
		wait.Go(func() {
			for range each {
				ask(b.state, request)
			}
		})
	}
	wait.Go(func() {
		for range 10 {
			b.live(routes)
			b.status()
		}
	})
	wait.Wait()
	if s := b.statsOf("GET", "/a"); tally(s) != [...]int64{2 * each, 0, 0, 200} {
		t.Errorf("/a: %+v", s)
	}
	if s := b.statsOf("GET", "/boom"); tally(s) != [...]int64{each, each, 0, 500} {
		t.Errorf("/boom: %+v", s)
	}
}

// BenchmarkCounting is what counting costs a request.
func BenchmarkCounting(b *testing.B) {
	l := newLoader(NewLiveState(nil), nil, "")
	d := newDevelopment(l, &process.Environment{})
	count := func(c *observe.Counter, o observe.Outcome) {
		w := observe.Watch{Begun: time.Now()}
		w.Enter(c)
		d.beat()
		route, _ := w.Finish()
		o.Duration = time.Since(w.Begun)
		route.Leave(o)
		d.beat()
	}
	o := observe.Outcome{Sample: observe.Sample{Generation: 1}, At: time.Now(), Status: 200, Timed: true}
	b.Run("one", func(b *testing.B) {
		c := &observe.Counter{}
		for b.Loop() {
			count(c, o)
		}
	})
	b.Run("parallel", func(b *testing.B) {
		c := &observe.Counter{}
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				count(c, o)
			}
		})
	})
}

// BenchmarkCountersOfManyRoutes is what an event or a status costs.
func BenchmarkCountersOfManyRoutes(b *testing.B) {
	s := NewLiveState(nil)
	g := &generation{}
	g.generation, g.counted = 1, counted{}
	for i := range 500 {
		c := &observe.Counter{Key: manifest.RouteKey{Method: "GET", Pattern: string(rune('a'+i%26)) + string(rune('a'+i/26))}}
		for n := range observe.RecentRequests {
			c.Leave(observe.Outcome{Sample: observe.Sample{Duration: time.Duration(n * 7919 % 1000), Generation: 1}, Timed: true})
		}
		g.counted[c.Key] = c
	}
	s.current.Store(g)
	for b.Loop() {
		if len(s.stats(false)) != 500 {
			b.Fatal("not all")
		}
	}
}
