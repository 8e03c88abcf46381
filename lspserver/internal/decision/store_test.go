package decision

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/internal/engine"
	"github.com/anvilforge/anvil-lsp/internal/testkit"
	"github.com/anvilforge/anvil-lsp/lspserver/internal/view"
)

// TestLoad: a file counts if it is of the application and has decisions that there
// are; a part of it, if the rest has not.
func TestLoad(t *testing.T) {
	config, dir := t.TempDir(), t.TempDir()
	path := Load(config, dir).path
	file := func(about, decisions string) string {
		return fmt.Sprintf(`{"directory":%q,"decisions":%s}`, about, decisions)
	}
	const restarts = `{"ANV001":"restart","ANV002":"restart"}`
	for _, tt := range []struct {
		name, text              string
		signature, hostsChanged string
	}{
		{"a word that is none, beside a good one", file(dir, `{"ANV001":"burn","ANV002":"restart"}`), view.BreakAsk, view.BreakRestart},
		{"a word for signatures, and for nothing else", file(dir, `{"ANV001":"swap","ANV002":"swap"}`), view.BreakSwap, view.BreakAsk},
		{"of another directory", file(path, restarts), view.BreakAsk, view.BreakAsk},
		{"damaged", `{"directory`, view.BreakAsk, view.BreakAsk},
		{"as large as may be", file(dir, restarts) + strings.Repeat(" ", maxDecisions-len(file(dir, restarts))), view.BreakRestart, view.BreakRestart},
		{"too large", file(dir, restarts) + strings.Repeat(" ", maxDecisions), view.BreakAsk, view.BreakAsk},
	} {
		testkit.WriteFile(t, path, tt.text)
		m := Load(config, dir)
		if got := m.Of(manifest.CodeSignature, view.BreakAsk); got != tt.signature {
			t.Errorf("%s: %q for signatures, want %q", tt.name, got, tt.signature)
		}
		if got := m.Of(manifest.CodeHostChanged, view.BreakAsk); got != tt.hostsChanged {
			t.Errorf("%s: %q for host packages, want %q", tt.name, got, tt.hostsChanged)
		}
	}

	// What a checkout brings decides nothing.
	planted := t.TempDir()
	for name, text := range map[string]string{
		"decisions.json": restarts, filepath.Base(Load(config, planted).path): file(planted, restarts),
	} {
		testkit.WriteFile(t, filepath.Join(planted, engine.OutDir, name), text)
	}
	for _, c := range []manifest.Code{manifest.CodeSignature, manifest.CodeHostChanged} {
		if got := Load(config, planted).Of(c, view.BreakAsk); got != view.BreakAsk {
			t.Errorf("planted: %q for %s", got, c)
		}
	}
}
