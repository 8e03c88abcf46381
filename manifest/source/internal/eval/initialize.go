package eval

import (
	"go/ast"
	"go/types"
	"slices"

	"github.com/anvilforge/anvil-lsp/manifest/source/internal/gotypes"
	"github.com/anvilforge/anvil-lsp/manifest/source/internal/load"
)

// start initialises the packages, dependencies first: what one of them adds to a table of another
// when it is initialised is there when routes are registered.
func (ev *evaluator) start() {
	complete := true
	ended := ev.within(maxStart, func() {
		for _, pkg := range slices.Concat(ev.world.Host, ev.world.Hot) {
			for _, init := range pkg.Info.InitOrder {
				complete = ev.aside(func() { ev.initialize(pkg, init) }) && complete
			}
			complete = ev.runInits(pkg) && complete
		}
	})
	if ended && complete {
		return
	}
	for obj := range ev.world.Changed {
		if c := ev.global(obj); c != nil {
			c.v = &unknown{base: base{t: obj.Type()}, why: "initialisation is too long to be followed to its end"}
		}
	}
}

// global returns the cell of a package-level variable of a hot package, or of one of a host package
// that nothing can have changed since it was initialised, nil for any other: main may have set it
// to anything.
func (ev *evaluator) global(obj *types.Var) *cell {
	pkg := ev.world.Unit(obj.Pkg())
	changeable := obj.Exported() || ev.world.Running[obj] || gotypes.IsNamed(obj.Type(), "sync", "Once")
	if pkg == nil || !pkg.Spec.Hot && changeable {
		return nil
	}
	if c, ok := ev.globals[obj]; ok {
		return c
	}
	for _, init := range pkg.Info.InitOrder {
		if slices.Contains(init.Lhs, obj) {
			ev.initialize(pkg, init)
			return ev.globals[obj]
		}
	}
	c := &cell{ev.zero(obj.Type())}
	ev.globals[obj] = c
	return c
}

// initialize evaluates an initialiser of package-level variables, once.
func (ev *evaluator) initialize(pkg *load.Unit, init *types.Initializer) {
	for _, obj := range init.Lhs {
		if _, done := ev.globals[obj]; done {
			return
		}
	}
	for _, obj := range init.Lhs {
		ev.globals[obj] = &cell{&unknown{base: base{t: obj.Type()}, why: "its initialisation depends on itself"}}
	}
	f := &frame{pkg: pkg, vars: map[types.Object]*cell{}}
	values := ev.values(f, []ast.Expr{init.Rhs}, len(init.Lhs))
	for i, obj := range init.Lhs {
		ev.globals[obj].v = copied(convert(values[i], obj.Type()))
	}
}

// runInits runs the init functions of a package, and reports whether all ended.
func (ev *evaluator) runInits(pkg *load.Unit) bool {
	complete := true
	for _, file := range pkg.Files {
		for _, d := range file.Syntax.Decls {
			if d, ok := d.(*ast.FuncDecl); ok && d.Recv == nil && d.Name.Name == "init" && d.Body != nil {
				init := &function{base: base{t: types.NewSignatureType(nil, nil, nil, nil, nil, false)}, decl: d, pkg: pkg}
				complete = ev.aside(func() { ev.call(init, nil, callSite{pos: d.Name.Pos(), name: "init"}) }) && complete
			}
		}
	}
	return complete
}

// aside runs something that does not register anything, with a smaller bound: what it computes is
// unknown if it takes too long. It reports whether it ended.
func (ev *evaluator) aside(fn func()) bool { return ev.within(maxAside, fn) }

// within runs something with a bound, and reports whether it ended.
func (ev *evaluator) within(steps int, fn func()) (ok bool) {
	limit, calls, conditional, dry, journal := ev.limit, len(ev.calls), ev.conditional, ev.dry, ev.journal
	ev.limit = min(limit, ev.steps+steps)
	defer func() {
		ev.limit = limit
		if !stopped(recover()) {
			return
		}
		if ev.steps >= limit || ev.ctx.Err() != nil {
			panic(stop{})
		}
		ev.calls, ev.conditional, ev.dry = ev.calls[:calls], conditional, dry
		ev.unwind(journal)
		ok = false
	}()
	fn()
	return true
}
