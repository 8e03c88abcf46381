package findings

import (
	"fmt"
	"go/ast"
	"go/constant"
	"go/token"
	"go/types"
	"time"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/manifest/source/internal/gotypes"
)

// startsGoroutines are methods that run a function in a goroutine.
var startsGoroutines = map[string]bool{
	"(*sync.WaitGroup).Go":                   true,
	"(*golang.org/x/sync/errgroup.Group).Go": true,
}

// serves are functions that return only on failure and that nothing can stop.
var serves = map[string]bool{
	"net/http.ListenAndServe": true, "net/http.ListenAndServeTLS": true, "net/http.Serve": true, "net/http.ServeTLS": true,
}

const (
	endlessMessage = "this goroutine has a loop that nothing ends: it goes on with the old code beside every later " +
		"generation, and a panic in it ends the process; return when the generation's context " +
		"(hotreload.RouteSink.Context) is done"
	serveMessage = "%s serves until the process ends: it goes on with the old code, and the next generation cannot " +
		"listen on the same address; start it in main"
	timerMessage = "nothing can stop this timer: it may fire after its generation has ended and run the old code; " +
		"stop it when the generation's context (hotreload.RouteSink.Context) is done, for example with context.AfterFunc"
)

// goStatement notes a goroutine if it is clear that nothing ends it.
func (f *factFinder) goStatement(s *ast.GoStmt) { f.startOf(s.Go, s.Call.Fun, s.Call.Args) }

func (f *factFinder) startOf(pos token.Pos, fun ast.Expr, args []ast.Expr) {
	but := false
	for _, a := range args {
		switch {
		case f.neverDone(a):
			but = true
		case isContext(f.info.TypeOf(a)):
			return
		}
	}
	fun = ast.Unparen(fun)
	if lit, ok := fun.(*ast.FuncLit); ok {
		if f.endless(lit.Type, lit.Body) || but && f.endlessBut(lit.Type, lit.Body) {
			f.starts = append(f.starts, start{pos: pos, message: endlessMessage})
		} else if call := f.servesOnly(lit.Body); call != "" {
			f.starts = append(f.starts, start{pos: pos, message: fmt.Sprintf(serveMessage, call)})
		}
		return
	}
	fn := f.functionOf(fun)
	switch {
	case fn == nil:
	case serves[fn.FullName()]:
		f.starts = append(f.starts, start{pos: pos, message: fmt.Sprintf(serveMessage, gotypes.FunctionName(fn))})
	default:
		f.starts = append(f.starts, start{pos, fn.Origin(), but, endlessMessage})
	}
}

// servesOnly returns the name of a function that serves and is called directly in a body.
func (f *factFinder) servesOnly(body *ast.BlockStmt) string {
	name := ""
	gotypes.AnyNode(body, func(n ast.Node) bool {
		if call, ok := n.(*ast.CallExpr); ok {
			if fn := f.callee(call); fn != nil && serves[fn.FullName()] {
				name = gotypes.FunctionName(fn)
			}
		}
		return name != ""
	})
	return name
}

// timer notes time.AfterFunc if its result, with which it could be stopped, is thrown away.
func (f *factFinder) timer(e ast.Expr) {
	call, ok := ast.Unparen(e).(*ast.CallExpr)
	if !ok || len(call.Args) != 2 {
		return
	}
	fn := f.callee(call)
	if fn == nil || fn.FullName() != "time.AfterFunc" {
		return
	}
	d := f.info.Types[call.Args[0]].Value
	if d == nil || d.Kind() != constant.Int || constant.Compare(d, token.LSS, constant.MakeInt64(int64(time.Second))) {
		return
	}
	if lit, ok := ast.Unparen(call.Args[1]).(*ast.FuncLit); ok && f.usesContext(lit.Body) {
		return
	}
	f.starts = append(f.starts, start{pos: call.Pos(), message: timerMessage})
}

// endless reports whether a function holds a loop that nothing ends: no return, no break, no
// context. Receiving from a channel counts as an end only if the loop can leave after it.
func (f *factFinder) endless(typ *ast.FuncType, body *ast.BlockStmt) bool {
	for _, p := range typ.Params.List {
		if isContext(f.info.TypeOf(p.Type)) {
			return false
		}
	}
	return f.loops(body, nil) && !f.usesContext(body)
}

// endlessBut reports whether a function holds a loop that nothing ends but its own parameter, a
// context.
func (f *factFinder) endlessBut(typ *ast.FuncType, body *ast.BlockStmt) bool {
	var ctx types.Object
	for _, p := range typ.Params.List {
		switch {
		case !isContext(f.info.TypeOf(p.Type)):
		case ctx != nil || len(p.Names) > 1:
			return false // which of them?
		case len(p.Names) == 1:
			ctx = f.info.Defs[p.Names[0]]
		}
	}
	return ctx != nil && f.loops(body, ctx) && !f.usesOtherContext(body, ctx)
}

// loops reports whether there is a loop that is never left, unless because ctx is done.
func (f *factFinder) loops(body *ast.BlockStmt, ctx types.Object) bool {
	return gotypes.AnyNode(body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.ForStmt:
			always, _ := f.condition(n.Cond)
			return (always || n.Cond == nil) && !f.leaves(n.Body, ctx)
		case *ast.RangeStmt:
			return f.ticks(n.X) && !f.leaves(n.Body, ctx)
		}
		return false
	})
}

// neverDone reports whether an expression is a context that is never done.
func (f *factFinder) neverDone(e ast.Expr) bool {
	call, ok := ast.Unparen(e).(*ast.CallExpr)
	if !ok {
		return false
	}
	fn := f.callee(call)
	return fn != nil && (fn.FullName() == "context.Background" || fn.FullName() == "context.TODO")
}

// waitsFor reports whether a clause of a select is the one for the end of ctx.
func (f *factFinder) waitsFor(c *ast.CommClause, ctx types.Object) bool {
	s, ok := c.Comm.(*ast.ExprStmt)
	if !ok || ctx == nil {
		return false
	}
	recv, ok := ast.Unparen(s.X).(*ast.UnaryExpr)
	if !ok || recv.Op != token.ARROW {
		return false
	}
	done, ok := ast.Unparen(recv.X).(*ast.CallExpr)
	if !ok {
		return false
	}
	sel, ok := ast.Unparen(done.Fun).(*ast.SelectorExpr)
	if !ok || sel.Sel.Name != "Done" {
		return false
	}
	id, ok := ast.Unparen(sel.X).(*ast.Ident)
	return ok && f.info.Uses[id] == ctx
}

// ticks reports whether an expression is a channel that package time sends on: it is never closed.
func (f *factFinder) ticks(e ast.Expr) bool {
	c, ok := types.Unalias(gotypes.OrInvalid(f.info.TypeOf(e))).(*types.Chan)
	return ok && c.Dir() == types.RecvOnly && gotypes.IsNamed(c.Elem(), "time", "Time")
}

// leaves reports whether something in the body of a loop may leave it, other than that ctx is done.
// A break counts if it is not that of an inner statement.
func (f *factFinder) leaves(body *ast.BlockStmt, ctx types.Object) bool {
	found := false
	var walk func(n ast.Node, inner bool)
	walk = func(root ast.Node, inner bool) {
		ast.Inspect(root, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.FuncLit:
				return false
			case *ast.CommClause:
				return !f.waitsFor(n, ctx)
			case *ast.ReturnStmt:
				found = true
			case *ast.BranchStmt:
				found = found || n.Tok == token.GOTO || n.Tok == token.BREAK && (!inner || n.Label != nil)
			case *ast.CallExpr:
				found = found || f.neverReturns(n)
			case *ast.ForStmt, *ast.RangeStmt, *ast.SwitchStmt, *ast.TypeSwitchStmt, *ast.SelectStmt:
				if n != root && !inner {
					walk(n, true)
					return false
				}
			}
			return !found
		})
	}
	walk(body, false)
	return found
}

// usesContext reports whether a context plays a part in a body.
func (f *factFinder) usesContext(body ast.Node) bool { return f.usesOtherContext(body, nil) }

// usesOtherContext reports whether a context other than ctx plays a part in a body.
func (f *factFinder) usesOtherContext(body ast.Node, ctx types.Object) bool {
	found := false
	ast.Inspect(body, func(n ast.Node) bool {
		if id, ok := n.(*ast.Ident); ok {
			switch obj := f.info.ObjectOf(id).(type) {
			case *types.Var:
				found = found || isContext(obj.Type()) && obj != ctx
			case *types.Func:
				found = found || obj.Name() == "Context" || obj.Name() == "Done" && ctx == nil
			}
		}
		return !found
	})
	return found
}

func isContext(t types.Type) bool { return t != nil && gotypes.IsNamed(t, "context", "Context") }

// outliving finds what goes on after its generation (ANV008).
func (p *program) outliving() []*finding {
	var found []*finding
	for _, c := range p.hot {
		for _, s := range c.starts {
			if s.fn != nil {
				if own := p.function(s.fn); own == nil || !own.endless && !(s.but && own.endlessBut) {
					continue
				}
			}
			found = append(found, newFinding(manifest.CodeGoroutine, s.pos, s.message))
		}
	}
	return found
}
