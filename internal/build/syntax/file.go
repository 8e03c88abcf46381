// Package syntax reads source files as far as their text alone tells: digests of what they contain
// with and without comments and formatting, what decides to which package a file belongs, its
// declarations and how they differ from earlier ones, what its initialisation may change, and what
// //line directives and symbolic links do. It knows no types and runs nothing.
package syntax

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/scanner"
	"go/token"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/hotreload/shared/regular"
)

// Sum is a SHA-256 sum.
type Sum [sha256.Size]byte

// File is what is remembered of one input file.
type File struct {
	Content Sum
	// Tokens of a module file leaves out comments and white space; that of a Go file leaves out
	// comments that mean nothing to the compiler, all white space, and what else formatting
	// changes. For a Go file Header covers what decides which files and packages belong together,
	// so that while it stands the go command need not be asked.
	Tokens Sum
	Header Sum
	// decls and Initialization are of a Go file.
	decls          []decl
	Initialization Initialization
	// Linkname: refers to symbols by the name of this package's import path.
	Linkname bool
	// Opaque: digested without a look at what it means.
	Opaque bool
	// Lines are those of a Go file that a //line directive gives other places.
	Lines manifest.Lines
	// Targets are the files that a symbolic link leads to; of others there are none.
	Targets []string
}

// Sum returns what decides whether the file is another: of an embedded one all of it.
func (s File) Sum(embedded bool) Sum {
	if embedded {
		return s.Content
	}
	return s.Tokens
}

// Native reports whether a Go file makes its package one that only the go command can
// build. The go command lists a file with cgo elsewhere, a draft among the others.
func (s File) Native() bool {
	return s.Linkname || slices.ContainsFunc(s.Initialization.Imports, func(i ImportName) bool { return i.Path == "C" })
}

// Read reads and digests one file.
func Read(path string, opaque bool) (File, error) {
	if !ModuleFile(path) && (opaque || !strings.HasSuffix(path, ".go")) { // what is embedded may be large
		sum, err := regular.Sum(path)
		if err != nil {
			return File{}, fmt.Errorf("reading source: %w", err)
		}
		return File{Content: sum, Tokens: sum, Opaque: opaque, Targets: linkTargets(path)}, nil
	}
	data, err := regular.Read(path, regular.MaxSource)
	if err != nil {
		return File{}, fmt.Errorf("reading source: %w", err)
	}
	s := Digest(path, data, opaque)
	s.Targets = linkTargets(path)
	return s, nil
}

// Digest digests the text of a file. Of an opaque one every change counts:
// vendored files are many and hardly ever change.
func Digest(path string, data []byte, opaque bool) File {
	if strings.HasSuffix(path, ".go") && !opaque {
		return digestGo(data)
	}
	s := File{Content: sha256.Sum256(data), Opaque: opaque}
	if s.Tokens = s.Content; ModuleFile(path) {
		s.Tokens = digestLines(data)
	}
	return s
}

// digestLines sums the lines of a module file without comments and white space.
func digestLines(data []byte) (sum Sum) {
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

func digestGo(data []byte) File {
	s := File{Content: sha256.Sum256(data), Lines: ReadLines(data)}
	s.Tokens, s.Linkname = digestTokens(data)
	s.Header = digestHeader(data)
	fset := token.NewFileSet()
	f, _ := parser.ParseFile(fset, "", data, parser.SkipObjectResolution) // as far as it parses
	s.decls, s.Initialization = readDecls(fset, f, data), readInitialization(f)
	return s
}

// digestTokens sums the token stream with positions left out, and what gofmt and
// goimports add and move: a comma or semicolon before a closing parenthesis or
// brace, and the order and grouping of imports.
func digestTokens(data []byte) (sum Sum, linkname bool) {
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
		if !cgo && tok != token.COMMENT && imports.consume(tok, lit) {
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

// consume reports whether a token belongs to an import declaration.
func (i *importTokens) consume(tok token.Token, lit string) bool {
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
	return strings.HasPrefix(comment, "//go:") || strings.HasPrefix(comment, "//line ") ||
		strings.HasPrefix(comment, "/*line ") || strings.HasPrefix(comment, "//export ")
}

// SumOf sums the JSON form of a value.
func SumOf(v any) Sum {
	data, err := json.Marshal(v)
	if err != nil { // only plain data is passed
		panic(err)
	}
	return sha256.Sum256(data)
}

// IgnoredGoName reports whether the go command never builds a file of this name.
func IgnoredGoName(base string) bool {
	return strings.HasSuffix(base, "_test.go") || strings.HasPrefix(base, "_") || strings.HasPrefix(base, ".")
}

// ModuleFile reports whether a file decides about modules, by its name.
func ModuleFile(path string) bool {
	switch filepath.Base(path) {
	case "go.mod", "go.sum", "go.work", "go.work.sum":
		return true
	case "modules.txt":
		return filepath.Base(filepath.Dir(path)) == "vendor"
	}
	return false
}

// maxLinks bounds a chain of symbolic links, as the system does.
const maxLinks = 40

// linkTargets returns what a file is a symbolic link to, and so on to the end, by
// absolute path; nothing for a file that is none.
func linkTargets(path string) []string {
	var out []string
	for range maxLinks {
		to, err := os.Readlink(path)
		if err != nil {
			break
		}
		if !filepath.IsAbs(to) {
			dir, err := filepath.EvalSymlinks(filepath.Dir(path)) // .. is that of the real directory
			if err != nil {
				break
			}
			to = filepath.Join(dir, to)
		}
		path = filepath.Clean(to)
		out = append(out, path)
		if dir, err := filepath.EvalSymlinks(filepath.Dir(path)); err == nil {
			if real := filepath.Join(dir, filepath.Base(path)); real != path {
				path = real
				out = append(out, path)
			}
		}
	}
	return out
}

// RuntimeName returns the name by which a file refers to the runtime, or a dot; empty if it
// does not import it.
func RuntimeName(f *ast.File) string {
	name := ""
	for _, imp := range f.Imports {
		if p, err := strconv.Unquote(imp.Path.Value); err == nil && p == manifest.RuntimePath {
			if name = path.Base(p); imp.Name != nil {
				name = imp.Name.Name
			}
		}
	}
	return name
}
