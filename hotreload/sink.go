package hotreload

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/hotreload/manifest/rules"
)

// RouteSink collects what one generation registers. The package documentation
// tells what patterns and handlers there are. Nothing is served until the register
// function has returned and everything is checked, so a mistake does not panic: it
// becomes a diagnostic at the line that made it, and all of them are reported
// together.
//
// A sink is safe for concurrent use. After registration Container, Context and
// Generation still work; whatever registers something has no effect and is logged.
type RouteSink struct {
	reg    *registration
	parent *RouteSink // nil for the generation's own sink
	prefix string     // of this group and those around it
	// middleware is guarded by reg.mu.
	middleware []func(http.Handler) http.Handler
}

// Route registers a handler for a method, or for all of them with "*".
//
// A route for one method takes precedence over one for every method, in whatever
// order they are registered. To register the same method and pattern twice is a
// mistake, even if the parameters have other names.
func (s *RouteSink) Route(method, pattern string, handler any) { s.add(method, pattern, handler) }

// Get registers a handler for GET.
func (s *RouteSink) Get(pattern string, handler any) { s.add(http.MethodGet, pattern, handler) }

// Head registers a handler for HEAD. As with chi, GET does not imply it.
func (s *RouteSink) Head(pattern string, handler any) { s.add(http.MethodHead, pattern, handler) }

// Post registers a handler for POST.
func (s *RouteSink) Post(pattern string, handler any) { s.add(http.MethodPost, pattern, handler) }

// Put registers a handler for PUT.
func (s *RouteSink) Put(pattern string, handler any) { s.add(http.MethodPut, pattern, handler) }

// Patch registers a handler for PATCH.
func (s *RouteSink) Patch(pattern string, handler any) { s.add(http.MethodPatch, pattern, handler) }

// Delete registers a handler for DELETE.
func (s *RouteSink) Delete(pattern string, handler any) { s.add(http.MethodDelete, pattern, handler) }

// Options registers a handler for OPTIONS.
func (s *RouteSink) Options(pattern string, handler any) { s.add(http.MethodOptions, pattern, handler) }

// Connect registers a handler for CONNECT.
func (s *RouteSink) Connect(pattern string, handler any) { s.add(http.MethodConnect, pattern, handler) }

// Trace registers a handler for TRACE.
func (s *RouteSink) Trace(pattern string, handler any) { s.add(http.MethodTrace, pattern, handler) }

// Handle registers a handler for every method or, as with chi and net/http, for
// the one that the pattern begins with: "GET /posts".
func (s *RouteSink) Handle(pattern string, handler any) {
	method, pattern := rules.SplitMethod(pattern)
	s.add(method, pattern, handler)
}

func (s *RouteSink) add(method, pattern string, handler any) {
	at := s.reg.callerPosition()
	box, err := Box(handler)
	s.reg.edit(strings.ToUpper(method)+" "+pattern, at, func() {
		if err != nil {
			s.reg.fault(manifest.CodeHandlerKind, at, "%s %s: %v", strings.ToUpper(method), pattern, err)
			return
		}
		joined, slash := rules.Join(s.prefix, pattern)
		s.reg.entries = append(s.reg.entries, RouteEntry{
			Method: strings.ToUpper(method), Pattern: joined, Handler: box,
			File: at.File, Line: at.Line, sink: s, slash: slash,
		})
	})
}

// Use adds middleware, the first outermost.
//
// On the generation's own sink it runs for every request and before routing,
// as with chi; in a group or after With it runs for the routes registered
// there. Unlike with chi the order of Use and the routes does not matter:
// middleware also applies to routes registered before it.
func (s *RouteSink) Use(mw ...func(http.Handler) http.Handler) {
	at := s.reg.callerPosition()
	s.reg.edit("Use", at, func() { s.middleware = append(s.middleware, s.known("Use", at, mw)...) })
}

// known returns mw without nil values, which it reports. The registration is
// locked.
func (s *RouteSink) known(
	call string, at manifest.Position, mw []func(http.Handler) http.Handler,
) (valid []func(http.Handler) http.Handler) {
	for i, m := range mw {
		if m == nil {
			s.reg.fault(manifest.CodeRegistration, at, "%s: middleware %d of %d is nil", call, i+1, len(mw))
			continue
		}
		valid = append(valid, m)
	}
	return valid
}

// With returns a sink whose routes run through mw as well.
func (s *RouteSink) With(mw ...func(http.Handler) http.Handler) *RouteSink {
	at := s.reg.callerPosition()
	inline := &RouteSink{reg: s.reg, parent: s, prefix: s.prefix}
	s.reg.edit("With", at, func() { inline.middleware = s.known("With", at, mw) })
	return inline
}

// Group calls fn with a sink whose patterns are below prefix and whose
// middleware is its own. The prefix may be empty.
//
// The root of a group answers with and without a trailing slash, as with chi's
// Route: in Group("/posts", ...), Get("/", h) answers /posts and /posts/, and
// Get("", h) answers /posts only.
func (s *RouteSink) Group(prefix string, fn func(r *RouteSink)) {
	at := s.reg.callerPosition()
	group := &RouteSink{reg: s.reg, parent: s, prefix: s.prefix + strings.TrimRight(prefix, "/")}
	s.reg.edit("Group "+prefix, at, func() {
		if fault := rules.CheckPrefix(prefix); fault != "" {
			s.reg.fault(manifest.CodeRoute, at, "%s", fault)
		}
	})
	if fn != nil {
		fn(group)
	}
}

// Mount lets an existing application answer for pattern and everything below it.
//
// As with chi, a chi router sees the path below the pattern, and uses this
// generation's NotFound if it has none of its own. Any other http.Handler sees
// the whole path: wrap it in http.StripPrefix if it expects less. Routes of
// this sink at the same paths take precedence.
func (s *RouteSink) Mount(pattern string, h http.Handler) {
	at := s.reg.callerPosition()
	box, err := Box(h)
	s.reg.edit("Mount "+pattern, at, func() {
		if err != nil {
			s.reg.fault(manifest.CodeHandlerKind, at, "Mount %s: %v", pattern, err)
			return
		}
		joined, _ := rules.Join(s.prefix, pattern)
		s.reg.entries = append(s.reg.entries, RouteEntry{
			Method: manifest.AnyMethod, Pattern: joined, Handler: box, Mount: true,
			File: at.File, Line: at.Line, sink: s,
		})
	})
}

// NotFound sets what answers where no route matches. A generation has one, in
// whatever group it is set; the middleware of that group runs for it.
func (s *RouteSink) NotFound(handler any) {
	s.fallback("NotFound", handler, s.reg.callerPosition(), &s.reg.notFound)
}

// MethodNotAllowed sets what answers where a route matches the path but not the
// method. A generation has one, in whatever group it is set.
func (s *RouteSink) MethodNotAllowed(handler any) {
	s.fallback("MethodNotAllowed", handler, s.reg.callerPosition(), &s.reg.notAllow)
}

func (s *RouteSink) fallback(call string, handler any, at manifest.Position, where *fallback) {
	box, err := Box(handler)
	s.reg.edit(call, at, func() {
		if err != nil {
			s.reg.fault(manifest.CodeHandlerKind, at, "%s: %v", call, err)
			return
		}
		s.reg.once(call, where, fallback{box: box, sink: s, position: at})
	})
}

// OnError sets what answers when a handler returns an error. A generation has one
// such hook. Without it a [*StatusError] is answered with its status, and anything
// else with 500 and, outside hot mode, without its text.
func (s *RouteSink) OnError(hook func(w http.ResponseWriter, r *http.Request, err error)) {
	at := s.reg.callerPosition()
	s.reg.edit("OnError", at, func() {
		if hook == nil {
			s.reg.fault(manifest.CodeRegistration, at, "OnError: the hook is nil")
			return
		}
		s.reg.once("OnError", &s.reg.onError, fallback{hook: hook, position: at})
	})
}

// Container returns the Container.
func (s *RouteSink) Container() *Container {
	s.reg.exitIfAbandoned()
	return s.reg.container
}

// Context returns the generation's context. It is cancelled when the generation is
// refused, when it is no longer live and has answered its last request, and when
// the process ends. A goroutine that registration starts should end with it.
func (s *RouteSink) Context() context.Context {
	s.reg.exitIfAbandoned()
	return s.reg.ctx
}

// Generation returns the number of the generation.
func (s *RouteSink) Generation() int {
	s.reg.exitIfAbandoned()
	return s.reg.generation
}

// Fail refuses the generation with err at the caller's line. Registration goes on,
// so that other mistakes are found, too. A nil error is ignored.
func (s *RouteSink) Fail(err error) {
	if err == nil {
		return
	}
	at := s.reg.callerPosition()
	s.reg.edit("Fail", at, func() { s.reg.fault(manifest.CodeRegistration, at, "registration failed: %v", err) })
}

func (s *RouteSink) root() *RouteSink {
	for s.parent != nil {
		s = s.parent
	}
	return s
}

// inline returns the middleware of this group and those around it, without that
// of the generation's own sink.
func (s *RouteSink) inline() []func(http.Handler) http.Handler {
	var chain []func(http.Handler) http.Handler
	for ; s.parent != nil; s = s.parent {
		chain = slices.Concat(s.middleware, chain)
	}
	return chain
}
