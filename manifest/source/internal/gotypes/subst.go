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
	if vars, changed := s.vars(slices.Collect(t.Variables())); changed {
		return types.NewTuple(vars...)
	}
	return t
}

func (s *substitution) structure(t *types.Struct) types.Type {
	fields, changed := s.vars(slices.Collect(t.Fields()))
	if !changed {
		return t
	}
	tags := make([]string, len(fields))
	for i := range tags {
		tags[i] = t.Tag(i)
	}
	return types.NewStruct(fields, tags)
}

// vars substitutes in the types of parameters or fields.
func (s *substitution) vars(vars []*types.Var) (out []*types.Var, changed bool) {
	for i, v := range vars {
		if t := s.of(v.Type()); t != v.Type() {
			vars[i], changed = types.NewParam(v.Pos(), v.Pkg(), v.Name(), t), true
			if v.IsField() {
				vars[i] = types.NewField(v.Pos(), v.Pkg(), v.Name(), t, v.Embedded())
			}
		}
	}
	return vars, changed
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
