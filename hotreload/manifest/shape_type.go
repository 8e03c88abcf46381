package manifest

import "reflect"

// ShapeType is a type as a producer of shapes finds it: one producer asks
// reflect, the other go/types. All that makes a text of it is in WriteShape, so
// that two producers agree if they see the same.
type ShapeType interface {
	// Named returns the name of a type that has one. An alias is the type that
	// it stands for.
	Named() (name ShapeName, ok bool)
	// Structure returns what the type is made of. That of a named type is the
	// structure of its underlying type.
	Structure() ShapeStructure
}

// ShapeName is the name of a defined or predeclared type.
type ShapeName struct {
	Path string      // import path, with or without generation prefix; "main" for package main; empty if predeclared
	Name string      // without type arguments
	Args []ShapeType // the type arguments of an instance of a generic type

	// Identity is equal for identical types and can be compared.
	Identity any
}

// ShapeStructure is what a type literal, or the underlying type of a named
// type, is made of. A producer sets what its Kind has.
type ShapeStructure struct {
	Kind  reflect.Kind // Array, Chan, Func, Interface, Map, Pointer, Slice, Struct; any other if Basic is set
	Basic string       // name of the predeclared type

	Len      int             // of an array
	Dir      reflect.ChanDir // of a channel
	Key      ShapeType       // of a map
	Elem     ShapeType       // of an array, channel, map, pointer or slice
	In, Out  []ShapeType     // of a function; the last In of a variadic one is the slice
	Variadic bool
	Members  []ShapeMember // fields of a struct in order; methods of an interface, embedded ones too, in any order
}

// ShapeMember is a field or a method.
type ShapeMember struct {
	Path     string // import path, if the name is not exported
	Name     string
	Type     ShapeType // of a method without its receiver
	Tag      string    // unquoted
	Embedded bool
}
