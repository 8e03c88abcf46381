package source

import (
	"errors"
	"fmt"
	"go/types"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
)

// errUndecided reports that the kind of a handler depends on a type that is not
// known.
var errUndecided = errors.New("the type of the handler is not known")

// kindOf decides, as hotreload.Box does, which kind of handler a value of type
// t is. The type that the signature is made from is returned with it.
//
// t may be an interface that has ServeHTTP: whatever is in it is an
// http.Handler. Any other interface is undecided.
func (k *known) kindOf(t types.Type) (kind string, plain types.Type, err error) {
	switch {
	case types.Identical(t, k.handlerFunc):
		return manifest.KindHandlerFunc, k.handler, nil
	case types.Implements(t, k.handlerBase):
		return manifest.KindHandler, k.handler, nil
	case types.IsInterface(t), hasTypeParam(t):
		return "", nil, errUndecided
	}
	sig, ok := t.Underlying().(*types.Signature)
	if !ok {
		return "", nil, notHandler(t)
	}
	for _, accepted := range []struct {
		kind string
		sig  *types.Signature
	}{{manifest.KindPlain, k.plain}, {manifest.KindPlainError, k.plainError}, {manifest.KindCtx, k.ctxError}} {
		if types.Identical(sig, accepted.sig) {
			return accepted.kind, accepted.sig, nil
		}
	}
	if sig.Variadic() || sig.Params().Len() != 2 || sig.Results().Len() != 2 ||
		!types.Identical(sig.Params().At(0).Type(), k.ctx) || !types.Identical(sig.Results().At(1).Type(), errorType) {
		return "", nil, notHandler(t)
	}
	in, out := sig.Params().At(1).Type(), sig.Results().At(0).Type()
	if err := k.checkInput(in); err != nil {
		return "", nil, &inputError{err}
	}
	return manifest.KindTyped, signature([]types.Type{k.ctx, in}, out, errorType), nil
}

func notHandler(t types.Type) error {
	return fmt.Errorf("%s is not a handler; %s", Signature(t), manifest.AcceptedKinds)
}

// inputError is about the In of a typed handler; the runtime puts the handler's
// name before it.
type inputError struct{ error }

func (e *inputError) Unwrap() error { return e.error }

// hasTypeParam reports whether a type parameter is left in t, at a place that
// matters to its kind.
func hasTypeParam(t types.Type) bool {
	found := false
	eachType(t, func(t types.Type) { _, is := t.(*types.TypeParam); found = found || is })
	return found
}

// eachType calls fn with t and the types that it is written with.
func eachType(t types.Type, fn func(types.Type)) {
	t = types.Unalias(t)
	fn(t)
	switch t := t.(type) {
	case *types.Pointer:
		eachType(t.Elem(), fn)
	case *types.Slice:
		eachType(t.Elem(), fn)
	case *types.Array:
		eachType(t.Elem(), fn)
	case *types.Chan:
		eachType(t.Elem(), fn)
	case *types.Map:
		eachType(t.Key(), fn)
		eachType(t.Elem(), fn)
	case *types.Signature:
		for _, tuple := range []*types.Tuple{t.Params(), t.Results()} {
			for v := range tuple.Variables() {
				eachType(v.Type(), fn)
			}
		}
	case *types.Struct:
		for f := range t.Fields() {
			eachType(f.Type(), fn)
		}
	case *types.Named:
		for arg := range t.TypeArgs().Types() {
			eachType(arg, fn)
		}
	}
}
