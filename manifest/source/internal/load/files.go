package load

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/scanner"
	"go/token"
	"os"
	"strconv"

	"github.com/anvilforge/anvil-lsp/hotreload/shared/regular"
)

// File is one parsed file. It does not change, so whoever holds the same pointer holds the same
// text.
type File struct {
	Path    string
	Digest  [sha256.Size]byte
	Syntax  *ast.File
	errs    scanner.ErrorList
	imports []string // import paths as the source spells them
}

// files is a cache of what was parsed, by path and content.
type files struct {
	fset  *token.FileSet
	cache map[string]*File
}

// load returns a file as it is in the overlay or on disk; nil without an error if it does not
// exist.
func (c *files) load(path string, overlay map[string][]byte) (*File, error) {
	data, ok := overlay[path]
	if !ok {
		var err error
		data, err = regular.Read(path, regular.MaxSource)
		switch {
		case errors.Is(err, os.ErrNotExist):
			return nil, nil
		case err != nil:
			return nil, fmt.Errorf("reading source: %w", err)
		}
	}
	digest := sha256.Sum256(data)
	old := c.cache[path]
	if old != nil && old.Digest == digest {
		return old, nil
	}
	p := &File{Path: path, Digest: digest}
	file, err := parser.ParseFile(c.fset, path, data, parser.SkipObjectResolution|parser.AllErrors)
	if file == nil {
		return nil, fmt.Errorf("parsing %s: %w", path, err)
	}
	p.Syntax = file
	errors.As(err, &p.errs)
	for _, spec := range file.Imports {
		if name, err := strconv.Unquote(spec.Path.Value); err == nil {
			p.imports = append(p.imports, name)
		}
	}
	if old != nil {
		c.forget(old)
	}
	c.cache[path] = p
	return p, nil
}

// keep forgets all files but those in the set.
func (c *files) keep(paths map[string]bool) {
	for path, p := range c.cache {
		if !paths[path] {
			c.forget(p)
			delete(c.cache, path)
		}
	}
}

// forget gives back the positions of a file that is used no more.
func (c *files) forget(p *File) {
	if f := c.fset.File(p.Syntax.FileStart); f != nil {
		c.fset.RemoveFile(f)
	}
}

// alone has the file set know nothing but the files that are cached.
func (c *files) alone() {
	cached := map[*token.File]bool{}
	for _, p := range c.cache {
		cached[c.fset.File(p.Syntax.FileStart)] = true
	}
	var others []*token.File
	c.fset.Iterate(func(f *token.File) bool {
		if !cached[f] {
			others = append(others, f)
		}
		return true
	})
	for _, f := range others {
		c.fset.RemoveFile(f)
	}
}
