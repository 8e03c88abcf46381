package manifest

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Position is a place in a user's source file. Line and Column count from 1;
// Column counts bytes, as the Go toolchain does, and 0 means the whole line.
// Line 0 means the whole file.
type Position struct {
	File   string `json:"file,omitempty"` // absolute path
	Line   int    `json:"line,omitempty"`
	Column int    `json:"column,omitempty"`
}

// String returns file:line:column with the unknown parts left out.
func (p Position) String() string {
	switch {
	case p.File == "":
		return "-"
	case p.Line == 0:
		return p.File
	case p.Column == 0:
		return fmt.Sprintf("%s:%d", p.File, p.Line)
	}
	return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Column)
}

// Compare orders by file, line and column.
func (p Position) Compare(q Position) int {
	return cmp.Or(cmp.Compare(p.File, q.File), cmp.Compare(p.Line, q.Line), cmp.Compare(p.Column, q.Column))
}

// LineOf returns the line in the text of the file, without what ends it; ok is false if
// the text has no such line.
func (p Position) LineOf(text []byte) (line []byte, ok bool) {
	ok = p.Line > 0
	for i := 1; i < p.Line && ok; i++ {
		_, text, ok = bytes.Cut(text, []byte("\n"))
	}
	line, _, _ = bytes.Cut(text, []byte("\n"))
	return bytes.TrimSuffix(line, []byte("\r")), ok
}

// Related is a second place that explains a Diagnostic.
type Related struct {
	Position
	Message string `json:"message"`
}

// Diagnostic is one finding about the user's code or the live server.
type Diagnostic struct {
	Code     Code     `json:"code"`
	Severity Severity `json:"severity"`
	Message  string   `json:"message"`
	Position
	Related []Related `json:"related,omitempty"`
	// Detail is long text for a log or an error page, for example a stack.
	Detail string `json:"detail,omitempty"`
	// Frames are the stack of a panic, a crash or a call that hangs, innermost first.
	Frames []Frame `json:"frames,omitempty"`
	// Request is what was being answered, method and URL.
	Request string `json:"request,omitempty"`
}

// Diagnose returns a Diagnostic with the severity of its code.
func Diagnose(code Code, pos Position, format string, args ...any) Diagnostic {
	return Diagnostic{Code: code, Severity: code.Severity(), Message: fmt.Sprintf(format, args...), Position: pos}
}

// String returns the diagnostic on one line, as compilers print it.
func (d Diagnostic) String() string {
	var b strings.Builder
	if d.File != "" {
		b.WriteString(d.Position.String())
		b.WriteString(": ")
	}
	fmt.Fprintf(&b, "%s [%s]", d.Message, d.Code)
	return b.String()
}

// SortDiagnostics orders by file, line, column, code and message.
func SortDiagnostics(ds []Diagnostic) {
	slices.SortStableFunc(ds, func(a, b Diagnostic) int {
		return cmp.Or(a.Position.Compare(b.Position), cmp.Compare(a.Code, b.Code), cmp.Compare(a.Message, b.Message))
	})
}
