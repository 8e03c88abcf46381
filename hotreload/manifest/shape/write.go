package shape

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest/symbol"
)

// Bounds for code that does not compile and describes endless types; no type
// of a program comes near them. What is beyond is left out of the shape.
const (
	maxDepth = 100    // of type literals and arguments inside each other
	maxTypes = 10_000 // written out in one shape
)

// elided stands for what is beyond the bounds.
const elided = "…"

// unknownType stands for what is no type of a running program: a type
// parameter, or a mistake in the source.
const unknownType = "?"

// hidden stands for a hot type among the arguments of a name.
const hidden = "_"

// Write returns the shape of a type that a producer found, in the grammar
// that the package documentation gives. hot reports whether an import path is
// that of a hot package.
func Write(t Type, hot func(importPath string) bool) string {
	w := writer{hot: hot, numbers: map[any]int{}}
	root := w.skeleton(func(s *sketch) { s.write(t) })
	var parts []skeleton
	for len(parts) < len(w.types) {
		named := w.types[len(parts)]
		parts = append(parts, w.skeleton(func(s *sketch) { s.definition(named) }))
	}
	return assemble(root, parts)
}

// writer finds the hot types below a type. Each is written once, with gaps
// where another one stands, and assemble puts them together.
type writer struct {
	hot     func(string) bool
	types   []Type      // hot types in the order in which they come up
	numbers map[any]int // index in types by identity
}

func (w *writer) skeleton(write func(*sketch)) skeleton {
	s := sketch{w: w}
	write(&s)
	return skeleton{text: append(s.text, s.b.String()), gaps: s.gaps}
}

// sketch is a skeleton that is being written.
type sketch struct {
	w     *writer
	b     strings.Builder // text since the last gap
	text  []string
	gaps  []int
	depth int

	// byName says that hot types are hidden: the arguments in a name are
	// written. mentions reports that there were any.
	byName   bool
	mentions bool
}

func (s *sketch) write(t Type) {
	if s.depth == maxDepth {
		s.b.WriteString(elided)
		return
	}
	s.depth++
	defer func() { s.depth-- }()
	name, ok := t.Named()
	if !ok {
		s.structure(t.Structure())
		return
	}
	text, hot := s.name(name)
	switch {
	case s.byName:
		s.mentions = s.mentions || hot
		s.b.WriteString(text)
	case hot:
		s.gap(t, name.Identity)
	default:
		s.b.WriteString(text)
	}
}

// name returns the text of a name, and whether the type is one of its own in
// each generation: a type of a hot package, or an instance that has one among
// its type arguments.
func (s *sketch) name(name Name) (text string, hot bool) {
	if s.w.hot(name.Path) {
		return hidden, true
	}
	path := ""
	if name.Path != "" {
		path = symbol.StripGeneration(name.Path) + "."
	}
	if len(name.Args) == 0 {
		return path + name.Name, false
	}
	args := sketch{w: s.w, byName: true, depth: s.depth}
	args.list(name.Args)
	return path + name.Name + "[" + args.b.String() + "]", args.mentions
}

// gap leaves room for a hot type.
func (s *sketch) gap(t Type, identity any) {
	w := s.w
	number, known := w.numbers[identity]
	if !known {
		if number = len(w.types); number == maxTypes {
			s.b.WriteString(elided)
			return
		}
		w.numbers[identity] = number
		w.types = append(w.types, t)
	}
	s.text = append(s.text, s.b.String())
	s.gaps = append(s.gaps, number)
	s.b.Reset()
}

// definition writes what a hot type is.
func (s *sketch) definition(t Type) {
	s.b.WriteString("named ")
	if name, _ := t.Named(); !s.w.hot(name.Path) {
		text, _ := s.name(name)
		s.b.WriteString(text + " ")
	}
	s.structure(t.Structure())
}

func (s *sketch) structure(t Structure) {
	switch t.Kind {
	case reflect.Pointer:
		s.around("*", t.Elem, "")
	case reflect.Slice:
		s.around("[]", t.Elem, "")
	case reflect.Array:
		s.around(fmt.Sprintf("[%d]", t.Len), t.Elem, "")
	case reflect.Map:
		s.around("map[", t.Key, "]")
		s.write(t.Elem)
	case reflect.Chan:
		s.around(t.Dir.String()+" (", t.Elem, ")")
	case reflect.Func:
		s.b.WriteString("func")
		s.signature(t)
	case reflect.Struct:
		s.members("struct{", t.Members, s.field)
	case reflect.Interface:
		s.members("interface{", s.methods(t.Members), s.method)
	default:
		s.b.WriteString(cmp.Or(t.Basic, unknownType))
	}
}

func (s *sketch) around(before string, t Type, after string) {
	s.b.WriteString(before)
	s.write(t)
	s.b.WriteString(after)
}

func (s *sketch) list(types []Type) {
	for i, t := range types {
		s.separate(i, ", ")
		s.write(t)
	}
}

func (s *sketch) separate(i int, separator string) {
	if i > 0 {
		s.b.WriteString(separator)
	}
}

func (s *sketch) signature(t Structure) {
	s.b.WriteString("(")
	in := t.In
	if t.Variadic {
		in = in[:len(in)-1]
	}
	s.list(in)
	if t.Variadic {
		s.separate(len(in), ", ")
		s.around("...", t.In[len(in)].Structure().Elem, "")
	}
	s.b.WriteString(") (")
	s.list(t.Out)
	s.b.WriteString(")")
}

func (s *sketch) members(open string, members []Member, write func(Member)) {
	s.b.WriteString(open)
	for i, m := range members {
		s.separate(i, "; ")
		s.member(m)
		write(m)
	}
	s.b.WriteString("}")
}

// member writes a name. One that is not exported belongs to its package: unless
// that is hot, it is part of the name.
func (s *sketch) member(m Member) {
	switch {
	case m.Path == "":
	case s.w.hot(m.Path):
		s.mentions = true
	default:
		s.b.WriteString(symbol.StripGeneration(m.Path) + ".")
	}
	s.b.WriteString(m.Name)
}

func (s *sketch) field(f Member) {
	if f.Embedded {
		s.b.WriteString(" =")
	}
	s.around(" ", f.Type, "")
	if f.Tag != "" {
		s.b.WriteString(" " + strconv.Quote(f.Tag))
	}
}

func (s *sketch) method(m Member) { s.signature(m.Type.Structure()) }

// methods returns methods in an order that does not depend on generations.
func (s *sketch) methods(methods []Member) []Member {
	return slices.SortedFunc(slices.Values(methods), func(a, b Member) int {
		return cmp.Or(
			cmp.Compare(a.Name, b.Name),
			cmp.Compare(symbol.StripGeneration(a.Path), symbol.StripGeneration(b.Path)))
	})
}
