package build

import (
	"fmt"
	"go/parser"
	"go/token"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/hotreload/shared/regular"
	"github.com/anvilforge/anvil-lsp/internal/build/gocmd"
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
func (s *Snapshot) inputDigest(p *Package) syntax.Sum {
	var sums []string
	if p.Local() {
		for _, f := range p.inputs() {
			sums = append(sums, fmt.Sprintf("%s %x", f, s.sources[f].Content))
		}
	}
	return syntax.SumOf(sums)
}

// faultsOf reads the go command's words about a package that does not compile.
func (b *Builder) faultsOf(p *Package, text string) []manifest.Diagnostic {
	if ds := gocmd.ParseErrors(b.cfg.Dir, text); len(ds) > 0 {
		return b.existing(ds, p.inputs())
	}
	text = strings.TrimSpace(strings.TrimPrefix(text, "# "+p.ImportPath+"\n"))
	return []manifest.Diagnostic{manifest.Diagnose(manifest.CodeCompile, cgoPosition(p, text), "%s", text)}
}

// cgoPosition returns the #cgo directive that the go command's words are about:
// it names the flags, but not where they stand. Where none is found it is the
// package clause of the first file.
func cgoPosition(p *Package, text string) manifest.Position {
	var pos manifest.Position
	for _, name := range slices.Concat(p.CgoFiles, p.GoFiles) {
		path := filepath.Join(p.Dir, name)
		data, err := regular.Read(path, regular.MaxSource)
		if err != nil {
			continue
		}
		fset := token.NewFileSet()
		f, _ := parser.ParseFile(fset, path, data, parser.ImportsOnly|parser.ParseComments)
		if f == nil {
			continue
		}
		if pos.File == "" {
			pos = manifest.Position{File: path, Line: fset.PositionFor(f.Package, false).Line, Column: 1}
		}
		line := 0
		for row := range strings.Lines(string(data)) {
			line++
			_, directive, ok := strings.Cut(row, "#cgo ")
			_, flags, hasFlags := strings.Cut(directive, ":")
			if ok && hasFlags && slices.ContainsFunc(strings.Fields(flags), func(flag string) bool { return strings.Contains(text, flag) }) {
				return manifest.Position{File: path, Line: line, Column: strings.Index(row, "#cgo") + 1}
			}
		}
	}
	return pos
}
