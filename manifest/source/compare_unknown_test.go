package source

import (
	"fmt"
	"strings"
	"testing"

	"github.com/anvilforge/anvil-lsp/manifest"
)

// TestPatternless: which live routes come from registrations without a known
// pattern, and which of them changed. A route is written line:handler:fingerprint.
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
		{"removed and changed", "1:h.F.func1:A 2:h.F.func2:B 3:h.F.func3:C", "1:h.F.func1:B 2:h.F.func2:D", ""},
		{"loop", "1:h.F.func1:A 1:h.F.func1:A 2:h.F.func2:B", "1:h.F.func1:C 2:h.F.func2:B", "1→1"},
		{"of two functions", "1:h.F.func1:A 8:h.G.func1:B", "2:h.F.func1:A 9:h.G.func1:C", "8→9"},
		{"inlined", "1:h.Register.F.func4:A 2:h.Register.func2.G.1:B", "2:h.F.func1:A 3:h.G.func1:C", "2→3"},
		{"inside another", "1:h.F.func4.1:A", "1:h.F.func5.1:B", "1→1"},
		{"by name", "1:h.F:A 2:h.G:B", "1:h.G:C 2:h.F:A", "2→1"},
		{"by name, twice", "1:h.F:A 2:h.F:A", "1:h.F:B 2:h.F:B", "1→1 2→2"},
		{"by name, of one twice", "1:h.F:A 2:h.F:A", "5:h.F:B", "1→5"},
		{"instances of a name", "1:h.F[...]:A 2:h.F[...]:B", "1:h.F[...]:C", ""},
		{"renamed", "1:h.F:A 2:h.G:B", "1:h.F2:C 2:h.G:B", "1→1"},
		{"renamed and moved", "1:h.F:A 2:h.G:B", "2:h.F2:A 3:h.G2:B", ""},
		{"literal to function", "1:h.F.func1:A", "1:h.G:B", "1→1"},
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
		r := &Route{Route: manifest.Route{Method: "GET", Handler: parts[1], Fingerprint: parts[2], Position: manifest.Position{File: "/app/routes.go"}}}
		if _, err := fmt.Sscan(parts[0], &r.Position.Line); err != nil {
			t.Fatal(err)
		}
		routes = append(routes, r)
	}
	return routes
}
