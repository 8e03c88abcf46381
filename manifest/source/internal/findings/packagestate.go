package findings

import (
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
	"maps"
	"slices"
	"strings"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/manifest/source/internal/gotypes"
)

// eachChange calls fn with what a statement or expression changes: the left side of an assignment,
// and what a function that is known to write gets.
func (f *factFinder) eachChange(n ast.Node, fn func(e ast.Expr, pos token.Pos)) {
	switch n := n.(type) {
	case *ast.AssignStmt:
		if n.Tok != token.DEFINE {
			for _, e := range n.Lhs {
				fn(e, e.Pos())
			}
		}
	case *ast.IncDecStmt:
		fn(n.X, n.X.Pos())
	case *ast.RangeStmt:
		if n.Tok == token.ASSIGN {
			for _, e := range []ast.Expr{n.Key, n.Value} {
				if e != nil {
					fn(e, e.Pos())
				}
			}
		}
	case *ast.CallExpr:
		f.changedByCall(n, fn)
	}
}

func (f *factFinder) changedByCall(call *ast.CallExpr, fn func(e ast.Expr, pos token.Pos)) {
	if len(call.Args) == 0 {
		return
	}
	if tv := f.info.Types[call.Fun]; tv.IsBuiltin() {
		if slices.Contains([]string{"delete", "clear", "copy"}, gotypes.CalledName(ast.Unparen(call.Fun))) {
			fn(call.Args[0], call.Pos())
		}
		return
	}
	callee := f.callee(call)
	if callee == nil || callee.Pkg() == nil || !writesToArguments(callee) {
		return
	}
	for _, a := range call.Args {
		if u, ok := ast.Unparen(a).(*ast.UnaryExpr); ok && u.Op == token.AND {
			fn(u.X, call.Pos())
		}
	}
}

// writesToArguments recognises functions of the standard library that fill what a pointer points
// to.
func writesToArguments(fn *types.Func) bool {
	name := fn.Name()
	switch path := fn.Pkg().Path(); {
	case path == "sync/atomic":
		return changesAtomic(name)
	case strings.HasPrefix(path, "encoding/"), path == "database/sql", path == "fmt":
		return strings.HasPrefix(name, "Unmarshal") || strings.HasPrefix(name, "Decode") ||
			strings.Contains(name, "Scan") || strings.Contains(name, "scan")
	}
	return false
}

func changesAtomic(name string) bool {
	for _, prefix := range []string{"Add", "Store", "Swap", "CompareAndSwap", "And", "Or"} {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}

// changesVar reports whether a body writes to something that a variable holds.
func (f *factFinder) changesVar(body *ast.BlockStmt, v types.Object) bool {
	if v == nil {
		return false
	}
	found := false
	ast.Inspect(body, func(n ast.Node) bool {
		f.eachChange(n, func(e ast.Expr, _ token.Pos) {
			// Setting the variable itself has no effect elsewhere.
			if _, plain := ast.Unparen(e).(*ast.Ident); !plain && f.rootVar(e) == v {
				found = true
			}
		})
		if call, ok := n.(*ast.CallExpr); ok && !found {
			sel, isSel := ast.Unparen(call.Fun).(*ast.SelectorExpr)
			if callee := f.callee(call); isSel && callee != nil && changesByName(callee) && f.rootVar(sel.X) == v {
				found = true
			}
		}
		return !found
	})
	return found
}

// changesByName recognises methods of the standard library that write to their receiver.
func changesByName(method *types.Func) bool {
	recv := method.Signature().Recv()
	if recv == nil || method.Pkg() == nil {
		return false
	}
	name := method.Name()
	switch method.Pkg().Path() {
	case "sync/atomic":
		return changesAtomic(name)
	case "sync": // of Map; locks are no state
		writing := []string{"Store", "LoadOrStore", "LoadAndDelete", "Delete", "Swap", "CompareAndSwap",
			"CompareAndDelete", "Clear"}
		return strings.HasPrefix(gotypes.ReceiverPrefix(method), "(*Map)") && slices.Contains(writing, name)
	case "bytes", "strings":
		return strings.HasPrefix(name, "Write")
	case "container/list":
		return strings.HasPrefix(name, "Push") || strings.HasPrefix(name, "Insert") || name == "Remove"
	}
	return false
}

// changedVariables finds the package-level variables of hot packages that change while the program
// runs (ANV007), once each, at their declaration. What each generation sets when it starts is no
// such change, and what it then reads from the Container is not its own.
func (p *program) changedVariables() []*finding {
	starting := p.startingFunctions(p.hot)
	first := map[*types.Var]token.Pos{}
	p.eachChange(p.hot, func(v *types.Var, pos token.Pos, in surroundings) {
		if !in.literal && starting[in.fn] {
			return
		}
		if have, ok := first[v]; !ok || pos < have {
			first[v] = pos
		}
	})
	kept := p.fromContainer()
	var found []*finding
	for v, pos := range first {
		c := p.facts[v.Pkg()]
		if kept[v] || c == nil || !c.hot || isConstantByHabit(v.Type()) {
			continue
		}
		reset := v.Name() + " is reset by a reload"
		message := manifest.Fit(reset+"; hotreload.StateOf keeps it", reset)
		why := fmt.Sprintf("each generation that rebuilds package %s has a copy of its own; "+
			"what the Container keeps (hotreload.StateOf) survives", v.Pkg().Name())
		found = append(found, newFinding(manifest.CodePackageState, v.Pos(), message,
			because(pos, "changed here"), because(v.Pos(), why)))
	}
	return found
}

// fromContainer returns the variables that are only ever set to what the Container keeps: what they
// refer to outlives the generation.
func (p *program) fromContainer() map[*types.Var]bool {
	kept, other := map[*types.Var]bool{}, map[*types.Var]bool{}
	for _, c := range p.hot {
		for _, change := range c.changes {
			if change.itself && change.kept {
				kept[change.v] = true
			} else if change.itself {
				other[change.v] = true
			}
		}
	}
	maps.DeleteFunc(kept, func(v *types.Var, _ bool) bool { return other[v] })
	return kept
}

// isConstantByHabit recognises types of variables that are set once in effect: errors, templates,
// patterns, embedded files.
func isConstantByHabit(t types.Type) bool {
	if p, ok := types.Unalias(t).(*types.Pointer); ok {
		t = p.Elem()
	}
	return types.Identical(t, gotypes.ErrorType) ||
		gotypes.IsNamed(t, "embed", "FS") || gotypes.IsNamed(t, "regexp", "Regexp") ||
		gotypes.IsNamed(t, "html/template", "Template") || gotypes.IsNamed(t, "text/template", "Template")
}

// noteOpenings notes what a statement that each generation begins with opens, and everywhere what
// is closed.
func (f *factFinder) noteOpenings(n ast.Node, in surroundings) {
	if sel, ok := n.(*ast.SelectorExpr); ok {
		if v := f.packageVar(sel.X); v != nil && sel.Sel.Name == closeName {
			f.closes = append(f.closes, v)
		}
		return
	}
	names, values := assigned(n)
	_, declared := n.(*ast.ValueSpec)
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
			// get it from the Container. What a dependency declares has no position to report.
			if opener := p.facts[o.fn.Pkg()]; seen[o.v] || p.facts[o.v.Pkg()] == nil ||
				o.fn.Pkg() == nil || o.fn.Pkg().Path() == manifest.RuntimePath ||
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
