package eval

import (
	"testing"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
)

// TestQueryNeedsChi: an application may have a chi that is older than ours.
func TestQueryNeedsChi(t *testing.T) {
	at := manifest.Position{File: "r.go", Line: 7}
	routes := []*Entry{{Method: "QUERY", Pattern: "/a", at: at}, {Method: "GET", Pattern: "/a", at: at}}
	if found := checkRoutes(routes, true); len(found) > 0 {
		t.Errorf("with a chi that routes it: %v", found)
	}
	// In the words of the router, as the live server says it.
	found := checkRoutes(routes, false)
	if len(found) != 1 || found[0].Code != manifest.CodeRoute || found[0].Message != "QUERY /a: 'QUERY' http method is not supported" {
		t.Errorf("with an older one: %v", found)
	}
}
