package findings

import (
	"go/ast"
	"go/token"
	"go/types"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"golang.org/x/tools/go/types/typeutil"
)

// target returns what an expression is a part of, if that may outlive the generation.
func (s *scope) target(e ast.Expr) (t target) {
	v := rootVar(s.info, e)
	switch {
	case v == nil:
		t.kept = inContainer(s.info, rootExpr(e))
	case v.Pkg() != nil && v.Parent() == v.Pkg().Scope():
		t.root = v
	case v == s.recv:
		t.own = true
	default:
		t.kept = s.inContainer(v)
	}
	if t != (target{}) {
		t.slot = slotOf(s.info, e)
	}
	return t
}

// slotOf returns the variable or field that an expression denotes, or is an element of.
func slotOf(info *types.Info, e ast.Expr) *types.Var {
	switch x := withoutElements(e).(type) {
	case *ast.SelectorExpr:
		if v, ok := info.Uses[x.Sel].(*types.Var); ok {
			return v.Origin()
		}
	case *ast.Ident:
		v, _ := info.Uses[x].(*types.Var)
		return v
	}
	return nil
}

// withoutElements returns what an expression is an element or a part of the elements of: a.b for
// (*a.b[3])[1:].
func withoutElements(e ast.Expr) ast.Expr {
	for {
		switch x := e.(type) {
		case *ast.ParenExpr:
			e = x.X
		case *ast.StarExpr:
			e = x.X
		case *ast.IndexExpr:
			e = x.X
		case *ast.SliceExpr:
			e = x.X
		default:
			return e
		}
	}
}

// rootExpr returns the expression that the path of a selection begins with.
func rootExpr(e ast.Expr) ast.Expr {
	for {
		e = withoutElements(e)
		sel, ok := e.(*ast.SelectorExpr)
		if !ok {
			return e
		}
		e = sel.X
	}
}

// inContainer reports whether an expression is a call of hotreload.MustLookup.
func inContainer(info *types.Info, e ast.Expr) bool {
	call, ok := ast.Unparen(e).(*ast.CallExpr)
	if !ok {
		return false
	}
	fn, _ := typeutil.Callee(info, call).(*types.Func)
	return fn != nil && isMustLookup(fn)
}

// isMustLookup reports whether fn is hotreload.MustLookup or MustLookupNamed.
func isMustLookup(fn *types.Func) bool {
	return fn.FullName() == manifest.RuntimePath+".MustLookup" || fn.FullName() == manifest.RuntimePath+".MustLookupNamed"
}

// inContainer reports whether a variable holds what the Container keeps, and nothing else.
func (s *scope) inContainer(v *types.Var) bool {
	if s.kept != nil || s.body == nil {
		return s.kept[v]
	}
	s.kept = map[*types.Var]bool{}
	ast.Inspect(s.body, func(n ast.Node) bool {
		set, ok := n.(*ast.AssignStmt)
		if !ok || len(set.Lhs) != 1 || len(set.Rhs) != 1 {
			return true
		}
		if id, ok := set.Lhs[0].(*ast.Ident); ok {
			v, _ := s.info.ObjectOf(id).(*types.Var)
			s.kept[v] = set.Tok == token.DEFINE && inContainer(s.info, set.Rhs[0])
		}
		return true
	})
	return s.kept[v]
}

func rootVar(info *types.Info, e ast.Expr) *types.Var {
	for {
		switch x := withoutElements(e).(type) {
		case *ast.SelectorExpr:
			if info.Selections[x] == nil { // qualified by a package
				v, _ := info.Uses[x.Sel].(*types.Var)
				return v
			}
			e = x.X
		case *ast.Ident:
			v, _ := info.Uses[x].(*types.Var)
			return v
		default:
			return nil
		}
	}
}
