package rules

import (
	"slices"
	"testing"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
)

func TestCanonicalPattern(t *testing.T) {
	for pattern, want := range map[string]string{
		"/":                      "/",
		"/u/{id}":                "/u/{}",
		"/u/{id}/x-{name}.js":    "/u/{}/x-{}.js",
		"/u/{id:[a-z]{2}}/{x:.}": "/u/{:[a-z]{2}}/{:.}",
		"/u/*":                   "/u/*",
		"/a:b":                   "/a:b",
	} {
		if got := canonicalPattern(pattern); got != want {
			t.Errorf("%s: got %s, want %s", pattern, got, want)
		}
	}
}

func TestDuplicates(t *testing.T) {
	var routes []Route
	for i, slot := range []manifest.Slot{
		{Method: "GET", Pattern: "/u/{id}"},
		{Method: "POST", Pattern: "/u/{id}"},
		{Method: manifest.AnyMethod, Pattern: "/u/{id}"},
		{Method: "GET", Pattern: "/u/{name}"}, // 3: of 0
		{Method: "GET", Pattern: "/posts", Root: true},
		{Method: "GET", Pattern: "/posts/"}, // 5: of 4
		{Method: manifest.AnyMethod, Pattern: "/static", Mount: true},
		{Method: manifest.AnyMethod, Pattern: "/static/", Mount: true}, // 7: of 6
		{Method: manifest.AnyMethod, Pattern: "/static"},
	} {
		at := manifest.Position{File: "r.go", Line: i}
		routes = append(routes, Route{Slot: slot, Call: at, PatternAt: at})
	}
	var got [][2]int
	for _, d := range Check(routes) {
		got = append(got, [2]int{d.Line, d.Related[0].Line})
	}
	if want := [][2]int{{3, 0}, {5, 4}, {7, 6}}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
