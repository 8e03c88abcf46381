package syntax

import (
	"crypto/sha256"
	"go/build/constraint"
	"go/parser"
	"go/scanner"
	"go/token"
	"slices"
	"strings"
)

// digestHeader sums what the go command reads of a Go file: what decides
// whether the file belongs to its package, and what the package imports and
// embeds. It is for the scanner to say what a comment is: the same words in a
// string, in another comment, or below the package clause mean something else.
func digestHeader(data []byte) Sum {
	var lines []string
	// A file that does not parse still has the imports that stand before the
	// mistake; the compiler reports the mistake.
	f, _ := parser.ParseFile(token.NewFileSet(), "", data, parser.ImportsOnly)
	if f != nil {
		if f.Name != nil {
			lines = append(lines, "package "+f.Name.Name)
		}
		for _, imp := range f.Imports {
			lines = append(lines, "import "+imp.Path.Value)
		}
	}
	top, below := readDirectives(data)
	lines = append(lines, below...)
	slices.Sort(lines)
	// Two build constraints are an error, where one of them would not be.
	return sha256.Sum256([]byte(strings.Join(slices.Concat(top, slices.Compact(lines)), "\n")))
}

// readDirectives returns the comments of a Go file that mean something to the
// go command. Those of top count because they stand above the package clause,
// where go/build looks for them: build constraints and //go:debug.
func readDirectives(data []byte) (top, below []string) {
	fset := token.NewFileSet()
	file := fset.AddFile("", -1, len(data))
	var sc scanner.Scanner
	sc.Init(file, data, nil, scanner.ScanComments) // which passes over a byte order mark
	var (
		above = true // the package clause
		plain = true // nothing but line comments and blank lines so far
		older []string
		last  int // line of the comment before
	)
	for {
		pos, tok, lit := sc.Scan()
		line := file.Line(pos)
		if plain && line > last+1 { // older constraints count above a blank line only
			top, older = append(top, older...), nil
		}
		if tok == token.EOF {
			return top, below
		}
		if tok != token.COMMENT {
			above, plain = false, false
			continue
		}
		last = line
		if !strings.HasPrefix(lit, "//") {
			plain = false
			continue
		}
		lit = strings.TrimSpace(lit)
		switch {
		case strings.HasPrefix(lit, "//go:embed"):
			below = append(below, lit)
		case !above:
		case constraint.IsGoBuild(lit) && startsLine(data, file.Offset(pos)), strings.HasPrefix(lit, "//go:debug"):
			top = append(top, lit)
		case plain && constraint.IsPlusBuild(lit):
			older = append(older, lit)
		}
	}
}

// startsLine reports whether only white space is before an offset in its line.
func startsLine(data []byte, offset int) bool {
	before := string(data[:offset])
	before = strings.TrimPrefix(before[strings.LastIndexByte(before, '\n')+1:], "\uFEFF")
	return strings.TrimSpace(before) == ""
}
