package manifest

import (
	"os"
	"path/filepath"
	"strings"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest/symbol"
)

// Lines tell where code stands that a //line directive gives another position: the
// compiler follows such directives, so that a program knows no other.
type Lines []LineRun

// LineRun is consecutive lines of one function.
type LineRun struct {
	Package string `json:"package"` // as in the names of its functions
	// Function is the function or method around the lines, home or (*API).list,
	// without the package; empty outside of functions.
	Function string `json:"function,omitempty"`
	// Said is the first line as the directive has it, whose file may be relative to
	// that of Real; Real is the same line as it is.
	Said  Position `json:"said"`
	Real  Position `json:"real"`
	Count int      `json:"count"`
}

// Resolve returns where code of a function stands, named as in stack traces, or
// empty if it is not known. Unless the function tells, a file that exists is
// believed.
func (l Lines) Resolve(function string, p Position) Position {
	run, sure := l.find(function, p)
	if run == nil {
		return p
	}
	if !sure {
		if _, err := os.Stat(run.absolute()); err == nil {
			return p
		}
	}
	return run.real(p)
}

// ResolveLine returns where the line is of which a directive says that it has this
// position, whether there is such a file or not; ok is false if there is none, or
// one in several files.
func (l Lines) ResolveLine(p Position) (at Position, ok bool) {
	run, _ := l.find("", p)
	if run == nil {
		return p, false
	}
	return run.real(p), true
}

// find returns the run that has a position, nil if there is none, or no telling
// which: in the function, which is sure, else in its package, else in any.
func (l Lines) find(function string, p Position) (best *LineRun, sure bool) {
	if p.File == "" || len(l) == 0 {
		return nil, false
	}
	function = symbol.Unescape(symbol.StripGeneration(function))
	near, several := false, false
	for i := range l {
		r := &l[i]
		if !r.says(p) {
			continue
		}
		name, inPackage := strings.CutPrefix(function, r.Package+".")
		switch {
		case inPackage && r.around(name):
			return r, true
		case best == nil || inPackage && !near:
			best, near, several = r, inPackage, false
		case inPackage == near && r.Real.File != best.Real.File:
			several = true
		}
	}
	if several {
		return nil, false
	}
	return best, false
}

// real returns the position of a line of the run.
func (r *LineRun) real(p Position) Position {
	return Position{File: r.Real.File, Line: r.Real.Line + p.Line - r.Said.Line}
}

// says reports whether the directive gives a line this position.
func (r *LineRun) says(p Position) bool {
	return p.Line >= r.Said.Line && p.Line < r.Said.Line+r.Count &&
		(filepath.Clean(p.File) == r.Said.File || filepath.Clean(p.File) == r.absolute())
}

// absolute returns the file that the directive names.
func (r *LineRun) absolute() string {
	if filepath.IsAbs(r.Said.File) {
		return r.Said.File
	}
	return filepath.Join(filepath.Dir(r.Real.File), r.Said.File)
}

// around reports whether a function of the package is the one around the lines,
// or a literal in it.
func (r *LineRun) around(name string) bool {
	name = strings.ReplaceAll(name, "[...]", "")
	return r.Function != "" && (name == r.Function ||
		strings.HasPrefix(name, r.Function+".") || strings.HasPrefix(name, r.Function+"-"))
}
