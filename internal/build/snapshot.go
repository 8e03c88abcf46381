package build

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/internal/build/gocmd"
	"github.com/anvilforge/anvil-lsp/internal/build/golist"
	"github.com/anvilforge/anvil-lsp/internal/build/syntax"
)

// Snapshot is everything that is known of what one generation was built from. It is immutable.
type Snapshot struct {
	graph    *Graph
	boundary *golist.Boundary
	// archives of the packages that are not hot, as the running executable
	// linked them (or, if it lacks them, as an earlier plugin did).
	archives map[string]string
	// linked are the local packages that the executable contains under their
	// own path: they are host packages until a restart, whatever the graph says.
	linked map[string]bool
	// hot packages as they were last compiled.
	compiled map[string]compiled
	// entry is the package that a plugin begins with: the handlers package, or one
	// of its own. Of the executable there is none.
	entry compiled
	// handoff is the archive, for the compiler, of a handlers package that hands over the
	// register function itself.
	handoff string
	// static is what the executable was linked from. It is not changed.
	static map[string]static
	// host is the number of the generation that the executable was built for.
	host int
	// images are what the running process has loaded and later plugins can be linked with, in the
	// order in which it was loaded: the executable, then plugins.
	images []*image
	// fresh are packages that no image has: hot code imports them since a moment ago.
	fresh map[string]bool
	// departed are packages that the process has and the program does not import: any
	// more, or as it is served.
	departed map[string]departed
	// faults of packages that did not compile when they were last asked for.
	faults map[string]fault
	// sources of the local packages and the module files, by absolute path.
	sources map[string]syntax.File
}

// departed is a package as it was when it was loaded.
type departed struct {
	pkg    *Package
	inputs syntax.Sum
	// partly: its initialisation was broken off, and cannot be made up for. The Go
	// runtime ends a process that begins with it again.
	partly bool
}

// leaving returns departed for the program as another graph has it.
func (s *Snapshot) leaving(now *Graph) map[string]departed {
	left := map[string]departed{}
	for path, d := range s.departed {
		if now.Packages[path] == nil {
			left[path] = d
		}
	}
	for path, p := range s.graph.Packages {
		if now.Packages[path] == nil && (!s.hot(path) || s.compiled[path].path == path) {
			left[path] = departed{pkg: p, inputs: s.inputDigest(p)}
		}
	}
	return left
}

// Refused returns the snapshot of a process that has opened a plugin and does not serve it: it has
// the packages that the plugin brought for good. Where the initialisation of packages was broken
// off, partly tells for which, by import path; else it is nil.
func (s *Snapshot) Refused(res *Result, partly func(path string) bool) *Snapshot {
	opened := res.Snapshot.images[len(res.Snapshot.images)-1]
	next := *s
	next.departed = map[string]departed{}
	maps.Copy(next.departed, s.departed)
	for _, path := range opened.brought {
		p := res.Snapshot.graph.Packages[path]
		next.departed[path] = departed{pkg: p, inputs: res.Snapshot.inputDigest(p), partly: partly != nil && partly(path)}
	}
	return &next
}

// last returns a package as the process has it, or nil.
func (s *Snapshot) last(path string) *Package {
	if p := s.graph.Packages[path]; p != nil {
		return p
	}
	return s.departed[path].pkg
}

// compiled is a hot package under the import path that it has in one generation.
type compiled struct {
	path    string // the path in the source until the package first changes
	archive string // for the linker
	// plain is the archive for the compiler, under the path in the source; empty if
	// that is archive, under path.
	plain string
}

// hot reports whether a package may be compiled again under another path.
func (s *Snapshot) hot(path string) bool { return s.boundary.Hot(path) && !s.linked[path] }

// swapped reports whether hot code uses a package under the path of a generation:
// what the process may have under its own path is older.
func (s *Snapshot) swapped(path string) bool {
	c := s.compiled[path]
	return c.path != "" && c.path != path
}

// Main returns the import path of the main package.
func (s *Snapshot) Main() string { return s.boundary.Main }

// Handlers returns the import path of the handlers package.
func (s *Snapshot) Handlers() string { return s.boundary.Handlers }

// Hot returns the import paths of the hot packages, sorted.
func (s *Snapshot) Hot() []string {
	return slices.DeleteFunc(s.boundary.HotPackages(), func(p string) bool { return s.linked[p] })
}

// Host returns the host packages whose source is local, with a hash of what they
// were built from, as far as the live server uses it, sorted. Those of a runtime that
// is replaced by a directory are left out: they are no part of the application.
func (s *Snapshot) Host() []manifest.Package {
	var out []manifest.Package
	runtime := s.graph.Packages[manifest.RuntimePath]
	for _, path := range slices.Sorted(maps.Keys(s.graph.Packages)) {
		p := s.graph.Packages[path]
		if !p.Local() || s.hot(path) {
			continue
		}
		if !p.Workspace() && runtime != nil && p.ModuleName() == runtime.ModuleName() {
			continue
		}
		var sums []string
		embeds, unused := p.Embedded(), s.graph.UnusedAssets(p, p)
		for _, f := range p.Inputs() {
			if unused(f) { // as for plans
				continue
			}
			t := s.sources[f].Sum(embeds[f])
			sums = append(sums, hex.EncodeToString(t[:]))
		}
		h := syntax.SumOf(sums)
		out = append(out, manifest.Package{Path: path, Hash: hex.EncodeToString(h[:8])})
	}
	return out
}

// Modules returns what modules the host packages come from, with version,
// language version and replacement, sorted.
func (s *Snapshot) Modules() []string {
	ids := map[string]bool{}
	for path, p := range s.graph.Packages {
		if p.Module != nil && !s.hot(path) {
			ids[p.ModuleID()] = true
		}
	}
	return slices.Sorted(maps.Keys(ids))
}

// GODEBUG returns the defaults that the go command gives the executable.
func (s *Snapshot) GODEBUG() string { return s.graph.Main.DefaultGODEBUG }

// Executable returns the path of the program that the snapshot's plugins are for.
func (s *Snapshot) Executable() string { return s.images[0].path }

// Reason says why a package is a host package.
func (s *Snapshot) Reason(path string) golist.Reason { return s.boundary.Reason(path) }

// Package returns what the go command says about a package of the graph, or nil.
func (s *Snapshot) Package(path string) *Package { return s.graph.Packages[path] }

// SourceDirs returns the directories that the go command takes files from, as it
// names them, sorted.
func (s *Snapshot) SourceDirs() []string { return s.graph.Dirs() }

// Dirs returns the directories whose files decide what is built, sorted: those,
// and where symbolic links lead.
func (s *Snapshot) Dirs() []string {
	dirs := s.graph.Dirs()
	for _, src := range s.sources {
		for _, to := range src.Targets {
			dirs = append(dirs, filepath.Dir(to))
		}
	}
	slices.Sort(dirs)
	return slices.Compact(dirs)
}

// Builds reports whether a file is among those that packages were built from.
func (s *Snapshot) Builds(path string) bool { return s.graph.Builds(path) }

// Relevant reports whether a change of a file can change what is built. It is
// cheap, and right for files that do not exist yet.
func (s *Snapshot) Relevant(path string) bool {
	if _, ok := s.sources[path]; ok || s.graph.ModuleFile(path) {
		return true
	}
	if (strings.HasSuffix(path, ".go") && !syntax.IgnoredGoName(filepath.Base(path)) || golist.NativeName(path)) &&
		s.PackageIn(filepath.Dir(path)) != nil {
		return true
	}
	return s.embedder(path) != nil || len(s.linksTo(path)) > 0
}

// PackageIn returns the local package in a directory, or nil.
func (s *Snapshot) PackageIn(dir string) *Package {
	for _, p := range s.graph.Packages {
		if p.Dir == dir && p.Local() {
			return p
		}
	}
	return nil
}

// holds reports whether a path was a directory in or below which there are sources.
func (s *Snapshot) holds(path string) bool {
	dir := path + string(filepath.Separator)
	for file := range s.sources {
		if strings.HasPrefix(file, dir) {
			return true
		}
	}
	return false
}

// embedder returns the local package that would embed a file of this name, or a
// file in a directory of this name, or nil.
func (s *Snapshot) embedder(path string) *Package {
	for _, p := range s.graph.Packages {
		if p.Local() && p.Embeds(path) {
			return p
		}
	}
	return nil
}

// readSources digests every input of the local packages and the module files.
// Digests in known are taken over unless the file is in dirty.
func (b *Builder) readSources(g *Graph, known map[string]syntax.File,
	dirty map[string]bool) (map[string]syntax.File, error) {
	sources := map[string]syntax.File{}
	read := func(path string, opaque bool) error {
		if _, done := sources[path]; done {
			return nil
		}
		if s, ok := known[path]; ok && !dirty[path] {
			sources[path] = s
			return nil
		}
		s, err := syntax.Read(path, opaque)
		if err == nil {
			sources[path] = s
		}
		return err
	}
	for _, path := range g.Order {
		p := g.Packages[path]
		if !p.Local() {
			continue
		}
		files := p.Inputs()
		if !p.Vendored() { // else there are many
			for _, f := range p.IgnoredGoFiles { // their build constraints may change
				files = append(files, filepath.Join(p.Dir, f))
			}
		}
		for _, f := range files {
			if err := read(f, p.Vendored()); err != nil {
				return nil, gocmd.Unreadable(f, err)
			}
		}
	}
	for _, f := range golist.ModuleFiles(g) {
		if err := read(f, false); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
	}
	return sources, nil
}

// texts returns the sources of a package.
func (s *Snapshot) texts(p *Package) map[string]syntax.File {
	out := map[string]syntax.File{}
	for _, file := range p.Inputs() {
		out[file] = s.sources[file]
	}
	return out
}

// fault is what the go command said when it could not compile a package.
type fault struct {
	inputs syntax.Sum // the package's files as they were then
	found  []manifest.Diagnostic
}

// Faults says of each package that the go command could not compile, by import
// path, what is wrong with it. A package of which a file has changed since is not
// among them, and neither is one that only imports such a package.
func (s *Snapshot) Faults() map[string][]manifest.Diagnostic {
	out := map[string][]manifest.Diagnostic{}
	for path, f := range s.faults {
		if p := s.graph.Packages[path]; p != nil && s.inputDigest(p) == f.inputs {
			out[path] = f.found
		}
	}
	return out
}

// Mistakes returns what Faults does in one list, sorted.
func (s *Snapshot) Mistakes() []manifest.Diagnostic {
	found := slices.Concat(slices.Collect(maps.Values(s.Faults()))...)
	manifest.SortDiagnostics(found)
	return found
}

// inputDigest sums the files of a package; those of a package whose source is not
// local do not change.
func (s *Snapshot) inputDigest(p *Package) syntax.Sum {
	var sums []string
	if p.Local() {
		for _, f := range p.Inputs() {
			sums = append(sums, fmt.Sprintf("%s %x", f, s.sources[f].Content))
		}
	}
	return syntax.SumOf(sums)
}
