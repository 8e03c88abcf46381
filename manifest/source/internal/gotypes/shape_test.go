package gotypes_test

import (
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest/shape"
	"github.com/anvilforge/anvil-lsp/hotreload/manifest/symbol"
	"github.com/anvilforge/anvil-lsp/manifest/source/internal/gotypes"
)

// thisPackage is the package of the hand-written cases.
var thisPackage = reflect.TypeFor[season]().PkgPath()

// TestShape compares both producers with what is expected.
func TestShape(t *testing.T) {
	text, err := os.ReadFile("cases_test.go")
	if err != nil {
		t.Fatal(err)
	}
	_, info, files, err := newTypeChecker(t).check(thisPackage, string(text))
	if err != nil {
		t.Fatal(err)
	}
	questions := asked(files, info)
	reflected, checked := shape.NewReflector([]string{thisPackage}), gotypes.NewShapes([]string{thisPackage})
	cases(func(want string, typ reflect.Type) {
		q := questions[0]
		questions = questions[1:]
		if got := reflected.Of(typ); got != want {
			t.Errorf("%s, reflect:\ngot  %s\nwant %s", typ, got, want)
		}
		got, known := checked.Of(q.typ)
		if got != want || q.id != want {
			t.Errorf("%s, source:\ngot  %s\nwant %s", typ, got, want)
		}
		if !known {
			t.Errorf("%s is not known", typ)
		}
		if got, want := gotypes.Signature(q.typ), symbol.NameOf(typ); got != want {
			t.Errorf("signature:\ngot  %s\nwant %s", got, want)
		}
	})
	if len(questions) > 0 {
		t.Errorf("%d cases in the source only", len(questions))
	}
}

// Code that does not compile, or is generic, has shapes that say so.
func TestUnknownShapes(t *testing.T) {
	const text = `package p
type (
	broken   struct{ a missing; b int }
	again    again
	endless[T any] struct { next *endless[[]T]; other *endless[*T] }
	useless  = endless[int]
	number   interface{ ~int | ~string }
	generic[T any] struct { value T }
	wrong    struct { g generic; h generic[int, int]; a [-1]int; i interface { string; M() } }
	knot     struct{ a, b *knot; c []wrong }
	fine     struct{ a phantom[generic[int]] }
	phantom[T any] struct{}
)
func local[T any]() {
	type entry struct { value T }
	add("entry", reflect.TypeFor[entry]())
}`
	for name, want := range map[string]string{
		"broken":  "named struct{a ?; b int}",
		"number":  "named ?",
		"fine":    "named struct{a named struct{}}",
		"generic": "named struct{value ?}",
		"again":   "?",
		"knot":    "",
		"wrong":   "",
		"useless": "",
	} {
		c := newTypeChecker(t)
		pkg, _, _, err := c.check("p", text)
		if err == nil {
			t.Fatal("the broken package compiles")
		}
		typ := pkg.Scope().Lookup(name).Type()
		shapes := gotypes.NewShapes([]string{"p"})
		got, known := shapes.Of(typ)
		if want != "" && got != want || got == "" {
			t.Errorf("%s:\ngot  %s\nwant %s", name, got, want)
		}
		if known != !strings.Contains(got, "?") && name != "useless" {
			t.Errorf("%s: known %v, %s", name, known, got)
		}
		if len(got) > 1<<20 {
			t.Errorf("%s: the shape has %d bytes", name, len(got))
		}
		if gotypes.Signature(typ) == "" {
			t.Errorf("%s has no signature", name)
		}
	}
	shapes := gotypes.NewShapes(nil)
	if got, known := shapes.Of(nil); got != "?" || known || gotypes.Signature(nil) != "?" {
		t.Errorf("no type: %s", got)
	}
}

// However often types refer to each other, a shape is as long as their
// declarations.
func TestShapeStaysSmall(t *testing.T) {
	var text strings.Builder
	text.WriteString("package p\n")
	const n = 100
	for i := range n {
		fmt.Fprintf(&text, "type T%d struct { A, B *T%d; C%d []T%d\n", i, (i+1)%n, i, i*i%n)
		for j := range n {
			fmt.Fprintf(&text, "F%d *T%d; ", j, j)
		}
		text.WriteString("}\n")
	}
	pkg, _, _, err := newTypeChecker(t).check("p", text.String())
	if err != nil {
		t.Fatal(err)
	}
	shape, _ := gotypes.NewShapes([]string{"p"}).Of(pkg.Scope().Lookup("T0").Type())
	if len(shape) < n*n || len(shape) > 2*text.Len() {
		t.Errorf("the shape of %d bytes of source has %d bytes", text.Len(), len(shape))
	}
	if strings.Count(shape, "named") != n {
		t.Errorf("%d types are written", strings.Count(shape, "named"))
	}
}
