// Package golist asks the go command which packages a program has, and keeps what it
// says: the import [Graph] with its modules, embedded files and mistakes, which
// directories decide about it, and the compiler's archives.
//
// A [Boundary] divides the packages of a graph into those that a running process can
// replace and those that it has linked.
package golist

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/internal/build/gocmd"
)

// Package is what the go command says about one package.
type Package struct {
	ImportPath, Name, Dir string
	Standard              bool
	Module                *Module
	DefaultGODEBUG        string

	GoFiles, IgnoredGoFiles, CgoFiles, CFiles, CXXFiles, MFiles, HFiles, FFiles, SFiles []string
	SwigFiles, SwigCXXFiles, SysoFiles, EmbedPatterns, EmbedFiles                       []string

	Imports   []string
	ImportMap map[string]string
	Export    string // archive, when asked for
	Error     *PackageError
}

// Module is the module that a package belongs to.
type Module struct {
	Path, Version, Dir, GoMod, GoVersion, Sum string
	Main                                      bool
	Replace                                   *Module
}

// PackageError is an error of the go command about one package.
type PackageError struct {
	ImportStack []string
	Pos         string // file:line:column
	Err         string
}

// listFields are the fields of Package that are asked for.
const listFields = "-json=ImportPath,Name,Dir,Standard,Module,DefaultGODEBUG," +
	"GoFiles,IgnoredGoFiles,CgoFiles,CFiles,CXXFiles,MFiles,HFiles,FFiles,SFiles,SwigFiles,SwigCXXFiles,SysoFiles," +
	"EmbedPatterns,EmbedFiles,Imports,ImportMap,Error"

// Workspace reports whether the package belongs to a main module: the code
// that the user is working on.
func (p *Package) Workspace() bool { return p.Module != nil && p.Module.Main }

// Local reports whether the package's source can be edited in place: it is of the workspace, of a
// module that a replace directive takes from a directory, or vendored.
func (p *Package) Local() bool {
	if p.Module == nil || p.Standard {
		return false
	}
	return p.Module.Main || p.Module.Replace != nil && p.Module.Replace.Version == "" || p.Vendored()
}

// Vendored reports whether the package was taken from the vendor directory: the go command then
// knows no directory of its module. A directory of this name may also be the user's own.
func (p *Package) Vendored() bool {
	return p.Module != nil && !p.Standard && p.Module.Dir == "" && p.Dir != ""
}

// Native returns the files that only the go command can build.
func (p *Package) Native() []string {
	return slices.Concat(p.CgoFiles, p.CFiles, p.CXXFiles, p.MFiles, p.FFiles, p.SFiles, p.SwigFiles, p.SwigCXXFiles,
		p.SysoFiles)
}

// Inputs returns the absolute paths of everything that the package is built
// from, each once: a package may embed its own Go files.
func (p *Package) Inputs() []string {
	var out []string
	seen := map[string]bool{}
	for _, names := range [][]string{p.GoFiles, p.Native(), p.HFiles, p.EmbedFiles} {
		for _, n := range names {
			if file := filepath.Join(p.Dir, n); !seen[file] {
				seen[file] = true
				out = append(out, file)
			}
		}
	}
	return out
}

// Embedded returns which files the package embeds, by absolute path. Every byte
// of them counts, also where they are Go files.
func (p *Package) Embedded() map[string]bool {
	out := make(map[string]bool, len(p.EmbedFiles))
	for _, n := range p.EmbedFiles {
		out[filepath.Join(p.Dir, filepath.FromSlash(n))] = true
	}
	return out
}

// SourceFiles returns the absolute paths of the Go source files, without those that use cgo.
func (p *Package) SourceFiles() []string {
	out := make([]string, len(p.GoFiles))
	for i, n := range p.GoFiles {
		out[i] = filepath.Join(p.Dir, n)
	}
	return out
}

// Without returns the package without the Go files that are gone.
func (p *Package) Without(gone func(path string) bool) *Package {
	missing := func(name string) bool { return gone(filepath.Join(p.Dir, name)) }
	if !slices.ContainsFunc(p.GoFiles, missing) && !slices.ContainsFunc(p.EmbedFiles, missing) {
		return p
	}
	q := *p
	q.GoFiles = slices.DeleteFunc(slices.Clone(p.GoFiles), missing)
	q.EmbedFiles = slices.DeleteFunc(slices.Clone(p.EmbedFiles), missing)
	return &q
}

// ModuleID tells whether two packages come from the same version of the same
// module, compiled for the same language version.
func (p *Package) ModuleID() string {
	m := p.Module
	if m == nil {
		return ""
	}
	id := m.Path + "@" + m.Version + " go" + m.GoVersion
	if m.Replace != nil {
		id += " => " + m.Replace.Path + "@" + m.Replace.Version
	}
	return id
}

// ModuleText is moduleID for a person.
func (p *Package) ModuleText() string {
	if p.Module == nil {
		return p.ImportPath
	}
	return ModuleText(p.ModuleID())
}

// ModuleText returns one of Snapshot.Modules for a person: what is not known is left out.
func ModuleText(id string) string {
	words := strings.Split(id, " ")
	for i, w := range words {
		words[i] = strings.TrimSuffix(w, "@")
	}
	return strings.Join(slices.DeleteFunc(words, func(w string) bool { return w == "go" }), " ")
}

// ModuleName returns the path of the package's module, or the package's own.
func (p *Package) ModuleName() string {
	if p.Module == nil {
		return p.ImportPath
	}
	return p.Module.Path
}

// Graph is the import graph below one main package.
type Graph struct {
	Main     *Package
	Packages map[string]*Package // by import path
	Order    []string            // dependencies first

	goMod, goWork string   // module files that the go command chose; may be empty
	modFile       string   // read in place of go.mod; see Builder.modFile
	moduleDirs    []string // of module files
	missingDirs   []string // of broken packages, also where they do not exist yet
	embedDirs     []string // of what is embedded, or may be
	assets        []string // see Config.Assets
}

// Lister asks the go command about packages.
type Lister struct {
	*gocmd.Toolchain
	// Assets are files, and directories of files, that host packages embed and the
	// program reads from the disk in development: absolute, or relative to Dir.
	Assets []string
}

// List runs `go list` and decodes its packages.
func (l *Lister) List(ctx context.Context, line func(string), args ...string) ([]*Package, error) {
	out, err := l.Stream(ctx, l.Dir, line, l.Go, slices.Concat([]string{"list"}, l.Flags(), args)...)
	if err != nil {
		return nil, err
	}
	return decodePackages(bytes.NewReader(out))
}

func decodePackages(r io.Reader) ([]*Package, error) {
	var pkgs []*Package
	for dec := json.NewDecoder(r); ; {
		p := new(Package)
		if err := dec.Decode(p); err == io.EOF {
			return pkgs, nil
		} else if err != nil {
			return nil, fmt.Errorf("reading go list: %w", err)
		}
		pkgs = append(pkgs, p)
	}
}

// Graph loads the import graph below a main package. Packages that cannot be loaded are in it, with
// their Error; the error is then a *Failure, and the graph is returned with it, because the
// watcher needs to know where the mistake can be mended.
func (l *Lister) Graph(ctx context.Context, main string) (*Graph, error) {
	var now gocmd.Env
	var envErr error
	var asked sync.WaitGroup
	asked.Go(func() { now, envErr = l.ReadEnv(ctx, "GOVERSION", "GOTOOLDIR", "GOMOD", "GOWORK") })
	pkgs, err := l.List(ctx, nil, "-e", "-deps", listFields, "--", main)
	asked.Wait()
	if envErr != nil {
		now = l.Env
	}
	g := &Graph{Packages: make(map[string]*Package, len(pkgs)), goMod: now.GOMOD, goWork: now.GOWORK,
		modFile: l.ModFile(), assets: l.assets()}
	if err = cmp.Or(err, envErr); err == nil {
		err = l.SameToolchain(now)
	}
	if err != nil {
		g.moduleDirs = moduleDirs(g)
		return g, l.ListFailure(err)
	}
	var broken []*Package
	var faults []manifest.Diagnostic
	for _, p := range pkgs {
		if m := p.Module; m != nil && m.GoMod != "" { // with -modfile it is as that says
			m.GoMod = gocmd.Absolute(m.GoMod, l.Dir)
		}
		g.Packages[p.ImportPath] = p
		g.Order = append(g.Order, p.ImportPath)
		if p.Error != nil {
			broken = append(broken, p)
		}
	}
	g.moduleDirs, g.missingDirs, g.embedDirs = moduleDirs(g), missingDirs(g, broken), embedDirs(g)
	for _, p := range broken {
		faults = append(faults, l.packageFault(g, p))
	}
	if len(pkgs) > 0 {
		g.Main = pkgs[len(pkgs)-1] // -deps is in depth-first post-order
	}
	if len(faults) > 0 {
		return g, gocmd.Fail(distinct(faults)...)
	}
	return g, nil
}

// mostListings is how often the go command is asked again because a file went
// away that it had named.
const mostListings = 4

// Listing calls list, which asks the go command for files and reads them, again if one of them is
// gone: editors and checkers make files for a moment, and rename them.
func Listing(ctx context.Context, list func() error) error {
	for tries := 1; ; tries++ {
		err := list()
		if tries == mostListings || ctx.Err() != nil || !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if _, ok := errors.AsType[*gocmd.UnreadableFile](err); !ok {
			return err
		}
	}
}

// Progress is told, in a few words, what a long build is doing. It is called
// from another goroutine and must not block.
type Progress func(message string)

// ExportArchives compiles packages, and what they import, with the go command, and returns the
// archive of each. Errors in the code are a *Failure, or with -e the packages that failed.
func (l *Lister) ExportArchives(
	ctx context.Context, progress Progress, args ...string,
) (archives map[string]string, failed []*Package, err error) {
	compiled := 0
	line := func(text string) {
		// With -v the go command names each package that it compiles.
		if progress == nil || strings.HasPrefix(text, "#") || strings.ContainsAny(text, " :\t") {
			return
		}
		compiled++
		progress(fmt.Sprintf("compiling what is not in the build cache: package %d, %s", compiled, text))
	}
	pkgs, err := l.List(ctx, line, slices.Concat([]string{"-export", "-deps", "-v", "-json=ImportPath,Export,Error"},
		args)...)
	if err != nil {
		return nil, nil, l.ListFailure(err)
	}
	archives = make(map[string]string, len(pkgs))
	for _, p := range pkgs {
		switch {
		case p.Error != nil:
			if err := gocmd.DiskFull(p.Error.Err); err != nil {
				return nil, nil, err
			}
			failed = append(failed, p)
		case p.Export != "":
			archives[p.ImportPath] = p.Export
		}
	}
	return archives, failed, nil
}
