package source

import (
	"fmt"
	"strings"
	"testing"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/manifest/source/internal/partial"
)

// TestPatternless: which live routes come from registrations without a known
// pattern, and which of them changed. A route is written
// line:handler:fingerprint:pattern; without a pattern nothing is known of it.
func TestPatternless(t *testing.T) {
	for _, test := range []struct{ name, was, is, want string }{
		{"nothing", "", "", ""},
		{"same", "1:h.F.func1:A 2:h.F.func2:B", "1:h.F.func1:A 2:h.F.func2:B", ""},
		{"moved down", "1:h.F.func1:A 2:h.F.func2:B", "2:h.F.func1:A 3:h.F.func2:B", ""},
		{"renumbered", "1:h.F.func1:A 2:h.F.func2:B", "1:h.F.func2:A 2:h.F.func3:B", ""},
		{"other order", "1:h.F.func1:A 2:h.F.func2:B", "1:h.F.func1:B 2:h.F.func2:A", ""},
		{"second one changed", "1:h.F.func1:A 2:h.F.func2:B", "2:h.F.func1:A 3:h.F.func2:C", "2→3"},
		{"like the other", "1:h.F.func1:A 2:h.F.func2:B", "1:h.F.func1:B 2:h.F.func2:B", "1→1"},
		{"first one removed", "1:h.F.func1:A 2:h.F.func2:B", "1:h.F.func1:B", ""},
		{"one added", "1:h.F.func1:A 2:h.F.func2:B", "1:h.F.func1:C 2:h.F.func2:A 3:h.F.func3:B", ""},
		{"removed and changed", "1:h.F.func1:A 2:h.F.func2:B 3:h.F.func3:C", "1:h.F.func1:B 2:h.F.func2:D", "3→2"},
		{"one of two removed, the other changed", "1:h.F.func1:A 2:h.F.func2:B", "1:h.F.func1:C", "1→1"},
		{"removed, another one added elsewhere", "1:h.F.func1:A 2:h.F.func2:B 3:h.F.func3:C", "1:h.F.func1:A 2:h.F.func2:C 3:h.F.func3:D", ""},
		{"removed, another one added in its place", "1:h.F.func1:A 2:h.F.func2:B", "1:h.F.func1:A 2:h.F.func2:C", "2→2"},
		{"loop", "1:h.F.func1:A 1:h.F.func1:A 2:h.F.func2:B", "1:h.F.func1:C 2:h.F.func2:B", "1→1"},
		{"of two functions", "1:h.F.func1:A 8:h.G.func1:B", "2:h.F.func1:A 9:h.G.func1:C", "8→9"},
		{"inlined", "1:h.Register.F.func4:A 2:h.Register.func2.G.1:B", "2:h.F.func1:A 3:h.G.func1:C", "2→3"},
		{"inside another", "1:h.F.func4.1:A", "1:h.F.func5.1:B", "1→1"},
		{"by name", "1:h.F:A 2:h.G:B", "1:h.G:C 2:h.F:A", "2→1"},
		{"by name, twice", "1:h.F:A 2:h.F:A", "1:h.F:B 2:h.F:B", "1→1 2→2"},
		{"by name, of one twice", "1:h.F:A 2:h.F:A", "5:h.F:B", "1→5"},
		{"instances of a name", "1:h.F[...]:A 2:h.F[...]:B", "1:h.F[...]:C", "1→1"},
		{"renamed", "1:h.F:A 2:h.G:B", "1:h.F2:C 2:h.G:B", "1→1"},
		{"renamed and moved", "1:h.F:A 2:h.G:B", "2:h.F2:A 3:h.G2:B", ""},
		{"literal to function", "1:h.F.func1:A", "1:h.G:B", "1→1"},

		{"pattern: changed", "1:h.F.func1:A:/x/one 2:h.F.func2:B:/x/two", "1:h.F.func1:A:…/one 2:h.F.func2:C:…/two", "2→2"},
		{"pattern: removed, another one added", "1:h.F.func1:A:/x/one 2:h.F.func2:B:/x/two", "1:h.F.func1:A:…/one 2:h.F.func2:C:…/three", ""},
		{"pattern: removed, another one added first", "1:h.F.func1:A:/x/one 2:h.F.func2:B:/x/two", "1:h.F.func1:C:…/three 2:h.F.func2:A:…/one", ""},
		{"pattern: all replaced", "1:h.F.func1:A:/x/one 2:h.F.func2:B:/x/two", "1:h.F.func1:C:…/three 2:h.F.func2:D:…/four", ""},
		{"pattern: handlers exchanged", "1:h.F:A:/x/one 2:h.G:B:/x/two", "1:h.G:B:…/one 2:h.F:A:…/two", "1→1 2→2"},
		{"pattern: moved away and changed", "1:h.F:A:/x/one 2:h.G:B:/x/two", "9:h.H:C:…/two", "2→9"},
		{"pattern: by the beginning", "1:h.F:A:/api/x 2:h.G:B:/web/x", "1:h.F:A:/api/… 2:h.H:C:/mail/…", ""},
		{"pattern: one fits two, the other one of them", "1:h.F:A:/x/one 2:h.G:B:/y/one/x", "1:h.H:C:…/one/… 2:h.I:A:…/one", "2→1"},
		{"pattern: a known one removed", "1:h.F.func1:A:/posts", "1:h.F.func1:B:…/new", ""},
		{"pattern: a loop", "1:h.F.func1:A:/n/a 1:h.F.func1:A:/n/b 2:h.F.func2:B:/m/c", "1:h.F.func1:C:/n/… 2:h.F.func2:B:/m/…", "1→1"},
		{"pattern: a loop over a table", "1:h.F.func1:A:/x/a 1:h.F.func1:A:/x/b", "1:h.F.func1:C:…/a 1:h.F.func1:C:…/b", "1→1"},
		{"pattern: the name decides between two", "1:h.F:A:/x/a 2:h.G:B:/y/a", "1:h.G:B:…/a 2:h.F:C:…/a", "1→2"},
		{"pattern: only slashes", "1:h.F:A:/x 2:h.G:B:/y", "1:h.G:B:/… 2:h.F:A:/…", ""},
		{"pattern: broken", "1:h.F:A:/x/one", "1:h.F:?:…/one", ""},
	} {
		var was []manifest.Route
		for _, r := range parseRoutes(t, test.was) {
			was = append(was, r.Route)
		}
		var unknown []Unknown
		for _, r := range parseRoutes(t, test.is) {
			unknown = append(unknown, Unknown{Route: r})
		}
		var got []string
		for _, pair := range patternless(was, unknown) {
			got = append(got, fmt.Sprintf("%d→%d", pair.was.Position.Line, pair.is.Position.Line))
		}
		if got := strings.Join(got, " "); got != test.want {
			t.Errorf("%s: got %q, want %q", test.name, got, test.want)
		}
	}
}

func parseRoutes(t *testing.T, text string) []*Route {
	t.Helper()
	var routes []*Route
	for field := range strings.FieldsSeq(text) {
		parts := strings.Split(field, ":")
		parts = append(parts, partial.Gap)
		r := &Route{
			Route:  manifest.Route{Method: "GET", Pattern: parts[3], Handler: parts[1], Fingerprint: parts[2], Position: manifest.Position{File: "/app/routes.go"}},
			Broken: parts[2] == "?",
		}
		if _, err := fmt.Sscan(parts[0], &r.Position.Line); err != nil {
			t.Fatal(err)
		}
		routes = append(routes, r)
	}
	return routes
}
