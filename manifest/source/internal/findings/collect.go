package findings

import (
	"go/ast"
	"go/constant"
	"go/token"
	"go/types"
	"slices"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/manifest/source/internal/gotypes"
	"github.com/anvilforge/anvil-lsp/manifest/source/internal/load"
	"github.com/anvilforge/anvil-lsp/manifest/source/internal/runtimeapi"
	"golang.org/x/tools/go/types/typeutil"
)

// This file is the walk over the syntax of a package, from its declarations down to calls: reach
// follows what happens for certain when a function runs, everywhere looks at all that stands in it.
// What they ask of a statement or call is in the file of what it finds.

// factFinder walks over the syntax of a package.
type factFinder struct {
	*facts
	decls      map[*types.Func]*ast.FuncDecl
	statements map[*ast.CallExpr]bool // calls whose results are not used
}

// collectFacts collects the facts of a package.
func collectFacts(u *load.Unit) *facts {
	f := &factFinder{
		facts: &facts{
			pkg: u.Types, info: u.Info, hot: u.Spec.Hot,
			functions: map[*types.Func]*functionFacts{}, init: &functionFacts{scope: scope{info: u.Info}},
		},
		decls: u.Decls, statements: map[*ast.CallExpr]bool{},
	}
	for _, file := range u.Files {
		f.declarations(file.Syntax.Decls)
	}
	return f.facts
}

func (f *factFinder) declarations(decls []ast.Decl) {
	for _, d := range decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			f.function(d)
		case *ast.GenDecl:
			if d.Tok == token.VAR {
				f.reach(f.init, d)
				f.everywhere(d, surroundings{})
			}
		}
	}
}

func (f *factFinder) function(d *ast.FuncDecl) {
	if d.Body == nil {
		return
	}
	if d.Recv == nil && d.Name.Name == "init" {
		f.reach(f.init, d.Body)
		f.everywhere(d.Body, surroundings{})
		return
	}
	fn, ok := f.info.Defs[d.Name].(*types.Func)
	if !ok {
		return
	}
	own := &functionFacts{
		endless:    f.endless(d.Type, d.Body),
		endlessBut: f.endlessBut(d.Type, d.Body),
		params:     slices.Collect(fn.Signature().Params().Variables()),
		variadic:   fn.Signature().Variadic(),
		scope:      scope{info: f.info, body: d.Body},
	}
	for i, p := range own.params {
		if _, isPointer := p.Type().Underlying().(*types.Pointer); isPointer && f.changesVar(d.Body, p) {
			own.changesArgument = append(own.changesArgument, i)
		}
	}
	if d.Recv != nil && len(d.Recv.List) == 1 {
		recv := gotypes.ReceiverVar(f.info, d.Recv)
		own.recv, _ = recv.(*types.Var)
		own.changesReceiver = f.changesVar(d.Body, recv)
	}
	f.reach(own, d.Body)
	in := surroundings{fn: fn}
	if d.Recv == nil && d.Name.Name == manifest.RegisterName {
		in.fn = nil
	}
	f.everywhere(d.Body, in)
	f.functions[fn] = own
}

// reach notes what happens for certain when a function runs: calls that are not inside a condition,
// behind a statement that may have left, or in a function literal that may never run.
func (f *factFinder) reach(own *functionFacts, root ast.Node) {
	ast.Inspect(root, func(n ast.Node) bool {
		if call := statementCall(n); call != nil {
			f.statements[call] = true
		}
		switch n := n.(type) {
		case *ast.FuncLit:
			return n == root
		case *ast.BlockStmt:
			f.reachList(own, n.List)
			return false
		case *ast.IfStmt:
			f.reachIf(own, n)
			return false
		case *ast.ForStmt:
			if n.Init != nil {
				f.reach(own, n.Init)
			}
			if n.Cond != nil {
				f.reach(own, n.Cond)
			} else {
				f.reach(own, n.Body)
			}
			return false
		case *ast.RangeStmt:
			f.reach(own, n.X)
			if f.hasElements(n.X) {
				f.reach(own, n.Body)
			}
			return false
		case *ast.BinaryExpr:
			if n.Op == token.LAND || n.Op == token.LOR {
				f.reach(own, n.X)
				if is, known := f.condition(n.X); known && is == (n.Op == token.LAND) {
					f.reach(own, n.Y)
				}
				return false
			}
		case *ast.CaseClause, *ast.CommClause:
			return false
		case *ast.AssignStmt:
			if g, ok := f.grows(own, n); ok {
				own.grows = append(own.grows, g)
			}
		case *ast.CallExpr:
			f.reachCall(own, n)
		}
		return true
	})
}

// reachList stops behind a statement that may leave the list, so that what follows may not run. The
// check of an error is none: with an error the generation is over, or goes on in each as in the
// first.
func (f *factFinder) reachList(own *functionFacts, list []ast.Stmt) {
	f.claims(own, list)
	for _, s := range list {
		f.reach(own, s)
		if check, ok := s.(*ast.IfStmt); ok && check.Else == nil && gotypes.ChecksError(f.info, check.Cond) {
			continue
		}
		if f.mayLeave(s) {
			break
		}
	}
}

func (f *factFinder) reachIf(own *functionFacts, n *ast.IfStmt) {
	if n.Init != nil {
		f.reach(own, n.Init)
	}
	f.reach(own, n.Cond)
	switch is, known := f.condition(n.Cond); {
	case known && is:
		f.reach(own, n.Body)
	case known && n.Else != nil:
		f.reach(own, n.Else)
	}
}

func (f *factFinder) reachCall(own *functionFacts, call *ast.CallExpr) {
	if lit, ok := ast.Unparen(call.Fun).(*ast.FuncLit); ok {
		f.reach(own, lit.Body)
		return
	}
	if c, ok := f.oneTime(call); ok {
		own.oneTime = append(own.oneTime, c)
	}
	fn := f.callee(call)
	if fn == nil {
		return
	}
	own.calls = append(own.calls, callEdge{fn.Origin(), call.Pos(), call, f.statements[call]})
	switch fn.FullName() {
	case "(*sync.Once).Do":
		// Another package's Once may have been done by the generation before.
		if sel, ok := ast.Unparen(call.Fun).(*ast.SelectorExpr); ok && len(call.Args) == 1 {
			if v := f.rootVar(sel.X); v != nil && v.Pkg() == f.pkg && f.hot {
				f.reachArgument(own, call.Args[0])
			}
		}
	case "(*" + manifest.RuntimePath + ".RouteSink).Group":
		if len(call.Args) == 2 {
			f.reachArgument(own, call.Args[1])
		}
	}
}

func (f *factFinder) reachArgument(own *functionFacts, e ast.Expr) {
	if lit, ok := ast.Unparen(e).(*ast.FuncLit); ok {
		f.reach(own, lit.Body)
		return
	}
	if fn := f.functionOf(e); fn != nil {
		own.calls = append(own.calls, callEdge{fn: fn.Origin(), pos: e.Pos()})
	}
}

// mayLeave reports whether a statement may end the list that it stands in.
func (f *factFinder) mayLeave(s ast.Stmt) bool {
	found := false
	var walk func(root ast.Node, inLoop, inSwitch bool)
	walk = func(root ast.Node, inLoop, inSwitch bool) {
		ast.Inspect(root, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.FuncLit:
				return false
			case *ast.ReturnStmt:
				found = true
			case *ast.BranchStmt:
				switch {
				case n.Tok == token.FALLTHROUGH:
				case n.Label != nil, n.Tok == token.GOTO,
					n.Tok == token.CONTINUE && !inLoop, n.Tok == token.BREAK && !inLoop && !inSwitch:
					found = true
				}
			case *ast.IfStmt:
				if is, known := f.condition(n.Cond); known {
					if is {
						walk(n.Body, inLoop, inSwitch)
					} else if n.Else != nil {
						walk(n.Else, inLoop, inSwitch)
					}
					return false
				}
			case *ast.ForStmt:
				walk(n.Body, true, inSwitch)
				return false
			case *ast.RangeStmt:
				walk(n.Body, true, inSwitch)
				return false
			case *ast.CaseClause, *ast.CommClause:
				if n != root {
					walk(n, inLoop, true)
					return false
				}
			}
			return !found
		})
	}
	walk(s, false, false)
	return found
}

// hasElements reports whether a range over an expression runs its body for certain.
func (f *factFinder) hasElements(e ast.Expr) bool {
	e = ast.Unparen(e)
	if a, ok := gotypes.OrInvalid(f.info.TypeOf(e)).Underlying().(*types.Array); ok {
		return a.Len() > 0
	}
	if lit, ok := e.(*ast.CompositeLit); ok {
		return len(lit.Elts) > 0
	}
	v := f.info.Types[e].Value
	if v != nil && v.Kind() == constant.String {
		return constant.StringVal(v) != ""
	}
	return v != nil && v.Kind() == constant.Int && constant.Sign(v) > 0
}

// condition decides conditions that are constant in hot mode. One that is not known is not true.
func (f *factFinder) condition(e ast.Expr) (is, known bool) {
	e = ast.Unparen(e)
	if v := f.info.Types[e].Value; v != nil && v.Kind() == constant.Bool {
		return constant.BoolVal(v), true
	}
	switch e := e.(type) {
	case *ast.UnaryExpr:
		if e.Op == token.NOT {
			is, known = f.condition(e.X)
			return known && !is, known
		}
	case *ast.CallExpr:
		if fn := f.callee(e); fn != nil && fn.FullName() == manifest.RuntimePath+".IsHotMode" {
			return true, true
		}
	}
	return false, false
}

// statementCall returns the call that a statement or declaration consists of, if its results are
// not used.
func statementCall(n ast.Node) *ast.CallExpr {
	if s, ok := n.(*ast.ExprStmt); ok {
		call, _ := ast.Unparen(s.X).(*ast.CallExpr)
		return call
	}
	names, values := assigned(n)
	if len(values) != 1 || slices.ContainsFunc(names, func(e ast.Expr) bool { return !isBlank(e) }) {
		return nil
	}
	call, _ := ast.Unparen(values[0]).(*ast.CallExpr)
	return call
}

// assigned returns the two sides of an assignment or declaration; nil if a node is none.
func assigned(n ast.Node) (names, values []ast.Expr) {
	switch n := n.(type) {
	case *ast.AssignStmt:
		return n.Lhs, n.Rhs
	case *ast.ValueSpec:
		for _, name := range n.Names {
			names = append(names, name)
		}
		return names, n.Values
	}
	return nil, nil
}

// everywhere looks at all of a body, function literals included.
func (f *factFinder) everywhere(root ast.Node, in surroundings) {
	called := map[*ast.Ident]bool{}
	ast.Inspect(root, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncLit:
			f.everywhere(n.Body, surroundings{in.fn, true})
			return false
		case *ast.CallExpr:
			f.callFacts(n, in)
			if id := gotypes.CalledIdent(ast.Unparen(n.Fun)); id != nil {
				called[id] = true
			}
		case *ast.Ident:
			if fn, ok := f.info.Uses[n].(*types.Func); ok && fn.Pkg() != nil {
				f.uses = append(f.uses, use{fn.Origin(), called[n], in})
			}
		case *ast.GoStmt:
			f.goStatement(n)
		case *ast.ExprStmt:
			f.timer(n.X)
		case *ast.AssignStmt:
			if len(n.Lhs) == 1 && len(n.Rhs) == 1 && isBlank(n.Lhs[0]) {
				f.timer(n.Rhs[0])
			}
		}
		f.noteShrinks(n, in)
		f.noteOpenings(n, in)
		f.eachChange(n, func(e ast.Expr, pos token.Pos) {
			if v := f.packageVar(e); v != nil {
				_, itself := ast.Unparen(e).(*ast.Ident)
				if _, call := n.(*ast.CallExpr); call {
					itself = false
				}
				f.changes = append(f.changes, change{v, pos, in, itself, itself && f.fromContainer(n)})
			}
		})
		return true
	})
}

func (f *factFinder) callFacts(call *ast.CallExpr, in surroundings) {
	callee := f.callee(call)
	if callee == nil {
		return
	}
	if callee.FullName() == manifest.RuntimePath+".StateOf" {
		f.stateCall(call)
	}
	if name := callee.Name(); name == "Go" && len(call.Args) == 1 && startsGoroutines[callee.FullName()] {
		f.startOf(call.Pos(), call.Args[0], nil)
	}
	for i, a := range call.Args {
		if u, ok := ast.Unparen(a).(*ast.UnaryExpr); ok && u.Op == token.AND {
			if v := f.packageVar(u.X); v != nil {
				f.calls = append(f.calls, variableCall{v, callee.Origin(), i, call.Pos(), in})
			}
		}
	}
	sel, ok := ast.Unparen(call.Fun).(*ast.SelectorExpr)
	if !ok || callee.Signature().Recv() == nil {
		return
	}
	if v := f.packageVar(sel.X); v != nil {
		f.calls = append(f.calls, variableCall{v, callee.Origin(), -1, call.Pos(), in})
	}
}

func (f *factFinder) stateCall(call *ast.CallExpr) {
	if len(call.Args) < 2 {
		return
	}
	key := f.info.Types[call.Args[1]].Value
	if key == nil || key.Kind() != constant.String {
		return
	}
	if t := runtimeapi.StateType(f.info.TypeOf(call)); t != nil {
		f.states = append(f.states, runtimeapi.StateCall{Key: constant.StringVal(key), Type: t, Pos: calledPos(call)})
	}
}

// fromContainer reports whether a statement sets one variable to what the Container keeps: x =
// hotreload.StateOf(...), its Get(), or hotreload.MustLookup(...).
func (f *factFinder) fromContainer(n ast.Node) bool {
	set, ok := n.(*ast.AssignStmt)
	if !ok || set.Tok != token.ASSIGN || len(set.Lhs) != 1 || len(set.Rhs) != 1 {
		return false
	}
	call, ok := ast.Unparen(set.Rhs[0]).(*ast.CallExpr)
	if !ok {
		return false
	}
	if sel, ok := ast.Unparen(call.Fun).(*ast.SelectorExpr); ok && sel.Sel.Name == "Get" {
		if inner, ok := ast.Unparen(sel.X).(*ast.CallExpr); ok {
			call = inner
		}
	}
	fn := f.callee(call)
	return fn != nil && (fn.FullName() == manifest.RuntimePath+".StateOf" || isMustLookup(fn))
}

// calledPos returns the position of a call: the name of what is called.
func calledPos(call *ast.CallExpr) token.Pos {
	fun := ast.Unparen(call.Fun)
	switch e := fun.(type) {
	case *ast.IndexExpr:
		fun = e.X
	case *ast.IndexListExpr:
		fun = e.X
	}
	if sel, ok := fun.(*ast.SelectorExpr); ok {
		return sel.Sel.Pos()
	}
	return call.Lparen
}

func isBlank(e ast.Expr) bool {
	id, ok := e.(*ast.Ident)
	return ok && id.Name == "_"
}

// callee returns the function that is called, nil if it is not static.
func (f *factFinder) callee(call *ast.CallExpr) *types.Func {
	fn, _ := typeutil.Callee(f.info, call).(*types.Func)
	return fn
}

// neverReturns reports whether a call panics, or ends the goroutine or the process.
func (f *factFinder) neverReturns(call *ast.CallExpr) bool {
	switch fn := typeutil.Callee(f.info, call).(type) {
	case *types.Builtin:
		return fn.Name() == "panic"
	case *types.Func:
		return gotypes.EndsCaller(fn)
	}
	return false
}

// functionOf returns the function that an expression names.
func (f *factFinder) functionOf(e ast.Expr) *types.Func {
	fn, _ := f.info.Uses[gotypes.CalledIdent(ast.Unparen(e))].(*types.Func)
	return fn
}

// packageVar returns the package-level variable that an expression is part of: v in v.list[3].name;
// nil if there is none.
func (f *factFinder) packageVar(e ast.Expr) *types.Var {
	v := f.rootVar(e)
	if v == nil || v.Pkg() == nil || v.Parent() != v.Pkg().Scope() {
		return nil
	}
	return v
}

// rootVar returns the variable that an expression is part of.
func (f *factFinder) rootVar(e ast.Expr) *types.Var { return rootVar(f.info, e) }
