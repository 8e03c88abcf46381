package manifest

import (
	"slices"
	"testing"
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
	got := Duplicates([]Slot{
		{Method: "GET", Pattern: "/u/{id}"},
		{Method: "POST", Pattern: "/u/{id}"},
		{Method: AnyMethod, Pattern: "/u/{id}"},
		{Method: "GET", Pattern: "/u/{name}"}, // 3: of 0
		{Method: "GET", Pattern: "/posts", Root: true},
		{Method: "GET", Pattern: "/posts/"}, // 5: of 4
		{Method: AnyMethod, Pattern: "/static", Mount: true},
		{Method: AnyMethod, Pattern: "/static/", Mount: true}, // 7: of 6
		{Method: AnyMethod, Pattern: "/static"},
	})
	if want := []Duplicate{{3, 0}, {5, 4}, {7, 6}}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
