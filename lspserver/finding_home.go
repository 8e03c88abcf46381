package lspserver

import (
	"go/build"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/mod/modfile"

	"github.com/anvilforge/anvil-lsp/hotreload/shared/regular"
	"github.com/anvilforge/anvil-lsp/internal/paths"
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
	for _, dir := range append(mainDirs(f.dir, main, roots), f.dir) {
		if path := mainFile(dir); path != "" {
			return path
		}
	}
	if len(roots) > 0 {
		return filepath.Join(roots[0], "go.mod")
	}
	return ""
}

// mainDirs returns the directories that a main package may stand in, which is
// given as import path or directory.
func mainDirs(dir, main string, roots []string) []string {
	if main == "" {
		return nil
	}
	if filepath.IsAbs(main) {
		return []string{main}
	}
	dirs := []string{filepath.Join(dir, filepath.FromSlash(main))}
	for _, root := range roots {
		data, err := regular.Read(filepath.Join(root, "go.mod"), regular.MaxSource)
		if err != nil {
			continue
		}
		module := modfile.ModulePath(data)
		if rest, ok := strings.CutPrefix(main+"/", module+"/"); ok && module != "" {
			dirs = append(dirs, filepath.Join(root, filepath.FromSlash(rest)))
		}
	}
	return dirs
}

// mainFile returns the file that a person would look for main in; empty if a
// directory has no program.
func mainFile(dir string) string {
	entries, _ := os.ReadDir(dir) // no directory: no program
	var first string
	for _, e := range entries {
		name, path := e.Name(), filepath.Join(dir, e.Name())
		if !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			continue
		}
		if in, err := build.Default.MatchFile(dir, name); err != nil || !in {
			continue
		}
		f, _ := parser.ParseFile(token.NewFileSet(), path, nil, parser.PackageClauseOnly)
		if f == nil || f.Name == nil || f.Name.Name != "main" {
			continue
		}
		if name == "main.go" {
			return path
		}
		if first == "" {
			first = path
		}
	}
	return first
}
