package manifest

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"
)

// Fingerprint returns a short identification of a shape.
func Fingerprint(shape string) string {
	sum := sha256.Sum256([]byte(shape))
	return hex.EncodeToString(sum[:8])
}

// generationPrefix is what the builder puts before the import path of a hot
// package: anvil.g7/example.com/app/handlers.
var generationPrefix = regexp.MustCompile(`\banvil\.g[0-9]+/`)

// StripGeneration removes generation prefixes from import paths, symbol names
// and type strings, so that a person sees the names from the source.
func StripGeneration(s string) string { return generationPrefix.ReplaceAllString(s, "") }

// GenerationPath returns the import path under which a hot package is compiled
// for one generation.
func GenerationPath(generation int, importPath string) string {
	return fmt.Sprintf("anvil.g%d/%s", generation, importPath)
}

// Shapes computes the shape of types by reflection. A named type of a hot
// package is written out structurally, because every generation has its own
// copy of it, and so is a generic type with a type argument from a hot package.
// Any other named type is fixed for the life of the process and is written by
// name.
type Shapes struct {
	hot []string // sorted import paths
}

// NewShapes returns a Shapes for a set of hot packages, given by the import
// paths in the source.
func NewShapes(hot []string) *Shapes {
	hot = slices.Clone(hot)
	slices.Sort(hot)
	return &Shapes{hot: hot}
}

// Hot reports whether an import path, with or without its generation prefix,
// is that of a hot package.
func (s *Shapes) Hot(importPath string) bool {
	_, ok := slices.BinarySearch(s.hot, StripGeneration(importPath))
	return ok
}

// qualified finds the named types among the type arguments in a type's name.
var qualified = regexp.MustCompile(`[\w.~%/-]+\.\w+`)

// hotType reports whether every generation has its own copy of a named type.
func (s *Shapes) hotType(t reflect.Type) bool {
	if s.Hot(t.PkgPath()) {
		return true
	}
	_, arguments, _ := strings.Cut(t.Name(), "[")
	return slices.ContainsFunc(qualified.FindAllString(arguments, -1), func(name string) bool {
		return s.Hot(name[:strings.LastIndexByte(name, '.')])
	})
}

// Of returns the canonical structure of t. Types that a hot swap may exchange
// for each other have equal shapes.
func (s *Shapes) Of(t reflect.Type) string {
	var w shapeWriter
	w.hot = s.hotType
	w.write(t)
	return w.b.String()
}

type shapeWriter struct {
	b     strings.Builder
	hot   func(reflect.Type) bool
	stack []reflect.Type // hot named types being written, outermost first
}

func (w *shapeWriter) write(t reflect.Type) {
	if t.Name() != "" && t.PkgPath() == "" { // predeclared
		w.b.WriteString(t.Name())
		return
	}
	if t.Name() != "" {
		if !w.hot(t) {
			w.b.WriteString(StripGeneration(t.PkgPath() + "." + t.Name()))
			return
		}
		// A recursive type refers to itself by its distance on the way down,
		// so that a renamed type keeps its shape.
		if i := slices.Index(w.stack, t); i >= 0 {
			fmt.Fprintf(&w.b, "^%d", len(w.stack)-i)
			return
		}
		w.stack = append(w.stack, t)
		defer func() { w.stack = w.stack[:len(w.stack)-1] }()
		w.b.WriteString("named ")
	}
	switch t.Kind() {
	case reflect.Pointer:
		w.list("*", "", t.Elem())
	case reflect.Slice:
		w.list("[]", "", t.Elem())
	case reflect.Array:
		w.list(fmt.Sprintf("[%d]", t.Len()), "", t.Elem())
	case reflect.Map:
		w.list("map[", "]", t.Key())
		w.write(t.Elem())
	case reflect.Chan:
		w.list(t.ChanDir().String()+" (", ")", t.Elem())
	case reflect.Func:
		w.function(t)
	case reflect.Struct:
		w.structure(t)
	case reflect.Interface:
		w.interfaceType(t)
	default: // a named type over a predeclared one
		w.b.WriteString(t.Kind().String())
	}
}

func (w *shapeWriter) list(before, after string, t reflect.Type) {
	w.b.WriteString(before)
	w.write(t)
	w.b.WriteString(after)
}

func (w *shapeWriter) function(t reflect.Type) {
	w.b.WriteString("func(")
	for i := range t.NumIn() {
		if i > 0 {
			w.b.WriteString(", ")
		}
		if t.IsVariadic() && i == t.NumIn()-1 {
			w.list("...", "", t.In(i).Elem())
			continue
		}
		w.write(t.In(i))
	}
	w.b.WriteString(") (")
	for i := range t.NumOut() {
		if i > 0 {
			w.b.WriteString(", ")
		}
		w.write(t.Out(i))
	}
	w.b.WriteString(")")
}

func (w *shapeWriter) structure(t reflect.Type) {
	w.b.WriteString("struct{")
	for i := range t.NumField() {
		f := t.Field(i)
		if i > 0 {
			w.b.WriteString("; ")
		}
		if f.Anonymous {
			w.b.WriteString("embed ")
		}
		w.b.WriteString(f.Name + " ")
		w.write(f.Type)
		if f.Tag != "" {
			fmt.Fprintf(&w.b, " %q", string(f.Tag))
		}
	}
	w.b.WriteString("}")
}

func (w *shapeWriter) interfaceType(t reflect.Type) {
	w.b.WriteString("interface{")
	for i := range t.NumMethod() {
		m := t.Method(i)
		if i > 0 {
			w.b.WriteString("; ")
		}
		w.b.WriteString(m.Name)
		w.write(m.Type)
	}
	w.b.WriteString("}")
}
