package source

import (
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"testing"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
)

// TestQueryNeedsChi: an application may have a chi that is older than ours.
func TestQueryNeedsChi(t *testing.T) {
	for text, want := range map[string]bool{
		"package chi\n\ntype Mux struct{}\n\nfunc (mx *Mux) Put() {}\n":   false,
		"package chi\n\ntype Mux struct{}\n\nfunc (mx *Mux) Query() {}\n": true,
		"package chi\n": true,
	} {
		fset := token.NewFileSet()
		f, err := parser.ParseFile(fset, "chi.go", text, 0)
		if err != nil {
			t.Fatal(err)
		}
		pkg, err := new(types.Config).Check("github.com/go-chi/chi/v5", fset, []*ast.File{f}, nil)
		if err != nil {
			t.Fatal(err)
		}
		if got := routesQuery(pkg); got != want {
			t.Errorf("%q routes QUERY: %v", text, got)
		}
	}
	at := manifest.Position{File: "r.go", Line: 7}
	routes := []*entry{{method: "QUERY", pattern: "/a", at: at}, {method: "GET", pattern: "/a", at: at}}
	if found := checkRoutes(routes, true); len(found) > 0 {
		t.Errorf("with a chi that routes it: %v", found)
	}
	// In the words of the router, as the live server says it.
	found := checkRoutes(routes, false)
	if len(found) != 1 || found[0].Code != manifest.CodeRoute || found[0].Message != "QUERY /a: 'QUERY' http method is not supported" {
		t.Errorf("with an older one: %v", found)
	}
}
