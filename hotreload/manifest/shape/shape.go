// Package shape describes the structure of types as text, compares such texts and says
// in what they differ.
//
// Every generation has its own copy of the types of hot packages, so that
// comparing types says nothing about an edit. Shapes are compared instead: the
// shape of a type is a text, and types with equal shapes can stand in for each
// other after a hot swap. The types of host packages are the same for the life
// of the process, and are in the text by their names; those of hot packages are
// in it by their structure. In the notation of the Go specification:
//
//	Type      = Name | Hot | Reference | Literal .
//	Name      = [ ImportPath "." ] identifier [ "[" Type { ", " Type } "]" ] .
//	Hot       = "named " [ Name " " ] ( Literal | predeclared ) .
//	Reference = "^" number .
//	Literal   = "*" Type | "[]" Type | "[" length "]" Type | "map[" Type "]" Type
//	          | ( "chan" | "chan<-" | "<-chan" ) " (" Type ")"
//	          | "func" Signature
//	          | "struct{" [ Field { "; " Field } ] "}"
//	          | "interface{" [ Method { "; " Method } ] "}" .
//	Signature = "(" [ Types ] ") (" [ Types ] ")" .
//	Types     = Type { ", " Type } .
//	Field     = Member [ " =" ] " " Type [ " " tag ] .
//	Method    = Member Signature .
//	Member    = [ ImportPath "." ] identifier .
//
// For example, in a hot package that imports a host package store,
//
//	func(Draft, ...*store.Post) error
//
// where Draft is struct { Title string `json:"title"`; Parent *Draft } has the
// shape
//
//	func(named struct{Title string "json:\"title\""; Parent *^1}, ...*example.com/app/store.Post) (error)
//
// What the notation does not show:
//
//   - A hot type is written where it comes up first. "^2" refers to the second
//     one in the text; so do other types of the same structure, which is what
//     one finds by following a type down for as long as one likes. Names of hot
//     types are nowhere in the text, and renaming one changes no shape, but for
//     structs that embed it: there its name is the name of a field.
//   - An instance of a generic type of a host package is hot if a hot type is
//     among its type arguments. It has both, its name and its structure. Hot
//     types among the arguments of a name are written "_": reflection knows
//     them only by their names.
//   - An alias is the type that it stands for: "any" is "interface{}", and byte
//     is uint8.
//   - The last parameter of a variadic function is preceded by "...".
//   - The order of fields, their tags, and whether they are embedded ("=") count.
//     The methods of an interface are sorted.
//   - Names that are not exported belong to a package. They are preceded by its
//     import path, unless it is hot.
//   - Methods of types other than interfaces are no part of a shape. A method
//     that another generation brings along changes what is done with a value,
//     and not what the value is.
//   - A type that is declared in a function of a host package is written like
//     one of the package: that is all that reflection tells.
//   - "main" is the import path of package main. Generation prefixes are never
//     in the text.
//   - "?" is written for what no running program can have, a mistake in the
//     source or a type parameter, and "…" for what has no end.
package shape

import (
	"crypto/sha256"
	"encoding/hex"
	"reflect"
	"slices"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest/symbol"
)

// Fingerprint returns a short identification of a shape.
func Fingerprint(shape string) string {
	sum := sha256.Sum256([]byte(shape))
	return hex.EncodeToString(sum[:8])
}

// Reflector computes the shape of types by reflection. It is safe for concurrent
// use.
type Reflector struct {
	hot []string // sorted import paths
}

// NewReflector returns a Reflector for a set of hot packages, given by the import
// paths in the source.
func NewReflector(hot []string) *Reflector {
	hot = slices.Clone(hot)
	slices.Sort(hot)
	return &Reflector{hot: hot}
}

// Hot reports whether an import path, with or without its generation prefix,
// is that of a hot package.
func (s *Reflector) Hot(importPath string) bool {
	_, ok := slices.BinarySearch(s.hot, symbol.StripGeneration(importPath))
	return ok
}

// Of returns the canonical structure of t. Types that a hot swap may exchange
// for each other have equal shapes.
func (s *Reflector) Of(t reflect.Type) string { return Write(Reflected{t}, s.Hot) }
