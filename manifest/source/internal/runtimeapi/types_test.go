package runtimeapi

import (
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"testing"
)

// TestRoutesQuery: an application may have a chi that is older than ours.
func TestRoutesQuery(t *testing.T) {
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
}
