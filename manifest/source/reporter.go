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
	"github.com/anvilforge/anvil-lsp/manifest/source/internal/eval"
	"github.com/anvilforge/anvil-lsp/manifest/source/internal/findings"
	"github.com/anvilforge/anvil-lsp/manifest/source/internal/gotypes"
	"github.com/anvilforge/anvil-lsp/manifest/source/internal/load"
	"github.com/anvilforge/anvil-lsp/manifest/source/internal/runtimeapi"
)

// reporter makes a report of a program as it is now.
type reporter struct {
	*load.Snapshot
	findings *findings.Findings
	shapes   *gotypes.Shapes
	known    *runtimeapi.Types // nil if the runtime cannot be imported
	r        *Report
}

func (b *reporter) report(ctx context.Context) *Report {
	b.r = &Report{}
	for _, c := range b.Units {
		b.r.Missing = append(b.r.Missing, c.Missing...)
		b.r.Findings = append(b.r.Findings, b.CompileErrors(c)...)
	}
	slices.Sort(b.r.Missing)
	b.r.Missing = slices.Compact(b.r.Missing)

	b.Protect("looking for what a reload resets", b.inspect)
	b.known = runtimeapi.Find(b.Import)
	switch handlers := b.Handlers(); {
	case handlers == nil:
	case b.known != nil:
		b.Protect("following "+manifest.RegisterName, func() { b.follow(ctx, handlers) })
	case len(handlers.Missing) == 0:
		b.r.Findings = append(b.r.Findings, b.notRegistering(handlers)...)
	}
	b.r.keepCode(b.Snapshot, b.known)
	slices.SortFunc(b.r.State, func(a, b State) int {
		return cmp.Or(cmp.Compare(a.Key, b.Key), a.Position.Compare(b.Position), cmp.Compare(a.Type, b.Type))
	})
	b.r.Findings = append(b.r.Findings, b.Faults...)
	b.r.Complete = b.Complete()
	manifest.SortDiagnostics(b.r.Findings)
	return b.r
}

// inspect adds what the syntax of the hot packages shows: state, what a reload resets, what
// outlives its generation, what can be done only once.
func (b *reporter) inspect() {
	last := b.findings
	b.findings = &findings.Findings{} // if the search fails
	b.findings = findings.Find(b.Snapshot, last)
	b.addStates(b.findings.States, false)
	b.r.Findings = append(b.r.Findings, b.findings.Diagnostics...)
	b.r.OneTime, b.r.leads = b.findings.OneTime, b.findings.Leads
	for _, o := range b.r.OneTime {
		b.r.Findings = append(b.r.Findings, o.Diagnostic)
	}
}

// follow runs the register function of the handlers package and adds what it registers to the
// report.
func (b *reporter) follow(ctx context.Context, handlers *load.Unit) {
	obj, found := b.registerFunction(handlers)
	b.r.Findings = append(b.r.Findings, found...)
	if obj == nil {
		return
	}
	world := &eval.World{
		Snapshot: b.Snapshot, Known: b.known, Changed: b.findings.Changed, Running: b.findings.Running,
	}
	out := eval.Follow(ctx, world, obj)
	for _, e := range out.Entries {
		b.r.Routes = append(b.r.Routes, b.route(e))
	}
	for _, u := range out.Unknown {
		unknown := Unknown{Position: u.Position, Call: u.Call, Reason: u.Reason}
		if u.Entry != nil {
			route := b.route(u.Entry)
			unknown.Route = &route
		}
		b.r.Unknown = append(b.r.Unknown, unknown)
	}
	for _, e := range out.Registered {
		r := Registration{Registry: e.Registry, Key: e.Key, Type: gotypes.Signature(e.Type), Position: e.Position}
		b.r.Registered = append(b.r.Registered, r)
	}
	b.r.leads = slices.AppendSeq(b.r.leads, maps.Keys(out.Leads))
	slices.Sort(b.r.leads)
	b.r.leads = slices.Compact(b.r.leads)
	b.addStates(out.States, true)
	b.r.Findings = append(b.r.Findings, out.Findings...)
}

// route returns an entry as the live manifest has it.
func (b *reporter) route(e *eval.Entry) Route {
	text, known := b.shapes.Of(e.Box.Plain)
	return Route{
		Route: manifest.Route{
			Method: e.Method, Pattern: e.Pattern, Mount: e.Mount, Handler: e.Box.Name, Kind: e.Box.Kind,
			Signature: gotypes.Signature(e.Box.Plain), Fingerprint: shape.Fingerprint(text), Shape: text,
			Position: e.Call,
		},
		Conditional: e.Conditional, Broken: !known,
		HandlerPosition:   b.Declaration(e.Box.Declaration),
		SignaturePosition: b.Declaration(e.Box.Signature),
	}
}

// addStates adds keyed state, of which the type is known.
func (b *reporter) addStates(calls []runtimeapi.StateCall, registering bool) {
	for _, call := range calls {
		text, known := b.shapes.Of(call.Type)
		if !known {
			continue
		}
		s := State{
			State: manifest.State{
				Key: call.Key, Type: gotypes.Signature(call.Type), Fingerprint: shape.Fingerprint(text), Shape: text,
			},
			Position: b.Position(call.Pos), Registering: registering,
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

// registerFunction finds the register function. If it is not what the live server wants, it is
// reported (ANV003).
func (b *reporter) registerFunction(c *load.Unit) (types.Object, []manifest.Diagnostic) {
	obj := c.Types.Scope().Lookup(manifest.RegisterName)
	switch obj := obj.(type) {
	case nil:
		return nil, b.notRegistering(c)
	case *types.Func, *types.Var:
		t := obj.Type()
		sig, ok := types.Unalias(t).(*types.Signature)
		switch {
		case gotypes.HasInvalid(t):
			return nil, nil // a compile error says more
		case ok && sig.TypeParams().Len() == 0 && types.Identical(t, gotypes.NewSignature([]types.Type{b.known.Sink})):
			return obj, nil
		}
	}
	what := "not a function"
	if _, ok := obj.(*types.Const); !ok && obj.Type() != nil {
		what = gotypes.Signature(obj.Type())
		if sig, ok := obj.Type().(*types.Signature); ok && sig.TypeParams().Len() > 0 {
			what = "a generic function"
		}
	}
	d := manifest.Diagnose(manifest.CodeRegister, b.Position(obj.Pos()),
		"%s is %s, it must be func(r *hotreload.RouteSink)", manifest.RegisterName, what)
	return nil, []manifest.Diagnostic{d}
}

// notRegistering reports that there is no register function, where it probably should be: at a
// function or method of that name in another spelling, or at the package clause.
func (b *reporter) notRegistering(c *load.Unit) []manifest.Diagnostic {
	if len(c.Files) == 0 || c.SyntaxErrors {
		return nil // it may be in the part that was not understood
	}
	pos, hint := c.Files[0].Syntax.Name.Pos(), ""
	for _, f := range c.Files {
		for _, d := range f.Syntax.Decls {
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
	return []manifest.Diagnostic{manifest.Diagnose(manifest.CodeRegister, b.Position(pos),
		"package %s must export func %s(r *hotreload.RouteSink)%s", c.Spec.ImportPath, manifest.RegisterName, hint)}
}
