package source

import (
	"cmp"
	"go/ast"
	"go/token"
	"go/types"
	"slices"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/hotreload/manifest/shape"
)

// report puts together what can be said about the program as it is now.
func (run *checking) report() *Report {
	r := &Report{Complete: len(run.faults) == 0}
	w := &world{
		fset: run.fset, shapes: NewShapes(run.prog.hot()),
		packages: map[*types.Package]*checked{}, source: map[*token.File]bool{}, mutated: map[*types.Var]bool{}, running: map[*types.Var]bool{},
	}
	all := run.packages()
	var hot []*checked
	for _, c := range all {
		w.packages[c.types] = c
		for _, f := range c.files {
			w.source[w.fset.File(f.file.FileStart)] = true
		}
		r.Missing = append(r.Missing, c.missing...)
		r.Findings = append(r.Findings, run.compileErrors(c)...)
		r.Complete = r.Complete && !c.broken && len(c.missing) == 0
		if c.spec.Hot {
			hot = append(hot, c)
		}
	}
	if len(all) < len(run.prog.Packages) {
		r.Complete = false
	}
	slices.Sort(r.Missing)
	r.Missing = slices.Compact(r.Missing)

	w.hot, w.host = hot, w.inOrder(all)
	run.protect(&run.faults, "looking for what a reload resets", func() {
		for _, c := range all {
			c.facts = c.findFacts()
		}
		run.inspect(w, all, hot, r)
	})
	handlers := run.done[run.prog.Handlers]
	if w.known = findKnown(run.archives.load); w.known == nil {
		if handlers != nil && len(handlers.missing) == 0 {
			r.Findings = append(r.Findings, run.notRegistering(handlers)...)
		}
	} else if handlers != nil {
		run.protect(&run.faults, "following "+manifest.RegisterName, func() { run.follow(w, handlers, r) })
	}
	r.keepCode(w, hot, run.prog.hot())
	slices.SortFunc(r.State, func(a, b State) int {
		return cmp.Or(cmp.Compare(a.Key, b.Key), comparePositions(a.Position, b.Position), cmp.Compare(a.Type, b.Type))
	})
	r.Findings = append(r.Findings, run.faults...)
	r.Complete = r.Complete && len(run.faults) == 0
	manifest.SortDiagnostics(r.Findings)
	return r
}

func comparePositions(a, b manifest.Position) int {
	return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
}

// follow runs the register function of the handlers package and adds what it
// registers to the report.
func (run *checking) follow(w *world, handlers *checked, r *Report) {
	obj, found := run.registerFunction(w, handlers)
	r.Findings = append(r.Findings, found...)
	if obj == nil {
		return
	}
	ev := &evaluator{
		ctx: run.ctx, world: w, limit: maxSteps,
		globals: map[types.Object]*cell{},
	}
	ev.out.once, ev.out.patternless, ev.out.leads = map[string]token.Pos{}, map[int]*entry{}, map[string]bool{}
	ev.follow(obj)
	for _, e := range ev.out.entries {
		r.Routes = append(r.Routes, e.route(w))
	}
	r.Unknown, r.Registered = ev.out.unknown, ev.out.registered
	for path := range ev.out.leads {
		r.leads = append(r.leads, path)
	}
	slices.Sort(r.leads)
	r.leads = slices.Compact(r.leads)
	for i, e := range ev.out.patternless {
		route := e.route(w)
		r.Unknown[i].Route = &route
	}
	r.State = mergeStates(r.State, ev.out.states)
	r.Findings = append(r.Findings, compact(ev.out.findings)...)
	r.Findings = append(r.Findings, compact(checkRoutes(ev.out.entries, w.known.query))...)
}

// inOrder returns the host packages among packages, dependencies first.
func (w *world) inOrder(all []*checked) []*checked {
	var order []*checked
	seen := map[*checked]bool{}
	var visit func(c *checked)
	visit = func(c *checked) {
		if c == nil || c.spec.Hot || seen[c] || c.types == nil {
			return
		}
		seen[c] = true
		for _, imp := range c.types.Imports() {
			visit(w.packages[imp])
		}
		order = append(order, c)
	}
	for _, c := range all {
		visit(c)
	}
	return order
}

// compact removes repetitions: a helper that is called often makes the same
// mistake each time.
func compact(ds []manifest.Diagnostic) []manifest.Diagnostic {
	seen := map[string]bool{}
	return slices.DeleteFunc(ds, func(d manifest.Diagnostic) bool {
		key := d.String()
		again := seen[key]
		seen[key] = true
		return again
	})
}

// mergeStates adds what registration asks for to what stands in the source.
func mergeStates(inSource, registering []State) []State {
	for _, s := range registering {
		i := slices.IndexFunc(inSource, func(t State) bool {
			return t.Key == s.Key && t.Position == s.Position && t.Type == s.Type && t.Fingerprint == s.Fingerprint
		})
		if i >= 0 {
			inSource[i].Registering = true
		} else {
			inSource = append(inSource, s)
		}
	}
	return inSource
}

// route returns the entry as the live manifest has it.
func (e *entry) route(w *world) Route {
	text := w.shapes.Of(e.box.plain)
	r := Route{
		Route: manifest.Route{
			Method: e.method, Pattern: e.pattern, Mount: e.mount, Handler: e.box.name, Kind: e.box.kind,
			Signature: Signature(e.box.plain), Fingerprint: shape.Fingerprint(text), Shape: text,
			Position: e.call,
		},
		Conditional: e.conditional, Broken: !w.shapes.Known(e.box.plain),
	}
	r.HandlerPosition = w.declaration(e.box.declared)
	r.SignaturePosition = w.declaration(e.box.signature)
	return r
}

// declaration returns the position of something that may come from an archive,
// where columns are not known.
func (w *world) declaration(pos token.Pos) manifest.Position {
	p := positionIn(w.fset, pos)
	if !w.source[w.fset.File(pos)] {
		p.Column = 0
	}
	return p
}

// registerFunction finds the register function. If it is not what the live
// server wants, it is reported (ANV003).
func (run *checking) registerFunction(w *world, c *checked) (types.Object, []manifest.Diagnostic) {
	obj := c.types.Scope().Lookup(manifest.RegisterName)
	switch obj := obj.(type) {
	case nil:
		return nil, run.notRegistering(c)
	case *types.Func, *types.Var:
		t := obj.Type()
		sig, ok := types.Unalias(t).(*types.Signature)
		switch {
		case hasInvalid(t):
			return nil, nil // a compile error says more
		case ok && sig.TypeParams().Len() == 0 && types.Identical(t, signature([]types.Type{w.known.sink})):
			return obj, nil
		}
	}
	what := "not a function"
	if _, ok := obj.(*types.Const); !ok && obj.Type() != nil {
		what = Signature(obj.Type())
		if sig, ok := obj.Type().(*types.Signature); ok && sig.TypeParams().Len() > 0 {
			what = "a generic function"
		}
	}
	d := manifest.Diagnose(manifest.CodeRegister, run.position(obj.Pos()),
		"%s is %s, it must be func(r *hotreload.RouteSink)", manifest.RegisterName, what)
	return nil, []manifest.Diagnostic{d}
}

// notRegistering reports that there is no register function, where it probably
// should be: at a function or method of that name in another spelling, or at
// the package clause.
func (run *checking) notRegistering(c *checked) []manifest.Diagnostic {
	if len(c.files) == 0 || c.syntax {
		return nil // it may be in the part that was not understood
	}
	pos, hint := c.files[0].file.Name.Pos(), ""
	for _, f := range c.files {
		for _, d := range f.file.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok {
				continue
			}
			switch {
			case fn.Recv != nil && fn.Name.Name == manifest.RegisterName:
				pos, hint = fn.Name.Pos(), "; this is a method"
			case fn.Recv == nil && similar(fn.Name.Name, manifest.RegisterName):
				pos, hint = fn.Name.Pos(), "; this is "+fn.Name.Name
			}
		}
	}
	return []manifest.Diagnostic{manifest.Diagnose(manifest.CodeRegister, run.position(pos),
		"package %s must export func %s(r *hotreload.RouteSink)%s", c.spec.ImportPath, manifest.RegisterName, hint)}
}
