package eval

import (
	"go/ast"
	"go/constant"
	"go/token"
	"go/types"
	"slices"

	"github.com/anvilforge/anvil-lsp/manifest/source/internal/gotypes"
)

// builtin calls a predeclared function.
func (ev *evaluator) builtin(f *frame, e *ast.CallExpr, fun ast.Expr) value {
	name := gotypes.CalledName(fun)
	t := f.typeOf(e)
	to := base{t, e.Pos()}
	if (name == "make" || name == "new") && len(e.Args) > 0 {
		return ev.make(f, e, name, to)
	}
	var args []value
	for _, a := range e.Args {
		args = append(args, ev.expr(f, a))
	}
	arg := func(i int) value {
		if i < len(args) {
			return args[i]
		}
		return &unknown{base: base{t: types.Typ[types.Invalid]}}
	}
	switch name {
	case "append":
		return ev.append(args, e.Ellipsis.IsValid(), to)
	case "len":
		if n, ok := length(arg(0)); ok {
			return &basic{to, constant.MakeInt64(int64(n))}
		}
	case "min", "max":
		return ev.extreme(name, args, to)
	case "panic":
		return ends()
	case "recover":
		return &unknown{base: to, why: "it is what was panicked with", some: ev.panicking}
	case "delete":
		if m, ok := arg(0).(*table); ok {
			ev.remove(m, arg(1))
		}
	case "clear":
		if m, ok := arg(0).(*table); ok {
			m.keys, m.elems, m.open = nil, nil, ev.journal != nil
		}
	case "copy":
		if l, ok := arg(0).(*list); ok {
			for _, c := range l.elems {
				ev.set(c, changed(c.v, &unknown{base: base{t: c.v.typ()}}))
			}
		}
	}
	return &unknown{base: to, why: whyUnknown(arg(0))}
}

func (ev *evaluator) make(f *frame, e *ast.CallExpr, name string, to base) value {
	if name == "new" {
		if tv := f.pkg.Info.Types[e.Args[0]]; !tv.IsType() { // new(value), Go 1.26
			v := ev.expr(f, e.Args[0])
			if p, ok := to.t.Underlying().(*types.Pointer); ok {
				v = copied(convert(v, p.Elem()))
			}
			return &pointer{to, &cell{v}}
		}
		return &pointer{to, &cell{ev.zero(f.typeOf(e.Args[0]))}}
	}
	switch to.t.Underlying().(type) {
	case *types.Map:
		return &table{to, &entries{}}
	case *types.Slice:
		l := &list{base: to}
		n := 0
		if len(e.Args) > 1 {
			var ok bool
			if n, ok = number(ev.expr(f, e.Args[1])); !ok || n < 0 || n > maxElements {
				l.open = true
				return l
			}
		}
		for range n {
			l.elems = append(l.elems, &cell{ev.zero(elementOf(to.t))})
		}
		return l
	}
	return &unknown{base: to, some: true}
}

func (ev *evaluator) append(args []value, spread bool, to base) value {
	if len(args) == 0 {
		return &unknown{base: to}
	}
	out := &list{base: to}
	switch x := args[0].(type) {
	case *list:
		out.elems, out.open, out.spare = slices.Clone(x.elems), x.open, x.spare
	case *null:
	default:
		out.open = true
	}
	var added []*cell
	for _, a := range args[1:] {
		if !spread {
			added = append(added, &cell{copied(convert(a, elementOf(to.t)))})
			continue
		}
		switch a := a.(type) {
		case *list:
			added, out.open = append(added, copyCells(a.elems)...), out.open || a.open
		case *null:
		default:
			out.open = true
		}
	}
	if len(added) > len(out.spare) || out.open {
		out.spare = nil // it is another array
	}
	for i, c := range added {
		if i < len(out.spare) {
			ev.set(out.spare[i], c.v)
			added[i] = out.spare[i]
		}
	}
	out.elems, out.spare = append(out.elems, added...), out.spare[min(len(added), len(out.spare)):]
	if len(out.elems) > maxElements {
		out.elems, out.open = out.elems[:maxElements], true
	}
	return out
}

func length(v value) (n int, ok bool) {
	switch v := v.(type) {
	case *basic:
		s, ok := text(v)
		return len(s), ok
	case *list:
		return len(v.elems), !v.open
	case *table:
		return len(v.keys), !v.open
	case *null:
		return 0, true
	case *pointer:
		return length(v.to.v)
	}
	return 0, false
}

func (ev *evaluator) extreme(name string, args []value, to base) value {
	op := token.LSS
	if name == "max" {
		op = token.GTR
	}
	var best value
	for _, a := range args {
		if best == nil {
			best = a
			continue
		}
		is, ok := truth(ev.operate(op, a, best, types.Typ[types.Bool], to.at))
		if !ok {
			return &unknown{base: to, why: whyUnknown(a)}
		}
		if is {
			best = a
		}
	}
	return convert(best, to.t)
}

// remove deletes an entry of a map.
func (ev *evaluator) remove(m *table, key value) {
	k, ok := key.(*basic)
	if !ok || ev.journal != nil {
		m.keys, m.elems, m.open = nil, nil, true
		return
	}
	for i, have := range m.keys {
		if have.val.Kind() == k.val.Kind() && constant.Compare(have.val, token.EQL, k.val) {
			m.keys, m.elems = slices.Delete(slices.Clone(m.keys), i, i+1), slices.Delete(slices.Clone(m.elems), i, i+1)
			return
		}
	}
}
