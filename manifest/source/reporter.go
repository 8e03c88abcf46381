package source

import (
	"cmp"
	"context"
	"go/ast"
	"go/types"
	"maps"
	"slices"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/hotreload/manifest/shape"
)

// reporter makes a report of a program as it is now.
type reporter struct {
	*snapshot
	finder *finder
	shapes *Shapes
	known  *known // nil if the runtime cannot be imported
	r      *Report
	mutations
}

func (b *reporter) report(ctx context.Context) *Report {
	b.r = &Report{}
	for _, c := range b.units {
		b.r.Missing = append(b.r.Missing, c.missing...)
		b.r.Findings = append(b.r.Findings, b.compileErrors(c)...)
	}
	slices.Sort(b.r.Missing)
	b.r.Missing = slices.Compact(b.r.Missing)

	b.protect("looking for what a reload resets", b.inspect)
	b.known = findKnown(b.archived)
	switch handlers := b.handlers(); {
	case handlers == nil:
	case b.known != nil:
		b.protect("following "+manifest.RegisterName, func() { b.follow(ctx, handlers) })
	case len(handlers.missing) == 0:
		b.r.Findings = append(b.r.Findings, b.notRegistering(handlers)...)
	}
	b.r.keepCode(b.snapshot, b.known)
	slices.SortFunc(b.r.State, func(a, b State) int {
		return cmp.Or(cmp.Compare(a.Key, b.Key), comparePositions(a.Position, b.Position), cmp.Compare(a.Type, b.Type))
	})
	b.r.Findings = append(b.r.Findings, b.faults...)
	b.r.Complete = b.complete()
	manifest.SortDiagnostics(b.r.Findings)
	return b.r
}

// inspect adds what the syntax of the hot packages shows: state, what a reload
// resets, what outlives its generation, what can be done only once.
func (b *reporter) inspect() {
	b.finder = newFinder(b.snapshot, b.finder)
	for _, c := range b.hot {
		b.addStates(b.finder.facts[c].states, false)
	}
	b.mutations = b.finder.mutations()
	changed := b.finder.changedVariables()
	b.r.Findings = append(b.r.Findings, changed...)
	b.r.Findings = append(b.r.Findings, b.finder.openedVariables(changed)...)
	b.r.Findings = append(b.r.Findings, b.finder.outliving()...)
	added, leads := b.finder.additions()
	b.r.OneTime, b.r.leads = append(b.finder.globals(), added...), leads
	for _, o := range b.r.OneTime {
		b.r.Findings = append(b.r.Findings, o.Diagnostic)
	}
}

// follow runs the register function of the handlers package and adds what it
// registers to the report.
func (b *reporter) follow(ctx context.Context, handlers *checked) {
	obj, found := b.registerFunction(handlers)
	b.r.Findings = append(b.r.Findings, found...)
	if obj == nil {
		return
	}
	out := follow(ctx, &world{b.snapshot, b.known, b.mutations}, obj)
	for _, e := range out.entries {
		b.r.Routes = append(b.r.Routes, b.route(e))
	}
	for _, u := range out.unknown {
		unknown := Unknown{Position: u.position, Call: u.call, Reason: u.reason}
		if u.entry != nil {
			route := b.route(u.entry)
			unknown.Route = &route
		}
		b.r.Unknown = append(b.r.Unknown, unknown)
	}
	for _, e := range out.registered {
		r := Registration{Registry: e.registry, Key: e.key, Type: Signature(e.typ), Position: e.position}
		b.r.Registered = append(b.r.Registered, r)
	}
	b.r.leads = slices.AppendSeq(b.r.leads, maps.Keys(out.leads))
	slices.Sort(b.r.leads)
	b.r.leads = slices.Compact(b.r.leads)
	b.addStates(out.states, true)
	b.r.Findings = append(b.r.Findings, out.findings...)
}

func comparePositions(a, b manifest.Position) int {
	return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
}

// withoutRepetitions removes what was found before: a helper that is called often makes
// the same mistake each time.
func withoutRepetitions(ds []manifest.Diagnostic) []manifest.Diagnostic {
	seen := map[string]bool{}
	return slices.DeleteFunc(ds, func(d manifest.Diagnostic) bool {
		key := d.String()
		again := seen[key]
		seen[key] = true
		return again
	})
}

// route returns an entry as the live manifest has it.
func (b *reporter) route(e *entry) Route {
	text := b.shapes.Of(e.box.plain)
	return Route{
		Route: manifest.Route{
			Method: e.method, Pattern: e.pattern, Mount: e.mount, Handler: e.box.name, Kind: e.box.kind,
			Signature: Signature(e.box.plain), Fingerprint: shape.Fingerprint(text), Shape: text,
			Position: e.call,
		},
		Conditional: e.conditional, Broken: !b.shapes.Known(e.box.plain),
		HandlerPosition:   b.declaration(e.box.declared),
		SignaturePosition: b.declaration(e.box.signature),
	}
}

// addStates adds keyed state, of which the type is known.
func (b *reporter) addStates(calls []stateCall, registering bool) {
	for _, call := range calls {
		if !b.shapes.Known(call.typ) {
			continue
		}
		text := b.shapes.Of(call.typ)
		s := State{
			State: manifest.State{
				Key: call.key, Type: Signature(call.typ), Fingerprint: shape.Fingerprint(text), Shape: text,
			},
			Position: b.position(call.pos), Registering: registering,
		}
		i := slices.IndexFunc(b.r.State, func(t State) bool {
			return registering && t.Position == s.Position && t.State == s.State
		})
		if i >= 0 {
			b.r.State[i].Registering = true
		} else {
			b.r.State = append(b.r.State, s)
		}
	}
}

// registerFunction finds the register function. If it is not what the live
// server wants, it is reported (ANV003).
func (b *reporter) registerFunction(c *checked) (types.Object, []manifest.Diagnostic) {
	obj := c.types.Scope().Lookup(manifest.RegisterName)
	switch obj := obj.(type) {
	case nil:
		return nil, b.notRegistering(c)
	case *types.Func, *types.Var:
		t := obj.Type()
		sig, ok := types.Unalias(t).(*types.Signature)
		switch {
		case hasInvalid(t):
			return nil, nil // a compile error says more
		case ok && sig.TypeParams().Len() == 0 && types.Identical(t, signature([]types.Type{b.known.sink})):
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
	d := manifest.Diagnose(manifest.CodeRegister, b.position(obj.Pos()),
		"%s is %s, it must be func(r *hotreload.RouteSink)", manifest.RegisterName, what)
	return nil, []manifest.Diagnostic{d}
}

// notRegistering reports that there is no register function, where it probably
// should be: at a function or method of that name in another spelling, or at
// the package clause.
func (b *reporter) notRegistering(c *checked) []manifest.Diagnostic {
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
	return []manifest.Diagnostic{manifest.Diagnose(manifest.CodeRegister, b.position(pos),
		"package %s must export func %s(r *hotreload.RouteSink)%s", c.spec.ImportPath, manifest.RegisterName, hint)}
}
