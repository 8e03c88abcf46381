//go:build anvilhot

package hotreload

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/anvilforge/anvil-lsp/hotreload/control"
	"github.com/anvilforge/anvil-lsp/hotreload/control/transport"
)

// fakeEngine is the other end of what a live server inherits.
type fakeEngine struct {
	*transport.Client
	url   string
	alive *os.File
	ended chan error // what LiveServer returned
}

// startUnder runs LiveServer under an engine of the test's.
func startUnder(t *testing.T, ctx context.Context, o Options, env *environment) *fakeEngine {
	t.Helper()
	dir := t.TempDir()
	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	unix, err := transport.ListenUnix(filepath.Join(dir, "s"))
	if err != nil {
		t.Fatal(err)
	}
	alive, other, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	env.hot, env.gone = true, untilGone(alive)
	env.generation = max(env.generation, 1)
	if env.listen, err = tcp.(*net.TCPListener).File(); err != nil {
		t.Fatal(err)
	}
	if env.control, err = unix.File(); err != nil {
		t.Fatal(err)
	}
	e := &fakeEngine{Client: transport.NewClient(filepath.Join(dir, "s")), url: "http://" + tcp.Addr().String(), alive: other, ended: make(chan error, 1)}
	o.Logger = textLogger(t.Output())
	go func() {
		e.ended <- runServer(ctx, o, func(ctx context.Context, o Options, s *LiveState) error { return serveEngine(ctx, o, s, env) })
	}()
	t.Cleanup(func() {
		e.Close()
		for _, c := range []interface{ Close() error }{tcp, unix, other} {
			_ = c.Close()
		}
	})
	return e
}

// status asks until the answer is as the test wants it.
func (e *fakeEngine) status(t *testing.T, done func(control.LiveStatus) bool) control.LiveStatus {
	t.Helper()
	for {
		var s control.LiveStatus
		if err := e.Get(t.Context(), control.PathStatus, &s); err != nil {
			t.Fatal(err)
		}
		if done(s) {
			return s
		}
	}
}

func ready(s control.LiveStatus) bool { return s.Ready }

func TestUnderAnEngine(t *testing.T) {
	c := NewContainer()
	closed := false
	c.OnClose("pool", func(context.Context) error { closed = true; return nil })
	var generation context.Context
	e := startUnder(t, t.Context(), Options{Container: c, Register: func(r *RouteSink) {
		generation = r.Context()
		r.Get("/", text("linked"))
	}}, &environment{generation: 3, source: source{handlers: "example.com/app/handlers", hot: []string{"example.com/app/handlers"}}})
	status := e.status(t, ready)
	if status.Generation != 3 || status.Manifest.Handlers != "example.com/app/handlers" || len(status.Manifest.Hot) != 1 {
		t.Errorf("status %+v", status)
	}
	if got := get(t, e.url); got != "200 linked" {
		t.Errorf("got %q", got)
	}
	var result control.LoadResult
	missing := control.LoadRequest{Generation: 4, Plugin: filepath.Join(t.TempDir(), "missing.so")}
	if err := e.Post(t.Context(), control.PathLoad, missing, &result); err != nil || result.Outcome != control.OutcomeUnloadable || result.Generation != 3 {
		t.Errorf("load: %+v, %v", result, err)
	}
	err := e.Post(t.Context(), control.PathLoad, missing, &result)
	if p, ok := errors.AsType[*control.Problem](err); !ok || p.Status != http.StatusConflict {
		t.Errorf("the same load: %v", err)
	}
	if err := e.Post(t.Context(), control.PathRollback, control.RollbackRequest{}, &result); err == nil || !strings.Contains(err.Error(), "there are: 3") {
		t.Errorf("rollback: %v", err)
	}
	if err := e.Post(t.Context(), control.PathRollback, control.RollbackRequest{Generation: 3}, &result); err != nil || result.Outcome != control.OutcomeLive {
		t.Errorf("rollback to the live one: %+v, %v", result, err)
	}
	if err := e.Post(t.Context(), control.PathLoad, "no object", &result); err == nil {
		t.Error("a load request that is a string is taken")
	}
	if err := e.Post(t.Context(), control.PathDrain, struct{}{}, nil); err != nil {
		t.Errorf("drain: %v", err)
	}
	if err := receive(t, e.ended); err != nil || !closed || generation.Err() == nil {
		t.Errorf("LiveServer returned %v, closed %v, context %v", err, closed, generation.Err())
	}
}

func TestEventsUnderAnEngine(t *testing.T) {
	release := make(chan struct{})
	e := startUnder(t, t.Context(), Options{Register: func(r *RouteSink) {
		<-release
		r.Get("/", func(http.ResponseWriter, *http.Request) { panic("oops") })
	}}, &environment{})
	// The engine is answered while the first generation registers.
	if s := e.status(t, func(control.LiveStatus) bool { return true }); s.Ready || s.Diagnostics != nil {
		t.Errorf("status %+v", s)
	}
	close(release)
	e.status(t, ready)
	panics := make(chan control.LiveEvent, 1)
	go func() {
		for event, err := range transport.Events[control.LiveEvent](t.Context(), e.Client, control.PathEvents) {
			if err != nil {
				return
			}
			if event.Kind == control.LivePanic {
				select {
				case panics <- event:
				default:
				}
			}
		}
	}()
	// The stream may open later than the first requests come.
	var event control.LiveEvent
	for event.Kind == "" {
		if got := get(t, e.url); !strings.HasPrefix(got, "500") {
			t.Fatalf("got %q", got)
		}
		select {
		case event = <-panics:
		default:
		}
	}
	if event.Diagnostic == nil || !strings.Contains(event.Diagnostic.Message, "oops") || event.Generation != 1 || event.Time.IsZero() {
		t.Errorf("event %+v", event)
	}
	if err := e.alive.Close(); err != nil { // the engine is killed
		t.Fatal(err)
	}
	if err := receive(t, e.ended); err != nil {
		t.Errorf("LiveServer returned %v", err)
	}
}

func TestFirstGenerationThatFailsWaitsForTheEngine(t *testing.T) {
	e := startUnder(t, t.Context(), Options{Register: func(r *RouteSink) { r.Get("no slash", ctxHandler) }}, &environment{})
	status := e.status(t, func(s control.LiveStatus) bool { return s.Diagnostics != nil })
	if status.Ready || len(status.Diagnostics) != 1 || !strings.HasSuffix(status.Diagnostics[0].File, "hot_engine_test.go") {
		t.Errorf("status %+v", status)
	}
	if !slices.Equal(status.Generations, []control.GenerationStatus{}) {
		t.Errorf("generations %v", status.Generations)
	}
	if err := e.Post(t.Context(), control.PathDrain, struct{}{}, nil); err != nil {
		t.Errorf("drain: %v", err)
	}
	if err := receive(t, e.ended); err != nil {
		t.Errorf("LiveServer returned %v", err)
	}
}

func TestContextEndsTheLiveServer(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	e := startUnder(t, ctx, Options{Register: func(r *RouteSink) { r.Get("/", ctxHandler) }}, &environment{})
	e.status(t, ready)
	cancel()
	if err := receive(t, e.ended); err != nil {
		t.Errorf("LiveServer returned %v", err)
	}
}

func TestUnusableDescriptors(t *testing.T) {
	file := func() *os.File {
		f, err := os.Open(os.DevNull)
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	for name, env := range map[string]*environment{
		"none":        {control: file()},
		"not sockets": {listen: file(), control: file()},
		"bad values":  {listen: file(), control: file(), err: errors.New("ANVIL_LISTEN_FD=x is not a number")},
	} {
		o := Options{}.withDefaults()
		err := serveEngine(t.Context(), o, NewLiveState(nil), env)
		if err == nil || !strings.Contains(err.Error(), "what the engine handed over is unusable") || !strings.Contains(err.Error(), map[string]string{
			"none": "no descriptor", "not sockets": "socket", "bad values": "ANVIL_LISTEN_FD=x"}[name]) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestTakeEnvironment(t *testing.T) {
	for _, name := range []string{control.EnvListenFD, control.EnvControlFD, control.EnvAliveFD} {
		t.Setenv(name, "")
	}
	t.Setenv(control.EnvHot, "0")
	t.Setenv(control.EnvPlugin, "p.so")
	if e := takeEnvironment(); e.hot || e.plugin != "" || os.Getenv(control.EnvPlugin) != "p.so" {
		t.Errorf("not hot: %+v", e)
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	t.Setenv(control.EnvHot, "1")
	t.Setenv(control.EnvGeneration, "5")
	t.Setenv(control.EnvHandlers, "example.com/h")
	t.Setenv(control.EnvHotPaths, "example.com/h,example.com/h/views")
	t.Setenv(control.EnvDir, "/shop")
	t.Setenv(control.EnvSources, "/src/app:/src/lib")
	t.Setenv(control.EnvListenFD, "-1")
	e := takeEnvironment()
	if !e.hot || e.dir != "/shop" || e.generation != 5 || e.plugin != "p.so" || e.source.handlers != "example.com/h" || len(e.source.hot) != 2 || len(e.sources) != 2 || e.control != nil {
		t.Errorf("hot: %+v", e)
	}
	if e.err == nil || !strings.Contains(e.err.Error(), `ANVIL_LISTEN_FD="-1" is not a number`) {
		t.Errorf("bad descriptor: %v", e.err)
	}
	for _, name := range []string{control.EnvHot, control.EnvPlugin, control.EnvDir, control.EnvHotPaths, control.EnvSources} {
		if _, ok := os.LookupEnv(name); ok {
			t.Errorf("%s is still set", name)
		}
	}
}

// TestStreamsEndWithTheProcess: a stream of events would go on until it is cut
// off. Other requests have their time.
func TestStreamsEndWithTheProcess(t *testing.T) {
	started, release := make(chan context.Context), make(chan struct{})
	e := startUnder(t, t.Context(), Options{ShutdownTimeout: time.Hour, Register: func(r *RouteSink) {
		r.Get("/events", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
			_, _ = io.WriteString(w, "data: hello\n\n")
			_ = http.NewResponseController(w).Flush()
			started <- r.Context()
			<-r.Context().Done()
		})
		r.Get("/slow", func(w http.ResponseWriter, r *http.Request) {
			started <- r.Context()
			<-release
			_, _ = io.WriteString(w, "slow")
		})
	}}, &environment{})
	e.status(t, ready)
	answers := make(chan string)
	go func() { answers <- get(t, e.url+"/slow") }()
	slow := receive(t, started)
	events := make(chan string)
	go func() { events <- get(t, e.url+"/events") }()
	stream := receive(t, started)
	if stream.Err() != nil {
		t.Errorf("the stream was cut off: %v", stream.Err())
	}
	if err := e.Post(t.Context(), control.PathDrain, struct{}{}, nil); err != nil {
		t.Errorf("drain: %v", err)
	}
	if got := receive(t, events); got != "200 data: hello" {
		t.Errorf("stream: %q", got)
	}
	if slow.Err() != nil {
		t.Errorf("a request that is no stream: %v", slow.Err())
	}
	close(release)
	if got := receive(t, answers); got != "200 slow" {
		t.Errorf("a request that is no stream: %q", got)
	}
	if err := receive(t, e.ended); err != nil {
		t.Errorf("LiveServer returned %v", err)
	}
}

// TestRequestsHaveTheTimeThatTheEngineGives: whoever ends the engine does not wait
// for the application's own, longer time.
func TestRequestsHaveTheTimeThatTheEngineGives(t *testing.T) {
	started := make(chan struct{})
	closed := false
	c := NewContainer()
	c.OnClose("pool", func(context.Context) error { closed = true; return nil })
	e := startUnder(t, t.Context(), Options{Container: c, ShutdownTimeout: time.Hour, Register: func(r *RouteSink) {
		r.Get("/slow", func(_ http.ResponseWriter, r *http.Request) {
			started <- struct{}{}
			<-r.Context().Done()
		})
	}}, &environment{})
	e.status(t, ready)
	cut := make(chan error)
	go func() {
		resp, err := http.Get(e.url + "/slow")
		if err == nil {
			err = resp.Body.Close()
		}
		cut <- err
	}()
	receive(t, started)
	if err := e.Post(t.Context(), control.PathDrain, control.DrainRequest{Within: control.Duration(time.Millisecond)}, nil); err != nil {
		t.Errorf("drain: %v", err)
	}
	if err := receive(t, cut); err == nil {
		t.Error("the request was answered")
	}
	if err := receive(t, e.ended); err == nil || !strings.Contains(err.Error(), "still running after 1ms were cut off") || !closed {
		t.Errorf("LiveServer returned %v, closed %v", err, closed)
	}
}

// TestPanicBeforeTheEngineListens: the first request may come before the engine
// reads events.
func TestPanicBeforeTheEngineListens(t *testing.T) {
	e := startUnder(t, t.Context(), Options{Register: func(r *RouteSink) {
		r.Get("/", func(http.ResponseWriter, *http.Request) { panic("early") })
	}}, &environment{})
	e.status(t, ready)
	resp, err := http.Get(e.url)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	for ev, err := range transport.Events[control.LiveEvent](t.Context(), e.Client, control.PathEvents) {
		if err != nil {
			t.Fatal(err)
		}
		if ev.Kind == control.LivePanic {
			if !strings.Contains(ev.Diagnostic.Message, "early") {
				t.Errorf("the panic is %+v", ev.Diagnostic)
			}
			break
		}
	}
	if err := e.Post(t.Context(), control.PathDrain, struct{}{}, nil); err != nil {
		t.Errorf("drain: %v", err)
	}
	if err := receive(t, e.ended); err != nil {
		t.Errorf("LiveServer returned %v", err)
	}
}
