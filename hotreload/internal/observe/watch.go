//go:build anvilhot

// Package observe follows requests in development: how many a route has answered, how
// long it took, which panicked, and which answers are streams.
package observe

import (
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/anvilforge/anvil-lsp/hotreload/internal/stack"

	"github.com/anvilforge/anvil-lsp/hotreload/internal/reply"
	"github.com/go-chi/chi/v5/middleware"
)

type watchKey struct{}

// Watch follows one request. Middleware such as http.TimeoutHandler runs
// handlers on another goroutine, and may return before they do.
type Watch struct {
	Begun  time.Time
	cancel context.CancelFunc // of the request's context

	mu    sync.Mutex   // guards what follows
	route *Counter     // of the route that was chosen; nil: none so far
	seen  *stack.Panic // the panic of the handler itself
	over  bool
}

// WatchOf returns the watch over a request; nil if there is none, as for
// requests that a handler makes up.
func WatchOf(r *http.Request) *Watch {
	watch, _ := r.Context().Value(watchKey{}).(*Watch)
	return watch
}

// Begin starts to watch a request and its answer.
func Begin(r *http.Request, w *reply.Response, s *Streams) *http.Request {
	watch := &Watch{Begun: time.Now()}
	var ctx context.Context
	ctx, watch.cancel = context.WithCancel(context.WithValue(r.Context(), watchKey{}, watch))
	w.Streams = func() { s.begin(watch) }
	w.Failing = watch.failing
	return r.WithContext(context.WithValue(ctx, middleware.LogEntryCtxKey, recovered{watch}))
}

// recovered is told by chi's middleware.Recoverer what it recovered from, unless
// middleware.RequestLogger or one like it is around it, which has an entry of
// its own.
type recovered struct{ watch *Watch }

func (recovered) Write(int, int, http.Header, time.Duration, any) {}

func (e recovered) Panic(v any, _ []byte) {
	e.watch.noted(stack.DescribePanic(v))
	middleware.PrintPrettyStack(v) // as it does without an entry
}

// failing is called when an answer with a 5xx begins, and reports whether a
// panic is the reason: that it comes from middleware which has just recovered
// from one.
func (w *Watch) failing() bool {
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

// Enter counts the request with a route, the first that it comes to.
func (w *Watch) Enter(c *Counter) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.over || w.route != nil {
		return false
	}
	w.route = c
	c.arrive()
	return true
}

func (w *Watch) noted(p stack.Panic) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.seen = &p
}

// Finish ends the watch and returns what it saw.
func (w *Watch) Finish() (*Counter, *stack.Panic) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.over = true
	return w.route, w.seen
}

// End ends the watch and returns what it saw.
func (w *Watch) End(s *Streams) (*Counter, *stack.Panic) {
	w.cancel() // as net/http does in a moment
	s.leave(w)
	return w.Finish()
}

// Witness sees a panic before middleware recovers from it, as most applications
// have it do, and lets it go on.
func Witness(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			v := recover()
			if v == nil {
				return
			}
			if watch := WatchOf(r); watch != nil && v != http.ErrAbortHandler {
				watch.noted(stack.DescribePanic(v))
			}
			panic(v)
		}()
		h.ServeHTTP(w, r)
	})
}
