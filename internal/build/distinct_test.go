package build

import (
	"testing"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
)

func TestDistinct(t *testing.T) {
	at := func(file, text string) manifest.Diagnostic {
		return manifest.Diagnose(manifest.CodeModuleChanged, manifest.Position{File: file}, "%s", text)
	}
	const advice = "; to add:\n\tgo get example.com/lib@v1.0.0"
	got := distinct([]manifest.Diagnostic{
		at("go.sum", "missing go.sum entry for module providing package example.com/lib"+advice),
		at("go.sum", "missing go.sum entry for module providing package example.com/lib/sub"+advice), // the same module
		at("go.sum", "missing go.sum entry for module providing package example.com/other; to add:\n\tgo get example.com/other"),
		at("a.go", "undefined: x"),
		at("b.go", "undefined: x"),
		at("a.go", "undefined: x"), // though not beside the first one
	})
	if len(got) != 4 {
		t.Fatalf("%d are left: %v", len(got), got)
	}
	if got[2].File != "a.go" || got[3].File != "b.go" {
		t.Errorf("left are %v", got)
	}
}
