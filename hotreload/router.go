package hotreload

import (
	"context"
	"log/slog"
	"net/http"
	"slices"
	"time"

	"github.com/anvilforge/anvil-lsp/hotreload/internal/reply"
	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/hotreload/manifest/rules"
	"github.com/go-chi/chi/v5"
)

// scope is what the handlers of one generation share.
type scope struct {
	container  *Container
	generation int
	made       time.Time // of the file that holds the code; zero: not known
	lines      manifest.Lines
	logger     *slog.Logger
	onError    func(http.ResponseWriter, *http.Request, error)
	notFound   http.Handler
	notAllowed http.Handler // nil: chi's, which sets Allow
	dev        developer    // nil outside hot mode
	counted    counted      // counters of the routes, in hot mode
}

// developer is what hot mode adds to serving.
type developer interface {
	// polled answers a request of a page that an earlier answer was, and reports
	// whether it was one.
	polled(w http.ResponseWriter, r *http.Request) bool
	// begin starts to watch a request and its answer.
	begin(r *http.Request, w *reply.Response) *http.Request
	// witness reports the panics of a handler, even those that middleware
	// recovers from, to the watch that begin started.
	witness(h http.Handler) http.Handler
	// count returns the middleware that counts the requests of a route. It goes in
	// front of the route's other middleware, which may answer instead of the
	// handler.
	count(s *scope, e *RouteEntry) func(http.Handler) http.Handler
	// end reports what the watch saw. If v is not nil the request panicked with
	// it, unless it is http.ErrAbortHandler. The result is the answer to give to a
	// request that panicked; its status is 0 if none is known to have done so.
	end(r *http.Request, w *reply.Response, s *scope, v any) reply.Fault
	// answer writes an answer that shows everything.
	answer(w http.ResponseWriter, r *http.Request, f reply.Fault)
}

// routeSet is what a router is made from.
type routeSet struct {
	entries    []RouteEntry
	middleware []func(http.Handler) http.Handler // before routing
}

// check returns everything that would keep the routes from being served together.
func (rs *routeSet) check() []manifest.Diagnostic {
	routes := make([]rules.Route, len(rs.entries))
	for i := range rs.entries {
		e := &rs.entries[i]
		routes[i] = rules.Route{Slot: e.slot(), Call: e.Position(), PatternAt: e.Position()}
	}
	return rules.Check(routes)
}

// build returns the router for routes that were checked.
func (rs *routeSet) build(s *scope) http.Handler {
	mux := chi.NewMux()
	mux.Use(rs.middleware...)
	mux.NotFound(s.serveNotFound)
	if s.notAllowed != nil {
		mux.MethodNotAllowed(s.serveNotAllowed)
	}
	entries := slices.Clone(rs.entries)
	slices.SortStableFunc(entries, func(a, b RouteEntry) int { return a.slot().Rank() - b.slot().Rank() })
	for _, e := range entries {
		h := e.Handler.handler(s)
		if s.dev != nil && !e.Mount {
			h = s.dev.witness(h)
		}
		var router chi.Router = mux
		chain := e.chain(s)
		if s.dev != nil {
			chain = slices.Insert(chain, 0, s.dev.count(s, &e))
		}
		if len(chain) > 0 {
			router = mux.With(chain...)
		}
		rules.Insert(router, e.slot(), h)
	}
	return mux
}

// chain returns the middleware of an entry, outermost first.
func (e *RouteEntry) chain(s *scope) []func(http.Handler) http.Handler {
	var chain []func(http.Handler) http.Handler
	if e.sink != nil {
		chain = e.sink.inline()
	}
	chain = slices.Concat(chain, e.Middleware)
	if e.Mount {
		chain = append(chain, s.bind)
	}
	return chain
}

type scopeKey struct{}

// bind tells what is mounted which generation the request runs on. A mounted
// chi router takes over the NotFound of the first router that it is mounted
// on, and if it belongs to the host half it is mounted again by each
// generation.
func (s *scope) bind(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), scopeKey{}, s)))
	})
}

func (s *scope) bound(r *http.Request) *scope {
	if at, ok := r.Context().Value(scopeKey{}).(*scope); ok {
		return at
	}
	return s
}

func (s *scope) serveNotFound(w http.ResponseWriter, r *http.Request) {
	if at := s.bound(r); at.notFound != nil {
		at.notFound.ServeHTTP(w, r)
		return
	}
	http.NotFound(w, r)
}

func (s *scope) serveNotAllowed(w http.ResponseWriter, r *http.Request) {
	if at := s.bound(r); at.notAllowed != nil {
		at.notAllowed.ServeHTTP(w, r)
		return
	}
	w.WriteHeader(http.StatusMethodNotAllowed)
}
