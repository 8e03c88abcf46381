package build

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/anvilforge/anvil-lsp/hotreload/control"
	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
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

// writeLines writes what //line directives do next to the plugin or executable that was
// made of the code, for whoever runs it.
func writeLines(s *Snapshot, image string) error {
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
