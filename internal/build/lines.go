package build

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/anvilforge/anvil-lsp/hotreload/control"
	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/hotreload/shared/regular"
	"github.com/anvilforge/anvil-lsp/internal/build/gocmd"
	"github.com/anvilforge/anvil-lsp/internal/build/syntax"
)

// lines returns what the //line directives of the local packages do, as the
// snapshot has their files.
func (s *Snapshot) lines() manifest.Lines {
	var out manifest.Lines
	for _, path := range s.graph.Order {
		p := s.graph.Packages[path]
		if !p.Local() {
			continue
		}
		name := path
		if p.Name == "main" {
			name = p.Name
		}
		for _, file := range slices.Concat(p.GoFiles, p.CgoFiles) {
			file = filepath.Join(p.Dir, file)
			out = append(out, syntax.LinesOf(s.sources[file].Lines, file, name)...)
		}
	}
	return out
}

// tellLines puts what //line directives do beside the plugin or executable that
// was made of the code, for whoever runs it.
func tellLines(s *Snapshot, image string) error {
	lines := s.lines()
	if len(lines) == 0 {
		return nil
	}
	data, err := json.Marshal(lines)
	if err != nil {
		return fmt.Errorf("writing lines: %w", err)
	}
	if err := os.WriteFile(control.LinesPath(image), data, 0o666); err != nil {
		return gocmd.WriteError(err)
	}
	return nil
}

// existing replaces places that the compiler has from //line directives by the
// lines of the package's files that it means, unless it names a file of the user's
// that Go code was generated from: whoever wrote that mends it there.
func (b *Builder) existing(found []manifest.Diagnostic, files []string) []manifest.Diagnostic {
	var sources regular.Sources
	var lines manifest.Lines // of all files, once there is a need
	read := false
	for i, d := range found {
		if d.File == "" || syntax.ModuleFile(d.File) || slices.Contains(files, d.File) && d.Column > 0 { // directives seldom have columns
			continue
		}
		if !read {
			read = true
			sources = Sources(b.cfg.Dir)
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
		if at, ok := lines.Directed(d.Position); ok {
			found[i].Position = at
		}
	}
	return found
}

// existingIn is existing for what the go command says of any package.
func (b *Builder) existingIn(g *Graph, err error) error {
	if f, ok := errors.AsType[*gocmd.Failure](err); ok {
		var files []string
		for _, path := range g.Order {
			if p := g.Packages[path]; p.Local() {
				files = append(files, p.inputs()...)
			}
		}
		f.Diagnostics = b.existing(f.Diagnostics, files)
	}
	return err
}
