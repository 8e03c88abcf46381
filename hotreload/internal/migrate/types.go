package migrate

import (
	"reflect"
	"slices"
	"strings"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest/symbol"
)

// TypeBook knows the types that a state is made of, in its old form and in its
// new one, and which types belong together. It is for one goroutine.
type TypeBook struct {
	// rebuilt are the import paths of hot packages, without generation prefix.
	rebuilt []string
	// Known are the types of the new form by name. It is nil where two types
	// have the same name, as types that are declared in functions can.
	Known map[string]reflect.Type
	// current are the import paths of the new types, as they are.
	current map[string]bool
	news    map[reflect.Type]reflect.Type // what newType said
	hots    map[reflect.Type]bool         // what mentionsHot said
}

// NewTypeBook returns the book for the change from one type to another. hot are
// the hot packages as far as the engine named them. A package of which both
// sides have a type of the same name, and not the same type, is one, too.
func NewTypeBook(from, to reflect.Type, holds []reflect.Type, hot []string) *TypeBook {
	b := &TypeBook{
		rebuilt: slices.Clone(hot), Known: map[string]reflect.Type{}, current: map[string]bool{},
		news: map[reflect.Type]reflect.Type{}, hots: map[reflect.Type]bool{},
	}
	b.Learn(to)
	for _, t := range holds {
		b.Learn(t)
	}
	for t := range namedTypes(from) {
		if now := b.Known[SourceName(t)]; now != nil && now != t && !isInstance(t) {
			b.rebuilt = append(b.rebuilt, symbol.StripGeneration(t.PkgPath()), symbol.StripGeneration(now.PkgPath()))
		}
	}
	slices.Sort(b.rebuilt)
	b.rebuilt = slices.Compact(b.rebuilt)
	return b
}

// Learn makes the types that t is made of known as new ones.
func (b *TypeBook) Learn(t reflect.Type) {
	for t := range namedTypes(t) {
		name := SourceName(t)
		if other, ok := b.Known[name]; ok && other != t {
			b.Known[name] = nil
		} else {
			b.Known[name] = t
		}
		b.current[t.PkgPath()] = true
	}
	clear(b.news)
}

// namedTypes finds the named types that a value of type t may be made of, as
// far as types tell: what is in an interface is not part of them.
func namedTypes(t reflect.Type) map[reflect.Type]bool {
	named := map[reflect.Type]bool{}
	seen := map[reflect.Type]bool{}
	todo := []reflect.Type{t}
	for len(todo) > 0 {
		t := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if seen[t] {
			continue
		}
		seen[t] = true
		if t.PkgPath() != "" {
			named[t] = true
		}
		switch t.Kind() {
		case reflect.Struct:
			for f := range t.Fields() {
				todo = append(todo, f.Type)
			}
		case reflect.Map:
			todo = append(todo, t.Key(), t.Elem())
		case reflect.Pointer, reflect.Slice, reflect.Array, reflect.Chan:
			todo = append(todo, t.Elem())
		}
	}
	return named
}

// UnnamedPlugin begins the import path of package main in a plugin that was built
// by hand, from files; it ends with a hash of them.
const UnnamedPlugin = "plugin/unnamed-"

// SourceName is the name of a type as the source has it, with import path.
func SourceName(t reflect.Type) string {
	path := t.PkgPath()
	if strings.HasPrefix(path, UnnamedPlugin) {
		path = UnnamedPlugin
	}
	return symbol.StripGeneration(path + "." + t.Name())
}

// Origin is the name of the declaration that a type comes from: its SourceName without
// type arguments.
func Origin(t reflect.Type) string {
	name, _, _ := strings.Cut(SourceName(t), "[")
	return name
}

func isInstance(t reflect.Type) bool { return strings.Contains(t.Name(), "[") }

// sameOrigin reports whether two types come from one declaration, each as some
// generation built it and with whatever type arguments.
func sameOrigin(x, y reflect.Type) bool {
	return Origin(x) == Origin(y)
}

// hot reports whether a type is declared in a hot package.
func (b *TypeBook) hot(t reflect.Type) bool {
	path := symbol.StripGeneration(t.PkgPath())
	return path != t.PkgPath() || strings.HasPrefix(path, UnnamedPlugin) || slices.Contains(b.rebuilt, path)
}

// rebuiltType reports whether a named type may belong to an older generation.
func (b *TypeBook) rebuiltType(t reflect.Type) bool {
	if b.hot(t) {
		// The path says which build of the package it is: another one than that
		// of the new types, or the first one, which has the path of the source.
		plain := symbol.StripGeneration(t.PkgPath()) == t.PkgPath() && !strings.HasPrefix(t.PkgPath(), UnnamedPlugin)
		return plain || !b.current[t.PkgPath()]
	}
	_, arguments, _ := strings.Cut(t.Name(), "[")
	return symbol.StripGeneration(arguments) != arguments ||
		slices.ContainsFunc(b.rebuilt, func(path string) bool { return strings.Contains(arguments, path+".") })
}

// mentionsHot reports whether values of t are, or refer to, values of hot types.
func (b *TypeBook) mentionsHot(t reflect.Type) bool {
	if known, ok := b.hots[t]; ok {
		return known
	}
	found := false
	for t := range namedTypes(t) {
		found = found || b.hot(t) || b.rebuiltType(t)
	}
	b.hots[t] = found
	return found
}

// counterparts reports whether values of one type may become values of another
// one part by part. Two types of host packages that have nothing to do with each
// other do not become each other because of the names of their fields.
func (b *TypeBook) counterparts(from, to reflect.Type) bool {
	return from.Name() == "" || to.Name() == "" || sameOrigin(from, to) || b.hot(from) || b.hot(to) ||
		from.ConvertibleTo(to)
}

// sameParts reports whether two types of functions or channels are the same but
// for their names. Unlike reflection, which goes by names, it takes two types
// that are declared in functions for two.
func sameParts(x, y reflect.Type) bool {
	if x.Kind() == reflect.Chan {
		return x.ConvertibleTo(y) && x.Elem() == y.Elem()
	}
	return x.IsVariadic() == y.IsVariadic() &&
		slices.Equal(slices.Collect(x.Ins()), slices.Collect(y.Ins())) &&
		slices.Equal(slices.Collect(x.Outs()), slices.Collect(y.Outs()))
}

// newType returns the type that a value in an interface is to have: its own, if
// that is the same in every generation, or else the new one of its name. The
// result is nil if that is not known.
func (b *TypeBook) newType(t reflect.Type) reflect.Type {
	if known, ok := b.news[t]; ok {
		return known
	}
	now := b.findNew(t)
	b.news[t] = now
	return now
}

func (b *TypeBook) findNew(t reflect.Type) reflect.Type {
	if t.PkgPath() != "" {
		switch now := b.Known[SourceName(t)]; {
		case now != nil:
			return now
		case b.rebuiltType(t):
			return nil
		}
		return t
	}
	parts := func(of ...reflect.Type) (now []reflect.Type, same, ok bool) {
		same, ok = true, true
		for _, part := range of {
			n := b.newType(part)
			now, same, ok = append(now, n), same && n == part, ok && n != nil
		}
		return now, same, ok
	}
	var of []reflect.Type
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Array, reflect.Chan:
		of = []reflect.Type{t.Elem()}
	case reflect.Map:
		of = []reflect.Type{t.Key(), t.Elem()}
	case reflect.Func:
		of = slices.AppendSeq(slices.Collect(t.Ins()), t.Outs())
	case reflect.Struct:
		for f := range t.Fields() {
			of = append(of, f.Type)
		}
	}
	now, same, ok := parts(of...)
	switch k := t.Kind(); {
	case same && ok:
		return t
	case !ok:
	case k == reflect.Pointer:
		return reflect.PointerTo(now[0])
	case k == reflect.Slice:
		return reflect.SliceOf(now[0])
	case k == reflect.Array:
		return reflect.ArrayOf(t.Len(), now[0])
	case k == reflect.Map && now[0].Comparable():
		return reflect.MapOf(now[0], now[1])
	}
	return nil
}
