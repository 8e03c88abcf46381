package rewrite

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"errors"
	"fmt"
	"go/ast"
	"go/format"
	"go/parser"
	"go/token"
	"go/types"
	"runtime"
	"slices"
	"strings"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/manifest/source"
)

// ErrStale reports that the text is not the one that was type-checked.
var ErrStale = errors.New("the package was edited since it was checked")

// Change is new text of some files.
type Change struct {
	Title string
	Files map[string][]byte // by path, whole
}

// Package is a type-checked package with its text. It is for one goroutine.
type Package struct {
	*source.Code
	text map[string][]byte
}

// New returns a package to be changed. read returns the text of a file as the
// editor has it. The error is ErrStale, or says why the package cannot be
// changed at all.
func New(c *source.Code, read func(path string) []byte) (*Package, error) {
	p := &Package{Code: c, text: map[string][]byte{}}
	for _, f := range c.Files {
		data := read(f.Path)
		if data == nil || sha256.Sum256(data) != f.Digest {
			return nil, ErrStale
		}
		p.text[f.Path] = data
	}
	if !c.Complete {
		return nil, errors.New("the package has errors")
	}
	return p, nil
}

// fileOf returns the file that a place is in.
func (p *Package) fileOf(pos token.Pos) *source.File {
	for _, f := range p.Files {
		if f.Syntax.FileStart <= pos && pos <= f.Syntax.FileEnd {
			return f
		}
	}
	return nil
}

// file returns a file by its path.
func (p *Package) file(path string) *source.File {
	for _, f := range p.Files {
		if f.Path == path {
			return f
		}
	}
	return nil
}

// source returns the text from one place to another.
func (p *Package) source(from, to token.Pos) string {
	f := p.fileOf(from)
	return string(p.text[f.Path][f.Offset(from):f.Offset(to)])
}

// register returns the register function, as the live server wants it, and the
// name of its parameter; nil if there is none.
func (p *Package) register() (*ast.FuncDecl, string) {
	for _, f := range p.Files {
		for _, d := range f.Syntax.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok || fn.Recv != nil || fn.Name.Name != manifest.RegisterName || fn.Body == nil || fn.Type.TypeParams != nil {
				continue
			}
			params := fn.Type.Params.List
			if len(params) != 1 || !spelled(params[0].Type) {
				continue
			}
			if fn.Type.Results.NumFields() == 0 && len(params) == 1 && len(params[0].Names) == 1 &&
				params[0].Names[0].Name != "_" && isSink(p.Info.TypeOf(params[0].Type)) {
				return fn, params[0].Names[0].Name
			}
		}
	}
	return nil, ""
}

// spelled reports whether a type is written as *hotreload.RouteSink is.
func spelled(e ast.Expr) bool {
	star, ok := e.(*ast.StarExpr)
	if !ok {
		return false
	}
	sel, ok := star.X.(*ast.SelectorExpr)
	if !ok {
		return false
	}
	_, ok = sel.X.(*ast.Ident)
	return ok
}

func isSink(t types.Type) bool {
	ptr, ok := types.Unalias(t).(*types.Pointer)
	return ok && isNamed(ptr.Elem(), manifest.RuntimePath, "RouteSink")
}

func isNamed(t types.Type, path string, names ...string) bool {
	named, ok := types.Unalias(t).(*types.Named)
	return ok && named.Obj().Pkg() != nil && named.Obj().Pkg().Path() == path && slices.Contains(names, named.Obj().Name())
}

// edits collects changes of the text of a package.
type edits struct {
	p       *Package
	all     map[*source.File][]edit
	imports map[*source.File][]string // added
}

type edit struct {
	from, to int
	text     string
}

func (p *Package) edit() *edits {
	return &edits{p: p, all: map[*source.File][]edit{}, imports: map[*source.File][]string{}}
}

// replace sets another text in place of that from one place to another.
func (e *edits) replace(from, to token.Pos, text string) {
	f := e.p.fileOf(from)
	e.all[f] = append(e.all[f], edit{f.Offset(from), f.Offset(to), text})
}

// change makes the change, if the package is without errors afterwards.
func (e *edits) change(title string) (*Change, error) {
	e.dropImports()
	c := &Change{Title: title, Files: map[string][]byte{}}
	for _, f := range e.p.Files {
		if len(e.all[f]) == 0 {
			continue
		}
		old := e.p.text[f.Path]
		now, err := apply(old, e.all[f])
		if err != nil {
			return nil, err
		}
		c.Files[f.Path] = tidy(old, now)
	}
	if err := e.p.check(c.Files); err != nil {
		return nil, err
	}
	return c, nil
}

// apply makes edits of a text.
func apply(text []byte, all []edit) ([]byte, error) {
	slices.SortStableFunc(all, func(a, b edit) int { return cmp.Or(cmp.Compare(a.from, b.from), cmp.Compare(a.to, b.to)) })
	crlf := bytes.Contains(text, []byte("\r\n"))
	var out []byte
	at := 0
	for _, e := range all {
		if e.from < at {
			return nil, errors.New("two changes of the same place")
		}
		out = append(out, text[at:e.from]...)
		if crlf {
			e.text = strings.ReplaceAll(e.text, "\n", "\r\n")
		}
		out = append(out, e.text...)
		at = e.to
	}
	return append(out, text[at:]...), nil
}

// tidy formats what was formatted before.
func tidy(old, now []byte) []byte {
	if was, err := format.Source(old); err != nil || !bytes.Equal(was, old) {
		return now
	}
	if is, err := format.Source(now); err == nil {
		return is
	}
	return now // the check will say why
}

// check type-checks the package with other text in some files.
func (p *Package) check(changed map[string][]byte) error {
	fset := token.NewFileSet()
	var files []*ast.File
	for _, f := range p.Files {
		data, ok := changed[f.Path]
		if !ok {
			data = p.text[f.Path]
		}
		file, err := parser.ParseFile(fset, f.Path, data, parser.SkipObjectResolution)
		if err != nil {
			return fmt.Errorf("the result does not parse: %w", err)
		}
		files = append(files, file)
	}
	conf := types.Config{Importer: importer{p.Code}, GoVersion: p.GoVersion, Sizes: types.SizesFor("gc", runtime.GOARCH)}
	if _, err := conf.Check(p.ImportPath, fset, files, nil); err != nil {
		return fmt.Errorf("the result does not compile: %w", err)
	}
	return nil
}

type importer struct{ code *source.Code }

func (i importer) Import(path string) (*types.Package, error) {
	if path == "unsafe" {
		return types.Unsafe, nil
	}
	return i.code.Import(path)
}
