package load

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"go/token"
	"go/types"
	"maps"
	"runtime"
	"runtime/debug"
	"slices"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
)

// Loader loads a program again and again, and keeps what did not change. It is for one user at a
// time.
type Loader struct {
	prog     Program
	fset     *token.FileSet
	files    files
	archives *archives
	sizes    types.Sizes
	specs    map[string]*Package
	done     map[string]*Unit

	given Program
	// entered are the import paths of given.Sources that are checked from source: false if that was
	// in vain, because the source has mistakes.
	entered map[string]bool
	// early are the import paths of host packages that are checked before others, in this order,
	// because archives that those need refer to them.
	early []string
}

// New returns a loader of a program. Nothing is read before the first load.
func New(p Program) *Loader {
	fset := token.NewFileSet()
	l := &Loader{
		fset: fset, files: files{fset: fset, cache: map[string]*File{}},
		archives: newArchives(fset), done: map[string]*Unit{}, entered: map[string]bool{},
	}
	l.Update(p)
	return l
}

// Update replaces the program, because its graph or its archives changed. What did not change is
// kept.
func (l *Loader) Update(p Program) {
	l.given = p
	p.Packages = slices.Clone(p.Packages)
	for _, s := range p.Sources {
		if l.entered[s.ImportPath] {
			p.Packages = append(p.Packages, s)
		}
	}
	specs := make(map[string]*Package, len(p.Packages))
	for i := range p.Packages {
		specs[p.Packages[i].ImportPath] = &p.Packages[i]
	}
	changed := l.archives.update(p.Archives)
	for path := range l.done {
		if (specs[path] == nil || specs[path].Hot) && !l.archives.release(path) {
			changed = true
		}
		if specs[path] == nil {
			delete(l.done, path)
		}
	}
	if p.GOARCH == "" {
		p.GOARCH = runtime.GOARCH
	}
	if changed { // other code was compiled, of which the source may be better
		maps.DeleteFunc(l.entered, func(_ string, well bool) bool { return !well })
	}
	if changed || p.GOARCH != l.prog.GOARCH {
		l.restart()
	}
	l.sizes = types.SizesFor("gc", p.GOARCH)
	l.prog, l.specs = p, specs
}

// restart forgets everything but the parsed files. What archives have put into the file set goes,
// too: it would be there once more each time they are read.
func (l *Loader) restart() {
	l.archives.reset()
	l.done = map[string]*Unit{}
	l.files.alone()
}

// Enter has the next load check packages from source, those of the program's Sources among paths.
// It reports whether that makes a difference.
func (l *Loader) Enter(paths []string) bool {
	more := false
	for _, s := range l.given.Sources {
		path := s.ImportPath
		_, known := l.entered[path]
		if is := l.done[path]; l.entered[path] && is != nil && len(is.errs)+len(is.Missing) > 0 {
			l.entered[path], more = false, true
		} else if !known && slices.Contains(paths, path) {
			l.entered[path], more = true, true
		}
	}
	if more {
		l.Update(l.given)
	}
	return more
}

// Load type-checks what changed since the last call, by content, and what imports it. The overlay
// holds unsaved buffers by absolute path. Code that does not type-check yields what can be known
// from the rest, and a fault of the loader is among the faults of the snapshot. The error is that
// of the context, or an [ArchiveError].
func (l *Loader) Load(ctx context.Context, overlay map[string][]byte) (*Snapshot, error) {
	var run *loading
	for left := len(l.prog.Packages); ; left-- { // each time one more package comes early
		run = &loading{Loader: l, ctx: ctx, overlay: overlay, state: map[string]progress{}, last: left == 0}
		protect(&run.faults, "reading the program", run.all)
		if run.conflict == "" {
			break
		}
		others := slices.DeleteFunc(l.early, func(p string) bool { return p == run.conflict })
		l.early = append([]string{run.conflict}, others...)
		l.restart()
	}
	if err := cmp.Or(ctx.Err(), run.lost); err != nil {
		return nil, err
	}
	return run.snapshot(), nil
}

// protect calls fn and turns a panic into a finding: the fault is ours, not the user's, so it must
// not keep a generation back.
func protect(faults *[]manifest.Diagnostic, what string, fn func()) {
	defer func() {
		if v := recover(); v != nil {
			d := manifest.Diagnose(manifest.CodeCompile, manifest.Position{},
				"anvil-lsp failed while %s: %v; what the edit will do is known only after the build", what, v)
			d.Severity = manifest.SeverityInformation
			d.Detail = string(debug.Stack())
			own, _ := manifest.ParseGoroutine(d.Detail)
			d.Frames = own.Frames
			*faults = append(*faults, d)
		}
	}()
	fn()
}

// loading is one call of load.
type loading struct {
	*Loader
	ctx      context.Context
	overlay  map[string][]byte
	state    map[string]progress
	last     bool   // conflicts are not resolved again
	conflict string // a package of which archives knew another one; all begins again
	cycle    bool
	faults   []manifest.Diagnostic
	lost     error // an archive that cannot be read
}

// progress is how far the check of a package is.
type progress int

const (
	untouched progress = iota
	underway
	finished
)

// all brings every package up to date. Host packages come first: archives may refer to them.
func (run *loading) all() {
	used := map[string]bool{}
	for _, p := range run.prog.Packages {
		for _, name := range p.GoFiles {
			used[name] = true
		}
	}
	run.files.keep(used)
	var order []*Package
	for _, path := range run.early {
		if p := run.specs[path]; p != nil && !p.Hot {
			order = append(order, p)
		}
	}
	for _, hot := range []bool{false, true} {
		for i := range run.prog.Packages {
			if p := &run.prog.Packages[i]; p.Hot == hot {
				order = append(order, p)
			}
		}
	}
	for _, p := range order {
		if run.ctx.Err() == nil && run.conflict == "" {
			run.ensure(p)
		}
	}
}

// ensure brings a package and those that it imports up to date.
func (run *loading) ensure(spec *Package) *Unit {
	switch path := spec.ImportPath; run.state[path] {
	case finished:
		return run.done[path]
	case underway:
		run.cycle = true
		return nil
	}
	run.state[spec.ImportPath] = underway
	protect(&run.faults, "checking "+spec.ImportPath, func() { run.check(spec) })
	run.state[spec.ImportPath] = finished
	return run.done[spec.ImportPath]
}

func (run *loading) check(spec *Package) {
	var loaded []*File
	for _, name := range spec.GoFiles {
		f, err := run.files.load(name, run.overlay)
		if err != nil {
			run.faults = append(run.faults, manifest.Diagnose(manifest.CodeCompile, manifest.Position{File: name}, "%v", err))
		}
		if f != nil {
			loaded = append(loaded, f)
		}
	}
	// What is imported comes first, so that its own check is not nested in this one.
	for _, f := range loaded {
		for _, path := range f.imports {
			if dep := run.specs[spec.meaning(path)]; dep != nil && dep != spec {
				run.ensure(dep)
			}
		}
	}
	if run.ctx.Err() != nil || run.conflict != "" {
		return
	}
	old := run.done[spec.ImportPath]
	if old != nil && old.fresh(spec, loaded, run.resolve) {
		return
	}
	delete(run.done, spec.ImportPath)
	now := typeCheck(run.fset, run.sizes, *spec, loaded, run.resolve)
	if run.lost != nil {
		return // what was found is not about the code
	}
	run.done[spec.ImportPath] = now
	if !spec.Hot && now.Types != nil && !run.archives.adopt(now.Types) && !run.last {
		run.conflict = spec.ImportPath
	}
}

// meaning returns the import path of the package that an import means.
func (p *Package) meaning(path string) string {
	if m, ok := p.ImportMap[path]; ok {
		return m
	}
	return path
}

// resolve is the resolver of this call.
func (run *loading) resolve(spec *Package, path string) (*types.Package, bool, error) {
	path = spec.meaning(path)
	dep := run.specs[path]
	if dep == nil {
		pkg, err := run.archives.load(path)
		if lost, ok := errors.AsType[*ArchiveError](err); ok {
			run.lost = lost
		}
		return pkg, false, err
	}
	if c := run.ensure(dep); c != nil && c.Types != nil {
		return c.Types, c.Broken, nil
	}
	if run.state[path] == underway {
		return nil, true, fmt.Errorf("import cycle not allowed")
	}
	return nil, true, fmt.Errorf("package %s cannot be checked", path)
}
