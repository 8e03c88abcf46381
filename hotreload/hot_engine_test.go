//go:build anvilhot

package hotreload

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/anvilforge/anvil-lsp/hotreload/control"
	"github.com/anvilforge/anvil-lsp/hotreload/control/transport"
	"github.com/anvilforge/anvil-lsp/hotreload/internal/process"
	"github.com/anvilforge/anvil-lsp/hotreload/shared/nettest"
)

// fakeEngine is the other end of what a live server inherits.
type fakeEngine struct {
	*transport.Client
	url   string
	alive *os.File
	ended chan error // what LiveServer returned
}

// startUnder runs LiveServer under an engine of the test's.
func startUnder(t *testing.T, ctx context.Context, o Options, env *process.Environment) *fakeEngine {
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
	env.Hot, env.Gone = true, process.UntilGone(alive)
	env.Generation = max(env.Generation, 1)
	if env.Listen, err = tcp.(*net.TCPListener).File(); err != nil {
		t.Fatal(err)
	}
	if env.Control, err = unix.File(); err != nil {
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
	}}, &process.Environment{Generation: 3, Handlers: "example.com/app/handlers", HotPaths: []string{"example.com/app/handlers"}})
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
	}}, &process.Environment{})
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
	e := startUnder(t, t.Context(), Options{Register: func(r *RouteSink) { r.Get("no slash", ctxHandler) }}, &process.Environment{})
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
	e := startUnder(t, ctx, Options{Register: func(r *RouteSink) { r.Get("/", ctxHandler) }}, &process.Environment{})
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
	for name, env := range map[string]*process.Environment{
		"none":        {Control: file()},
		"not sockets": {Listen: file(), Control: file()},
		"bad values":  {Listen: file(), Control: file(), Err: errors.New("ANVIL_LISTEN_FD=x is not a number")},
	} {
		o := Options{}.withDefaults()
		err := serveEngine(t.Context(), o, NewLiveState(nil), env)
		if err == nil || !strings.Contains(err.Error(), "what the engine handed over is unusable") || !strings.Contains(err.Error(), map[string]string{
			"none": "no descriptor", "not sockets": "socket", "bad values": "ANVIL_LISTEN_FD=x"}[name]) {
			t.Errorf("%s: got %v", name, err)
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
	}}, &process.Environment{})
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
	}}, &process.Environment{})
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
	}}, &process.Environment{})
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

// TestListenersUnderAnEngine: they are served beside the engine's socket, and not
// accepted on any more once the engine has asked for the end, while what is under
// way goes on.
func TestListenersUnderAnEngine(t *testing.T) {
	plain, secure := mustListen(t, "tcp", nettest.Reserve(t)), mustListen(t, "tcp", nettest.Reserve(t))
	started, finish := make(chan struct{}), make(chan struct{})
	e := startUnder(t, t.Context(), Options{
		Listeners: []net.Listener{plain, tls.NewListener(secure, certified(t, "h2", "http/1.1"))},
		TLSConfig: &tls.Config{}, // of production
		Register: func(r *RouteSink) {
			secured(r)
			r.Get("/slow", func(c *Ctx) error {
				close(started)
				<-finish
				return c.Text(0, "slow")
			})
		},
	}, &process.Environment{})
	e.status(t, ready)
	if got := get(t, e.url); got != "200 TLS false" {
		t.Errorf("the engine's: %q", got)
	}
	if got := over(t, "http://"+plain.Addr().String(), nil); got != "200 HTTP/1.1 TLS false" {
		t.Errorf("plain: %q", got)
	}
	if got := over(t, "https://"+secure.Addr().String(), nil); got != "200 HTTP/2.0 TLS true" {
		t.Errorf("with TLS: %q", got)
	}
	answer := make(chan string, 1)
	go func() { answer <- over(t, "https://"+secure.Addr().String()+"/slow", nil) }()
	<-started
	if err := e.Post(t.Context(), control.PathDrain, struct{}{}, nil); err != nil {
		t.Fatal(err)
	}
	for _, l := range []net.Listener{plain, secure} {
		var d net.Dialer
		c, err := d.DialContext(context.WithoutCancel(t.Context()), "tcp", l.Addr().String())
		if !errors.Is(err, syscall.ECONNREFUSED) {
			t.Errorf("%s still accepts: %v, %v", l.Addr(), c, err)
		}
	}
	close(finish)
	if got := <-answer; got != "200 HTTP/2.0 slow" {
		t.Errorf("the slow request got %q", got)
	}
	if err := receive(t, e.ended); err != nil {
		t.Errorf("it ended with %v", err)
	}
}
