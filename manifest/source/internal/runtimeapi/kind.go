package runtimeapi

import (
	"errors"
	"go/types"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/hotreload/manifest/rules"
	"github.com/anvilforge/anvil-lsp/manifest/source/internal/gotypes"
)

// ErrUndecided reports that the kind of a handler depends on a type that is not known.
var ErrUndecided = errors.New("the type of the handler is not known")

// KindOf decides, as hotreload.Box does, which kind of handler a value of type t is. The type that
// the signature is made from is returned with it.
//
// t may be an interface that has ServeHTTP: whatever is in it is an http.Handler. Any other
// interface is undecided.
func (k *Types) KindOf(t types.Type) (kind string, plain types.Type, err error) {
	switch {
	case types.Identical(t, k.handlerFunc):
		return manifest.KindHandlerFunc, k.handler, nil
	case types.Implements(t, k.handlerBase):
		return manifest.KindHandler, k.handler, nil
	case types.IsInterface(t), gotypes.HasTypeParam(t):
		return "", nil, ErrUndecided
	}
	sig, ok := t.Underlying().(*types.Signature)
	if !ok {
		return "", nil, rules.NotHandler(gotypes.Signature(t))
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
		!types.Identical(sig.Params().At(0).Type(), k.ctx) ||
		!types.Identical(sig.Results().At(1).Type(), gotypes.ErrorType) {
		return "", nil, rules.NotHandler(gotypes.Signature(t))
	}
	in, out := sig.Params().At(1).Type(), sig.Results().At(0).Type()
	if err := k.checkInput(in); err != nil {
		return "", nil, &InputError{err}
	}
	return manifest.KindTyped, gotypes.NewSignature([]types.Type{k.ctx, in}, out, gotypes.ErrorType), nil
}

// InputError is about the In of a typed handler; the runtime puts the handler's name before it.
type InputError struct{ error }

func (e *InputError) Unwrap() error { return e.error }
