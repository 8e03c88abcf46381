package eval

import (
	"cmp"
	"go/ast"
	"go/constant"
	"go/token"
	"go/types"
	"slices"
)

// whyIterator is the reason that marks what an iterator yields.
const whyIterator = "it comes from an iterator"

// loop is a range statement that is being run.
type loop struct {
	ev    *evaluator
	f     *frame
	s     *ast.RangeStmt
	label types.Object
	outer int // conditional, before the loop
	left  int // iterations
}

// rangeStmt runs a range statement: once for each element that is known, and once for all others,
// if there may be any. Maps run in the order of their keys.
func (ev *evaluator) rangeStmt(f *frame, s *ast.RangeStmt, label types.Object) result {
	x := copied(ev.expr(f, s.X)) // an array is copied, unless a pointer to it is ranged over
	l := &loop{ev: ev, f: f, s: s, label: label, outer: ev.conditional, left: maxIterations}
	defer func() { ev.conditional = l.outer }()
	if p, ok := x.(*pointer); ok {
		x = p.to.v
	}
	intType := types.Typ[types.Int]
	switch x := x.(type) {
	case *null:
		return result{}
	case *basic:
		if n, ok := number(x); ok && n <= maxIterations {
			t := types.Default(x.t)
			if s.Key != nil {
				t = f.typeOf(s.Key)
			}
			for i := range n {
				if r, stop := l.once(&basic{base{t, x.at}, constant.MakeInt64(int64(i))}, nil); stop {
					return r
				}
			}
			return result{}
		}
		if str, ok := text(x); ok {
			for i, c := range str {
				k := &basic{base{intType, x.at}, constant.MakeInt64(int64(i))}
				if r, stop := l.once(k, &basic{base{types.Typ[types.Rune], x.at}, constant.MakeInt64(int64(c))}); stop {
					return r
				}
			}
			return result{}
		}
	case *list:
		yielded := yields(x.t)
		for i, c := range slices.Clone(x.elems) {
			key, elem := value(&basic{base{intType, x.at}, constant.MakeInt64(int64(i))}), c.v
			switch yielded {
			case 1:
				key, elem = elem, nil
			case 2: // it may go backwards
				key = &unknown{base: base{intType, x.at}, why: whyIterator}
			}
			if r, stop := l.once(key, elem); stop {
				return r
			}
		}
		if !x.open {
			return result{}
		}
	case *table:
		keys, elems := x.keys, x.elems // the body may delete some
		for _, i := range x.sorted() {
			if r, stop := l.once(keys[i], elems[i].v); stop {
				return r
			}
		}
		if !x.open {
			return result{}
		}
	case *function: // of the program; it may register something itself
		site := callSite{pos: s.X.Pos(), name: "range"}
		if reachesSink(x, 4) {
			ev.note(site, whyIterator, nil)
		}
		ev.disturbed(x, nil, site)
		l.remainder(whyIterator)
		return result{}
	}
	l.remainder(whyUnknown(x))
	return result{}
}

// yields returns how many values an iterator yields; 0 if t is no iterator.
func yields(t types.Type) int {
	sig, ok := t.Underlying().(*types.Signature)
	if !ok || sig.Params().Len() != 1 {
		return 0
	}
	yield, ok := sig.Params().At(0).Type().Underlying().(*types.Signature)
	if !ok {
		return 0
	}
	return yield.Params().Len()
}

// sorted returns the indexes of the entries in the order of their keys.
func (m *entries) sorted() []int {
	order := make([]int, len(m.keys))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(i, j int) int { return compareConstants(m.keys[i].val, m.keys[j].val) })
	return order
}

func compareConstants(a, b constant.Value) int {
	switch {
	case a.Kind() != b.Kind() || a.Kind() == constant.Bool:
		return cmp.Compare(a.ExactString(), b.ExactString())
	case constant.Compare(a, token.LSS, b):
		return -1
	case constant.Compare(a, token.GTR, b):
		return 1
	}
	return 0
}

// once runs the body for one element. stop reports that the loop is over, with the result of the
// statement.
func (l *loop) once(key, elem value) (r result, stop bool) {
	if l.left--; l.left < 0 {
		return result{}, true
	}
	l.ev.conditional = l.outer
	l.bind(key, elem)
	r = l.ev.block(l.f, l.s.Body.List)
	switch {
	case r.outcome == next, r.outcome == continued && r.mine(l.label):
		return result{}, false
	case r.outcome == broke && r.mine(l.label):
		return result{}, true
	}
	return r, true
}

// bind sets the variables of the loop.
func (l *loop) bind(key, elem value) {
	for i, e := range []ast.Expr{l.s.Key, l.s.Value} {
		v := key
		if i == 1 {
			v = elem
		}
		if e == nil || v == nil {
			continue
		}
		id, ok := e.(*ast.Ident)
		if ok && l.s.Tok == token.DEFINE {
			if obj := l.f.pkg.Info.Defs[id]; obj != nil {
				l.f.declare(obj, copied(convert(v, l.f.subst(obj.Type()))))
			}
			continue
		}
		l.ev.assign(l.f, e, v)
	}
}

// remainder runs the body for the elements that are not known.
func (l *loop) remainder(why string) {
	l.ev.conditional = l.outer
	blank := func(e ast.Expr) value {
		if e == nil {
			return nil
		}
		return &unknown{base: base{l.f.typeOf(e), e.Pos()}, why: why}
	}
	l.ev.repeated(func() {
		l.bind(blank(l.s.Key), blank(l.s.Value))
		l.ev.block(l.f, l.s.Body.List)
	})
}
