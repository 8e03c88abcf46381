package build

import (
	"fmt"
	"maps"
	"slices"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/internal/build/golist"
	"github.com/anvilforge/anvil-lsp/internal/build/syntax"
)

// fault is what the go command said when it could not compile a package.
type fault struct {
	inputs syntax.Sum // the package's files as they were then
	found  []manifest.Diagnostic
}

// Faults says of each package that the go command could not compile, by import
// path, what is wrong with it. A package of which a file has changed since is not
// among them, and neither is one that only imports such a package.
func (s *Snapshot) Faults() map[string][]manifest.Diagnostic {
	out := map[string][]manifest.Diagnostic{}
	for path, f := range s.faults {
		if p := s.graph.Packages[path]; p != nil && s.inputDigest(p) == f.inputs {
			out[path] = f.found
		}
	}
	return out
}

// Mistakes returns what Faults does in one list, sorted.
func (s *Snapshot) Mistakes() []manifest.Diagnostic {
	found := slices.Concat(slices.Collect(maps.Values(s.Faults()))...)
	manifest.SortDiagnostics(found)
	return found
}

// inputDigest sums the files of a package; those of a package whose source is not
// local do not change.
func (s *Snapshot) inputDigest(p *golist.Package) syntax.Sum {
	var sums []string
	if p.Local() {
		for _, f := range p.Inputs() {
			sums = append(sums, fmt.Sprintf("%s %x", f, s.sources[f].Content))
		}
	}
	return syntax.SumOf(sums)
}
