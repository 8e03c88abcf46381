//go:build anvilhot

package hotreload

import (
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/anvilforge/anvil-lsp/hotreload/control"
	"github.com/anvilforge/anvil-lsp/hotreload/internal/process"
	"github.com/anvilforge/anvil-lsp/hotreload/internal/reply"
	"github.com/anvilforge/anvil-lsp/hotreload/internal/stack"
	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/hotreload/shared/regular"
	"github.com/go-chi/chi/v5/middleware"
)

// development is the developer of hot mode: panics become events and pages,
// requests are counted.
type development struct {
	loader  *loader
	from    source // what the program is made of
	dir     string // that it was started in
	sources regular.Sources
	pulse   pulse
	streams streams
}

func newDevelopment(l *loader, e *process.Environment) *development {
	return &development{loader: l, from: source{e.Handlers, e.HotPaths}, dir: e.Dir, sources: e.Sources}
}

type watchKey struct{}

// requestWatch follows one request. Middleware such as http.TimeoutHandler runs
// handlers on another goroutine, and may return before they do.
type requestWatch struct {
	begun  time.Time
	cancel context.CancelFunc // of the request's context

	mu    sync.Mutex    // guards what follows
	route *routeCounter // of the route that was chosen; nil: none so far
	seen  *stack.Panic  // the panic of the handler itself
	over  bool
}

// watchOf returns the watch over a request; nil if there is none, as for
// requests that a handler makes up.
func watchOf(r *http.Request) *requestWatch {
	watch, _ := r.Context().Value(watchKey{}).(*requestWatch)
	return watch
}

func (d *development) begin(r *http.Request, w *reply.Response) *http.Request {
	watch := &requestWatch{begun: time.Now()}
	var ctx context.Context
	ctx, watch.cancel = context.WithCancel(context.WithValue(r.Context(), watchKey{}, watch))
	w.Streams = func() { d.streams.begin(watch) }
	w.Failing = watch.failing
	return r.WithContext(context.WithValue(ctx, middleware.LogEntryCtxKey, recovered{watch}))
}

// recovered is told by chi's middleware.Recoverer what it recovered from, unless
// middleware.RequestLogger or one like it is around it, which has an entry of
// its own.
type recovered struct{ watch *requestWatch }

func (recovered) Write(int, int, http.Header, time.Duration, any) {}

func (e recovered) Panic(v any, _ []byte) {
	e.watch.saw(stack.DescribePanic(v))
	middleware.PrintPrettyStack(v) // as it does without an entry
}

// failing is called when an answer with a 5xx begins, and reports whether a
// panic is the reason: that it comes from middleware which has just recovered
// from one.
func (w *requestWatch) failing() bool {
	p, ok := stack.DescribeRecovered()
	if !ok {
		return false
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.seen == nil && !w.over {
		w.seen = &p
	}
	return true
}

// enter counts the request with a route, the first that it comes to.
func (w *requestWatch) enter(c *routeCounter) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.over || w.route != nil {
		return false
	}
	w.route = c
	c.arrive()
	return true
}

func (w *requestWatch) saw(p stack.Panic) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.seen = &p
}

// finish ends the watch and returns what it saw.
func (w *requestWatch) finish() (*routeCounter, *stack.Panic) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.over = true
	return w.route, w.seen
}

// witness sees a panic before middleware recovers from it, as most applications
// have it do, and lets it go on.
func (d *development) witness(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			v := recover()
			if v == nil {
				return
			}
			if watch := watchOf(r); watch != nil && v != http.ErrAbortHandler {
				watch.saw(stack.DescribePanic(v))
			}
			panic(v)
		}()
		h.ServeHTTP(w, r)
	})
}

func (d *development) end(r *http.Request, w *reply.Response, s *scope, v any) reply.Fault {
	watch := watchOf(r)
	watch.cancel() // as net/http does in a moment
	d.streams.leave(watch)
	route, seen := watch.finish()
	switch {
	case v == http.ErrAbortHandler, v == nil && handled(w): // no panic to speak of
		seen = nil
	case v != nil && seen == nil:
		p := stack.DescribePanic(v)
		seen = &p
	}
	now, request := time.Now(), ""
	var f reply.Fault
	var notable *control.RoutePanic
	if seen != nil {
		*seen = seen.WithLines(s.lines)
		request = r.Method + " " + r.URL.Redacted()
		f = d.report(seen, request, max(w.Status, http.StatusInternalServerError), s)
		notable = &control.RoutePanic{Time: now, Generation: s.generation, Message: seen.Message, Request: request, Position: seen.Position}
	}
	if route != nil {
		status := statusOf(w, v)
		route.leave(outcome{
			sample: sample{now.Sub(watch.begun), s.generation}, at: now, path: pathOf(r), status: status,
			failed: status >= 500 || seen != nil, timed: !w.Hijacked, panicked: notable,
		})
		d.beat()
	}
	return f
}

// report makes a panic an event, and returns the answer that shows it, with a
// status.
func (d *development) report(p *stack.Panic, request string, status int, s *scope) reply.Fault {
	diagnostic := manifest.Diagnose(manifest.CodeHandlerPanic, p.Position, "panic: %s (%s)", p.Message, request)
	diagnostic.Detail = "panic: " + p.Message + "\n" + request + "\n\n" + p.Stack
	diagnostic.Frames, diagnostic.Request = p.Frames, request
	// Whoever reads the events shows the panic with its place and stack; a line of
	// the log beside it would say the same once more.
	if d.loader.publish(control.LivePanic, s.generation, &diagnostic) == 0 {
		s.log().Error("hotreload: a handler panicked", "panic", p.Message, "request", request, "at", p.Position.String(), "generation", s.generation)
	}
	return reply.Fault{
		Status: status, Title: "panic: " + p.Message, Detail: request,
		Position: p.Position, Stack: p.Stack, Frames: p.Frames, Generation: s.generation, Made: s.made,
	}
}

// statusOf returns the status that a request which ended with the panic v is, or
// is about to be, answered with; 0 if there is no answer.
func statusOf(w *reply.Response, v any) int {
	switch {
	case w.Hijacked:
		return http.StatusSwitchingProtocols
	case w.Status != 0:
		return w.Status
	case v == http.ErrAbortHandler:
		return 0
	case v != nil:
		return http.StatusInternalServerError
	}
	return http.StatusOK // which net/http sends for a handler that says nothing
}

// handled reports whether middleware turned a panic into an answer that is no
// server error. Some applications use panics for that, and mean it.
func handled(w *reply.Response) bool {
	return !w.Hijacked && w.Status >= 200 && w.Status < 500
}
