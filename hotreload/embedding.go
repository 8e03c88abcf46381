// What a framework or another server needs that builds on this package: see the
// section Without LiveServer of the package documentation.

package hotreload

import (
	"net/http"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/anvilforge/anvil-lsp/hotreload/internal/stack"
	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/hotreload/manifest/rules"
)

// ABIVersion is the version of the contract between a live server and the
// plugins that it loads. A plugin that was built for another version is refused.
const ABIVersion = manifest.ABIVersion

// RegistrationManifest describes a generation that went live.
type RegistrationManifest struct {
	*manifest.Manifest // routes, state and registries, as the engine gets them

	RouteCount int
	ABIVersion int
	// Plugin is the file that the generation was loaded from; empty if it is
	// linked into the executable.
	Plugin string
	// Registered is when registration ended.
	Registered time.Time
}

// RouteEntry is one registered route.
type RouteEntry struct {
	Method  string // upper case; "*" for every method
	Pattern string // in chi's pattern language, with the prefixes of its groups
	Handler HandlerBox
	// File and Line are where the route was registered.
	File string
	Line int
	// Middleware wraps the handler, outermost first.
	Middleware []func(http.Handler) http.Handler
	// Mount reports whether Handler answers everything below Pattern, too.
	Mount bool

	// sink is the group that the route was registered in.
	sink *RouteSink
	// slash reports whether the pattern is that of a group's root, which answers
	// with and without a trailing slash.
	slash bool
}

// Position returns where the route was registered.
func (e *RouteEntry) Position() manifest.Position {
	return manifest.Position{File: e.File, Line: e.Line}
}

// HandlerFunc is the uniform shape that every handler is boxed into.
type HandlerFunc func(*Ctx) error

// HandlerBox is a handler of any kind. The zero HandlerBox holds none.
type HandlerBox struct {
	std  http.Handler // for the kinds of net/http, which need no Ctx
	fn   HandlerFunc  // for all others
	name string
	kind string
	typ  reflect.Type
}

// Box returns a handler of any of the kinds that the package documentation lists
// in its uniform shape. The error names the type and the kinds.
func Box(handler any) (HandlerBox, error) {
	v := reflect.ValueOf(handler)
	if !v.IsValid() || (v.Kind() == reflect.Func || v.Kind() == reflect.Pointer) && v.IsNil() {
		return HandlerBox{}, rules.ErrNilHandler
	}
	switch h := handler.(type) {
	case HandlerBox:
		return h, nil
	case http.HandlerFunc:
		return stdBox(manifest.KindHandlerFunc, v, h), nil
	case http.Handler:
		return stdBox(manifest.KindHandler, v, h), nil
	}
	if h, ok := as[func(http.ResponseWriter, *http.Request)](v); ok {
		b := stdBox(manifest.KindPlain, v, http.HandlerFunc(h))
		b.typ = reflect.TypeOf(h)
		return b, nil
	}
	if h, ok := as[func(http.ResponseWriter, *http.Request) error](v); ok {
		fn := func(c *Ctx) error { return h(c.Writer, c.Request) }
		return HandlerBox{fn: fn, name: stack.FunctionName(v), kind: manifest.KindPlainError, typ: reflect.TypeOf(h)}, nil
	}
	if h, ok := as[func(*Ctx) error](v); ok {
		return HandlerBox{fn: h, name: stack.FunctionName(v), kind: manifest.KindCtx, typ: reflect.TypeOf(h)}, nil
	}
	return boxTyped(v)
}

// Name returns the name of the handler as the source spells it: that of the
// function (handlers.ShowPost) or, for any other http.Handler, of its type.
func (b HandlerBox) Name() string { return b.name }

// Kind returns the kind of the handler, a Kind constant of package manifest.
func (b HandlerBox) Kind() string { return b.kind }

// Type returns the type that the manifest's signature and fingerprint describe:
// the plain function type for a function, http.Handler for anything else.
func (b HandlerBox) Type() reflect.Type { return b.typ }

// Func returns the handler in its uniform shape; nil for the zero HandlerBox.
func (b HandlerBox) Func() HandlerFunc {
	if b.std == nil {
		return b.fn
	}
	return func(c *Ctx) error {
		b.std.ServeHTTP(c.Writer, c.Request)
		return nil
	}
}

// Entries returns the routes registered so far, by all groups, in the order of
// their registration.
func (s *RouteSink) Entries() []RouteEntry {
	s.reg.exitIfAbandoned()
	s.reg.mu.Lock()
	defer s.reg.mu.Unlock()
	entries := make([]RouteEntry, len(s.reg.entries))
	for i, e := range s.reg.entries {
		entries[i] = e.flatten()
	}
	return entries
}

// Install replaces all routes in one atomic step. If the error, a
// [*RegistrationError], is not nil the routes stay as they are. Middleware of
// entries runs after routing. NotFound, OnError and registries are not part of
// entries: [LiveState.Register] installs those, too.
func (s *LiveState) Install(entries []RouteEntry) error {
	g := s.newGeneration(s.next(), "")
	for _, e := range entries {
		if e.Handler.Type() == nil {
			g.reg.fault(manifest.CodeHandlerKind, e.Position(), "%s: the entry has no handler", e.slot())
			continue
		}
		g.reg.entries = append(g.reg.entries, e.flatten())
	}
	if faults := g.prepare(g.sink(), source{}); len(faults) > 0 {
		g.abandon()
		return &RegistrationError{faults}
	}
	if !s.goLive(g) {
		g.abandon()
		return errClosed
	}
	return nil
}

// HandlerToMethodRouter returns a chi router that answers one method with the
// handler, at whatever pattern it is mounted, and every other method with 405 and
// Allow. With the method "*" it answers all of them.
func HandlerToMethodRouter(method string, h HandlerBox) chi.Router {
	mux := chi.NewMux()
	rules.Insert(mux, manifest.Slot{Method: strings.ToUpper(method), Pattern: "/*"}, h.handler(nil))
	return mux
}

func (e *RouteEntry) key() manifest.RouteKey {
	return manifest.RouteKey{Method: e.Method, Pattern: e.Pattern, Mount: e.Mount}
}

// slot returns where the route stands in the router.
func (e *RouteEntry) slot() manifest.Slot {
	return manifest.Slot{Method: e.Method, Pattern: e.Pattern, Root: e.slash, Mount: e.Mount}
}

// flatten returns a copy with all middleware of the entry's groups in
// Middleware.
func (e RouteEntry) flatten() RouteEntry {
	if e.sink != nil {
		e.Middleware = slices.Concat(e.sink.root().middleware, e.sink.inline(), e.Middleware)
		e.sink = nil
	}
	return e
}
