package shape

import (
	"reflect"
	"strings"
	"testing"
)

// The notation of the compiler comes out in that of shapes.
func TestParseTypes(t *testing.T) {
	for text, want := range map[string]string{
		"int":                                 "int",
		"int,string":                          "int, string",
		"int;string":                          "int, string",
		"unsafe.Pointer":                      "unsafe.Pointer",
		"anvil.g7/example.com/app/handlers.T": "_",
		"example.com/app/host%2ev2.T":         "example.com/app/host.v2.T",
		"example%2ecom.T":                     "example.com.T",
		"example.com/p.local·12":              "example.com/p.local",
		"example.com/p.G[int]·3":              "example.com/p.G[int]",
		"example.com/p.G[a/b.H[c.T·1]·2,[]d/e.T]": "example.com/p.G[a/b.H[c.T], []d/e.T]",
		"chan (<-chan func())":                    "chan (<-chan (func() ()))",
		"<-chan chan<- map[string]*[4]a.T":        "<-chan (chan<- (map[string]*[4]a.T))",
		"func(int, ...a.T) (int, error)":          "func(int, ...a.T) (int, error)",
		"func() func() int":                       "func() (func() (int))",
		"func(...interface {}) []int":             "func(...interface{}) ([]int)",
		"struct {}":                               "struct{}",
		`struct { A int; a/b.c string "x:\"}\""; *a/b.T; D = a/b.G[int]; a/b.error = error "y"; F func() "z" }`: `struct{A int; a/b.c string "x:\"}\""; T = *a/b.T; D = a/b.G[int]; a/b.error = error "y"; F func() () "z"}`,
		"struct { a/b.t }":                                               "struct{a/b.t = a/b.t}",
		`struct { F func(); G func(func()) }`:                            "struct{F func() (); G func(func() ()) ()}",
		"interface { a/b.x(interface {}) (int, error); B() error; A() }": "interface{A() (); B() (error); a/b.x(interface{}) (int, error)}",
		"interface { anvil.g1/example.com/app/handlers.hidden() }":       "interface{hidden() ()}",
		// What is not understood stays as it is.
		"anvil.g3/new notation·2 <T>": "new notation <T>",
		"struct { A":                  "struct { A",
	} {
		got := writeAll(parseTypes(text))
		if got != want {
			t.Errorf("%s:\ngot  %s\nwant %s", text, got, want)
		}
	}
}

// writeAll returns types as arguments of a host's type.
func writeAll(types []Type) string {
	hot := NewReflector([]string{"example.com/app/handlers"})
	args := sketch{w: &writer{hot: hot.Hot}, byName: true}
	args.list(types)
	return args.b.String()
}

// Whatever the text, reading it ends; and a shape that was read is written as
// it was.
func FuzzParse(f *testing.F) {
	hot := NewReflector([]string{here})
	for _, t := range []reflect.Type{
		reflect.TypeFor[tree](), reflect.TypeFor[forest](), reflect.TypeFor[visitor](), reflect.TypeFor[handler](),
		reflect.TypeFor[generic[generic[season]]](), reflect.TypeFor[ping](),
	} {
		f.Add(hot.Of(t))
		f.Add(t.String())
	}
	f.Add(`a.G[struct { a/b.T; c = *d.E "x" }, func(...a%2e.b·1) (chan (<-chan int))]`)
	f.Add(strings.Repeat("[]", 5000))
	f.Fuzz(func(t *testing.T, text string) {
		if Describe(text, text) != "" {
			t.Error("a text differs from itself")
		}
		Describe(text, "struct{A int}")
		if s, ok := parse(text); ok {
			s.brief(s.root)
		}
		once := writeAll(parseTypes(text))
		if twice := writeAll(parseTypes(once)); once != twice && !strings.ContainsAny(text, "%·^…_") && !strings.Contains(text, "named ") && !strings.Contains(text, "anvil.g") {
			t.Errorf("%q is written as %q, and that as %q", text, once, twice)
		}
	})
}
