package findings

import (
	"fmt"
	"go/ast"
	"go/token"
	"go/types"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/manifest/source/internal/gotypes"
)

// noteOpenings notes what a statement that each generation begins with opens, and everywhere what
// is closed.
func (f *factFinder) noteOpenings(n ast.Node, in surroundings) {
	var names, values []ast.Expr
	declared := false
	switch n := n.(type) {
	case *ast.SelectorExpr:
		if n.Sel.Name != closeName {
			return
		}
		if v := f.packageVar(n.X); v != nil {
			f.closes = append(f.closes, v)
		}
		return
	case *ast.ValueSpec:
		for _, name := range n.Names {
			names = append(names, name)
		}
		values, declared = n.Values, true
	case *ast.AssignStmt:
		names, values = n.Lhs, n.Rhs
	}
	if in.fn != nil || in.literal {
		return
	}
	for i, name := range names {
		id, ok := ast.Unparen(name).(*ast.Ident)
		if !ok || len(values) != 1 && len(values) != len(names) {
			continue
		}
		call, ok := ast.Unparen(values[min(i, len(values)-1)]).(*ast.CallExpr)
		if !ok {
			continue
		}
		v, ok := f.info.ObjectOf(id).(*types.Var)
		if fn := f.callee(call); ok && fn != nil && v.Pkg() != nil && v.Parent() == v.Pkg().Scope() && closes(v.Type()) {
			f.openings = append(f.openings, opening{v, fn, declared})
		}
	}
}

const closeName = "Close"

// closes reports whether a type has a method Close without parameters.
func closes(t types.Type) bool {
	m, _, _ := types.LookupFieldOrMethod(t, true, nil, closeName)
	fn, ok := m.(*types.Func)
	return ok && fn.Signature().Params().Len() == 0
}

// openedVariables finds the package-level variables of hot packages that each generation sets to
// something that is never closed (ANV007), unless they are among those that were found already.
func (p *program) openedVariables(reported []*finding) []*finding {
	seen := map[*types.Var]bool{}
	for _, c := range p.hot {
		for _, v := range c.closes {
			seen[v] = true
		}
	}
	at := map[token.Pos]bool{}
	for _, d := range reported {
		at[d.Pos] = true
	}
	var found []*finding
	for _, c := range p.hot {
		for _, o := range c.openings {
			// A function of a host package may always return the same one, and one of hot code may
			// get it from the Container.
			if opener := p.facts[o.fn.Pkg()]; seen[o.v] || o.fn.Pkg() == nil || o.fn.Pkg().Path() == manifest.RuntimePath ||
				opener != nil && (!opener.hot || !o.declared) {
				continue
			}
			seen[o.v] = true
			if at[o.v.Pos()] {
				continue
			}
			opens := "each reload opens one more " + o.v.Name()
			message := manifest.Fit(opens+": Provide it in main", opens)
			why := fmt.Sprintf("each generation that rebuilds package %s calls %s, and nobody closes what the one "+
				"before has opened; what main provides is opened once (hotreload.Provide), and the context of a "+
				"RouteSink ends with its generation",
				o.v.Pkg().Name(), gotypes.FunctionName(o.fn))
			found = append(found, newFinding(manifest.CodePackageState, o.v.Pos(), message, because(o.v.Pos(), why)))
		}
	}
	return found
}
