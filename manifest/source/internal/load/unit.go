package load

import (
	"cmp"
	"errors"
	"go/ast"
	"go/token"
	"go/types"
	"go/version"
	"maps"
	"slices"
	"strings"

	"github.com/anvilforge/anvil-lsp/manifest/source/internal/gotypes"
)

// Unit is a type-checked package. It does not change once it is made.
type Unit struct {
	Spec         Package
	Files        []*File
	Imports      map[string]*types.Package // what each import means; nil: missing
	Types        *types.Package
	Info         *types.Info
	errs         []types.Error
	SyntaxErrors bool     // some file has syntax errors
	Missing      []string // imports that are not known, sorted
	// Broken: the package or one that it imports has errors, so that its own errors may be
	// consequences.
	Broken    bool
	brokenDep bool

	Decls map[*types.Func]*ast.FuncDecl
	names map[ast.Node]string // filled on demand
}

// importFunc is an importer for one package.
type importFunc func(path string) (*types.Package, error)

func (f importFunc) Import(path string) (*types.Package, error) { return f(path) }

// resolver finds what an import path in the source means: a package that is checked from source or
// one from an archive.
type resolver func(spec *Package, path string) (pkg *types.Package, broken bool, err error)

// typeCheck checks a package. It always returns what can be known of it.
func typeCheck(fset *token.FileSet, sizes types.Sizes, spec Package, files []*File, resolve resolver) *Unit {
	c := &Unit{
		Spec: spec, Files: files,
		Imports: map[string]*types.Package{},
		Info: &types.Info{
			Types:      map[ast.Expr]types.TypeAndValue{},
			Instances:  map[*ast.Ident]types.Instance{},
			Defs:       map[*ast.Ident]types.Object{},
			Uses:       map[*ast.Ident]types.Object{},
			Implicits:  map[ast.Node]types.Object{},
			Selections: map[*ast.SelectorExpr]*types.Selection{},
		},
		Decls: map[*types.Func]*ast.FuncDecl{},
	}
	var syntax []*ast.File
	for _, f := range files {
		syntax = append(syntax, f.Syntax)
		c.SyntaxErrors = c.SyntaxErrors || len(f.errs) > 0
	}
	conf := types.Config{
		Sizes: sizes,
		Error: func(err error) {
			if e, ok := errors.AsType[types.Error](err); ok {
				c.errs = append(c.errs, e)
			}
		},
		Importer: importFunc(func(path string) (*types.Package, error) {
			pkg, broken, err := resolve(&spec, path)
			c.brokenDep = c.brokenDep || broken
			c.Imports[path] = pkg
			if _, ok := errors.AsType[*errNoArchive](err); ok {
				c.Missing = append(c.Missing, path)
			}
			return pkg, err
		}),
		FakeImportC: slices.ContainsFunc(files, func(p *File) bool { return slices.Contains(p.imports, "C") }),
	}
	if v := spec.LanguageVersion(); version.IsValid(v) {
		conf.GoVersion = v
	}
	if len(files) == 0 { // all of them are gone
		c.Types = types.NewPackage(spec.ImportPath, cmp.Or(spec.Name, gotypes.LastElement(spec.ImportPath)))
		c.Types.MarkComplete()
		return c
	}
	// The error is the first of those that conf.Error gets.
	c.Types, _ = conf.Check(spec.ImportPath, fset, syntax, c.Info)
	slices.Sort(c.Missing)
	c.Missing = slices.Compact(c.Missing)
	c.errs = slices.DeleteFunc(c.errs, func(e types.Error) bool {
		missing := func(path string) bool { return strings.HasPrefix(e.Msg, "could not import "+path+" ") }
		return slices.ContainsFunc(c.Missing, missing)
	})
	c.Broken = c.SyntaxErrors || c.brokenDep || len(c.errs) > 0
	c.indexDeclarations()
	return c
}

// NewUnit returns a package that something else has type-checked.
func NewUnit(spec Package, pkg *types.Package, info *types.Info, files []*ast.File) *Unit {
	u := &Unit{Spec: spec, Types: pkg, Info: info, Decls: map[*types.Func]*ast.FuncDecl{}}
	for _, f := range files {
		u.Files = append(u.Files, &File{Syntax: f})
	}
	u.indexDeclarations()
	return u
}

func (c *Unit) indexDeclarations() {
	for _, f := range c.Files {
		for _, d := range f.Syntax.Decls {
			if d, ok := d.(*ast.FuncDecl); ok {
				if fn, ok := c.Info.Defs[d.Name].(*types.Func); ok {
					c.Decls[fn] = d
				}
			}
		}
	}
}

// fresh reports whether the result still stands.
func (c *Unit) fresh(spec *Package, files []*File, resolve resolver) bool {
	if !slices.Equal(c.Files, files) || !c.Spec.same(spec) {
		return false
	}
	for path, was := range c.Imports {
		if is, _, _ := resolve(spec, path); is != was {
			return false
		}
	}
	return true
}

// same reports whether two packages are checked in the same way, apart from what their files say.
func (p *Package) same(q *Package) bool {
	return p.ImportPath == q.ImportPath && p.Hot == q.Hot && p.GoVersion == q.GoVersion &&
		maps.Equal(p.ImportMap, q.ImportMap)
}
