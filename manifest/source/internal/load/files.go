package load

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/scanner"
	"go/token"
	"io/fs"
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

// files caches what was parsed, by path and content.
type files struct {
	fset  *token.FileSet
	cache map[string]*File
}

// load returns a file as it is in the overlay or on disk; nil without an error if it does not
// exist.
func (fs *files) load(path string, overlay map[string][]byte) (*File, error) {
	data, ok := overlay[path]
	if !ok {
		var err error
		if data, err = readFile(path); data == nil {
			return nil, err
		}
	}
	digest := sha256.Sum256(data)
	old := fs.cache[path]
	if old != nil && old.Digest == digest {
		return old, nil
	}
	p := &File{Path: path, Digest: digest}
	file, err := parser.ParseFile(fs.fset, path, data, parser.SkipObjectResolution|parser.AllErrors)
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
		fs.forget(old)
	}
	fs.cache[path] = p
	return p, nil
}

// readFile returns nil if there is no such file.
func readFile(path string) ([]byte, error) {
	data, err := regular.Read(path, regular.MaxSource)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading source: %w", err)
	}
	if data == nil {
		data = []byte{}
	}
	return data, nil
}

// keep forgets all files but those in the set.
func (fs *files) keep(paths map[string]bool) {
	for path, p := range fs.cache {
		if !paths[path] {
			fs.forget(p)
			delete(fs.cache, path)
		}
	}
}

// forget gives back the positions of a file that is used no more.
func (fs *files) forget(p *File) {
	if f := fs.fset.File(p.Syntax.FileStart); f != nil {
		fs.fset.RemoveFile(f)
	}
}

// alone has the file set know nothing but the files that are cached.
func (fs *files) alone() {
	cached := map[*token.File]bool{}
	for _, p := range fs.cache {
		cached[fs.fset.File(p.Syntax.FileStart)] = true
	}
	var others []*token.File
	fs.fset.Iterate(func(f *token.File) bool {
		if !cached[f] {
			others = append(others, f)
		}
		return true
	})
	for _, f := range others {
		fs.fset.RemoveFile(f)
	}
}
