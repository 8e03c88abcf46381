package load

import (
	"fmt"
	"go/token"
	"go/types"
	"maps"
	"os"
	"slices"

	"golang.org/x/tools/go/gcexportdata"
)

// archives imports packages from the compiler's archives and keeps them.
//
// Packages that are checked from source stand next to the imported ones in the same map, so that
// what an archive says about their types means those types.
type archives struct {
	fset    *token.FileSet
	paths   map[string]string
	known   map[string]*types.Package // complete and referenced packages
	adopted map[string]*types.Package // those that are checked from source
}

func newArchives(fset *token.FileSet) *archives {
	a := &archives{fset: fset}
	a.reset()
	return a
}

func (a *archives) reset() {
	a.known = map[string]*types.Package{}
	a.adopted = map[string]*types.Package{}
}

// update sets the archives. It reports whether packages that were imported have other contents now,
// in which case all are forgotten.
func (a *archives) update(paths map[string]string) (changed bool) {
	for path, pkg := range a.known {
		if a.adopted[path] == nil && pkg.Complete() && paths[path] != a.paths[path] {
			changed = true
		}
	}
	a.paths = maps.Clone(paths)
	if changed {
		a.reset()
	}
	return changed
}

// adopt makes a package that is checked from source the one that archives refer to. It reports
// false if archives that were read before refer to another one of this path: then all of it must
// begin again.
func (a *archives) adopt(pkg *types.Package) bool {
	old := a.known[pkg.Path()]
	if old == pkg {
		return true
	}
	a.known[pkg.Path()], a.adopted[pkg.Path()] = pkg, pkg
	return old == nil || !a.refers(old)
}

// release forgets a package that is not checked from source any more, with the same result.
func (a *archives) release(path string) bool {
	old := a.adopted[path]
	delete(a.adopted, path)
	delete(a.known, path)
	return old == nil || !a.refers(old)
}

// refers reports whether an imported package mentions pkg.
func (a *archives) refers(pkg *types.Package) bool {
	for path, p := range a.known {
		if a.adopted[path] == nil && p != pkg && slices.Contains(p.Imports(), pkg) {
			return true
		}
	}
	return false
}

// errNoArchive reports a package of which nothing is known.
type errNoArchive struct {
	path string
	err  error
}

func (e *errNoArchive) Error() string { return fmt.Sprintf("could not import %s (%v)", e.path, e.err) }
func (e *errNoArchive) Unwrap() error { return e.err }

// ArchiveError reports an archive of the program that cannot be read: nothing is wrong with the
// code. The build cache was cleaned, perhaps.
type ArchiveError struct {
	Path string // import path
	Err  error
}

func (e *ArchiveError) Error() string {
	return fmt.Sprintf("reading what was compiled of %s: %v", e.Path, e.Err)
}

// Unwrap returns the cause.
func (e *ArchiveError) Unwrap() error { return e.Err }

// load returns the package with an import path; the error is an *errNoArchive.
func (a *archives) load(path string) (*types.Package, error) {
	if path == "unsafe" {
		return types.Unsafe, nil
	}
	if pkg := a.known[path]; pkg != nil && pkg.Complete() {
		return pkg, nil
	}
	name, ok := a.paths[path]
	if !ok {
		return nil, &errNoArchive{path, os.ErrNotExist}
	}
	pkg, err := a.read(name, path)
	if err != nil {
		return nil, &errNoArchive{path, &ArchiveError{path, err}}
	}
	return pkg, nil
}

func (a *archives) read(name, path string) (*types.Package, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	//lint:ignore SA1019 it finds the export data in an archive of the compiler
	data, err := gcexportdata.NewReader(f)
	if err != nil {
		return nil, err
	}
	return gcexportdata.Read(data, a.fset, a.known, path)
}
