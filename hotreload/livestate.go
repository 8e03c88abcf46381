package hotreload

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"reflect"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/anvilforge/anvil-lsp/hotreload/internal/reply"
	"github.com/anvilforge/anvil-lsp/hotreload/internal/stack"
	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
)

// LiveState is the Container and the routes that are live. It is the http.Handler of
// the application: the generation that is live when a request arrives answers it to
// its end.
//
// [LiveServer] has one of its own. In a test it stands for the server.
//
// It is safe for concurrent use. Besides the router, a request costs one atomic load
// and two atomic additions.
type LiveState struct {
	container *Container
	base      context.Context // parent of the generations' contexts
	logger    *slog.Logger
	dev       developer // nil outside hot mode
	live      *liveHook // of LiveServer

	current atomic.Pointer[generation]

	mu      sync.Mutex // held while a generation goes live
	indexes []*index   // those with entries of the live generation
	closed  bool

	active sync.WaitGroup // generations that are live or still answer
}

// NewLiveState returns a LiveState without routes. Requests are answered with 503
// until the first generation is live.
func NewLiveState(c *Container) *LiveState {
	if c == nil {
		c = NewContainer()
	}
	return &LiveState{container: c, base: context.Background(), logger: slog.Default()}
}

// Container returns the Container.
func (s *LiveState) Container() *Container { return s.container }

// Manifest describes the live generation; nil while there is none. The result
// is shared and must not be changed.
func (s *LiveState) Manifest() *RegistrationManifest {
	if g := s.current.Load(); g != nil {
		return g.manifest
	}
	return nil
}

// Register runs a register function and makes what it registers the next generation.
// If anything is wrong the routes stay as they are, and the error is a
// [*RegistrationError]. A panic of register reaches the caller.
func (s *LiveState) Register(register func(*RouteSink)) error {
	if register == nil {
		return errors.New("hotreload: the register function is nil")
	}
	g := s.newGeneration(s.next(), "")
	done := false
	defer func() {
		if !done {
			g.abandon()
		}
	}()
	root := g.sink()
	register(root)
	if faults := g.prepare(root, linked(register)); len(faults) > 0 {
		return &RegistrationError{faults}
	}
	done = s.goLive(g)
	if !done {
		return errClosed
	}
	return nil
}

// linked is the source of handlers that are linked into the executable.
func linked(register func(*RouteSink)) source {
	return source{handlers: stack.FunctionPackage(reflect.ValueOf(register))}
}

// errClosed reports that the server is shutting down.
var errClosed = errors.New("hotreload: the server is shutting down")

func (s *LiveState) next() int {
	if g := s.current.Load(); g != nil {
		return g.generation + 1
	}
	return 1
}

// RegistrationError reports everything that keeps a generation from going live.
type RegistrationError struct {
	Diagnostics []manifest.Diagnostic // sorted by position
}

// Error lists the diagnostics, one a line, each with file and line.
func (e *RegistrationError) Error() string {
	var b strings.Builder
	b.WriteString("registration failed:")
	for _, d := range e.Diagnostics {
		b.WriteString("\n\t" + d.String())
	}
	return b.String()
}

// goLive makes a prepared generation the live one. It fails if the server is
// shutting down.
func (s *LiveState) goLive(g *generation) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || !g.reg.enter(live) {
		return false
	}
	_, g.notes = g.reg.diagnostics()
	manifest.SortDiagnostics(g.notes)
	g.users.Store(1)
	s.active.Add(1)
	s.container.commitStates(g.reg)
	var now []*index
	for _, draft := range g.reg.indexes {
		draft.commit(g.generation)
		now = append(now, draft.index)
	}
	for _, before := range s.indexes {
		if !slices.Contains(now, before) {
			before.clear(g.generation)
		}
	}
	s.indexes = now
	old := s.current.Swap(g)
	if g.swapped != nil {
		g.swapped()
	}
	if old != nil {
		old.retire()
	}
	return true
}

// retire ends being live.
func (g *generation) retire() {
	g.reg.enter(retired)
	g.release()
}

// close retires the live generation for good: no other follows, and requests
// from now on are answered with 503.
func (s *LiveState) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	if old := s.current.Swap(nil); old != nil {
		old.retire()
	}
}

// drain waits until every generation has answered its last request, or ctx
// ends.
func (s *LiveState) drain(ctx context.Context) {
	drained := make(chan struct{})
	go func() {
		defer close(drained)
		s.active.Wait()
	}()
	select {
	case <-drained:
	case <-ctx.Done():
	}
}

// ServeHTTP answers a request on the live generation.
//
// A panic of a handler is logged and answered with 500; if the answer has begun
// by then the connection is cut, so that the client does not take half an answer
// for a whole one. http.ErrAbortHandler is passed on.
func (s *LiveState) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if s.dev != nil && s.dev.polled(w, r) {
		return
	}
	g := s.current.Load()
	for g != nil && !g.acquire() {
		g = s.current.Load()
	}
	if g == nil {
		w.Header().Set("Retry-After", "1")
		http.Error(w, "no generation is live", http.StatusServiceUnavailable)
		return
	}
	defer g.release()
	watched, answer := reply.Watch(w)
	if s.dev != nil {
		r = s.dev.begin(r, answer)
	}
	defer func() {
		v := recover()
		if v == nil && s.dev == nil {
			return
		}
		s.finish(watched, answer, r, g, v)
	}()
	g.handler.ServeHTTP(watched, r)
}

// finish ends a request that panicked with v, or in hot mode any. It runs inside
// the deferred call that recovered.
func (s *LiveState) finish(w http.ResponseWriter, answer *reply.Response, r *http.Request, g *generation, v any) {
	f := reply.Fault{Status: http.StatusInternalServerError, Title: http.StatusText(http.StatusInternalServerError)}
	if s.dev != nil {
		f = s.dev.end(r, answer, &g.scope, v)
	} else if v != http.ErrAbortHandler {
		s.logger.Error("hotreload: a handler panicked", "panic", v, "method", r.Method, "url", r.URL.Redacted(),
			"stack", string(debug.Stack()))
	}
	switch {
	case v == nil && f.Status != 0 && reply.Preferred(r) == "html" && answer.Withdraw():
		// Middleware recovered, and has nothing to show to a person.
		s.dev.answer(w, r, f)
	case v == nil:
		answer.Release()
	case v == http.ErrAbortHandler:
		panic(v)
	case answer.Begun():
		panic(http.ErrAbortHandler)
	case s.dev != nil:
		s.dev.answer(w, r, f)
	default:
		reply.WriteText(w, f)
	}
}
