package golist

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/anvilforge/anvil-lsp/internal/build/syntax"
)

// Mends reports whether a change of a file or directory may make a graph hold that does not: any Go
// or module file may, a file that an embed pattern waits for, and a new directory that may become a
// package or leads to such a file. It is cheap, and right for what does not exist yet.
func (g *Graph) Mends(path string) bool {
	if PossiblyRelevant(path) || g.ModuleFile(path) {
		return true
	}
	for _, p := range g.Packages {
		if p.Local() && (filepath.Dir(path) == p.Dir && NativeName(path) || p.Embeds(path)) {
			return true
		}
	}
	return false
}

// PossiblyRelevant is what can be said of a file while there is no graph: any Go
// file or module file may decide, and a new directory may become a package.
func PossiblyRelevant(path string) bool {
	base := filepath.Base(path)
	if syntax.ModuleFile(path) || strings.HasSuffix(base, ".go") {
		return !syntax.IgnoredGoName(base)
	}
	// A name with a dot is hardly a package's: this keeps a busy data file from
	// being looked up each time.
	if strings.ContainsAny(base, "._") || base == "testdata" || base == "node_modules" {
		return false
	}
	info, err := os.Lstat(path)
	return err == nil && info.IsDir()
}

// Builds reports whether a file is among those of local packages.
func (g *Graph) Builds(path string) bool {
	dir, name := filepath.Split(path)
	dir = filepath.Clean(dir)
	for _, p := range g.Packages {
		if p.Dir == dir && p.Local() && (slices.Contains(p.GoFiles, name) || slices.Contains(p.CgoFiles, name)) {
			return true
		}
	}
	return false
}

// NativeName reports whether the go command builds files of this name that are
// not Go (see cmd/go/internal/imports and go/build).
func NativeName(path string) bool {
	base := filepath.Base(path)
	return !strings.HasPrefix(base, "_") && !strings.HasPrefix(base, ".") && slices.Contains([]string{
		".c", ".cc", ".cpp", ".cxx", ".m", ".h", ".hh", ".hpp", ".hxx", ".f", ".F", ".for", ".f90", ".s", ".S", ".sx",
		".swig", ".swigcxx", ".syso",
	}, filepath.Ext(base))
}

// Dirs returns the directories whose files decide what is built, sorted: those
// of local packages, of what they embed, and of module files. Some need not
// exist: of packages that are still to be written, and of what is to be embedded.
func (g *Graph) Dirs() []string {
	set := map[string]bool{}
	for _, d := range slices.Concat(g.moduleDirs, g.missingDirs, g.embedDirs) {
		set[d] = true
	}
	for _, p := range g.Packages {
		if !p.Local() {
			continue
		}
		set[p.Dir] = true
		if p.Module.Dir != "" {
			set[p.Module.Dir] = true
		}
	}
	return slices.Sorted(maps.Keys(set))
}
