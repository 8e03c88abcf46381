package hotreload

import (
	"reflect"
	"slices"
	"strings"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest/symbol"
)

// typeBook knows the types that a state is made of, in its old form and in its
// new one, and which types belong together. It is for one goroutine.
type typeBook struct {
	// rebuilt are the import paths of hot packages, without generation prefix.
	rebuilt []string
	// known are the types of the new form by name. It is nil where two types
	// have the same name, as types that are declared in functions can.
	known map[string]reflect.Type
	// current are the import paths of the new types, as they are.
	current map[string]bool
	news    map[reflect.Type]reflect.Type // what newType said
	hots    map[reflect.Type]bool         // what mentionsHot said
}

// newTypeBook returns the book for the change from one type to another. hot are
// the hot packages as far as the engine named them. A package of which both
// sides have a type of the same name, and not the same type, is one, too.
func newTypeBook(from, to reflect.Type, holds []reflect.Type, hot []string) *typeBook {
	b := &typeBook{
		rebuilt: slices.Clone(hot), known: map[string]reflect.Type{}, current: map[string]bool{},
		news: map[reflect.Type]reflect.Type{}, hots: map[reflect.Type]bool{},
	}
	b.learn(to)
	for _, t := range holds {
		b.learn(t)
	}
	for t := range namedTypes(from) {
		if now := b.known[sourceName(t)]; now != nil && now != t && !isInstance(t) {
			b.rebuilt = append(b.rebuilt, symbol.StripGeneration(t.PkgPath()), symbol.StripGeneration(now.PkgPath()))
		}
	}
	slices.Sort(b.rebuilt)
	b.rebuilt = slices.Compact(b.rebuilt)
	return b
}

// learn makes the types that t is made of known as new ones.
func (b *typeBook) learn(t reflect.Type) {
	for t := range namedTypes(t) {
		name := sourceName(t)
		if other, ok := b.known[name]; ok && other != t {
			b.known[name] = nil
		} else {
			b.known[name] = t
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

// unnamedPlugin begins the import path of package main in a plugin that was built
// by hand, from files; it ends with a hash of them.
const unnamedPlugin = "plugin/unnamed-"

// sourceName is the name of a type as the source has it, with import path.
func sourceName(t reflect.Type) string {
	path := t.PkgPath()
	if strings.HasPrefix(path, unnamedPlugin) {
		path = unnamedPlugin
	}
	return symbol.StripGeneration(path + "." + t.Name())
}

func isInstance(t reflect.Type) bool { return strings.Contains(t.Name(), "[") }

// sameOrigin reports whether two types come from one declaration, each as some
// generation built it and with whatever type arguments.
func sameOrigin(x, y reflect.Type) bool {
	declared := func(t reflect.Type) string {
		name, _, _ := strings.Cut(sourceName(t), "[")
		return name
	}
	return declared(x) == declared(y)
}

// hot reports whether a type is declared in a hot package.
func (b *typeBook) hot(t reflect.Type) bool {
	path := symbol.StripGeneration(t.PkgPath())
	return path != t.PkgPath() || strings.HasPrefix(path, unnamedPlugin) || slices.Contains(b.rebuilt, path)
}

// rebuiltType reports whether a named type may belong to an older generation.
func (b *typeBook) rebuiltType(t reflect.Type) bool {
	if b.hot(t) {
		// The path says which build of the package it is: another one than that
		// of the new types, or the first one, which has the path of the source.
		plain := symbol.StripGeneration(t.PkgPath()) == t.PkgPath() && !strings.HasPrefix(t.PkgPath(), unnamedPlugin)
		return plain || !b.current[t.PkgPath()]
	}
	_, arguments, _ := strings.Cut(t.Name(), "[")
	return symbol.StripGeneration(arguments) != arguments ||
		slices.ContainsFunc(b.rebuilt, func(path string) bool { return strings.Contains(arguments, path+".") })
}

// mentionsHot reports whether values of t are, or refer to, values of hot types.
func (b *typeBook) mentionsHot(t reflect.Type) bool {
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
func (b *typeBook) counterparts(from, to reflect.Type) bool {
	return from.Name() == "" || to.Name() == "" || sameOrigin(from, to) || b.hot(from) || b.hot(to) || from.ConvertibleTo(to)
}

// sameParts reports whether two types of functions or channels are the same but
// for their names. Unlike reflection, which goes by names, it takes two types
// that are declared in functions for two.
func sameParts(x, y reflect.Type) bool {
	if x.Kind() == reflect.Chan {
		return x.ConvertibleTo(y) && x.Elem() == y.Elem()
	}
	return x.IsVariadic() == y.IsVariadic() &&
		slices.Equal(slices.Collect(x.Ins()), slices.Collect(y.Ins())) && slices.Equal(slices.Collect(x.Outs()), slices.Collect(y.Outs()))
}

// newType returns the type that a value in an interface is to have: its own, if
// that is the same in every generation, or else the new one of its name. The
// result is nil if that is not known.
func (b *typeBook) newType(t reflect.Type) reflect.Type {
	if known, ok := b.news[t]; ok {
		return known
	}
	now := b.findNew(t)
	b.news[t] = now
	return now
}

func (b *typeBook) findNew(t reflect.Type) reflect.Type {
	if t.PkgPath() != "" {
		switch now := b.known[sourceName(t)]; {
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
	var build func(now []reflect.Type) reflect.Type
	switch t.Kind() {
	case reflect.Pointer:
		of, build = []reflect.Type{t.Elem()}, func(now []reflect.Type) reflect.Type { return reflect.PointerTo(now[0]) }
	case reflect.Slice:
		of, build = []reflect.Type{t.Elem()}, func(now []reflect.Type) reflect.Type { return reflect.SliceOf(now[0]) }
	case reflect.Array:
		of, build = []reflect.Type{t.Elem()}, func(now []reflect.Type) reflect.Type { return reflect.ArrayOf(t.Len(), now[0]) }
	case reflect.Map:
		of, build = []reflect.Type{t.Key(), t.Elem()}, func(now []reflect.Type) reflect.Type { return reflect.MapOf(now[0], now[1]) }
	case reflect.Chan:
		of = []reflect.Type{t.Elem()}
	case reflect.Func:
		of = slices.AppendSeq(slices.Collect(t.Ins()), t.Outs())
	case reflect.Struct:
		for f := range t.Fields() {
			of = append(of, f.Type)
		}
	}
	now, same, ok := parts(of...)
	switch {
	case same && ok:
		return t
	case build == nil || !ok || t.Kind() == reflect.Map && !now[0].Comparable():
		return nil
	}
	return build(now)
}
