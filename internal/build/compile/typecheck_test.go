package compile

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/anvilforge/anvil-lsp/internal/build/golist"
)

// TestTypeCheckOfDependency: what is not the user's to mend says nothing about his
// code.
func TestTypeCheckOfDependency(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "a.go"), []byte("package a\n\nvar x int = \"\"\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	p := &golist.Package{ImportPath: "example.com/a", Name: "a", Dir: dir, GoFiles: []string{"a.go"}, Module: &golist.Module{Path: "example.com/a", Version: "v1.0.0", Dir: dir}}
	c := newTypeCheck(&golist.Graph{}, "amd64", nil)
	if err := c.check(p); !errors.Is(err, ErrUnchecked) {
		t.Errorf("%v, want %v", err, ErrUnchecked)
	}
	p.Module = &golist.Module{Path: "example.com/a", Dir: dir, Main: true, GoVersion: "1.999"}
	if err := c.check(p); !errors.Is(err, ErrUnchecked) {
		t.Errorf("in a newer Go: %v, want %v", err, ErrUnchecked)
	}
}
