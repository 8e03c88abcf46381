package golist

import (
	"errors"
	"path/filepath"
	"slices"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/hotreload/shared/regular"
	"github.com/anvilforge/anvil-lsp/internal/build/gocmd"
	"github.com/anvilforge/anvil-lsp/internal/build/syntax"
)

// Existing replaces places that the compiler has from //line directives by the
// lines of the package's files that it means, unless it names a file of the user's
// that Go code was generated from: whoever wrote that mends it there.
func (l *Lister) Existing(found []manifest.Diagnostic, files []string) []manifest.Diagnostic {
	var sources regular.Sources
	var lines manifest.Lines // of all files, once there is a need
	read := false
	for i, d := range found {
		// directives seldom have columns
		if d.File == "" || syntax.ModuleFile(d.File) || slices.Contains(files, d.File) && d.Column > 0 {
			continue
		}
		if !read {
			read = true
			sources = Sources(l.Dir)
			for _, file := range files {
				if filepath.Ext(file) != ".go" {
					continue
				}
				if data, err := regular.Read(file, regular.MaxSource); err == nil {
					lines = append(lines, syntax.LinesOf(syntax.ReadLines(data), file, "")...)
				}
			}
		}
		if filepath.Ext(d.File) != ".go" && sources.Hold(d.File) {
			continue
		}
		if at, ok := lines.ResolveLine(d.Position); ok {
			found[i].Position = at
		}
	}
	return found
}

// ExistingIn is existing for what the go command says of any package.
func (l *Lister) ExistingIn(g *Graph, err error) error {
	if f, ok := errors.AsType[*gocmd.Failure](err); ok {
		var files []string
		for _, path := range g.Order {
			if p := g.Packages[path]; p.Local() {
				files = append(files, p.Inputs()...)
			}
		}
		f.Diagnostics = l.Existing(f.Diagnostics, files)
	}
	return err
}
