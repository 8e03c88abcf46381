package eval

import (
	"go/ast"
	"go/token"
	"go/types"
)

func (ev *evaluator) switchStmt(f *frame, s *ast.SwitchStmt, label types.Object) result {
	if s.Init != nil {
		ev.stmt(f, s.Init, nil)
	}
	var tag value
	if s.Tag != nil {
		tag = ev.expr(f, s.Tag)
	}
	var possible []int // clauses that may run, in the order in which they are tried
	fallback := -1
	certain := false
	for i, c := range s.Body.List {
		clause, ok := c.(*ast.CaseClause)
		if !ok {
			continue
		}
		if clause.List == nil {
			fallback = i
			continue
		}
		is, known := ev.matches(f, tag, clause.List)
		if known && !is || certain {
			continue
		}
		possible = append(possible, i)
		certain = known
	}
	if !certain {
		possible = append(possible, fallback) // -1: none
	}
	arms := make([]func() result, len(possible))
	for i, n := range possible {
		arms[i] = func() result { return breakable(ev.clause(f, s.Body.List, n), label) }
	}
	if len(arms) == 1 {
		return arms[0]()
	}
	return ev.branches(false, arms...)
}

// matches reports whether one of the expressions of a case is equal to the tag or, without one,
// true.
func (ev *evaluator) matches(f *frame, tag value, list []ast.Expr) (is, known bool) {
	known = true
	for _, e := range list {
		v := ev.expr(f, e)
		if tag != nil {
			v = ev.operate(token.EQL, tag, v, types.Typ[types.Bool], e.Pos())
		}
		this, ok := truth(v)
		if this && ok {
			return true, known
		}
		known = known && ok
	}
	return false, known
}

// clause runs a clause of a switch and those that it falls through to.
func (ev *evaluator) clause(f *frame, clauses []ast.Stmt, n int) result {
	for ; n >= 0 && n < len(clauses); n++ {
		clause, ok := clauses[n].(*ast.CaseClause)
		if !ok {
			break
		}
		r := ev.block(f, clause.Body)
		if r.outcome != next || len(clause.Body) == 0 {
			return r
		}
		last, ok := clause.Body[len(clause.Body)-1].(*ast.BranchStmt)
		if !ok || last.Tok != token.FALLTHROUGH {
			return r
		}
	}
	return result{}
}

func (ev *evaluator) typeSwitch(f *frame, s *ast.TypeSwitchStmt, label types.Object) result {
	if s.Init != nil {
		ev.stmt(f, s.Init, nil)
	}
	var x ast.Expr
	switch a := s.Assign.(type) {
	case *ast.ExprStmt:
		x = a.X
	case *ast.AssignStmt:
		if len(a.Rhs) == 1 {
			x = a.Rhs[0]
		}
	}
	assert, ok := ast.Unparen(x).(*ast.TypeAssertExpr)
	if !ok {
		return result{}
	}
	v := ev.expr(f, assert.X)
	var arms []func() result
	var fallback func() result
	for _, c := range s.Body.List {
		clause, ok := c.(*ast.CaseClause)
		if !ok {
			continue
		}
		run := func() result {
			if obj := f.pkg.Info.Implicits[clause]; obj != nil {
				f.declare(obj, convert(v, f.subst(obj.Type())))
			}
			return breakable(ev.block(f, clause.Body), label)
		}
		if clause.List == nil {
			fallback = run
			continue
		}
		is, known := ev.isOneOf(f, v, clause.List)
		if known && is {
			if len(arms) == 0 {
				return run()
			}
			return ev.branches(false, append(arms, run)...)
		}
		if !known {
			arms = append(arms, run)
		}
	}
	if fallback == nil {
		fallback = func() result { return result{} }
	}
	if len(arms) == 0 {
		return fallback()
	}
	return ev.branches(false, append(arms, fallback)...)
}

// isOneOf reports whether the dynamic type of v is one of those in a case.
func (ev *evaluator) isOneOf(f *frame, v value, list []ast.Expr) (is, known bool) {
	known = true
	for _, e := range list {
		this, ok := false, true
		if f.pkg.Info.Types[e].IsNil() {
			this, ok = isNil(v)
		} else {
			this, ok = isOf(v, f.typeOf(e))
		}
		if this && ok {
			return true, known
		}
		known = known && ok
	}
	return false, known
}

// isOf reports whether the dynamic type of v is t or, if t is an interface, implements it.
func isOf(v value, t types.Type) (is, known bool) {
	if _, null := v.(*null); null && types.IsInterface(v.typ()) {
		return false, true
	}
	have := v.typ()
	if types.IsInterface(have) {
		return false, false
	}
	if i, ok := t.Underlying().(*types.Interface); ok {
		return types.Implements(have, i), true
	}
	return types.Identical(have, t), true
}

func (ev *evaluator) selectStmt(f *frame, s *ast.SelectStmt, label types.Object) result {
	var arms []func() result
	for _, c := range s.Body.List {
		if clause, ok := c.(*ast.CommClause); ok {
			arms = append(arms, func() result {
				if clause.Comm != nil {
					ev.stmt(f, clause.Comm, nil)
				}
				return breakable(ev.block(f, clause.Body), label)
			})
		}
	}
	if len(arms) == 0 {
		return result{outcome: ended}
	}
	if len(arms) == 1 {
		return arms[0]()
	}
	return ev.branches(false, arms...)
}
