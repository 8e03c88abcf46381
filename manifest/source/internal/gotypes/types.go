// Package gotypes describes types from source as the running program describes them by reflection:
// their shape ([Shapes]), their text ([Signature]), and the names that the compiler gives to
// functions. It also has the small questions about go/types and go/ast that several analyses ask.
package gotypes

import (
	"go/token"
	"go/types"
)

// HasTypeParam reports whether a type parameter is left in t, where it matters to its kind.
func HasTypeParam(t types.Type) bool {
	found := false
	EachType(t, func(t types.Type) { _, is := t.(*types.TypeParam); found = found || is })
	return found
}

// EachType calls fn with t and the types that it is written with.
func EachType(t types.Type, fn func(types.Type)) {
	t = types.Unalias(t)
	fn(t)
	switch t := t.(type) {
	case *types.Pointer, *types.Slice, *types.Array, *types.Chan:
		EachType(t.(interface{ Elem() types.Type }).Elem(), fn)
	case *types.Map:
		EachType(t.Key(), fn)
		EachType(t.Elem(), fn)
	case *types.Signature:
		for _, tuple := range []*types.Tuple{t.Params(), t.Results()} {
			for v := range tuple.Variables() {
				EachType(v.Type(), fn)
			}
		}
	case *types.Struct:
		for f := range t.Fields() {
			EachType(f.Type(), fn)
		}
	case *types.Named:
		for arg := range t.TypeArgs().Types() {
			EachType(arg, fn)
		}
	}
}

// HasInvalid reports whether a type contains a mistake of the source.
func HasInvalid(t types.Type) bool {
	found := false
	EachType(t, func(t types.Type) { found = found || t == types.Typ[types.Invalid] })
	return found
}

// IsNamed reports whether a type is the one that a package declares under a name.
func IsNamed(t types.Type, path, name string) bool {
	named, ok := types.Unalias(t).(*types.Named)
	if !ok {
		return false
	}
	obj := named.Obj()
	return obj.Name() == name && obj.Pkg() != nil && obj.Pkg().Path() == path
}

func NewSignature(params []types.Type, results ...types.Type) *types.Signature {
	tuple := func(ts []types.Type) *types.Tuple {
		var vars []*types.Var
		for _, t := range ts {
			vars = append(vars, types.NewParam(token.NoPos, nil, "", t))
		}
		return types.NewTuple(vars...)
	}
	return types.NewSignatureType(nil, nil, nil, tuple(params), tuple(results), false)
}

var (
	ErrorType = types.Universe.Lookup("error").Type()
	errorBase = ErrorType.Underlying().(*types.Interface)
)

func OrInvalid(t types.Type) types.Type {
	if t == nil {
		return types.Typ[types.Invalid]
	}
	return t
}

func RecvType(obj *types.Func) types.Type {
	if recv := obj.Signature().Recv(); recv != nil {
		return recv.Type()
	}
	return types.Typ[types.Invalid]
}

// IsString reports whether the values of a type are texts.
func IsString(t types.Type) bool {
	b, ok := t.Underlying().(*types.Basic)
	return ok && b.Info()&types.IsString != 0
}
