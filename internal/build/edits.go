package build

import "github.com/anvilforge/anvil-lsp/internal/build/syntax"

// Edit is a declaration in which the code differs from what is live.
type Edit = syntax.Edit

// Edits returns the declarations of the application that differ from those of
// live, or are new, sorted by package and place. Imports are left out: what they
// are needed for is among them.
func (s *Snapshot) Edits(live *Snapshot) []syntax.Edit {
	var out []syntax.Edit
	for _, path := range s.graph.Order {
		p := s.graph.Packages[path]
		if !p.Local() {
			continue
		}
		for _, file := range p.SourceFiles() {
			was, now := live.sources[file], s.sources[file]
			if was.Tokens != now.Tokens {
				out = append(out, syntax.Edits(file, was, now)...)
			}
		}
	}
	return out
}
