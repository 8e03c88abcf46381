package discover

import (
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/internal/build/gocmd"
	"github.com/anvilforge/anvil-lsp/internal/build/syntax"
)

// maxSearchSize is the size up to which a file is read in a search.
const maxSearchSize = 1 << 20

// readSmall reads a regular file that is not large.
func readSmall(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > maxSearchSize {
		return nil, &fs.PathError{Op: "read", Path: path, Err: errors.New("not a regular file of moderate size")}
	}
	return os.ReadFile(path)
}

// Matches reports whether a Go file with a text is built for the live server with
// some tags, by its name and its build constraints. The go command is not asked.
func Matches(path string, text []byte, tags []string) bool {
	built, err := gocmd.Matcher(gocmd.UsualContext(tags))(path, text)
	return !syntax.IgnoredGoName(filepath.Base(path)) && built && err == nil
}

// outline is what can be known of a package by a quick look.
type outline struct {
	built     bool // there is a file that belongs to it
	main      bool
	uses      bool // imports the runtime
	serves    bool // refers to LiveServer
	registers bool // exports AnvilRegisterRoutes
	imports   []string
	files     int   // Go files in its directory
	denied    error // the first of what may not be read
}

// readOutline looks at the package in a directory.
func readOutline(dir string, match gocmd.FileMatch) *outline {
	p := &outline{}
	entries, err := os.ReadDir(dir) // unreadable: without it
	p.deny(err)
	for _, e := range entries {
		name := e.Name()
		if !strings.HasSuffix(name, ".go") || syntax.IgnoredGoName(name) || e.IsDir() {
			continue
		}
		p.files++
		path := filepath.Join(dir, name)
		data, err := readSmall(path)
		p.deny(err)
		if err != nil {
			continue
		}
		if built, err := match(path, data); built && err == nil {
			p.built = true
			p.readFile(path, data)
		}
	}
	return p
}

// deny keeps the first error of what may not be read.
func (p *outline) deny(err error) {
	if p.denied == nil && errors.Is(err, fs.ErrPermission) {
		p.denied = err
	}
}

// readFile adds what a file says. One that does not parse says what stands before the mistake.
func (p *outline) readFile(path string, data []byte) {
	f, _ := parser.ParseFile(token.NewFileSet(), path, data, parser.ImportsOnly)
	if f == nil || f.Name == nil {
		return
	}
	p.main = p.main || f.Name.Name == "main"
	for _, imp := range f.Imports {
		if path, err := strconv.Unquote(imp.Path.Value); err == nil {
			p.imports = append(p.imports, path)
		}
	}
	runtime := syntax.RuntimeName(f)
	if runtime == "" {
		return
	}
	p.uses = true
	if f, _ = parser.ParseFile(token.NewFileSet(), path, data, parser.SkipObjectResolution); f == nil {
		return
	}
	p.serves = p.serves || mentions(f, runtime, ServeName)
	for _, d := range f.Decls {
		p.registers = p.registers || declares(d, manifest.RegisterName).IsValid()
	}
}

// mentions reports whether a file refers to a name of a package that it imports
// as pkg: called at once, or taken as a value.
func mentions(f *ast.File, pkg, name string) bool {
	found := false
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.SelectorExpr:
			x, ok := n.X.(*ast.Ident)
			found = found || ok && x.Name == pkg && n.Sel.Name == name
		case *ast.Ident:
			found = found || pkg == "." && n.Name == name
		}
		return !found
	})
	return found
}
