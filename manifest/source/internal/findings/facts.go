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

// facts are what one package contributes to findings about all hot packages.
// They depend on nothing but the package.
type facts struct {
	functions map[*types.Func]*functionFacts // declared in the package
	init      *functionFacts                 // what runs when the package is initialised
	changes   []change
	calls     []variableCall
	uses      []use
	states    []runtimeapi.StateCall
	starts    []start
	shrinks   []shrink
	openings  []opening
	closes    []*types.Var // of which Close is called, or handed on to be
}

// surroundings are where something stands: in a declared function, nil where a
// package is initialised or routes are registered. What stands in a function
// literal may run at any time.
type surroundings struct {
	fn      *types.Func
	literal bool
}

// change is a place where a package-level variable is changed.
type change struct {
	v   *types.Var
	pos token.Pos
	in  surroundings
	// itself: the variable is set, and not something that it refers to; kept: to
	// a value from the Container.
	itself, kept bool
}

// use is a place where a declared function is called or referred to.
type use struct {
	fn     *types.Func
	called bool
	in     surroundings
}

// functionFacts are those of one function, without those that it calls.
type functionFacts struct {
	scope
	oneTime []oneTimeCall
	calls   []callEdge
	grows   []growth
	claims  []claim
	// params are the parameters; the last one takes a list if it is variadic.
	params   []*types.Var
	variadic bool
	// changesReceiver: a method writes to what its receiver holds.
	changesReceiver bool
	// changesArgument are the parameters, by index, through which it writes.
	changesArgument []int
	// endless: it holds a loop that nothing ends; endlessBut: nothing but the
	// context that it gets.
	endless, endlessBut bool
}

// callEdge is a call that is made whenever the function runs.
type callEdge struct {
	fn  *types.Func
	pos token.Pos
	// call is nil if the function is handed on to be called.
	call      *ast.CallExpr
	statement bool // the results are not used
}

// variableCall is the call of a method of a package-level variable, or of a
// function that gets its address.
type variableCall struct {
	v   *types.Var
	fn  *types.Func
	arg int // index of the address among the arguments; -1 for a method
	pos token.Pos
	in  surroundings
}

// factFinder walks over the syntax of a package.
type factFinder struct {
	*facts
	c    *load.Unit
	info *types.Info

	statements map[*ast.CallExpr]bool // calls whose results are not used
}

func findFacts(c *load.Unit) *facts {
	f := &factFinder{
		facts: &facts{functions: map[*types.Func]*functionFacts{}, init: &functionFacts{scope: scope{info: c.Info}}},
		c:     c, info: c.Info, statements: map[*ast.CallExpr]bool{},
	}
	for _, file := range c.Files {
		for _, d := range file.Syntax.Decls {
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
	return f.facts
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
	index := 0
	for _, field := range d.Type.Params.List {
		for _, name := range field.Names {
			if _, isPointer := gotypes.OrInvalid(f.info.TypeOf(field.Type)).Underlying().(*types.Pointer); isPointer && f.changesVar(d.Body, f.info.Defs[name]) {
				own.changesArgument = append(own.changesArgument, index)
			}
			index++
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

// fromContainer reports whether a statement sets one variable to what the
// Container keeps: x = hotreload.StateOf(...), its Get(), or hotreload.MustLookup(...).
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

func isBlank(e ast.Expr) bool {
	id, ok := e.(*ast.Ident)
	return ok && id.Name == "_"
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

// callee returns the function that is called, nil if it is not static.
func (f *factFinder) callee(call *ast.CallExpr) *types.Func {
	fn, _ := typeutil.Callee(f.info, call).(*types.Func)
	return fn
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

// calledPos returns the place of a call: the name of what is called.
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

// packageVar returns the package-level variable that an expression is part of:
// v in v.list[3].name; nil if there is none.
func (f *factFinder) packageVar(e ast.Expr) *types.Var {
	v := f.rootVar(e)
	if v == nil || v.Pkg() == nil || v.Parent() != v.Pkg().Scope() {
		return nil
	}
	return v
}

// rootVar returns the variable that an expression is part of.
func (f *factFinder) rootVar(e ast.Expr) *types.Var { return rootVar(f.info, e) }

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
