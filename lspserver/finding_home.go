package lspserver

import (
	"maps"
	"path/filepath"
	"slices"

	"github.com/anvilforge/anvil-lsp/internal/paths"
	"github.com/anvilforge/anvil-lsp/lspserver/internal/application"
)

// findingHome is where a finding stands that has no place of its own, that the live
// server ended for example: the first file of the main package, else the module
// file. It is empty if there is neither.
func (f *session) findingHome() string {
	main := f.getSettings().Main
	f.mu.Lock()
	if f.status.Main != "" {
		main = f.status.Main // as the engine found it
	}
	roots := []string{paths.ModuleRoot(f.dir)}
	for _, dir := range slices.Sorted(maps.Keys(f.dirs)) { // a go.work may join modules
		if root := paths.ModuleRoot(dir); !slices.Contains(roots, root) {
			roots = append(roots, root)
		}
	}
	f.mu.Unlock()
	roots = slices.DeleteFunc(roots, func(root string) bool { return root == "" })
	for _, dir := range append(application.MainDirs(f.dir, main, roots), f.dir) {
		if path := application.MainFile(dir); path != "" {
			return path
		}
	}
	if len(roots) > 0 {
		return filepath.Join(roots[0], "go.mod")
	}
	return ""
}
