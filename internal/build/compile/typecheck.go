package compile

import (
	"context"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/scanner"
	"go/token"
	"go/types"
	"go/version"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/internal/build/gocmd"
	"github.com/anvilforge/anvil-lsp/internal/build/golist"
)

// ErrUnchecked says that source alone does not tell whether a program compiles.
var ErrUnchecked = errors.New("cannot be checked from source")

// TypeCheck looks for mistakes in the code of an application without compiling
// anything: what it imports is read from source, too, but for the bodies of
// functions. It takes seconds where the first compilation takes minutes. Mistakes are
// a *Failure. Those in packages with cgo are not found, and if there is code that this
// version of go/types does not know the error is ErrUnchecked.
func TypeCheck(ctx context.Context, l *golist.Lister, g *golist.Graph) error {
	c := newTypeCheck(g, l.Env.GOARCH, l.Existing)
	order := slices.DeleteFunc(slices.Clone(g.Order), func(path string) bool { return path == "unsafe" })
	return g.InOrder(order, func(path string) error {
		if err := context.Cause(ctx); err != nil {
			return err
		}
		return c.check(g.Packages[path])
	})
}

// typeCheck is a check from source. It is safe for concurrent use.
type typeCheck struct {
	fset  *token.FileSet
	sizes types.Sizes
	// foreign are packages outside of the standard library in which other languages
	// declare something, and all that import those: their types are not known.
	foreign map[string]bool
	// existing replaces positions in files that there are not.
	existing func(found []manifest.Diagnostic, files []string) []manifest.Diagnostic

	mu      sync.Mutex // guards what follows
	checked map[string]*types.Package
}

func newTypeCheck(g *golist.Graph, goarch string,
	existing func([]manifest.Diagnostic, []string) []manifest.Diagnostic) *typeCheck {
	c := &typeCheck{
		fset: token.NewFileSet(), sizes: types.SizesFor("gc", goarch), existing: existing,
		foreign: map[string]bool{}, checked: map[string]*types.Package{"unsafe": types.Unsafe},
	}
	for _, path := range g.Order {
		p := g.Packages[path]
		declares := !p.Standard && len(p.CgoFiles)+len(p.SwigFiles)+len(p.SwigCXXFiles) > 0
		c.foreign[path] = declares || slices.ContainsFunc(p.Imports, func(imp string) bool { return c.foreign[imp] })
	}
	return c
}

// check checks a package whose imports are checked.
func (c *typeCheck) check(p *golist.Package) error {
	own := p.Local() && !p.Vendored()
	if m := p.Module; m != nil && version.Compare(version.Lang("go"+m.GoVersion), version.Lang(runtime.Version())) > 0 {
		return fmt.Errorf("%w: %s is written in Go %s", ErrUnchecked, p.ImportPath, m.GoVersion)
	}
	var files []*ast.File
	for _, name := range slices.Concat(p.GoFiles, p.CgoFiles) {
		f, err := parser.ParseFile(c.fset, filepath.Join(p.Dir, name), nil, parser.SkipObjectResolution)
		if syntax, ok := errors.AsType[scanner.ErrorList](err); ok && own {
			return gocmd.Fail(c.existing(syntaxErrors(syntax), p.Inputs())...)
		}
		if err != nil {
			return fmt.Errorf("%w: %w", ErrUnchecked, err)
		}
		files = append(files, f)
	}
	var found []types.Error
	conf := types.Config{
		IgnoreFuncBodies: !own, FakeImportC: true, Sizes: c.sizes,
		Importer: importerFunc(func(path string) (*types.Package, error) {
			return c.imported(p, path)
		}),
		Error: func(err error) {
			if e, ok := errors.AsType[types.Error](err); ok {
				found = append(found, e)
			}
		},
	}
	if m := p.Module; m != nil && m.GoVersion != "" {
		conf.GoVersion = "go" + languageVersion(m.GoVersion)
	}
	pkg, err := conf.Check(p.ImportPath, c.fset, files, nil)
	c.mu.Lock()
	c.checked[p.ImportPath] = pkg
	c.mu.Unlock()
	switch {
	case err == nil || len(p.Native()) > 0: // what C declares is not known
		return nil
	case c.foreign[p.ImportPath] && slices.ContainsFunc(found, ofUnknownType):
		return nil
	case !own || len(found) == 0 || slices.ContainsFunc(found, ofNewerGo):
		return fmt.Errorf("%w: %w", ErrUnchecked, err)
	}
	return gocmd.Fail(c.existing(c.diagnostics(found), p.Inputs())...)
}

// ofUnknownType reports whether an error may come from what C declares.
func ofUnknownType(e types.Error) bool {
	return strings.Contains(e.Msg, "invalid type") || strings.Contains(e.Msg, "infer")
}

// ofNewerGo reports whether a file asks for a newer Go than go/types knows.
func ofNewerGo(e types.Error) bool { return strings.Contains(e.Msg, "requires newer Go version") }

// imported returns what a package imports under a path.
func (c *typeCheck) imported(p *golist.Package, path string) (*types.Package, error) {
	if mapped := p.ImportMap[path]; mapped != "" {
		path = mapped
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if pkg := c.checked[path]; pkg != nil {
		return pkg, nil
	}
	return nil, fmt.Errorf("%s is not among the imports of %s", path, p.ImportPath)
}

func syntaxErrors(list scanner.ErrorList) []manifest.Diagnostic {
	var out []manifest.Diagnostic
	for _, e := range list {
		out = append(out, manifest.Diagnose(manifest.CodeCompile,
			manifest.Position{File: e.Pos.Filename, Line: e.Pos.Line, Column: e.Pos.Column}, "%s", e.Msg))
	}
	return out
}

func (c *typeCheck) diagnostics(found []types.Error) []manifest.Diagnostic {
	var out []manifest.Diagnostic
	for _, e := range found {
		if n := len(out); n > 0 && strings.HasPrefix(e.Msg, "\t") { // more on the one before
			out[n-1].Message += "\n" + e.Msg
			continue
		}
		at := c.fset.Position(e.Pos)
		out = append(out, manifest.Diagnose(manifest.CodeCompile,
			manifest.Position{File: at.Filename, Line: at.Line, Column: at.Column}, "%s", e.Msg))
	}
	return out
}

type importerFunc func(path string) (*types.Package, error)

func (f importerFunc) Import(path string) (*types.Package, error) { return f(path) }
