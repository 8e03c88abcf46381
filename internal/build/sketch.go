package build

import (
	"bytes"
	"errors"
	"fmt"
	"go/ast"
	gobuild "go/build"
	"go/parser"
	"go/token"
	"go/version"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
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

// fileMatch tells whether a Go file with a text belongs to its package, by its
// name and its build constraints.
type fileMatch func(path string, data []byte) bool

// matcher returns what decides as go/build does.
func matcher(ctx gobuild.Context) fileMatch {
	return func(path string, data []byte) bool {
		one := ctx
		one.OpenFile = func(string) (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(data)), nil }
		dir, name := filepath.Split(path)
		ok, err := one.MatchFile(dir, name)
		return ok && err == nil
	}
}

// buildContext returns what go/build chooses files by, as the go command does
// here.
func (b *Builder) buildContext() gobuild.Context {
	ctx := gobuild.Default
	ctx.GOOS, ctx.GOARCH, ctx.CgoEnabled = b.env.GOOS, b.env.GOARCH, true
	ctx.BuildTags = b.tags()
	if lang := version.Lang(b.env.GOVERSION); lang != "" { // of the toolchain, not of this program
		ctx.ReleaseTags = nil
		last, _ := strconv.Atoi(strings.TrimPrefix(lang, "go1."))
		for minor := 1; minor <= last; minor++ {
			ctx.ReleaseTags = append(ctx.ReleaseTags, fmt.Sprintf("go1.%d", minor))
		}
	}
	return ctx
}

// usualContext is buildContext without asking the go command.
func usualContext(tags []string) gobuild.Context {
	ctx := gobuild.Default
	ctx.CgoEnabled = true
	env := goEnv{GOFLAGS: os.Getenv("GOFLAGS")}
	ctx.BuildTags = slices.Concat([]string{HotTag}, tags, env.tags())
	return ctx
}

// Matches reports whether a Go file with a text is built for the live server with
// some tags, by its name and its build constraints. The go command is not asked.
func Matches(path string, text []byte, tags []string) bool {
	return !ignoredGoName(filepath.Base(path)) && matcher(usualContext(tags))(path, text)
}

// sketch is what can be known of a package by a quick look.
type sketch struct {
	built     bool // there is a file that belongs to it
	main      bool
	uses      bool // imports the runtime
	serves    bool // refers to LiveServer
	registers bool // exports AnvilRegisterRoutes
	imports   []string
	files     int   // Go files in its directory
	denied    error // the first of what may not be read
}

// sketchOf looks at the package in a directory.
func sketchOf(dir string, match fileMatch) *sketch {
	p := &sketch{}
	entries, err := os.ReadDir(dir) // unreadable: without it
	p.deny(err)
	for _, e := range entries {
		name := e.Name()
		if !strings.HasSuffix(name, ".go") || ignoredGoName(name) || e.IsDir() {
			continue
		}
		p.files++
		path := filepath.Join(dir, name)
		data, err := readSmall(path)
		p.deny(err)
		if err == nil && match(path, data) {
			p.built = true
			p.readFile(path, data)
		}
	}
	return p
}

// deny keeps the first error of what may not be read.
func (p *sketch) deny(err error) {
	if p.denied == nil && errors.Is(err, fs.ErrPermission) {
		p.denied = err
	}
}

// readFile adds what a file says. One that does not parse says what stands
// before the mistake.
func (p *sketch) readFile(path string, data []byte) {
	f, _ := parser.ParseFile(token.NewFileSet(), path, data, parser.ImportsOnly)
	if f == nil || f.Name == nil {
		return
	}
	p.main = p.main || f.Name.Name == "main"
	runtime := ""
	for _, imp := range f.Imports {
		path, err := strconv.Unquote(imp.Path.Value)
		if err != nil {
			continue
		}
		p.imports = append(p.imports, path)
		if path == manifest.RuntimePath {
			runtime = manifest.RuntimePath[strings.LastIndexByte(manifest.RuntimePath, '/')+1:]
			if imp.Name != nil {
				runtime = imp.Name.Name
			}
		}
	}
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
