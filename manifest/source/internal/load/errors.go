package load

import (
	"go/scanner"
	"go/types"
	"slices"
	"strings"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
)

// maxErrors is how many errors of a package are reported; the compiler stops there too.
const maxErrors = 10

// CompileErrors returns what the compiler would say about a package. As with the compiler, a syntax
// error keeps everything else back, and a package that imports a broken one is not looked at: its
// errors may be consequences. So may be all syntax errors of a file but the first.
func (s *Snapshot) CompileErrors(c *Unit) []manifest.Diagnostic {
	var found []manifest.Diagnostic
	switch {
	case c.SyntaxErrors:
		for _, f := range c.Files {
			if e := firstError(f.errs); e != nil {
				pos := s.Position(s.Fset.File(f.Syntax.FileStart).Pos(e.Pos.Offset))
				found = append(found, manifest.Diagnose(manifest.CodeCompile, pos, "syntax error: %s", e.Msg))
			}
		}
	case !c.brokenDep || s.cycle:
		for _, e := range c.errs {
			found = s.addTypeError(found, e)
		}
	}
	found = WithoutRepetitions(found)
	manifest.SortDiagnostics(found)
	return found[:min(len(found), maxErrors)]
}

// firstError returns the first syntax error of a file. Of those at the same position it is one that
// asks for more than a semicolon.
func firstError(errs scanner.ErrorList) *scanner.Error {
	var first *scanner.Error
	for _, e := range errs {
		if first != nil && (e.Pos != first.Pos || !strings.HasPrefix(first.Msg, "expected ';'")) {
			break
		}
		first = e
	}
	return first
}

// addTypeError adds an error. go/types reports what belongs to an error as another one whose text
// is indented.
func (s *Snapshot) addTypeError(found []manifest.Diagnostic, e types.Error) []manifest.Diagnostic {
	pos := s.Position(e.Pos)
	if more, ok := strings.CutPrefix(e.Msg, "\t"); ok && len(found) > 0 {
		last := &found[len(found)-1]
		last.Related = append(last.Related, manifest.Related{Position: pos, Message: more})
		return found
	}
	return append(found, manifest.Diagnose(manifest.CodeCompile, pos, "%s", e.Msg))
}

// WithoutRepetitions removes what was found before: a helper that is called often makes the same
// mistake each time.
func WithoutRepetitions(ds []manifest.Diagnostic) []manifest.Diagnostic {
	seen := map[string]bool{}
	return slices.DeleteFunc(ds, func(d manifest.Diagnostic) bool {
		key := d.String()
		again := seen[key]
		seen[key] = true
		return again
	})
}
