package eval

import (
	"go/ast"
	"go/constant"
	"go/token"
	"go/types"
	"slices"
)

// elementOf returns the type of the elements of a map, slice or array.
func elementOf(t types.Type) types.Type {
	u := t.Underlying()
	if p, ok := u.(*types.Pointer); ok {
		u = p.Elem().Underlying()
	}
	if e, ok := u.(interface{ Elem() types.Type }); ok {
		return e.Elem()
	}
	return types.Typ[types.Invalid]
}

// composite evaluates a composite literal of type t. A literal inside another one may leave out its
// type, also where that is a pointer.
func (ev *evaluator) composite(f *frame, lit *ast.CompositeLit, t types.Type) value {
	if p, ok := t.Underlying().(*types.Pointer); ok {
		return &pointer{base{t, lit.Pos()}, &cell{ev.composite(f, lit, p.Elem())}}
	}
	b := base{t, lit.Pos()}
	switch u := t.Underlying().(type) {
	case *types.Struct:
		return ev.structLit(f, lit, u, b)
	case *types.Slice, *types.Array:
		return ev.listLit(f, lit, elementOf(u), b)
	case *types.Map:
		m := &table{b, &entries{}}
		for _, e := range lit.Elts {
			kv, ok := e.(*ast.KeyValueExpr)
			if !ok {
				continue
			}
			v := copied(ev.element(f, kv.Value, u.Elem()))
			if k, ok := ev.element(f, kv.Key, u.Key()).(*basic); ok {
				m.keys, m.elems = append(m.keys, k), append(m.elems, &cell{v})
			} else {
				m.open = true
			}
		}
		return m
	}
	return &unknown{base: b}
}

// element evaluates an element of a composite literal.
func (ev *evaluator) element(f *frame, e ast.Expr, t types.Type) value {
	if lit, ok := e.(*ast.CompositeLit); ok && lit.Type == nil {
		return ev.composite(f, lit, t)
	}
	return convert(ev.expr(f, e), t)
}

func (ev *evaluator) structLit(f *frame, lit *ast.CompositeLit, u *types.Struct, b base) value {
	s, ok := ev.zero(b.t).(*structure)
	if !ok {
		return &unknown{base: b}
	}
	s.base = b
	for i, e := range lit.Elts {
		if kv, ok := e.(*ast.KeyValueExpr); ok {
			id, _ := kv.Key.(*ast.Ident)
			for n := range u.NumFields() {
				if id != nil && u.Field(n).Name() == id.Name {
					s.fields[n].v = copied(ev.element(f, kv.Value, u.Field(n).Type()))
					break
				}
			}
		} else if i < u.NumFields() {
			s.fields[i].v = copied(ev.element(f, e, u.Field(i).Type()))
		}
	}
	return s
}

func (ev *evaluator) listLit(f *frame, lit *ast.CompositeLit, elem types.Type, b base) value {
	l := &list{base: b}
	if a, ok := b.t.Underlying().(*types.Array); ok {
		if zero, ok := ev.zero(a).(*list); ok {
			l.elems = zero.elems
		}
	}
	i := 0
	for _, e := range lit.Elts {
		if kv, ok := e.(*ast.KeyValueExpr); ok {
			n, ok := number(ev.expr(f, kv.Key))
			if !ok || n < 0 || n > maxElements {
				return &unknown{base: b, why: "it has an unusual index"}
			}
			i, e = n, kv.Value
		}
		for len(l.elems) <= i {
			l.elems = append(l.elems, &cell{ev.zero(elem)})
		}
		l.elems[i].v = copied(ev.element(f, e, elem))
		i++
	}
	return l
}

// index evaluates x[i]; ok is what the second value of it would be, nil if x is not a map.
func (ev *evaluator) index(f *frame, e *ast.IndexExpr) (v, ok value) {
	if tv := f.pkg.Info.Types[e.Index]; tv.IsType() {
		return ev.expr(f, e.X), nil // a generic function
	}
	t := f.typeOf(e)
	if tuple, ok := t.(*types.Tuple); ok && tuple.Len() > 0 {
		t = tuple.At(0).Type()
	}
	x := ev.expr(f, e.X)
	why := whyUnknown(x)
	switch x := x.(type) {
	case *table:
		return ev.entry(f, x, e, t)
	case *basic:
		ev.expr(f, e.Index)
		why = "a byte of a string is not followed"
	default:
		if c := ev.cellOf(f, e); c != nil {
			return c.v, nil
		}
		if _, known := x.(*unknown); !known {
			why = "its index is not known"
		}
	}
	u := &unknown{base: base{t, e.Pos()}, why: why}
	if _, isMap := x.typ().Underlying().(*types.Map); isMap {
		return u, ev.unknownBool(why)
	}
	return u, nil
}

func (ev *evaluator) entry(f *frame, m *table, e *ast.IndexExpr, t types.Type) (v, ok value) {
	found := func(is bool) value {
		return &basic{base{types.Typ[types.Bool], e.Pos()}, constant.MakeBool(is)}
	}
	k, known := ev.expr(f, e.Index).(*basic)
	if !known {
		return &unknown{base: base{t, e.Pos()}, why: "its key is not known"}, ev.unknownBool("its key is not known")
	}
	for i, have := range m.keys {
		if have.val.Kind() == k.val.Kind() && constant.Compare(have.val, token.EQL, k.val) {
			return m.elems[i].v, found(true)
		}
	}
	if m.open {
		return &unknown{base: base{t, e.Pos()}, why: "the map has other entries"}, ev.unknownBool("the map has other entries")
	}
	return ev.zero(t), found(false)
}

func (ev *evaluator) slice(f *frame, e *ast.SliceExpr) value {
	x := ev.expr(f, e.X)
	if p, ok := x.(*pointer); ok {
		x = p.to.v
	}
	bound := func(e ast.Expr, otherwise int) int {
		if e == nil {
			return otherwise
		}
		if n, ok := number(ev.expr(f, e)); ok {
			return n
		}
		return -1
	}
	to := base{f.typeOf(e), e.Pos()}
	switch x := x.(type) {
	case *list:
		low, high := bound(e.Low, 0), bound(e.High, len(x.elems))
		if 0 <= low && low <= high && high <= len(x.elems) {
			part := &list{base: to, elems: x.elems[low:high:high], open: x.open && e.High == nil}
			if !x.open && !e.Slice3 {
				part.spare = slices.Concat(x.elems[high:], x.spare)
			}
			return part
		}
	case *basic:
		if s, ok := text(x); ok {
			low, high := bound(e.Low, 0), bound(e.High, len(s))
			if 0 <= low && low <= high && high <= len(s) {
				return &basic{to, constant.MakeString(s[low:high])}
			}
		}
	case *null:
		return x
	}
	return &unknown{base: to, why: whyUnknown(x)}
}
