package lspserver

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/anvilforge/anvil-lsp/hotreload/engine"
	"github.com/anvilforge/anvil-lsp/manifest"
)

func TestDecide(t *testing.T) {
	dir := t.TempDir()
	s := New(Options{})
	f := &session{s: s, memory: loadMemory(dir)}
	reasons := func(codes ...manifest.Code) (ds []manifest.Diagnostic) {
		for _, c := range codes {
			ds = append(ds, manifest.Diagnose(c, manifest.Position{}, "because"))
		}
		return ds
	}
	both := reasons(manifest.CodeSignature, manifest.CodeHostChanged)
	check := func(when string, ds []manifest.Diagnostic, want engine.BreakPolicy) {
		t.Helper()
		if got := f.decide(ds); got != want {
			t.Errorf("%s: %q, want %q", when, got, want)
		}
	}
	check("by default", both, engine.BreakRestart)
	settings := defaultSettings()
	settings.OnBreak = BreakAsk
	s.settings.Store(&settings)
	check("the setting", both, engine.BreakAsk)
	if err := f.memory.set([]manifest.Code{manifest.CodeSignature}, BreakRestart); err != nil {
		t.Fatal(err)
	}
	check("one is remembered", both, engine.BreakAsk)
	check("it is the only one", reasons(manifest.CodeSignature), engine.BreakRestart)
	if err := f.memory.set([]manifest.Code{manifest.CodeHostChanged}, BreakKeep); err != nil {
		t.Fatal(err)
	}
	check("the most careful wins", both, engine.BreakKeep)
	f.memory = loadMemory(dir)
	check("read again", both, engine.BreakKeep)
	if err := os.WriteFile(filepath.Join(dir, engine.OutDir, "decisions.json"), []byte(`{"ANV001":"burn","ANV002":"restart"}`), 0o666); err != nil {
		t.Fatal(err)
	}
	f.memory = loadMemory(dir)
	check("a word that is none", reasons(manifest.CodeSignature), engine.BreakAsk)
	check("beside a good one", reasons(manifest.CodeHostChanged), engine.BreakRestart)
}
