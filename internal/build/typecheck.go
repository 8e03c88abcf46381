package build

import (
	"context"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
)

// ErrUnchecked says that source alone does not tell whether a program compiles.
var ErrUnchecked = errors.New("cannot be checked from source")

// TypeCheck looks for mistakes in the code of an application without compiling
// anything: what it imports is read from source, too, but for the bodies of
// functions. It takes seconds where the first compilation takes minutes. Mistakes are
// a *Failure; those that are in files with cgo are not found.
func (b *Builder) TypeCheck(ctx context.Context, s *Snapshot) error {
	c := &typeCheck{
		graph: s.graph, fset: token.NewFileSet(), sizes: types.SizesFor("gc", b.env.GOARCH),
		checked: map[string]*types.Package{"unsafe": types.Unsafe},
	}
	order := slices.DeleteFunc(slices.Clone(s.graph.Order), func(path string) bool { return path == "unsafe" })
	return s.graph.inOrder(order, func(path string) error {
		if err := context.Cause(ctx); err != nil {
			return err
		}
		return c.check(s.graph.Packages[path])
	})
}

// typeCheck is a check from source. It is safe for concurrent use.
type typeCheck struct {
	graph *Graph
	fset  *token.FileSet
	sizes types.Sizes

	mu      sync.Mutex // guards what follows
	checked map[string]*types.Package
}

// check checks a package whose imports are checked.
func (c *typeCheck) check(p *Package) error {
	own := p.Local() && !p.vendored()
	var files []*ast.File
	for _, name := range slices.Concat(p.GoFiles, p.CgoFiles) {
		f, err := parser.ParseFile(c.fset, filepath.Join(p.Dir, name), nil, parser.SkipObjectResolution)
		if err != nil { // the go command has read the file, as far as that
			return fmt.Errorf("%w: %w", ErrUnchecked, err)
		}
		files = append(files, f)
	}
	var found []types.Error
	conf := types.Config{
		IgnoreFuncBodies: !own, FakeImportC: true, Sizes: c.sizes, Importer: importerFunc(func(path string) (*types.Package, error) {
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
	case err == nil || len(p.CgoFiles) > 0: // what C declares is not known
		return nil
	case !own || len(found) == 0:
		return fmt.Errorf("%w: %w", ErrUnchecked, err)
	}
	return failure(c.diagnostics(found)...)
}

// imported returns what a package imports under a path.
func (c *typeCheck) imported(p *Package, path string) (*types.Package, error) {
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

func (c *typeCheck) diagnostics(found []types.Error) []manifest.Diagnostic {
	var out []manifest.Diagnostic
	for _, e := range found {
		if n := len(out); n > 0 && strings.HasPrefix(e.Msg, "\t") { // more on the one before
			out[n-1].Message += "\n" + e.Msg
			continue
		}
		at := c.fset.Position(e.Pos)
		out = append(out, manifest.Diagnose(manifest.CodeCompile, manifest.Position{File: at.Filename, Line: at.Line, Column: at.Column}, "%s", e.Msg))
	}
	return out
}

type importerFunc func(path string) (*types.Package, error)

func (f importerFunc) Import(path string) (*types.Package, error) { return f(path) }
