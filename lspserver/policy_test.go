package lspserver

import (
	"testing"

	"github.com/anvilforge/anvil-lsp/hotreload/control"
	"github.com/anvilforge/anvil-lsp/internal/engine"
)

// TestOtherPolicy: what another engine does counts while there is one, and not what
// the settings say.
func TestOtherPolicy(t *testing.T) {
	for _, test := range []struct {
		attached, swaps bool
		policy          engine.BreakPolicy
	}{
		{true, true, engine.BreakSwap},
		{true, false, engine.BreakRestart},
		{false, false, engine.BreakRestart},
	} {
		f := &session{engineState: engineState{attached: test.attached, status: control.Status{SwapsSignatures: test.swaps}}}
		if other, policy := f.otherPolicy(); other != test.attached || policy != test.policy {
			t.Errorf("%+v: %t, %q", test, other, policy)
		}
	}
}
