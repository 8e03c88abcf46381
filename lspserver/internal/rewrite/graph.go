package rewrite

import (
	"go/ast"
	"go/token"
	"go/types"

	"golang.org/x/tools/go/types/typeutil"
)

// graph says which declarations of a package mention which of its objects.
type graph struct {
	p         *Package
	functions map[*types.Func]*ast.FuncDecl
	// mentioned are, for each function, the package's functions and variables that
	// its body names.
	mentioned map[*types.Func]map[types.Object]bool
	// early is what is named by what runs when the package is initialised:
	// variables' initial values and init functions.
	early map[types.Object]bool
	// running are the types that such code names where it also calls something.
	running map[*types.TypeName]bool
	// starting are the functions that the register function calls, itself or
	// through others, while it runs.
	starting map[*types.Func]bool
}

func (p *Package) graph() *graph {
	g := &graph{
		p: p, functions: map[*types.Func]*ast.FuncDecl{}, mentioned: map[*types.Func]map[types.Object]bool{},
		early: map[types.Object]bool{}, running: map[*types.TypeName]bool{}, starting: map[*types.Func]bool{},
	}
	for _, f := range p.Files {
		for _, d := range f.Syntax.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				if d.Body == nil {
					continue
				}
				fn, _ := p.Info.Defs[d.Name].(*types.Func)
				if fn == nil || d.Recv == nil && d.Name.Name == "init" {
					g.initialises(d.Body)
					continue
				}
				g.functions[fn] = d
				g.mentioned[fn] = map[types.Object]bool{}
				g.names(d.Body, g.mentioned[fn])
			case *ast.GenDecl:
				if d.Tok != token.VAR {
					continue
				}
				for _, spec := range d.Specs {
					for _, v := range spec.(*ast.ValueSpec).Values {
						g.initialises(v)
					}
				}
			}
		}
	}
	if fn, _ := p.register(); fn != nil {
		g.start(fn.Body)
	}
	return g
}

// initialises notes what an initial value or an init function names.
func (g *graph) initialises(n ast.Node) {
	g.names(n, g.early)
	calls := false
	ast.Inspect(n, func(n ast.Node) bool {
		if c, ok := n.(*ast.CallExpr); ok && !g.p.Info.Types[c.Fun].IsType() && !g.p.Info.Types[c.Fun].IsBuiltin() {
			calls = true
		}
		return !calls
	})
	if !calls {
		return
	}
	ast.Inspect(n, func(n ast.Node) bool {
		if id, ok := n.(*ast.Ident); ok {
			if tn, ok := g.p.Info.Uses[id].(*types.TypeName); ok {
				g.running[tn] = true
			}
		}
		return true
	})
}

// names adds the objects of the package that a piece of syntax names.
func (g *graph) names(n ast.Node, to map[types.Object]bool) {
	ast.Inspect(n, func(n ast.Node) bool {
		if id, ok := n.(*ast.Ident); ok {
			switch obj := g.p.Info.Uses[id].(type) {
			case *types.Func:
				if obj.Pkg() == g.p.Types {
					to[obj.Origin()] = true
				}
			case *types.Var:
				if obj.Parent() == g.p.Types.Scope() {
					to[obj] = true
				}
			}
		}
		return true
	})
}

// start notes the functions that are called when a body runs.
func (g *graph) start(body ast.Node) {
	inspectRunning(g.p, body, func(n ast.Node) {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return
		}
		if fn := g.p.callee(call); fn != nil && g.functions[fn] != nil && !g.starting[fn] {
			g.starting[fn] = true
			g.start(g.functions[fn].Body)
		}
	})
}

// inspectRunning visits what runs when a body does: not function literals,
// unless they take a sink, as those that are given to Group do.
func inspectRunning(p *Package, body ast.Node, visit func(ast.Node)) {
	ast.Inspect(body, func(n ast.Node) bool {
		if lit, ok := n.(*ast.FuncLit); ok && !hasSinkParameter(p, lit) {
			return false
		}
		if n != nil {
			visit(n)
		}
		return true
	})
}

func hasSinkParameter(p *Package, lit *ast.FuncLit) bool {
	for _, f := range lit.Type.Params.List {
		if isSink(p.Info.TypeOf(f.Type)) {
			return true
		}
	}
	return false
}

// callee returns the function that a call calls; nil if that is not known.
func (p *Package) callee(call *ast.CallExpr) *types.Func {
	fn, _ := typeutil.Callee(p.Info, call).(*types.Func)
	return origin(fn)
}

func origin(fn *types.Func) *types.Func {
	if fn == nil {
		return nil
	}
	return fn.Origin()
}

// reaching returns the functions that name a variable, themselves or through
// others.
func (g *graph) reaching(v *types.Var) map[*types.Func]bool {
	all := map[*types.Func]bool{}
	for grown := true; grown; {
		grown = false
		for fn, names := range g.mentioned {
			if all[fn] {
				continue
			}
			for obj := range names {
				if other, ok := obj.(*types.Func); obj == v || ok && all[other] {
					all[fn], grown = true, true
					break
				}
			}
		}
	}
	return all
}

// usedEarly reports whether a variable may be used before the register function
// has run: when the package is initialised.
func (g *graph) usedEarly(v *types.Var) bool {
	if g.early[v] {
		return true
	}
	for fn := range g.reaching(v) {
		if g.early[fn] {
			return true
		}
		if recv := fn.Signature().Recv(); recv != nil {
			t := recv.Type()
			if ptr, ok := types.Unalias(t).(*types.Pointer); ok {
				t = ptr.Elem()
			}
			if named, ok := types.Unalias(t).(*types.Named); ok && g.running[named.Obj()] {
				return true
			}
		}
	}
	return false
}
