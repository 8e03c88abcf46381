package runtimeapi

import (
	"go/token"
	"go/types"

	"github.com/anvilforge/anvil-lsp/manifest/source/internal/gotypes"
)

// StateCall is a call of hotreload.StateOf whose key and type stand in the source.
type StateCall struct {
	Key  string
	Type types.Type
	Pos  token.Pos
}

// StateType returns T of *hotreload.State[T], nil if a type is none.
func StateType(t types.Type) types.Type {
	pointer, ok := types.Unalias(gotypes.OrInvalid(t)).(*types.Pointer)
	if !ok {
		return nil
	}
	if named, ok := types.Unalias(pointer.Elem()).(*types.Named); ok && named.TypeArgs().Len() == 1 {
		return named.TypeArgs().At(0)
	}
	return nil
}
