package build

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/internal/build/gocmd"
)

// Package is what the go command says about one package.
type Package struct {
	ImportPath     string
	Name           string
	Dir            string
	Standard       bool
	Module         *Module
	DefaultGODEBUG string

	GoFiles        []string
	IgnoredGoFiles []string
	CgoFiles       []string
	CFiles         []string
	CXXFiles       []string
	MFiles         []string
	HFiles         []string
	FFiles         []string
	SFiles         []string
	SwigFiles      []string
	SwigCXXFiles   []string
	SysoFiles      []string
	EmbedPatterns  []string
	EmbedFiles     []string

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
const listFields = "-json=ImportPath,Name,Dir,Standard,Module,DefaultGODEBUG,GoFiles,IgnoredGoFiles,CgoFiles,CFiles,CXXFiles,MFiles,HFiles,FFiles,SFiles,SwigFiles,SwigCXXFiles,SysoFiles,EmbedPatterns,EmbedFiles,Imports,ImportMap,Error"

// Workspace reports whether the package belongs to a main module: the code
// that the user is working on.
func (p *Package) Workspace() bool { return p.Module != nil && p.Module.Main }

// Local reports whether the package's source can be edited in place: it is of
// the workspace, of a module that a replace directive takes from a directory, or
// vendored.
func (p *Package) Local() bool {
	if p.Module == nil || p.Standard {
		return false
	}
	return p.Module.Main || p.Module.Replace != nil && p.Module.Replace.Version == "" || p.vendored()
}

// vendored reports whether the package was taken from the vendor directory: the
// go command then knows no directory of its module. A directory of this name may
// also be the user's own.
func (p *Package) vendored() bool {
	return p.Module != nil && !p.Standard && p.Module.Dir == "" && p.Dir != ""
}

// native returns the files that only the go command can build.
func (p *Package) native() []string {
	return slices.Concat(p.CgoFiles, p.CFiles, p.CXXFiles, p.MFiles, p.FFiles, p.SFiles, p.SwigFiles, p.SwigCXXFiles, p.SysoFiles)
}

// inputs returns the absolute paths of everything that the package is built
// from, each once: a package may embed its own Go files.
func (p *Package) inputs() []string {
	var out []string
	seen := map[string]bool{}
	for _, names := range [][]string{p.GoFiles, p.native(), p.HFiles, p.EmbedFiles} {
		for _, n := range names {
			if file := filepath.Join(p.Dir, n); !seen[file] {
				seen[file] = true
				out = append(out, file)
			}
		}
	}
	return out
}

// embedded returns which files the package embeds, by absolute path. Every byte
// of them counts, also where they are Go files.
func (p *Package) embedded() map[string]bool {
	out := make(map[string]bool, len(p.EmbedFiles))
	for _, n := range p.EmbedFiles {
		out[filepath.Join(p.Dir, filepath.FromSlash(n))] = true
	}
	return out
}

// SourceFiles returns the absolute paths of the Go source files, without those
// that use cgo.
func (p *Package) SourceFiles() []string {
	out := make([]string, len(p.GoFiles))
	for i, n := range p.GoFiles {
		out[i] = filepath.Join(p.Dir, n)
	}
	return out
}

// moduleID tells whether two packages come from the same version of the same
// module, compiled for the same language version.
func (p *Package) moduleID() string {
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

// moduleText is moduleID for a person.
func (p *Package) moduleText() string {
	if p.Module == nil {
		return p.ImportPath
	}
	return ModuleText(p.moduleID())
}

// ModuleText returns one of Snapshot.Modules for a person: what is not known is
// left out.
func ModuleText(id string) string {
	words := strings.Split(id, " ")
	for i, w := range words {
		words[i] = strings.TrimSuffix(w, "@")
	}
	return strings.Join(slices.DeleteFunc(words, func(w string) bool { return w == "go" }), " ")
}

// moduleName returns the path of the package's module, or the package's own.
func (p *Package) moduleName() string {
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

// list runs `go list` and decodes its packages.
func (b *Builder) list(ctx context.Context, line func(string), args ...string) ([]*Package, error) {
	out, err := b.tools.Stream(ctx, b.cfg.Dir, line, b.cfg.Go, slices.Concat([]string{"list"}, b.tools.Flags(), args)...)
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

// Graph loads the import graph below a main package. Packages that cannot be
// loaded are in it, with their Error; the error is then a *Failure, and the
// graph is returned beside it, because the watcher needs to know where the
// mistake can be mended.
func (b *Builder) Graph(ctx context.Context, main string) (*Graph, error) {
	var now gocmd.Env
	var envErr error
	var asked sync.WaitGroup
	asked.Go(func() { now, envErr = b.tools.ReadEnv(ctx, "GOVERSION", "GOTOOLDIR", "GOMOD", "GOWORK") })
	pkgs, err := b.list(ctx, nil, "-e", "-deps", listFields, "--", main)
	asked.Wait()
	if envErr != nil {
		now = b.tools.Env
	}
	g := &Graph{Packages: make(map[string]*Package, len(pkgs)), goMod: now.GOMOD, goWork: now.GOWORK, modFile: b.tools.ModFile(), assets: b.assets()}
	if err = cmp.Or(err, envErr); err == nil {
		err = b.tools.SameToolchain(now)
	}
	if err != nil {
		g.moduleDirs = moduleDirs(g)
		return g, b.listFailure(err)
	}
	var broken []*Package
	var faults []manifest.Diagnostic
	for _, p := range pkgs {
		if m := p.Module; m != nil && m.GoMod != "" { // with -modfile it is as that says
			m.GoMod = gocmd.Absolute(m.GoMod, b.cfg.Dir)
		}
		g.Packages[p.ImportPath] = p
		g.Order = append(g.Order, p.ImportPath)
		if p.Error != nil {
			broken = append(broken, p)
		}
	}
	g.moduleDirs, g.missingDirs, g.embedDirs = moduleDirs(g), missingDirs(g, broken), embedDirs(g)
	for _, p := range broken {
		faults = append(faults, b.packageFault(g, p))
	}
	if len(pkgs) > 0 {
		g.Main = pkgs[len(pkgs)-1] // -deps is in depth-first post-order
	}
	if len(faults) > 0 {
		return g, gocmd.Fail(distinct(faults)...)
	}
	return g, nil
}

// distinct leaves out what says the same again: of each package of a module that
// go.sum lacks, the go command complains with the same advice.
func distinct(faults []manifest.Diagnostic) []manifest.Diagnostic {
	seen := map[string]bool{}
	return slices.DeleteFunc(faults, func(d manifest.Diagnostic) bool {
		key := d.String()
		if _, advice, ok := strings.Cut(d.Message, "; to add:"); ok {
			key = d.File + advice
		}
		again := seen[key]
		seen[key] = true
		return again
	})
}

// packageFault turns the go command's error about a package into a diagnostic.
func (b *Builder) packageFault(g *Graph, p *Package) manifest.Diagnostic {
	text := strings.TrimSpace(p.Error.Err)
	// A syntax error has its position in the text.
	if ds := gocmd.ParseErrors(b.cfg.Dir, text); len(ds) > 0 {
		return b.existing(ds[:1], p.inputs())[0]
	}
	if d, ok := mixedPackages(text); ok {
		return d
	}
	pos := gocmd.ParsePosition(b.cfg.Dir, p.Error.Pos)
	if d, ok := b.moduleFault(text); ok {
		if pos.File != "" {
			d.Related = append(d.Related, manifest.Related{Position: pos, Message: "imported here"})
		}
		return d
	}
	var related []manifest.Related
	if stack := p.Error.ImportStack; strings.Contains(text, "import cycle") && len(stack) > 1 {
		cycle := stack[slices.Index(stack, stack[len(stack)-1]):]
		text += ": " + strings.Join(cycle, " → ")
		for i, to := range cycle[1:] {
			from := g.Packages[cycle[i]]
			if from == nil {
				continue
			}
			// Any of the imports may be the one too many.
			pos = importPosition(from, to)
			related = append(related, manifest.Related{Position: pos, Message: "imports " + to})
		}
		related = related[:max(len(related)-1, 0)] // the last one is the place of the finding
	}
	if pos.File == "" && len(p.GoFiles) > 0 {
		pos.File = filepath.Join(p.Dir, p.GoFiles[0])
	}
	d := manifest.Diagnose(manifest.CodeCompile, pos, "%s", text)
	d.Related = related
	return d
}

// listFailure turns an error of the go command that concerns the module files
// or the code into a *Failure; any other error is returned as it is.
func (b *Builder) listFailure(err error) error {
	tool, ok := errors.AsType[*gocmd.ToolError](err)
	if !ok {
		return err
	}
	ds := gocmd.ParseErrors(b.cfg.Dir, tool.Output)
	for i, d := range ds {
		if base := filepath.Base(d.File); base == "go.mod" || base == "go.work" || d.File != "" && d.File == b.tools.ModFile() {
			ds[i].Code, ds[i].Severity = manifest.CodeModuleChanged, manifest.SeverityError
		}
	}
	if len(ds) == 0 {
		text := strings.TrimSpace(strings.ReplaceAll(tool.Output, "\r", ""))
		if disk := gocmd.DiskFull(text); disk != nil {
			return disk
		}
		d := manifest.Diagnose(manifest.CodeModuleChanged, b.blame(text), "%s", text)
		d.Severity = manifest.SeverityError
		ds = append(ds, d)
	}
	return gocmd.Fail(ds...)
}
