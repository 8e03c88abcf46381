package source

import (
	"go/ast"
	"go/constant"
	"go/token"
	"go/types"

	"golang.org/x/tools/go/types/typeutil"
)

// facts are what one package contributes to findings about all hot packages.
// They depend on nothing but the package.
type facts struct {
	functions map[*types.Func]*functionFacts // declared in the package
	init      *functionFacts                 // what runs when the package is initialised
	changes   map[*types.Var]token.Pos       // where package-level variables are changed, once each
	inInit    []*types.Var                   // those that init functions change
	calls     []variableCall
	states    []stateCall
	starts    []start
}

// functionFacts are those of one function, without those that it calls.
type functionFacts struct {
	oneTime []oneTimeCall
	calls   []callEdge
	// changesReceiver: a method writes to what its receiver holds.
	changesReceiver bool
	// endless: it holds a loop that nothing ends.
	endless bool
}

// callEdge is a call that is made whenever the function runs.
type callEdge struct {
	fn  *types.Func
	pos token.Pos
}

// variableCall is the call of a method of a package-level variable.
type variableCall struct {
	v      *types.Var
	method *types.Func
	pos    token.Pos
}

// stateCall is a call of hotreload.StateOf whose key and type stand in the
// source.
type stateCall struct {
	key string
	typ types.Type
	pos token.Pos
}

// factFinder walks over the syntax of a package.
type factFinder struct {
	*facts
	c    *checked
	info *types.Info
}

func (c *checked) findFacts() *facts {
	if c.facts != nil {
		return c.facts
	}
	f := &factFinder{
		facts: &facts{functions: map[*types.Func]*functionFacts{}, init: &functionFacts{}, changes: map[*types.Var]token.Pos{}},
		c:     c, info: c.info,
	}
	for _, file := range c.files {
		for _, d := range file.file.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				f.function(d)
			case *ast.GenDecl:
				if d.Tok == token.VAR {
					f.reach(f.init, d, true)
					f.everywhere(d, false)
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
		f.reach(f.init, d.Body, true)
		f.everywhere(d.Body, true)
		return
	}
	fn, ok := f.info.Defs[d.Name].(*types.Func)
	if !ok {
		return
	}
	own := &functionFacts{endless: f.endless(d.Type, d.Body)}
	if d.Recv != nil && len(d.Recv.List) == 1 {
		own.changesReceiver = f.changesVar(d.Body, receiverVar(f.info, d.Recv))
	}
	f.reach(own, d.Body, true)
	f.everywhere(d.Body, false)
	f.functions[fn] = own
}

// everywhere looks at all of a body, function literals included. In an init
// function only these count as changes: what it sets directly is a matter of
// initialisation.
func (f *factFinder) everywhere(root ast.Node, inInit bool) {
	ast.Inspect(root, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncLit:
			if inInit {
				f.everywhere(n.Body, false)
				return false
			}
		case *ast.CallExpr:
			f.callFacts(n, inInit)
		case *ast.GoStmt:
			f.goStatement(n)
		case *ast.ExprStmt:
			f.timer(n.X)
		case *ast.AssignStmt:
			if len(n.Lhs) == 1 && len(n.Rhs) == 1 && isBlank(n.Lhs[0]) {
				f.timer(n.Rhs[0])
			}
		}
		f.eachChange(n, func(e ast.Expr, pos token.Pos) {
			switch v := f.packageVar(e); {
			case v == nil:
			case inInit:
				f.inInit = append(f.inInit, v)
			default:
				f.change(v, pos)
			}
		})
		return true
	})
}

func isBlank(e ast.Expr) bool {
	id, ok := e.(*ast.Ident)
	return ok && id.Name == "_"
}

// change notes the first place where a variable is changed.
func (f *factFinder) change(v *types.Var, pos token.Pos) {
	if first, ok := f.changes[v]; !ok || pos < first {
		f.changes[v] = pos
	}
}

func (f *factFinder) callFacts(call *ast.CallExpr, inInit bool) {
	callee := f.callee(call)
	if callee == nil {
		return
	}
	if callee.FullName() == runtimePath+".StateOf" {
		f.stateCall(call)
	}
	if name := callee.Name(); name == "Go" && len(call.Args) == 1 && startsGoroutines[callee.FullName()] {
		f.startOf(call.Pos(), call.Args[0], nil)
	}
	sel, ok := ast.Unparen(call.Fun).(*ast.SelectorExpr)
	if !ok || inInit || callee.Signature().Recv() == nil {
		return
	}
	if v := f.packageVar(sel.X); v != nil {
		f.calls = append(f.calls, variableCall{v, callee.Origin(), call.Pos()})
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
	pointer, ok := types.Unalias(f.info.TypeOf(call)).(*types.Pointer)
	if !ok || key == nil || key.Kind() != constant.String {
		return
	}
	if named, ok := types.Unalias(pointer.Elem()).(*types.Named); ok && named.TypeArgs().Len() == 1 {
		f.states = append(f.states, stateCall{constant.StringVal(key), named.TypeArgs().At(0), calledPos(call)})
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
func (f *factFinder) rootVar(e ast.Expr) *types.Var {
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
		case *ast.SelectorExpr:
			if f.info.Selections[x] == nil { // qualified by a package
				v, _ := f.info.Uses[x.Sel].(*types.Var)
				return v
			}
			e = x.X
		case *ast.Ident:
			v, _ := f.info.Uses[x].(*types.Var)
			return v
		default:
			return nil
		}
	}
}
