package hotreload

import (
	"net/http"
	"slices"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
)

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
	// Mount says that Handler answers for everything below Pattern.
	Mount bool

	// sink is the group that the route was registered in.
	sink *RouteSink
	// slash says that the pattern is that of a group's root, which answers with
	// and without a slash at the end.
	slash bool
}

// Position returns where the route was registered.
func (e *RouteEntry) Position() manifest.Position {
	return manifest.Position{File: e.File, Line: e.Line}
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
