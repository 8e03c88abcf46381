package build

import (
	"slices"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
)

// Edit is a declaration in which the code differs from what is live. What was
// removed has no place, and is none.
type Edit struct {
	Name     string            // as a person calls it: T.m for a method
	Position manifest.Position // of the name
}

// Edits returns the declarations of the application that differ from those of
// live, or are new, sorted by package and place. Imports are left out: what they
// are needed for is among them.
func (s *Snapshot) Edits(live *Snapshot) []Edit {
	var out []Edit
	for _, path := range s.graph.Order {
		p := s.graph.Packages[path]
		if !p.Local() {
			continue
		}
		for _, file := range p.SourceFiles() {
			was, now := live.sources[file], s.sources[file]
			if was.tokens != now.tokens {
				out = append(out, edits(file, was, now)...)
			}
		}
	}
	return out
}

func edits(path string, was, now source) []Edit {
	before := make(map[string]digest, len(was.decls))
	for _, d := range was.decls {
		before[d.key] = d.own
	}
	var out []Edit
	for _, d := range now.decls {
		if own, ok := before[d.key]; d.imports() || ok && own == d.own {
			continue
		}
		out = append(out, Edit{Name: d.name, Position: manifest.Position{File: path, Line: d.line, Column: d.col}})
	}
	slices.SortStableFunc(out, func(a, b Edit) int { return a.Position.Line - b.Position.Line })
	return out
}
