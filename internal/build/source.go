package build

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"go/parser"
	"go/scanner"
	"go/token"
	"slices"
	"strings"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/hotreload/shared/regular"
)

// digest is a SHA-256 sum.
type digest [sha256.Size]byte

// source is what is remembered of one input file.
type source struct {
	content digest
	// tokens of a module file leaves out comments and white space; that of a Go
	// file leaves out comments that mean nothing to the compiler, all white space,
	// and what else formatting changes. For a Go file header covers what decides
	// which files and packages belong together, so that while it stands the go
	// command need not be asked.
	tokens digest
	header digest
	// decls and initial are of a Go file.
	decls   []decl
	initial initial
	// linkname: refers to symbols by the name of this package's import path.
	linkname bool
	// opaque: digested without a look at what it means.
	opaque bool
	// lines are those of a Go file that a //line directive gives other places.
	lines manifest.Lines
	// targets are the files that a symbolic link leads to; of others there are none.
	targets []string
}

// sum returns what decides whether the file is another: of an embedded one all
// of it.
func (s source) sum(embedded bool) digest {
	if embedded {
		return s.content
	}
	return s.tokens
}

// native reports whether a Go file makes its package one that only the go command can
// build. The go command lists a file with cgo elsewhere, a draft among the others.
func (s source) native() bool {
	return s.linkname || slices.ContainsFunc(s.initial.imports, func(i importName) bool { return i.path == "C" })
}

// readSource reads and digests one file.
func readSource(path string, opaque bool) (source, error) {
	if !moduleFile(path) && (opaque || !strings.HasSuffix(path, ".go")) { // what is embedded may be large
		sum, err := regular.Sum(path)
		if err != nil {
			return source{}, fmt.Errorf("reading source: %w", err)
		}
		return source{content: sum, tokens: sum, opaque: opaque, targets: linkTargets(path)}, nil
	}
	data, err := regular.Read(path, regular.MaxSource)
	if err != nil {
		return source{}, fmt.Errorf("reading source: %w", err)
	}
	s := digestFile(path, data, opaque)
	s.targets = linkTargets(path)
	return s, nil
}

// digestFile digests the text of a file. Of an opaque one every change counts:
// vendored files are many and hardly ever change.
func digestFile(path string, data []byte, opaque bool) source {
	if strings.HasSuffix(path, ".go") && !opaque {
		return digestGo(data)
	}
	s := source{content: sha256.Sum256(data), opaque: opaque}
	if s.tokens = s.content; moduleFile(path) {
		s.tokens = digestLines(data)
	}
	return s
}

// digestLines sums the lines of a module file without comments and white space.
func digestLines(data []byte) (sum digest) {
	h := sha256.New()
	for line := range bytes.Lines(data) {
		text, _, _ := bytes.Cut(line, []byte("//"))
		if words := bytes.Fields(text); len(words) > 0 {
			h.Write(append(bytes.Join(words, []byte(" ")), '\n'))
		}
	}
	h.Sum(sum[:0])
	return sum
}

func digestGo(data []byte) source {
	s := source{content: sha256.Sum256(data), lines: readLines(data)}
	s.tokens, s.linkname = digestTokens(data)
	s.header = digestHeader(data)
	fset := token.NewFileSet()
	f, _ := parser.ParseFile(fset, "", data, parser.SkipObjectResolution) // as far as it parses
	s.decls, s.initial = readDecls(fset, f, data), readInitial(f)
	return s
}

// digestTokens sums the token stream with positions left out, and what gofmt and
// goimports add and move: a comma or semicolon before a closing parenthesis or
// brace, and the order and grouping of imports.
func digestTokens(data []byte) (sum digest, linkname bool) {
	h := sha256.New()
	write := func(tok token.Token, lit string) { fmt.Fprintf(h, "%d %s\x00", tok, lit) }
	fset := token.NewFileSet()
	var sc scanner.Scanner
	sc.Init(fset.AddFile("", -1, len(data)), data, nil, scanner.ScanComments)
	// In a file that uses cgo the comment before `import "C"` is code.
	cgo := bytes.Contains(data, []byte(`"C"`))
	pending := token.ILLEGAL // a comma or semicolon that may not count
	var imports importTokens
	for {
		_, tok, lit := sc.Scan()
		if tok == token.COMMENT {
			if strings.HasPrefix(lit, "//go:linkname ") {
				linkname = true
			}
			if !cgo && !directive(lit) {
				continue
			}
		}
		if !cgo && tok != token.COMMENT && imports.take(tok, lit) {
			continue
		}
		if pending != token.ILLEGAL && tok != token.RPAREN && tok != token.RBRACE {
			write(pending, "")
		}
		pending = token.ILLEGAL
		if tok == token.EOF {
			break
		}
		if tok == token.COMMA || tok == token.SEMICOLON { // written or implied: the same
			pending = tok
			continue
		}
		write(tok, lit)
	}
	slices.Sort(imports.specs)
	for _, spec := range imports.specs {
		write(token.IMPORT, spec)
	}
	h.Sum(sum[:0])
	return sum, linkname
}

// importTokens picks the import declarations out of a token stream.
type importTokens struct {
	specs   []string
	spec    string // as far as it was read
	in      bool   // a declaration
	grouped bool   // by parentheses
}

// take reports whether a token belongs to an import declaration.
func (i *importTokens) take(tok token.Token, lit string) bool {
	switch {
	case !i.in:
		i.in = tok == token.IMPORT
		return i.in
	case tok == token.EOF:
		return false
	case tok == token.LPAREN:
		i.grouped = true
	case tok == token.RPAREN:
		i.grouped = false
	case tok == token.SEMICOLON:
		i.end()
		i.in = i.grouped
		return true
	default:
		i.spec += tok.String() + lit + " "
		return true
	}
	i.end()
	return true
}

func (i *importTokens) end() {
	if i.spec != "" {
		i.specs = append(i.specs, i.spec)
	}
	i.spec = ""
}

// directive reports whether a comment means something to the toolchain.
func directive(comment string) bool {
	return strings.HasPrefix(comment, "//go:") || strings.HasPrefix(comment, "//line ") || strings.HasPrefix(comment, "/*line ") || strings.HasPrefix(comment, "//export ")
}

// digestValue sums the JSON form of a value.
func digestValue(v any) digest {
	data, err := json.Marshal(v)
	if err != nil { // only plain data is passed
		panic(err)
	}
	return sha256.Sum256(data)
}
