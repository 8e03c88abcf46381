package source

import (
	"crypto/sha256"
	"errors"
	"go/ast"
	"go/token"
	"go/types"
	"path/filepath"
	"slices"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/manifest/source/internal/load"
	"github.com/anvilforge/anvil-lsp/manifest/source/internal/runtimeapi"
)

// Code is the type-checked source of one hot package, as it was when the Report was made: what an
// editor's refactorings are computed from. It must not be changed; it is safe for concurrent use.
type Code struct {
	ImportPath string
	Dir        string
	GoVersion  string // as go/types wants it; may be empty
	Files      []*File
	Types      *types.Package
	Info       *types.Info
	// Complete says that the package and those that it imports are without errors.
	Complete bool

	imports map[string]*types.Package
	hot     []string
	known   *runtimeapi.Types
}

// File is one file of a package.
type File struct {
	Path   string
	Digest [sha256.Size]byte // of the text that Syntax was made from
	Syntax *ast.File         // without comments

	tokens *token.File
}

// Offset returns the offset of a position in the file, in bytes.
func (f *File) Offset(pos token.Pos) int { return f.tokens.Offset(pos) }

// Pos returns the position of an offset.
func (f *File) Pos(offset int) token.Pos { return f.tokens.Pos(min(max(offset, 0), f.tokens.Size())) }

// errNotImported is the error of Code.Import.
var errNotImported = errors.New("it is not imported by this package")

// Import returns what an import of the package means. The runtime is known even where it is not
// imported yet.
func (c *Code) Import(path string) (*types.Package, error) {
	if p := c.imports[path]; p != nil {
		return p, nil
	}
	if path == manifest.RuntimePath && c.known != nil {
		return c.known.Runtime, nil
	}
	return nil, errNotImported
}

// Hot reports whether a package is replaced by a reload.
func (c *Code) Hot(importPath string) bool { return slices.Contains(c.hot, importPath) }

// ErrNoRuntime reports that the package does not know what a handler is.
var ErrNoRuntime = errors.New("the runtime is not imported")

// HandlerKind decides, as hotreload.Box does, which kind of handler a value of a type is: one of
// the names that the runtime gives them. The error says why it is none.
func (c *Code) HandlerKind(t types.Type) (string, error) {
	if c.known == nil {
		return "", ErrNoRuntime
	}
	kind, _, err := c.known.KindOf(t)
	return kind, err
}

// Code returns the hot package that a file belongs to; nil if there is none.
func (r *Report) Code(path string) *Code {
	for _, c := range r.code {
		if slices.ContainsFunc(c.Files, func(f *File) bool { return f.Path == path }) {
			return c
		}
	}
	return nil
}

// keepCode has the report hold the packages.
func (r *Report) keepCode(s *load.Snapshot, known *runtimeapi.Types) {
	paths := s.Program.HotPackages()
	for _, c := range s.Hot {
		if c.Types == nil || len(c.Files) == 0 {
			continue
		}
		code := &Code{
			ImportPath: c.Spec.ImportPath, GoVersion: c.Spec.LanguageVersion(),
			Types: c.Types, Info: c.Info, Complete: !c.Broken && len(c.Missing) == 0,
			imports: c.Imports, hot: paths, known: known,
		}
		code.Dir = filepath.Dir(c.Files[0].Path)
		for _, f := range c.Files {
			tokens := s.Fset.File(f.Syntax.FileStart)
			code.Files = append(code.Files, &File{Path: f.Path, Digest: f.Digest, Syntax: f.Syntax, tokens: tokens})
		}
		r.code = append(r.code, code)
	}
}
