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
	"github.com/anvilforge/anvil-lsp/manifest/source/internal/load"
)

// eachChange calls fn with what a statement or expression changes: the left
// side of an assignment, and what a function that is known to write gets.
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

// writesToArguments recognises functions of the standard library that fill what
// a pointer points to.
func writesToArguments(fn *types.Func) bool {
	name := fn.Name()
	switch path := fn.Pkg().Path(); {
	case path == "sync/atomic":
		return changesAtomic(name)
	case strings.HasPrefix(path, "encoding/"), path == "database/sql", path == "fmt":
		return strings.HasPrefix(name, "Unmarshal") || strings.HasPrefix(name, "Decode") || strings.Contains(name, "Scan") || strings.Contains(name, "scan")
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
			// Setting the variable itself concerns nobody else.
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

// changesByName recognises methods of the standard library that write to their
// receiver.
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
		return strings.HasPrefix(gotypes.ReceiverPrefix(method), "(*Map)") && slices.Contains([]string{"Store", "LoadOrStore", "LoadAndDelete",
			"Delete", "Swap", "CompareAndSwap", "CompareAndDelete", "Clear"}, name)
	case "bytes", "strings":
		return strings.HasPrefix(name, "Write")
	case "container/list":
		return strings.HasPrefix(name, "Push") || strings.HasPrefix(name, "Insert") || name == "Remove"
	}
	return false
}

// ChangedVariables reports the package-level variables of hot packages that
// change while the program runs (ANV007), once each, at their declaration. What
// each generation sets when it starts is no such change, and what it then takes
// from the Container is not its own.
func (f *Finder) ChangedVariables() []manifest.Diagnostic {
	starting := f.startingFunctions(f.Hot)
	first := map[*types.Var]token.Pos{}
	note := func(v *types.Var, pos token.Pos, in surroundings) {
		if !in.literal && starting[in.fn] {
			return
		}
		if have, ok := first[v]; !ok || pos < have {
			first[v] = pos
		}
	}
	for _, c := range f.Hot {
		for _, change := range f.facts[c].changes {
			note(change.v, change.pos, change.in)
		}
		for _, call := range f.facts[c].calls {
			if f.changes(call) {
				note(call.v, call.pos, call.in)
			}
		}
	}
	kept := f.fromContainer()
	var found []manifest.Diagnostic
	for v, pos := range first {
		c := f.Unit(v.Pkg())
		if kept[v] || c == nil || !c.Spec.Hot || isConstantByHabit(v.Type()) {
			continue
		}
		d := manifest.Diagnose(manifest.CodePackageState, f.Position(v.Pos()),
			"%s", manifest.Fit(v.Name()+" is reset by a reload; hotreload.StateOf keeps it", v.Name()+" is reset by a reload"))
		d.Related = []manifest.Related{
			{Position: f.Position(pos), Message: "changed here"},
			{Position: d.Position, Message: fmt.Sprintf("each generation that rebuilds package %s has a copy of its own; what the Container keeps (hotreload.StateOf) survives", v.Pkg().Name())},
		}
		found = append(found, d)
	}
	return found
}

// fromContainer returns the variables that are only ever set to what the
// Container keeps: what they refer to outlives the generation.
func (f *Finder) fromContainer() map[*types.Var]bool {
	kept, other := map[*types.Var]bool{}, map[*types.Var]bool{}
	for _, c := range f.Hot {
		for _, change := range f.facts[c].changes {
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

// startingFunctions returns the functions that run only when a generation or the
// process starts: nil stands for initialisation and registration themselves, and
// the others are called from nowhere else. Exported ones of host packages may be
// called by packages that are not among these.
func (f *Finder) startingFunctions(packages []*load.Unit) map[*types.Func]bool {
	uses := map[*types.Func][]use{}
	for _, c := range packages {
		for _, u := range f.facts[c].uses {
			uses[u.fn] = append(uses[u.fn], u)
		}
	}
	starting := map[*types.Func]bool{nil: true}
	for grown := true; grown; {
		grown = false
		for fn, places := range uses {
			if c := f.Unit(fn.Pkg()); fn.Exported() && (c == nil || !c.Spec.Hot) {
				continue
			}
			if !starting[fn] && !slices.ContainsFunc(places, func(u use) bool { return !u.called || u.in.literal || !starting[u.in.fn] }) {
				starting[fn], grown = true, true
			}
		}
	}
	return starting
}

// changes reports whether a call writes to the variable that it is about.
func (f *Finder) changes(call variableCall) bool {
	if call.arg < 0 && changesByName(call.fn) {
		return true
	}
	switch own := f.function(call.fn); {
	case own == nil:
		return false
	case call.arg < 0:
		return own.changesReceiver
	default:
		return slices.Contains(own.changesArgument, call.arg)
	}
}

// isConstantByHabit recognises types of variables that are set once in effect:
// errors, templates, patterns, embedded files.
func isConstantByHabit(t types.Type) bool {
	if p, ok := types.Unalias(t).(*types.Pointer); ok {
		t = p.Elem()
	}
	return types.Identical(t, gotypes.ErrorType) || gotypes.IsNamed(t, "embed", "FS") || gotypes.IsNamed(t, "regexp", "Regexp") ||
		gotypes.IsNamed(t, "html/template", "Template") || gotypes.IsNamed(t, "text/template", "Template")
}
