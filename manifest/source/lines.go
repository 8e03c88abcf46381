package source

import (
	"path/filepath"

	"github.com/anvilforge/anvil-lsp/manifest"
)

// keepLines has the report know which lines //line directives mean: the compiler
// follows them, so that a live server does, too.
func (r *Report) keepLines(w *world, c *checked) {
	for _, f := range c.files {
		tokens := w.fset.File(f.file.FileStart)
		if !f.lined || tokens == nil {
			continue
		}
		if r.lines == nil {
			r.lines = map[manifest.Position]manifest.Position{}
		}
		for i := range tokens.LineCount() {
			start := tokens.LineStart(i + 1)
			said, is := tokens.PositionFor(start, true), tokens.PositionFor(start, false)
			if said == is {
				continue // of no directive
			}
			names := []string{said.Filename}
			// The compiler leaves a relative name as it is.
			if rel, err := filepath.Rel(filepath.Dir(f.path), said.Filename); err == nil {
				names = append(names, rel)
			}
			for _, name := range names {
				at := manifest.Position{File: name, Line: said.Line}
				if _, known := r.lines[at]; !known && name != f.path {
					r.lines[at] = manifest.Position{File: is.Filename, Line: is.Line}
				}
			}
		}
	}
}

// Place returns where a place is of which a live server knows what a //line
// directive says; any other is returned as it is.
func (r *Report) Place(p manifest.Position) manifest.Position {
	if at, ok := r.lines[lineOf(p)]; ok {
		return at
	}
	return p
}
