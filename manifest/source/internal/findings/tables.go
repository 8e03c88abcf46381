package findings

import (
	"go/ast"
	"go/token"
	"go/types"
	"slices"

	"github.com/anvilforge/anvil-lsp/manifest/source/internal/gotypes"
)

// growth is a statement that adds to a table whenever it runs.
type growth struct {
	target
	pos     token.Pos
	indexed bool // to an element of a map
	// rest is the index of the parameter that holds what is added, as a list; -1
	// if there is something in any case.
	rest int
}

// claim is a statement that enters a key into a map, and panics if it is there
// already.
type claim struct {
	target
	pos   token.Pos
	key   string // as constant.Value writes it
	param int    // index of the parameter that is the key; -1 if key is it
}

// shrink is a place where a table is emptied, set anew or loses an entry.
type shrink struct {
	place   *types.Var
	indexed bool // an element of a map
	in      surroundings
}

// grows returns what a statement adds to.
func (f *factFinder) grows(own *functionFacts, set *ast.AssignStmt) (g growth, ok bool) {
	call, ok := selfAppend(set)
	if !ok || len(call.Args) < 2 || !f.info.Types[call.Fun].IsBuiltin() {
		return g, false
	}
	g.pos, g.rest = set.Pos(), -1
	_, g.indexed = ast.Unparen(set.Lhs[0]).(*ast.IndexExpr)
	if call.Ellipsis.IsValid() {
		id, isIdent := ast.Unparen(call.Args[1]).(*ast.Ident)
		if !isIdent {
			g.target = own.target(set.Lhs[0])
			return g, g.place != nil && f.hasElements(call.Args[1])
		}
		v, _ := f.info.Uses[id].(*types.Var)
		if g.rest = slices.Index(own.params, v); g.rest < 0 {
			return g, false
		}
	}
	g.target = own.target(set.Lhs[0])
	return g, g.place != nil
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
		if v := place(f.info, e); v != nil {
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
		if name := gotypes.CalledName(ast.Unparen(n.Fun)); len(n.Args) > 0 && (name == "delete" || name == "clear") && f.info.Types[n.Fun].IsBuiltin() {
			note(n.Args[0], false)
		}
		if sel, ok := ast.Unparen(n.Fun).(*ast.SelectorExpr); ok && slices.Contains([]string{"Delete", "LoadAndDelete", "Clear", "Remove", "Init"}, sel.Sel.Name) {
			note(sel.X, false)
		}
	}
}

// statementCall returns the call that a statement or declaration consists of, if
// its results are not used.
func statementCall(n ast.Node) *ast.CallExpr {
	var e ast.Expr
	switch n := n.(type) {
	case *ast.ExprStmt:
		e = n.X
	case *ast.AssignStmt:
		if len(n.Rhs) == 1 && !slices.ContainsFunc(n.Lhs, func(e ast.Expr) bool { return !isBlank(e) }) {
			e = n.Rhs[0]
		}
	case *ast.ValueSpec:
		if len(n.Values) == 1 && !slices.ContainsFunc(n.Names, func(id *ast.Ident) bool { return id.Name != "_" }) {
			e = n.Values[0]
		}
	}
	if e == nil {
		return nil
	}
	call, _ := ast.Unparen(e).(*ast.CallExpr)
	return call
}
