package eval

import (
	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/hotreload/manifest/rules"
)

// Entry is one registered route.
type Entry struct {
	Method, Pattern string
	slash           bool // the root of a group: with and without a slash at the end
	Mount           bool
	Conditional     bool
	Box             handlerBox
	Call            manifest.Position // of the registering call
	at              manifest.Position // of the pattern, as it is written
	methodAt        manifest.Position // of the method, if one is written
}

// checkRoutes returns everything that would keep the routes from being served together. Routes that
// are registered only under a condition are left out: what looks like a duplicate may be the other
// branch of the same condition. Without query the application's chi is older than the method QUERY.
func checkRoutes(entries []*Entry, query bool) []manifest.Diagnostic {
	var routes []rules.Route
	var faults []manifest.Diagnostic
	for _, e := range entries {
		r := rules.Route{
			Slot: manifest.Slot{Method: e.Method, Pattern: e.Pattern, Root: e.slash, Mount: e.Mount},
			Call: e.Call, PatternAt: e.at, MethodAt: e.methodAt,
		}
		switch {
		case e.Conditional:
		case e.Method == "QUERY" && !query:
			faults = append(faults, r.Refused("'QUERY' http method is not supported"))
		default:
			routes = append(routes, r)
		}
	}
	return append(faults, rules.Check(routes)...)
}
