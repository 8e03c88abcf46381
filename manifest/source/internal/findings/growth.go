package findings

import (
	"go/ast"
	"go/token"
	"go/types"
	"slices"

	"github.com/anvilforge/anvil-lsp/manifest/source/internal/gotypes"
)

// grows returns what a statement adds to.
func (f *factFinder) grows(own *functionFacts, set *ast.AssignStmt) (g growth, ok bool) {
	call, ok := selfAppend(set)
	if !ok || len(call.Args) < 2 || !f.info.Types[call.Fun].IsBuiltin() {
		return g, false
	}
	g.pos, g.listParam = set.Pos(), -1
	_, g.indexed = ast.Unparen(set.Lhs[0]).(*ast.IndexExpr)
	if call.Ellipsis.IsValid() {
		id, isIdent := ast.Unparen(call.Args[1]).(*ast.Ident)
		if !isIdent {
			g.target = own.target(set.Lhs[0])
			return g, g.slot != nil && f.hasElements(call.Args[1])
		}
		v, _ := f.info.Uses[id].(*types.Var)
		if g.listParam = slices.Index(own.params, v); g.listParam < 0 {
			return g, false
		}
	}
	g.target = own.target(set.Lhs[0])
	return g, g.slot != nil
}

// selfAppend returns the call of append in x = append(x, …).
func selfAppend(set *ast.AssignStmt) (*ast.CallExpr, bool) {
	if set.Tok != token.ASSIGN || len(set.Lhs) != 1 || len(set.Rhs) != 1 {
		return nil, false
	}
	call, ok := ast.Unparen(set.Rhs[0]).(*ast.CallExpr)
	if !ok || len(call.Args) == 0 || gotypes.CalledName(ast.Unparen(call.Fun)) != "append" {
		return nil, false
	}
	return call, types.ExprString(call.Args[0]) == types.ExprString(set.Lhs[0])
}

// noteShrinks notes where tables lose what was added to them.
func (f *factFinder) noteShrinks(n ast.Node, in surroundings) {
	note := func(e ast.Expr, indexed bool) {
		if v := slotOf(f.info, e); v != nil {
			f.shrinks = append(f.shrinks, shrink{v, indexed, in})
		}
	}
	switch n := n.(type) {
	case *ast.AssignStmt:
		if _, ok := selfAppend(n); ok || n.Tok == token.DEFINE {
			return
		}
		for _, e := range n.Lhs {
			_, indexed := ast.Unparen(e).(*ast.IndexExpr)
			note(e, indexed)
		}
	case *ast.CallExpr:
		switch gotypes.CalledName(ast.Unparen(n.Fun)) {
		case "delete", "clear":
			if len(n.Args) > 0 && f.info.Types[n.Fun].IsBuiltin() {
				note(n.Args[0], false)
			}
		case "Delete", "LoadAndDelete", "Clear", "Remove", "Init":
			if sel, ok := ast.Unparen(n.Fun).(*ast.SelectorExpr); ok {
				note(sel.X, false)
			}
		}
	}
}
