package console

import (
	"testing"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
)

// TestMissing: what is mounted at the pattern of a route is another one.
func TestMissing(t *testing.T) {
	itself := manifest.Route{Method: "*", Pattern: "/both"}
	mounted := manifest.Route{Method: "*", Pattern: "/both", Mount: true}
	for _, tt := range []struct {
		some, others []manifest.Route
		want         int
	}{
		{[]manifest.Route{itself, mounted}, []manifest.Route{itself}, 1},
		{[]manifest.Route{mounted}, []manifest.Route{itself}, 1},
		{[]manifest.Route{itself, mounted}, []manifest.Route{mounted, itself}, 0},
	} {
		if got := missing(tt.some, tt.others); len(got) != tt.want {
			t.Errorf("%v without %v is %v, want %d", tt.some, tt.others, got, tt.want)
		}
	}
}
