package eval

import (
	"go/ast"
	"go/token"
	"go/types"
	"slices"

	"github.com/anvilforge/anvil-lsp/manifest/source/internal/gotypes"
	"github.com/anvilforge/anvil-lsp/manifest/source/internal/runtimeapi"
)

// whyEnded is the reason that marks the result of a call that does not return.
const whyEnded = "the function does not return"

// callSite is where something is called.
type callSite struct {
	pos  token.Pos // of the name of the called function: its line is the call's
	name string    // as the source has it
	args []ast.Expr
	recv ast.Expr // what the method is called on
}

// arg returns the position of an argument.
func (c callSite) arg(i int) token.Pos {
	if i < len(c.args) {
		return c.args[i].Pos()
	}
	return c.pos
}

// pending is a call of which function and arguments are evaluated.
type pending struct {
	fn   value
	args []value
	site callSite
	// do makes the call, if it is a conversion or the call of a predeclared function.
	do func() value
}

func (ev *evaluator) run(p *pending) value {
	if p.do != nil {
		return p.do()
	}
	return ev.call(p.fn, p.args, p.site)
}

// prepare evaluates the function and the arguments of a call.
func (ev *evaluator) prepare(f *frame, e *ast.CallExpr) *pending {
	fun := ast.Unparen(e.Fun)
	switch tv := f.pkg.Info.Types[e.Fun]; {
	case tv.IsType():
		v := ev.unknownExpr(f, e, "it does not compile")
		if len(e.Args) == 1 {
			v = convert(ev.expr(f, e.Args[0]), f.typeOf(e))
		}
		return &pending{do: func() value { return v }}
	case tv.IsBuiltin():
		return &pending{do: func() value { return ev.builtin(f, e, fun) }}
	}
	p := &pending{site: callSite{pos: e.Lparen, name: gotypes.CalledName(fun), args: e.Args}}
	if sel, ok := fun.(*ast.SelectorExpr); ok {
		p.site.pos, p.site.recv = sel.Sel.Pos(), sel.X
	}
	p.fn = ev.expr(f, e.Fun)
	for _, a := range e.Args {
		p.args = append(p.args, ev.expr(f, a))
	}
	if len(p.args) == 1 {
		if t, ok := p.args[0].(*tuple); ok {
			p.args, p.site.args = t.values, nil
		}
	}
	if sig, ok := f.typeOf(e.Fun).Underlying().(*types.Signature); ok {
		p.args = ev.arguments(sig, p.args, e.Ellipsis.IsValid())
	}
	return p
}

// arguments converts arguments to the types of the parameters; what goes to a variadic one becomes
// a slice.
func (ev *evaluator) arguments(sig *types.Signature, args []value, spread bool) []value {
	n := sig.Params().Len()
	if sig.Variadic() && !spread && len(args) >= n-1 {
		t := sig.Params().At(n - 1).Type()
		rest := &list{base: base{t: t}}
		if s, ok := t.(*types.Slice); ok {
			for _, a := range args[n-1:] {
				rest.elems = append(rest.elems, &cell{copied(convert(a, s.Elem()))})
			}
		}
		args = append(slices.Clone(args[:n-1]), rest)
	}
	out := make([]value, 0, n)
	for i := range n {
		t := sig.Params().At(i).Type()
		if i < len(args) {
			out = append(out, copied(convert(args[i], t)))
		} else {
			out = append(out, &unknown{base: base{t: t}, why: "it does not compile"})
		}
	}
	return out
}

// call calls a function value.
func (ev *evaluator) call(v value, args []value, site callSite) value {
	ev.step()
	fn, ok := v.(*function)
	if !ok {
		return ev.callUnknown(v, args, site, whyUnknown(v))
	}
	if fn.native != nil {
		return fn.native(ev, args)
	}
	if fn.obj != nil && fn.obj.Pkg() != nil {
		if r, ok := ev.callKnown(fn, args, site); ok {
			return r
		}
	}
	body := fn.body()
	if body == nil {
		return ev.callUnknown(v, args, site, fn.whyUnknown())
	}
	if ev.recursive(body) {
		return ev.callUnknown(v, args, site, "it calls itself")
	}
	if reachesSink(v, 4) || slices.ContainsFunc(args, func(a value) bool { return reachesSink(a, 4) }) {
		return ev.invoke(fn, body, args)
	}
	var r value
	if !ev.aside(func() { r = ev.invoke(fn, body, args) }) {
		ev.disturbed(fn, args, site)
		return results(fn.t, "it takes too long to compute")
	}
	return r
}

// whyUnknown returns the reason that what a function does or returns is not known, if its source is
// not checked.
func (fn *function) whyUnknown() string {
	if fn.obj == nil {
		return "it comes from a function that is not followed"
	}
	return "it comes from " + gotypes.FunctionName(fn.obj)
}

func (fn *function) body() *ast.BlockStmt {
	switch {
	case fn.lit != nil:
		return fn.lit.Body
	case fn.decl != nil:
		return fn.decl.Body
	}
	return nil
}

// recursive reports whether a function calls itself in a way that might not end: under a condition
// that is not known, or very deep.
func (ev *evaluator) recursive(body *ast.BlockStmt) bool {
	if len(ev.calls) >= maxCalls {
		return true
	}
	return slices.ContainsFunc(ev.calls, func(a *activation) bool {
		return a.body == body && a.conditional < ev.conditional
	})
}

// invoke runs a function whose source is known.
func (ev *evaluator) invoke(fn *function, body *ast.BlockStmt, args []value) value {
	conditional := ev.conditional
	ev.calls = append(ev.calls, &activation{body, conditional})
	defer func() {
		ev.calls = ev.calls[:max(len(ev.calls)-1, 0)]
		ev.conditional = conditional
	}()
	f := &frame{pkg: fn.pkg, parent: fn.frame, vars: map[types.Object]*cell{}, bind: fn.bind}
	ev.declareParameters(f, fn, args)
	r := ev.block(f, body.List)
	set := valuesOf(f.named)
	outer := ev.panicking
	ev.panicking = len(f.returns) == 0 && r.outcome == ended
	defer func() { ev.panicking = outer }()
	for _, p := range slices.Backward(f.defers) {
		if body.Rbrace.IsValid() {
			p.site.pos = body.Rbrace // as the runtime sees it
		}
		ev.run(p)
	}
	if len(f.defers) > 0 && len(f.returns) > 0 && !slices.EqualFunc(set, valuesOf(f.named), equal) {
		if len(f.returns) == 1 { // else it is one of these, or what is set at last
			f.returns = nil
		}
		f.returns = append(f.returns, valuesOf(f.named))
	}
	if ev.panicking {
		if !slices.ContainsFunc(f.defers, (*pending).recovers) {
			return ends()
		}
		f.returns = [][]value{f.unset(ev)} // its callers go on
	}
	return f.result(fn.t)
}

// recovers reports whether a deferred call ends a panic.
func (p *pending) recovers() bool {
	fn, ok := p.fn.(*function)
	if !ok || fn.body() == nil {
		return false
	}
	return gotypes.AnyNode(fn.body(), func(n ast.Node) bool { // in a function literal it does nothing
		call, ok := n.(*ast.CallExpr)
		return ok && gotypes.CalledName(ast.Unparen(call.Fun)) == "recover" && fn.pkg.Info.Types[call.Fun].IsBuiltin()
	})
}

// unset returns the results of a function that was left without a return statement.
func (f *frame) unset(ev *evaluator) []value {
	out := valuesOf(f.named)
	if len(out) > 0 || f.results == nil {
		return out
	}
	for v := range f.results.Variables() {
		out = append(out, ev.zero(f.subst(v.Type())))
	}
	return out
}

// declareParameters declares receiver, parameters and results in the frame of a call.
func (ev *evaluator) declareParameters(f *frame, fn *function, args []value) {
	var typ *ast.FuncType
	info := fn.pkg.Info
	declare := func(names []*ast.Ident, v value) {
		for _, id := range names {
			if obj := info.Defs[id]; obj != nil {
				f.declare(obj, copied(convert(v, f.subst(obj.Type()))))
			}
		}
	}
	if fn.lit != nil {
		typ = fn.lit.Type
	} else {
		typ = fn.decl.Type
		if recv := fn.decl.Recv; recv != nil && len(recv.List) == 1 && fn.recv != nil {
			v := fn.recv
			if obj := gotypes.ReceiverVar(info, recv); obj != nil {
				v = adjust(v, obj.Type())
			}
			declare(recv.List[0].Names, v)
		}
	}
	i := 0
	for _, field := range typ.Params.List {
		for _, id := range field.Names {
			if i < len(args) {
				declare([]*ast.Ident{id}, args[i])
			}
			i++
		}
		if len(field.Names) == 0 {
			i++
		}
	}
	var named, results []*types.Var
	if typ.Results == nil {
		return
	}
	for _, field := range typ.Results.List {
		t := f.subst(gotypes.OrInvalid(info.Types[field.Type].Type))
		for _, id := range field.Names {
			if obj, ok := info.Defs[id].(*types.Var); ok {
				named = append(named, obj)
			}
		}
		for range max(1, len(field.Names)) {
			results = append(results, types.NewParam(token.NoPos, nil, "", t))
		}
	}
	f.results = types.NewTuple(results...)
	if len(named) != len(results) {
		return
	}
	for _, obj := range named {
		c := &cell{ev.zero(f.subst(obj.Type()))}
		f.named = append(f.named, c)
		f.vars[obj] = c
	}
}

// adjust returns the address of a receiver or follows it, as a method call does.
func adjust(v value, t types.Type) value {
	_, wantsPointer := types.Unalias(t).(*types.Pointer)
	switch x := v.(type) {
	case *pointer:
		if !wantsPointer {
			return x.to.v
		}
	case *structure, *list, *table, *basic:
		if wantsPointer {
			return &pointer{base{types.NewPointer(v.typ()), v.origin()}, &cell{v}}
		}
	}
	return v
}

// result returns what a function returned: joined, if several of its return statements may have
// been reached. Where a function returns an error or not, it counts as not doing so: with an error
// registration is over in any case.
func (f *frame) result(t types.Type) value {
	n := 0
	if f.results != nil {
		n = f.results.Len()
	}
	if n == 0 {
		return &tuple{base: base{t: types.NewTuple()}}
	}
	returns := f.returns
	if types.Identical(f.results.At(n-1).Type(), gotypes.ErrorType) {
		fine := slices.DeleteFunc(slices.Clone(returns), func(r []value) bool {
			if len(r) != n {
				return true
			}
			_, null := r[n-1].(*null)
			return !null
		})
		if len(fine) > 0 {
			returns = fine
		}
	}
	var joined []value
	for _, r := range returns {
		if len(r) != n {
			continue
		}
		if joined == nil {
			joined = slices.Clone(r)
			continue
		}
		for i := range joined {
			joined[i] = convert(join(joined[i], r[i]), f.results.At(i).Type())
		}
	}
	switch {
	case joined == nil:
		return unknownResults(f.results, "it does not return a value")
	case n == 1:
		return joined[0]
	}
	return &tuple{base{t: f.results}, joined}
}

// results returns unknown results for a function of type t.
func results(t types.Type, why string) value {
	sig, ok := t.Underlying().(*types.Signature)
	if !ok {
		return &unknown{base: base{t: types.Typ[types.Invalid]}, why: why}
	}
	return unknownResults(sig.Results(), why)
}

func unknownResults(t *types.Tuple, why string) value {
	r := &tuple{base: base{t: t}}
	for v := range t.Variables() {
		r.values = append(r.values, &unknown{base: base{t: v.Type()}, why: why})
	}
	if len(r.values) == 1 {
		return r.values[0]
	}
	return r
}

// ends is the result of a call that does not return.
func ends() value { return &unknown{base: base{t: types.Typ[types.Invalid]}, why: whyEnded} }

// callUnknown calls a function whose code is not known. If it gets the sink it registers something
// that is not known either; functions that it gets may be called, and what its arguments lead to
// may be changed.
func (ev *evaluator) callUnknown(v value, args []value, site callSite, why string) value {
	fn, _ := v.(*function)
	holds := func(v value) bool { return directSink(v, 3) }
	if slices.ContainsFunc(args, holds) || fn != nil && fn.recv != nil && holds(fn.recv) {
		reason := "its code is not known: " + why
		switch {
		case fn == nil || fn.body() != nil || fn.obj == nil:
		case fn.recv != nil && types.IsInterface(gotypes.RecvType(fn.obj)):
			reason = "it is not known what " + gotypes.FunctionName(fn.obj) + " is here: " + whyUnknown(fn.recv)
		default:
			reason = "the source of " + gotypes.FunctionName(fn.obj) + " is not checked"
			ev.out.Leads[gotypes.PathOf(fn.obj)] = true
		}
		ev.note(site, reason, nil)
	}
	ev.callBacks(args, site, 2)
	ev.disturbed(fn, args, site)
	r := results(v.typ(), why)
	if fn != nil && fn.obj != nil {
		r = ev.describeResult(fn, r)
		if fn.body() == nil && (fn.recv == nil || !types.IsInterface(gotypes.RecvType(fn.obj))) {
			leadTo(r, gotypes.PathOf(fn.obj))
		}
	}
	if u, ok := r.(*unknown); ok {
		u.at = site.pos
	}
	return r
}

// leadTo notes that the source of a package would tell more of results.
func leadTo(r value, path string) {
	switch r := r.(type) {
	case *unknown:
		r.lead = path
	case *tuple:
		for _, v := range r.values {
			leadTo(v, path)
		}
	}
}

func unknownArgs(t types.Type, why string) []value {
	sig, ok := t.Underlying().(*types.Signature)
	if !ok {
		return nil
	}
	var args []value
	for v := range sig.Params().Variables() {
		args = append(args, &unknown{base: base{t: v.Type()}, why: why})
	}
	return args
}

// directSink reports whether a value is a sink or a struct that holds one.
func directSink(v value, depth int) bool {
	if _, ok := v.(*function); ok {
		return false
	}
	return reachesSink(v, depth)
}

// reachesSink reports whether something can be registered through a value. Values may lead back to
// themselves: depth says how far it is followed.
func reachesSink(v value, depth int) bool {
	if depth <= 0 {
		return false
	}
	any := func(cells []*cell) bool {
		return slices.ContainsFunc(cells, func(c *cell) bool { return reachesSink(c.v, depth-1) })
	}
	switch v := v.(type) {
	case *sink:
		return true
	case *unknown:
		return runtimeapi.IsSink(v.t)
	case *pointer:
		to := v.to.v
		for range 4 { // a pointer to a pointer may be one to itself
			if p, ok := to.(*pointer); ok {
				to = p.to.v
			}
		}
		_, still := to.(*pointer)
		return !still && reachesSink(to, depth)
	case *structure:
		return any(v.fields)
	case *list:
		return len(v.elems) > 0 && any(v.elems[:min(len(v.elems), 16)])
	case *table:
		return len(v.elems) > 0 && any(v.elems[:min(len(v.elems), 16)])
	case *function:
		if v.recv != nil && reachesSink(v.recv, depth-1) {
			return true
		}
		return v.lit != nil && v.frame.holdsSink(depth)
	}
	return false
}

// holdsSink reports whether a closure's variables lead to a sink.
func (f *frame) holdsSink(depth int) bool {
	for ; f != nil; f = f.parent {
		for _, c := range f.vars {
			if reachesSink(c.v, depth-2) {
				return true
			}
		}
	}
	return false
}
