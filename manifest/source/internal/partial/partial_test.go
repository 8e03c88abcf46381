package partial

import (
	"strings"
	"testing"
)

func TestPartialFits(t *testing.T) {
	for _, test := range []struct {
		pattern, text string
		want          bool
	}{
		{"…", "", true},
		{"…", "/one", true},
		{"…/one", "/one", true},
		{"…/one", "/x/one", true},
		{"…/one", "/x/ones", false},
		{"/a/…", "/a/", true},
		{"/a/…", "/a", false},
		{"/aa…aa", "/aa", false},
		{"/aa…aa", "/aaaa", true},
		{"/a/…/b/…/c", "/a/1/b/2/c", true},
		{"/a/…/b/…/c", "/a/1/2/c", false},
		{"/one", "/one", true},
		{"/one", "/one/", false},
	} {
		if got := Text(strings.Split(test.pattern, Gap)).Fits(test.text); got != test.want {
			t.Errorf("%s, %s: got %v", test.pattern, test.text, got)
		}
	}
}
