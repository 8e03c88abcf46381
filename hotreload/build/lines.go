package build

import (
	"bytes"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"

	"github.com/anvilforge/anvil-lsp/internal/regular"
	"github.com/anvilforge/anvil-lsp/manifest"
)

// existing replaces places in files that do not exist, which the compiler has
// from //line directives, by the lines of the package's files that it means.
func existing(found []manifest.Diagnostic, files []string) []manifest.Diagnostic {
	for i, d := range found {
		if _, err := os.Stat(d.File); d.File == "" || err == nil {
			continue
		}
		for _, file := range files {
			if line := directedLine(file, d.Position); line > 0 {
				found[i].Position = manifest.Position{File: file, Line: line}
				break
			}
		}
	}
	return found
}

// directedLine returns the line of a Go file of which its //line directives say
// that it is at a place; 0 if there is none.
func directedLine(file string, at manifest.Position) int {
	data, err := regular.Read(file, regular.MaxSource)
	if err != nil || !bytes.Contains(data, []byte("//line ")) && !bytes.Contains(data, []byte("/*line ")) {
		return 0
	}
	fset := token.NewFileSet()
	f, _ := parser.ParseFile(fset, file, data, parser.ParseComments)
	if f == nil {
		return 0
	}
	tokens := fset.File(f.FileStart)
	for line := range tokens.LineCount() {
		said := tokens.PositionFor(tokens.LineStart(line+1), true)
		if said.Line == at.Line && filepath.Clean(said.Filename) == filepath.Clean(at.File) {
			return line + 1
		}
	}
	return 0
}
