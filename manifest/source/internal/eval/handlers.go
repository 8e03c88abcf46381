package eval

import (
	"cmp"
	"errors"
	"go/constant"
	"go/token"
	"go/types"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/hotreload/manifest/rules"
	"github.com/anvilforge/anvil-lsp/manifest/source/internal/gotypes"
	"github.com/anvilforge/anvil-lsp/manifest/source/internal/runtimeapi"
)

func stringValue(s string) constant.Value { return constant.MakeString(s) }

// handlerBox is what is known of a handler.
type handlerBox struct {
	Kind  string // empty: it is not known what it is, see why
	why   string
	Name  string
	Plain types.Type // what its signature is made from

	Declaration token.Pos
	Signature   token.Pos
}

// box decides what a handler is. It reports what is none, and returns false for it. arg is the
// handler's index among the arguments.
func (ev *evaluator) box(v value, call string, site callSite, arg int) (handlerBox, bool) {
	if b, ok := v.(*boxValue); ok {
		v = b.handler
	}
	at := site.arg(arg)
	if _, inTable := v.(*function); inTable {
		at = narrow(v.origin(), at)
	}
	if null, ok := v.(*null); ok {
		switch null.t.Underlying().(type) {
		case *types.Signature, *types.Pointer, *types.Interface, *types.Basic:
			ev.faultIn(manifest.CodeHandlerKind, at, site, "%s: %v", call, rules.ErrNilHandler)
			return handlerBox{}, false
		}
	}
	t := v.typ()
	if t == nil || gotypes.HasInvalid(t) {
		return handlerBox{why: "it does not compile"}, true
	}
	if types.Identical(t, ev.world.Known.Box) {
		return handlerBox{why: "it is boxed elsewhere"}, true
	}
	kind, plain, err := ev.world.Known.KindOf(t)
	b := handlerBox{Kind: kind, Plain: plain}
	b.Name, b.Declaration, b.Signature = ev.describeHandler(v)
	if _, ok := errors.AsType[*runtimeapi.InputError](err); ok {
		err = prefixed{b.Name + ": ", err}
	}
	switch {
	case errors.Is(err, runtimeapi.ErrUndecided):
		return handlerBox{why: whyUnknown(v)}, true
	case err != nil:
		ev.faultIn(manifest.CodeHandlerKind, at, site, "%s: %v", call, err)
		return handlerBox{}, false
	}
	if u, ok := v.(*unknown); ok {
		if u.named != nil {
			b.Name, b.Kind = u.named.name, u.named.kind
		} else if arg < len(site.args) && b.Name == "" {
			b.Name = types.ExprString(site.args[arg])
		}
	}
	return b, true
}

type prefixed struct {
	prefix string
	error
}

func (e prefixed) Error() string { return e.prefix + e.error.Error() }
func (e prefixed) Unwrap() error { return e.error }

// describeHandler returns the name of a handler as the live manifest has it, where it is declared,
// and where its parameters are.
func (ev *evaluator) describeHandler(v value) (name string, declared, parameters token.Pos) {
	fn, ok := v.(*function)
	if !ok {
		return ev.describeType(v.typ())
	}
	switch {
	case fn.lit != nil:
		return fn.pkg.LiteralName(fn.lit), fn.lit.Pos(), fn.lit.Type.Params.Pos()
	case fn.decl != nil:
		return cmp.Or(fn.name, gotypes.FunctionName(fn.obj)), fn.decl.Name.Pos(), fn.decl.Type.Params.Pos()
	case fn.obj != nil:
		return gotypes.FunctionName(fn.obj), fn.obj.Pos(), token.NoPos
	}
	return "", token.NoPos, token.NoPos
}

// describeType names an http.Handler by its type. Its declaration is that of its method.
func (ev *evaluator) describeType(t types.Type) (name string, declared, parameters token.Pos) {
	if types.IsInterface(t) {
		return "", token.NoPos, token.NoPos
	}
	if _, ok := t.Underlying().(*types.Signature); ok { // a function, but which?
		return "", token.NoPos, token.NoPos
	}
	obj, _, _ := types.LookupFieldOrMethod(t, true, nil, "ServeHTTP")
	if m, ok := obj.(*types.Func); ok {
		if fn := ev.declared(m); fn.decl != nil {
			return gotypes.Signature(t), fn.decl.Name.Pos(), fn.decl.Type.Params.Pos()
		}
	}
	return gotypes.Signature(t), token.NoPos, token.NoPos
}

// boxCall calls hotreload.Box.
func (ev *evaluator) boxCall(fn *function, args []value, site callSite) value {
	r := results(fn.t, fn.whyUnknown())
	t, ok := r.(*tuple)
	if !ok || len(t.values) != 2 || len(args) != 1 {
		return r
	}
	if _, _, err := ev.world.Known.KindOf(args[0].typ()); err == nil {
		t.values[0] = &boxValue{base{ev.world.Known.Box, site.pos}, args[0]}
		t.values[1] = &null{base{gotypes.ErrorType, site.pos}}
	}
	return t
}
