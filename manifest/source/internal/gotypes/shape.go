package gotypes

import (
	"go/token"
	"go/types"
	"reflect"

	"golang.org/x/tools/go/types/typeutil"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest/shape"
)

// Shapes computes the shape of types from source. It is safe for concurrent use as far as the types
// are.
type Shapes struct {
	hot *shape.Reflector
}

// NewShapes returns a Shapes for a set of hot packages, given by their import paths.
func NewShapes(hot []string) *Shapes { return &Shapes{hot: shape.NewReflector(hot)} }

// Of returns the canonical structure of t: what [shape.Reflector.Of] returns for the same type in
// the running program, if that can have t and the source says all about it. It is not known if a
// type parameter or a mistake in the source would be part of it; a question mark stands for it there.
func (s *Shapes) Of(t types.Type) (text string, known bool) {
	var p producer
	text = shape.Write(p.of(t), s.hot.Hot)
	return text, !p.unknown
}

// ViewOf returns a type as the rules for all producers of shapes want it.
func ViewOf(t types.Type) shape.Type { return new(producer).of(t) }

// producer makes one shape.
type producer struct {
	seen    typeutil.Map // instances of generic types, which are identical without being the same
	unknown bool         // something cannot be a type of a running program
}

func (p *producer) of(t types.Type) shape.Type {
	if t == nil {
		t = types.Typ[types.Invalid]
	}
	return View{types.Unalias(t), p}
}

// View is a type as the type checker knows it.
type View struct {
	T types.Type // no alias
	p *producer
}

func (c View) Named() (shape.Name, bool) {
	switch t := c.T.(type) {
	case *types.Basic:
		if t.Kind() == types.Invalid {
			return shape.Name{}, false
		}
		return shape.Name{Name: basicName(t)}, true
	case *types.Named:
		name := shape.Name{Path: PackagePath(t.Obj().Pkg()), Name: t.Obj().Name(), Identity: c.p.identity(t)}
		for arg := range t.TypeArgs().Types() {
			name.Args = append(name.Args, c.p.of(arg))
		}
		return name, true
	}
	return shape.Name{}, false
}

// identity returns the first type seen that is identical to t.
func (p *producer) identity(t *types.Named) any {
	if t.TypeArgs().Len() == 0 {
		return t
	}
	if first := p.seen.At(t); first != nil {
		return first
	}
	p.seen.Set(t, t)
	return t
}

func (c View) Structure() shape.Structure {
	p := c.p
	switch t := c.T.Underlying().(type) {
	case *types.Basic:
		if t.Kind() != types.Invalid {
			return shape.Structure{Basic: basicName(t)}
		}
	case *types.Array:
		if t.Len() < 0 {
			break
		}
		return shape.Structure{Kind: reflect.Array, Len: int(t.Len()), Elem: p.of(t.Elem())}
	case *types.Chan:
		return shape.Structure{Kind: reflect.Chan, Dir: direction(t.Dir()), Elem: p.of(t.Elem())}
	case *types.Map:
		return shape.Structure{Kind: reflect.Map, Key: p.of(t.Key()), Elem: p.of(t.Elem())}
	case *types.Pointer:
		return shape.Structure{Kind: reflect.Pointer, Elem: p.of(t.Elem())}
	case *types.Slice:
		return shape.Structure{Kind: reflect.Slice, Elem: p.of(t.Elem())}
	case *types.Signature:
		if t.TypeParams().Len() == 0 {
			in, out := p.tuple(t.Params()), p.tuple(t.Results())
			return shape.Structure{Kind: reflect.Func, In: in, Out: out, Variadic: t.Variadic()}
		}
	case *types.Struct:
		return shape.Structure{Kind: reflect.Struct, Members: p.fields(t)}
	case *types.Interface:
		if _, parameter := c.T.(*types.TypeParam); !parameter && t.IsMethodSet() {
			return shape.Structure{Kind: reflect.Interface, Members: p.methods(t)}
		}
	}
	p.unknown = true
	return shape.Structure{}
}

func (p *producer) tuple(t *types.Tuple) []shape.Type {
	var list []shape.Type
	for v := range t.Variables() {
		list = append(list, p.of(v.Type()))
	}
	return list
}

func (p *producer) fields(t *types.Struct) []shape.Member {
	var fields []shape.Member
	for i := range t.NumFields() {
		f := t.Field(i)
		m := p.member(f, f.Type())
		m.Tag, m.Embedded = t.Tag(i), f.Embedded()
		fields = append(fields, m)
	}
	return fields
}

func (p *producer) methods(t *types.Interface) []shape.Member {
	var methods []shape.Member
	for m := range t.Methods() {
		methods = append(methods, p.member(m, m.Type()))
	}
	return methods
}

func (p *producer) member(o types.Object, t types.Type) shape.Member {
	m := shape.Member{Name: o.Name(), Type: p.of(t)}
	if !token.IsExported(o.Name()) {
		m.Path = PackagePath(o.Pkg())
	}
	return m
}

// basicName returns the name of a predeclared type, for byte and rune that of the types that they
// stand for.
func basicName(t *types.Basic) string {
	if t.Kind() == types.UnsafePointer {
		return "unsafe.Pointer"
	}
	return types.Typ[t.Kind()].Name()
}

func direction(dir types.ChanDir) reflect.ChanDir {
	switch dir {
	case types.SendOnly:
		return reflect.SendDir
	case types.RecvOnly:
		return reflect.RecvDir
	}
	return reflect.BothDir
}
