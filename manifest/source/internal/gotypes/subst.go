package gotypes

import (
	"go/token"
	"go/types"
	"slices"
)

// Substitute returns t with type parameters replaced by their arguments.
func Substitute(t types.Type, bind map[*types.TypeParam]types.Type) types.Type {
	s := substitution{bind: bind}
	return s.of(t)
}

type substitution struct {
	bind  map[*types.TypeParam]types.Type
	depth int
}

// of returns the same type if nothing in it is replaced.
func (s *substitution) of(t types.Type) types.Type {
	if s.depth++; s.depth > maxSignatureDepth {
		s.depth--
		return t
	}
	defer func() { s.depth-- }()
	switch t := t.(type) {
	case *types.TypeParam:
		if arg, ok := s.bind[t]; ok {
			return arg
		}
	case *types.Alias:
		if u := s.of(types.Unalias(t)); u != types.Unalias(t) {
			return u
		}
	case *types.Pointer:
		if e := s.of(t.Elem()); e != t.Elem() {
			return types.NewPointer(e)
		}
	case *types.Slice:
		if e := s.of(t.Elem()); e != t.Elem() {
			return types.NewSlice(e)
		}
	case *types.Array:
		if e := s.of(t.Elem()); e != t.Elem() {
			return types.NewArray(e, t.Len())
		}
	case *types.Chan:
		if e := s.of(t.Elem()); e != t.Elem() {
			return types.NewChan(t.Dir(), e)
		}
	case *types.Map:
		if k, e := s.of(t.Key()), s.of(t.Elem()); k != t.Key() || e != t.Elem() {
			return types.NewMap(k, e)
		}
	case *types.Tuple:
		return s.tuple(t)
	case *types.Signature:
		if p, r := s.tuple(t.Params()), s.tuple(t.Results()); p != t.Params() || r != t.Results() {
			return types.NewSignatureType(nil, nil, nil, p, r, t.Variadic())
		}
	case *types.Struct:
		return s.structure(t)
	case *types.Interface:
		return s.interfaceType(t)
	case *types.Named:
		return s.named(t)
	}
	return t
}

func (s *substitution) tuple(t *types.Tuple) *types.Tuple {
	var vars []*types.Var
	for i := range t.Len() {
		v := t.At(i)
		if u := s.of(v.Type()); u != v.Type() {
			if vars == nil {
				vars = slices.Collect(t.Variables())
			}
			vars[i] = types.NewParam(v.Pos(), v.Pkg(), v.Name(), u)
		}
	}
	if vars == nil {
		return t
	}
	return types.NewTuple(vars...)
}

func (s *substitution) structure(t *types.Struct) types.Type {
	var fields []*types.Var
	for i := range t.NumFields() {
		f := t.Field(i)
		if u := s.of(f.Type()); u != f.Type() {
			if fields == nil {
				fields = slices.Collect(t.Fields())
			}
			fields[i] = types.NewField(f.Pos(), f.Pkg(), f.Name(), u, f.Embedded())
		}
	}
	if fields == nil {
		return t
	}
	tags := make([]string, len(fields))
	for i := range tags {
		tags[i] = t.Tag(i)
	}
	return types.NewStruct(fields, tags)
}

func (s *substitution) interfaceType(t *types.Interface) types.Type {
	if !t.IsMethodSet() {
		return t // a constraint: no type of a value
	}
	var methods []*types.Func
	changed := false
	for m := range t.Methods() {
		sig := m.Signature()
		u, _ := s.of(types.NewSignatureType(nil, nil, nil, sig.Params(), sig.Results(), sig.Variadic())).(*types.Signature)
		if u.Params() != sig.Params() || u.Results() != sig.Results() {
			changed = true
		}
		methods = append(methods, types.NewFunc(token.NoPos, m.Pkg(), m.Name(), u))
	}
	if !changed {
		return t
	}
	return types.NewInterfaceType(methods, nil).Complete()
}

func (s *substitution) named(t *types.Named) types.Type {
	if t.TypeArgs().Len() == 0 {
		return t
	}
	args := slices.Collect(t.TypeArgs().Types())
	changed := false
	for i, a := range args {
		args[i] = s.of(a)
		changed = changed || args[i] != a
	}
	if !changed {
		return t
	}
	if u, err := types.Instantiate(nil, t.Origin(), args, false); err == nil {
		return u
	}
	return t
}
