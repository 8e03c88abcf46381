package findings

import (
	"fmt"
	"go/ast"
	"go/types"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/manifest/source/internal/gotypes"
)

// opening is a place where a generation that begins sets a package-level variable
// to what a function returns.
type opening struct {
	v  *types.Var
	fn *types.Func
	// declared: where the variable is declared, when no Container is at hand yet.
	declared bool
}

// noteOpenings notes what a statement that each generation begins with opens, and
// everywhere what is closed.
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

// OpenedVariables reports the package-level variables of hot packages that each
// generation sets to something which nobody closes (ANV007), unless they are among
// those that are reported already.
func (f *Finder) OpenedVariables(reported []manifest.Diagnostic) []manifest.Diagnostic {
	seen := map[*types.Var]bool{}
	for _, c := range f.Hot {
		for _, v := range f.facts[c].closes {
			seen[v] = true
		}
	}
	at := map[manifest.Position]bool{}
	for _, d := range reported {
		at[d.Position] = true
	}
	var found []manifest.Diagnostic
	for _, c := range f.Hot {
		for _, o := range f.facts[c].openings {
			// A function of a host package may always return the same one, and one of
			// hot code may get it from the Container.
			opener := f.Unit(o.fn.Pkg())
			if seen[o.v] || o.fn.Pkg() == nil || o.fn.Pkg().Path() == manifest.RuntimePath || opener != nil && (!opener.Spec.Hot || !o.declared) {
				continue
			}
			seen[o.v] = true
			d := manifest.Diagnose(manifest.CodePackageState, f.Position(o.v.Pos()), "%s",
				manifest.Fit("each reload opens one more "+o.v.Name()+": Provide it in main", "each reload opens one more "+o.v.Name()))
			if at[d.Position] {
				continue
			}
			d.Related = []manifest.Related{{Position: d.Position, Message: fmt.Sprintf(
				"each generation that rebuilds package %s calls %s, and nobody closes what the one before has opened; what main provides is opened once (hotreload.Provide), and the context of a RouteSink ends with its generation",
				o.v.Pkg().Name(), gotypes.FunctionName(o.fn))}}
			found = append(found, d)
		}
	}
	return found
}
