package hotreload

import (
	"net/http"
	"slices"
	"strings"

	"github.com/anvilforge/anvil-lsp/manifest"
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

// everyMethod is the method of a route that takes all of them.
const everyMethod = "*"

// patterns returns the patterns that the router knows the entry by.
func (e *RouteEntry) patterns() []string {
	switch {
	case e.Mount:
		return []string{strings.TrimSuffix(e.Pattern, "/") + "/*"}
	case e.slash:
		return []string{e.Pattern, e.Pattern + "/"}
	}
	return []string{e.Pattern}
}

// joinPattern puts a pattern below the prefix of a group. slash reports that
// it is the group's root.
func joinPattern(prefix, pattern string) (joined string, slash bool) {
	switch {
	case prefix == "", pattern != "" && pattern[0] != '/': // the router will name the mistake
		return pattern, false
	case pattern == "/":
		return prefix, true
	}
	return prefix + pattern, false
}

// canonicalPattern returns a pattern without the names of its parameters: two
// patterns that differ only in them are the same route.
func canonicalPattern(pattern string) string {
	var b strings.Builder
	depth, inName := 0, false
	for _, c := range pattern {
		switch {
		case c == '{':
			inName = inName || depth == 0
			depth++
		case c == '}':
			depth--
			inName = inName && depth > 0
		case c == ':' && depth == 1:
			inName = false
		case inName:
			continue
		}
		b.WriteRune(c)
	}
	return b.String()
}

// checkDuplicates reports the entries that would replace an earlier one. A
// route for one method does stand beside one for every method, and wins.
func checkDuplicates(entries []RouteEntry) []manifest.Diagnostic {
	type key struct{ method, pattern string }
	var faults []manifest.Diagnostic
	first := map[key]*RouteEntry{}
	for i := range entries {
		e := &entries[i]
		for _, pattern := range e.patterns() {
			k := key{e.Method, canonicalPattern(pattern)}
			earlier, ok := first[k]
			if !ok {
				first[k] = e
				continue
			}
			d := manifest.Diagnose(manifest.CodeRoute, e.Position(), "%s is registered twice", e.title())
			d.Related = []manifest.Related{{Position: earlier.Position(), Message: "first registered here, as " + earlier.title()}}
			faults = append(faults, d)
			break
		}
	}
	return faults
}

// title names the route for a person.
func (e *RouteEntry) title() string {
	switch {
	case e.Mount:
		return "Mount " + e.Pattern
	case e.Method == everyMethod:
		return "Handle " + e.Pattern
	}
	return e.Method + " " + e.Pattern
}

// rank orders entries for insertion into the router, where the later one wins.
func (e *RouteEntry) rank() int {
	switch {
	case e.Mount:
		return 0
	case e.Method == everyMethod:
		return 1
	}
	return 2
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
