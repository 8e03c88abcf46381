package hotreload

import (
	"slices"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
)

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
