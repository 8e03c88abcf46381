package syntax

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

// Edits returns the declarations in which a file differs from an earlier text of it,
// sorted by line.
func Edits(path string, was, now File) []Edit {
	before := make(map[string]Sum, len(was.decls))
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
