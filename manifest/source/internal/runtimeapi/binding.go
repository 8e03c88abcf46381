package runtimeapi

import (
	"go/types"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest/rules"
	"github.com/anvilforge/anvil-lsp/hotreload/manifest/shape"
	"github.com/anvilforge/anvil-lsp/manifest/source/internal/gotypes"
)

// checkInput reports what keeps a type from being the In of a typed handler.
func (k *Types) checkInput(t types.Type) error {
	if _, ok := t.Underlying().(*types.Struct); !ok && gotypes.HasTypeParam(t) {
		return ErrUndecided
	}
	rule := rules.Types{
		Name:   func(t shape.Type) string { return gotypes.Signature(t.(gotypes.View).T) },
		IsText: func(t shape.Type) bool { return types.Implements(types.NewPointer(t.(gotypes.View).T), k.text) },
	}
	_, err := rule.Bind(gotypes.ViewOf(t))
	return err
}
