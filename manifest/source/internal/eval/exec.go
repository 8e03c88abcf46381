package eval

import (
	"go/ast"
	"go/constant"
	"go/token"
	"go/types"
	"slices"

	"github.com/anvilforge/anvil-lsp/manifest/source/internal/gotypes"
)

// block runs statements until one of them leaves.
func (ev *evaluator) block(f *frame, list []ast.Stmt) result {
	for i := 0; i < len(list); i++ {
		r := ev.stmt(f, list[i], nil)
		if r.partly {
			ev.conditional++ // until the function or the iteration ends
		}
		if r.outcome == jumped {
			if to := labelled(f, list, r.label); to >= 0 {
				i = to - 1
				continue
			}
		}
		if r.outcome != next {
			return r
		}
	}
	return result{}
}

// labelled returns the index of the statement with a label, -1 if it is not in the list.
func labelled(f *frame, list []ast.Stmt, label types.Object) int {
	return slices.IndexFunc(list, func(s ast.Stmt) bool {
		l, ok := s.(*ast.LabeledStmt)
		return ok && label != nil && f.pkg.Info.Defs[l.Label] == label
	})
}

// stmt runs a statement; label is the label that it has.
func (ev *evaluator) stmt(f *frame, s ast.Stmt, label types.Object) result {
	ev.step()
	switch s := s.(type) {
	case *ast.BlockStmt:
		return ev.block(f, s.List)
	case *ast.ExprStmt:
		v := ev.expr(f, s.X)
		if u, ok := v.(*unknown); ok && u.why == whyEnded {
			return result{outcome: ended}
		}
	case *ast.AssignStmt:
		ev.assignStmt(f, s)
	case *ast.DeclStmt:
		ev.declStmt(f, s)
	case *ast.IncDecStmt:
		op := token.ADD
		if s.Tok == token.DEC {
			op = token.SUB
		}
		old := ev.expr(f, s.X)
		one := &basic{base{old.typ(), s.Pos()}, constant.MakeInt64(1)}
		ev.assign(f, s.X, ev.operate(op, old, one, old.typ(), s.Pos()))
	case *ast.IfStmt:
		return ev.ifStmt(f, s)
	case *ast.ForStmt:
		return ev.forStmt(f, s, label)
	case *ast.RangeStmt:
		return ev.rangeStmt(f, s, label)
	case *ast.SwitchStmt:
		return ev.switchStmt(f, s, label)
	case *ast.TypeSwitchStmt:
		return ev.typeSwitch(f, s, label)
	case *ast.SelectStmt:
		return ev.selectStmt(f, s, label)
	case *ast.ReturnStmt:
		ev.returnStmt(f, s)
		return result{outcome: returned}
	case *ast.BranchStmt:
		return branchStmt(f, s)
	case *ast.LabeledStmt:
		return ev.stmt(f, s.Stmt, f.pkg.Info.Defs[s.Label])
	case *ast.GoStmt:
		ev.run(ev.prepare(f, s.Call))
	case *ast.DeferStmt:
		f.defers = append(f.defers, ev.prepare(f, s.Call))
	case *ast.SendStmt:
		ev.expr(f, s.Chan)
		ev.expr(f, s.Value)
	}
	return result{}
}

func branchStmt(f *frame, s *ast.BranchStmt) result {
	var label types.Object
	if s.Label != nil {
		label = f.pkg.Info.Uses[s.Label]
	}
	switch s.Tok {
	case token.BREAK:
		return result{outcome: broke, label: label}
	case token.CONTINUE:
		return result{outcome: continued, label: label}
	case token.GOTO:
		return result{outcome: jumped, label: label}
	}
	return result{} // fallthrough: see switchStmt
}

// breakable ends a break that is meant for a switch or select.
func breakable(r result, label types.Object) result {
	switch {
	case r.outcome == broke && r.mine(label):
		return result{}
	case r.breaks != nil && r.breaks.mine(label):
		return result{partly: true}
	}
	return r
}

func (ev *evaluator) declStmt(f *frame, s *ast.DeclStmt) {
	d, ok := s.Decl.(*ast.GenDecl)
	if !ok || d.Tok != token.VAR {
		return
	}
	for _, spec := range d.Specs {
		spec, ok := spec.(*ast.ValueSpec)
		if !ok {
			continue
		}
		var values []value
		if len(spec.Values) > 0 {
			values = ev.values(f, spec.Values, len(spec.Names))
		}
		for i, name := range spec.Names {
			obj := f.pkg.Info.Defs[name]
			if obj == nil {
				continue
			}
			t := f.subst(obj.Type())
			if values == nil {
				f.declare(obj, ev.zero(t))
			} else {
				f.declare(obj, copied(convert(values[i], t)))
			}
		}
	}
}

// values evaluates the right side of an assignment to n variables.
func (ev *evaluator) values(f *frame, exprs []ast.Expr, n int) []value {
	var out []value
	if len(exprs) == 1 && n > 1 {
		v := ev.multi(f, exprs[0], n)
		if t, ok := v.(*tuple); ok {
			out = append(out, t.values...)
		}
	} else {
		for _, e := range exprs {
			out = append(out, ev.expr(f, e))
		}
	}
	for len(out) < n {
		out = append(out, &unknown{base: base{t: types.Typ[types.Invalid]}, why: "it does not compile"})
	}
	return out[:n]
}

// multi evaluates an expression with several values: a call, or one of the forms with an ok.
func (ev *evaluator) multi(f *frame, e ast.Expr, n int) value {
	e = ast.Unparen(e)
	if n == 2 {
		switch e := e.(type) {
		case *ast.TypeAssertExpr:
			v, ok := ev.assert(f, e)
			return &tuple{values: []value{v, ok}}
		case *ast.IndexExpr:
			if v, ok := ev.index(f, e); ok != nil {
				return &tuple{values: []value{v, ok}}
			}
		case *ast.UnaryExpr: // receive
			return &tuple{values: []value{ev.expr(f, e), ev.unknownBool("it comes from a channel")}}
		}
	}
	return ev.expr(f, e)
}

func (ev *evaluator) unknownBool(why string) value {
	return &unknown{base: base{t: types.Typ[types.Bool]}, why: why}
}

func (ev *evaluator) assignStmt(f *frame, s *ast.AssignStmt) {
	switch s.Tok {
	case token.ASSIGN, token.DEFINE:
		values := ev.values(f, s.Rhs, len(s.Lhs))
		if s.Tok == token.ASSIGN && len(s.Lhs) > 1 {
			// What stands on the left is found before anything is set.
			var set []func(value)
			for _, lhs := range s.Lhs {
				set = append(set, ev.setter(f, lhs))
			}
			for i, do := range set {
				do(values[i])
			}
			return
		}
		for i, lhs := range s.Lhs {
			if id, ok := lhs.(*ast.Ident); ok && s.Tok == token.DEFINE {
				if obj := f.pkg.Info.Defs[id]; obj != nil {
					f.declare(obj, copied(convert(values[i], f.subst(obj.Type()))))
					continue
				}
			}
			ev.assign(f, lhs, values[i])
		}
	default:
		if len(s.Lhs) != 1 || len(s.Rhs) != 1 {
			return
		}
		old, by := ev.expr(f, s.Lhs[0]), ev.expr(f, s.Rhs[0])
		ev.assign(f, s.Lhs[0], ev.operate(s.Tok+token.ADD-token.ADD_ASSIGN, old, by, old.typ(), s.Pos()))
	}
}

// assign stores a value in what an expression denotes. A variable that is not known is left alone.
func (ev *evaluator) assign(f *frame, lhs ast.Expr, v value) { ev.setter(f, lhs)(v) }

// setter finds what an expression denotes, and returns what stores a value in it.
func (ev *evaluator) setter(f *frame, lhs ast.Expr) func(value) {
	lhs = ast.Unparen(lhs)
	if id, ok := lhs.(*ast.Ident); ok && id.Name == "_" {
		return func(value) {}
	}
	if index, ok := lhs.(*ast.IndexExpr); ok {
		if m, ok := ev.expr(f, index.X).(*table); ok {
			key := ev.expr(f, index.Index)
			return func(v value) { ev.store(m, key, convert(v, elementOf(m.t))) }
		}
	}
	c := ev.cellOf(f, lhs)
	if c == nil {
		return func(value) {}
	}
	return func(v value) { ev.set(c, copied(convert(v, f.typeOf(lhs)))) }
}

// store sets an entry of a map.
func (ev *evaluator) store(m *table, key, v value) {
	k, ok := key.(*basic)
	if !ok || ev.journal != nil { // which of several branches put it there is not kept
		m.open = true
	}
	if !ok {
		return
	}
	for i, have := range m.keys {
		if have.val.Kind() == k.val.Kind() && constant.Compare(have.val, token.EQL, k.val) {
			ev.set(m.elems[i], v)
			return
		}
	}
	if len(m.keys) < maxElements && ev.journal == nil {
		m.keys = append(m.keys, k)
		m.elems = append(m.elems, &cell{copied(v)})
	}
}

func (ev *evaluator) ifStmt(f *frame, s *ast.IfStmt) result {
	if s.Init != nil {
		ev.stmt(f, s.Init, nil)
	}
	cond := ev.expr(f, s.Cond)
	then := func() result { return ev.block(f, s.Body.List) }
	otherwise := func() result {
		if s.Else == nil {
			return result{}
		}
		return ev.stmt(f, s.Else, nil)
	}
	if is, ok := truth(cond); ok {
		if is {
			return then()
		}
		return otherwise()
	}
	return ev.branches(s.Else == nil && gotypes.ChecksError(f.pkg.Info, s.Cond), then, otherwise)
}

// mine reports whether a break or continue is for the loop with this label.
func (r result) mine(label types.Object) bool { return r.label == nil || r.label == label }

func (ev *evaluator) forStmt(f *frame, s *ast.ForStmt, label types.Object) result {
	if s.Init != nil {
		ev.stmt(f, s.Init, nil)
	}
	outer := ev.conditional
	defer func() { ev.conditional = outer }()
	endless := s.Cond == nil && !exits(s.Body)
	for range maxIterations {
		if endless {
			break
		}
		if s.Cond != nil {
			is, ok := truth(ev.expr(f, s.Cond))
			if !ok {
				break
			}
			if !is {
				return result{}
			}
		}
		ev.conditional = outer
		r := ev.block(f, s.Body.List)
		switch {
		case r.outcome == broke && r.mine(label):
			return result{}
		case r.outcome > continued || r.outcome == continued && !r.mine(label):
			return r
		}
		ev.newIteration(f, s)
		if s.Post != nil {
			ev.stmt(f, s.Post, nil)
		}
		if s.Cond == nil && ev.conditional > outer {
			break // it ends on a condition that is not known
		}
	}
	ev.repeated(func() {
		if s.Cond != nil {
			ev.expr(f, s.Cond)
		}
		ev.block(f, s.Body.List)
		if s.Post != nil {
			ev.stmt(f, s.Post, nil)
		}
	})
	if endless {
		return result{outcome: ended}
	}
	return result{}
}

// exits reports whether something in the body of a loop can leave it. A break of an inner statement
// counts, too.
func exits(body *ast.BlockStmt) bool {
	return gotypes.AnyNode(body, func(n ast.Node) bool {
		_, returns := n.(*ast.ReturnStmt)
		branch, ok := n.(*ast.BranchStmt)
		return returns || ok && (branch.Tok == token.BREAK || branch.Tok == token.GOTO)
	})
}

// newIteration gives the variables of a for statement to the next iteration: closures keep those of
// theirs.
func (ev *evaluator) newIteration(f *frame, s *ast.ForStmt) {
	init, ok := s.Init.(*ast.AssignStmt)
	if !ok || init.Tok != token.DEFINE {
		return
	}
	for _, e := range init.Lhs {
		if id, ok := e.(*ast.Ident); ok {
			if obj := f.pkg.Info.Defs[id]; obj != nil {
				if c := f.lookup(obj); c != nil {
					f.declare(obj, c.v)
				}
			}
		}
	}
}

func (ev *evaluator) returnStmt(f *frame, s *ast.ReturnStmt) {
	var values []value
	switch {
	case len(s.Results) > 0 && f.results != nil:
		values = ev.values(f, s.Results, f.results.Len())
	default:
		for _, c := range f.named {
			values = append(values, c.v)
		}
	}
	for i := range values {
		if f.results != nil && i < f.results.Len() {
			values[i] = copied(convert(values[i], f.results.At(i).Type()))
			if i < len(f.named) {
				ev.set(f.named[i], values[i])
			}
		}
	}
	f.returns = append(f.returns, values)
}
