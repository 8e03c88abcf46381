package shape

import "reflect"

// Type is a type as a producer of shapes finds it: one producer asks
// reflect, the other go/types. All that makes a text of it is in Write, so
// that two producers agree if they see the same.
type Type interface {
	// Named returns the name of a type that has one. An alias is the type that
	// it stands for.
	Named() (name Name, ok bool)
	// Structure returns what the type is made of. That of a named type is the
	// structure of its underlying type.
	Structure() Structure
}

// Name is the name of a defined or predeclared type.
type Name struct {
	Path string // import path, with or without generation prefix; "main" for package main; empty if predeclared
	Name string // without type arguments
	Args []Type // the type arguments of an instance of a generic type

	// Identity is equal for identical types and can be compared.
	Identity any
}

// Structure is what a type literal, or the underlying type of a named
// type, is made of. A producer sets what its Kind has.
type Structure struct {
	Kind  reflect.Kind // Array, Chan, Func, Interface, Map, Pointer, Slice, Struct; any other if Basic is set
	Basic string       // name of the predeclared type

	Len      int             // of an array
	Dir      reflect.ChanDir // of a channel
	Key      Type            // of a map
	Elem     Type            // of an array, channel, map, pointer or slice
	In, Out  []Type          // of a function; the last In of a variadic one is the slice
	Variadic bool
	Members  []Member // fields of a struct in order; methods of an interface, embedded ones too, in any order
}

// Member is a field or a method.
type Member struct {
	Path     string // import path, if the name is not exported
	Name     string
	Type     Type   // of a method without its receiver
	Tag      string // unquoted
	Embedded bool
}
