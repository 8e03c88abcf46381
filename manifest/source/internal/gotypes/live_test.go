package gotypes_test

import (
	"go/ast"
	"go/types"
	"os"
	"strconv"
	"testing"

	"github.com/anvilforge/anvil-lsp/hotreload"
	"github.com/anvilforge/anvil-lsp/hotreload/manifest/shape"
	"github.com/anvilforge/anvil-lsp/manifest/source/internal/gotypes"
)

// TestSignatureOfLiveServer compares what is said about handlers with the
// manifest of a live server.
func TestSignatureOfLiveServer(t *testing.T) {
	state := hotreload.NewLiveState(nil)
	count := 0
	err := state.Register(func(r *hotreload.RouteSink) {
		eachHandler(func(h any) {
			count++
			r.Get("/"+strconv.Itoa(count), h)
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile("handlers_test.go")
	if err != nil {
		t.Fatal(err)
	}
	_, info, files, err := newTypeChecker(t).check(thisPackage, string(text))
	if err != nil {
		t.Fatal(err)
	}
	var known []types.Type
	ast.Inspect(files[0], func(n ast.Node) bool {
		if call, ok := n.(*ast.CallExpr); ok && len(call.Args) == 1 {
			if fun, ok := call.Fun.(*ast.Ident); ok && fun.Name == "live" {
				known = append(known, info.TypeOf(call.Args[0]).Underlying())
			}
		}
		return true
	})
	m := state.Manifest().Manifest
	if count < 12 || len(known) != count || len(m.Routes) != count {
		t.Fatalf("%d handlers, %d types, %d routes", count, len(known), len(m.Routes))
	}
	shapes := gotypes.NewShapes(m.Hot)
	for _, r := range m.Routes {
		i, err := strconv.Atoi(r.Pattern[1:])
		if err != nil {
			t.Fatal(err)
		}
		typ := known[i-1]
		if got := gotypes.Signature(typ); got != r.Signature {
			t.Errorf("the live server says\n%s, source says\n%s", r.Signature, got)
		}
		if text, ok := shapes.Of(typ); shape.Fingerprint(text) != r.Fingerprint || !ok {
			t.Errorf("%s has another fingerprint: %s", r.Signature, text)
		}
	}
}
