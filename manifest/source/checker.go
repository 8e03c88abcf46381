package source

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

// Checker checks a program again and again, and keeps what did not change. It
// is for one user at a time.
type Checker struct {
	prog     Program
	fset     *token.FileSet
	files    files
	archives *archives
	sizes    types.Sizes
	specs    map[string]*Package
	done     map[string]*checked

	given Program
	// entered are the import paths of given.Sources that are checked from source:
	// false if that was in vain, because the source has mistakes.
	entered map[string]bool
	// early are the import paths of host packages that are checked before others,
	// in this order, because archives that those need refer to them.
	early []string
}

// NewChecker returns a Checker for a program. Nothing is read before the first
// Check.
func NewChecker(p Program) *Checker {
	fset := token.NewFileSet()
	c := &Checker{
		fset: fset, files: files{fset: fset, cache: map[string]*parsed{}},
		archives: newArchives(fset), done: map[string]*checked{}, entered: map[string]bool{},
	}
	c.Update(p)
	return c
}

// Update sets the program anew, because its graph or its archives changed. What
// did not change is kept.
func (c *Checker) Update(p Program) {
	c.given = p
	p.Packages = slices.Clone(p.Packages)
	for _, s := range p.Sources {
		if c.entered[s.ImportPath] {
			p.Packages = append(p.Packages, s)
		}
	}
	specs := make(map[string]*Package, len(p.Packages))
	for i := range p.Packages {
		specs[p.Packages[i].ImportPath] = &p.Packages[i]
	}
	anew := c.archives.update(p.Archives)
	for path := range c.done {
		if specs[path] == nil || specs[path].Hot {
			if !c.archives.release(path) {
				anew = true
			}
		}
		if specs[path] == nil {
			delete(c.done, path)
		}
	}
	if p.GOARCH == "" {
		p.GOARCH = runtime.GOARCH
	}
	if anew { // other code was compiled, of which the source may be better
		maps.DeleteFunc(c.entered, func(_ string, well bool) bool { return !well })
	}
	if anew || p.GOARCH != c.prog.GOARCH {
		c.restart()
	}
	c.sizes = types.SizesFor("gc", p.GOARCH)
	c.prog, c.specs = p, specs
}

// restart forgets everything but the parsed files. What archives have put into the
// file set goes, too: it would be there once more each time they are read.
func (c *Checker) restart() {
	c.archives.reset()
	c.done = map[string]*checked{}
	c.files.alone()
}

// Check type-checks what changed since the last call, by content, and what
// imports it, and reports on the whole. The overlay holds unsaved buffers by
// absolute path.
//
// Code that does not type-check yields what can be known from the rest. Check
// never panics: a fault of its own becomes a finding. The error is that of the
// context, or an [ArchiveError].
func (c *Checker) Check(ctx context.Context, overlay map[string][]byte) (*Report, error) {
	for {
		report, err := c.checkOnce(ctx, overlay)
		if err != nil || !c.enter(report.leads) {
			return report, err
		}
	}
}

// enter has packages checked from source that registration was found to lead
// into. It reports whether that makes a difference.
func (c *Checker) enter(paths []string) bool {
	more := false
	for _, s := range c.given.Sources {
		path := s.ImportPath
		_, known := c.entered[path]
		if is := c.done[path]; c.entered[path] && is != nil && len(is.errs)+len(is.missing) > 0 {
			c.entered[path], more = false, true
		} else if !known && slices.Contains(paths, path) {
			c.entered[path], more = true, true
		}
	}
	if more {
		c.Update(c.given)
	}
	return more
}

func (c *Checker) checkOnce(ctx context.Context, overlay map[string][]byte) (*Report, error) {
	var run *checking
	for left := len(c.prog.Packages); ; left-- { // each time one more package comes early
		run = &checking{Checker: c, ctx: ctx, overlay: overlay, state: map[string]progress{}, last: left == 0}
		c.protect(&run.faults, "reading the program", run.all)
		if run.conflict == "" {
			break
		}
		c.early = append([]string{run.conflict}, slices.DeleteFunc(c.early, func(p string) bool { return p == run.conflict })...)
		c.restart()
	}
	if err := cmp.Or(ctx.Err(), run.lost); err != nil {
		return nil, err
	}
	report := run.report()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return report, nil
}

// protect calls fn and turns a panic into a finding: the fault is ours, not the
// user's, so it must not keep a generation back.
func (c *Checker) protect(faults *[]manifest.Diagnostic, what string, fn func()) (ok bool) {
	defer func() {
		if v := recover(); v != nil {
			ok = false
			d := manifest.Diagnose(manifest.CodeCompile, manifest.Position{}, "anvil-lsp failed while %s: %v; what the edit will do is known only after the build", what, v)
			d.Severity = manifest.SeverityInformation
			d.Detail = string(debug.Stack())
			own, _ := manifest.ParseGoroutine(d.Detail)
			d.Frames = own.Frames
			*faults = append(*faults, d)
		}
	}()
	fn()
	return true
}

// position returns a place as it is in the file, whatever //line says: the file
// that it names often exists for nobody but the generator.
func (c *Checker) position(pos token.Pos) manifest.Position { return positionIn(c.fset, pos) }

func positionIn(fset *token.FileSet, pos token.Pos) manifest.Position {
	if !pos.IsValid() {
		return manifest.Position{}
	}
	p := fset.PositionFor(pos, false)
	return manifest.Position{File: p.Filename, Line: p.Line, Column: p.Column}
}

// checking is one call of Check.
type checking struct {
	*Checker
	ctx      context.Context
	overlay  map[string][]byte
	state    map[string]progress
	last     bool   // conflicts are not resolved again
	conflict string // a package of which archives knew another one; all begins anew
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

// all brings every package up to date. Host packages come first: archives may
// refer to them.
func (run *checking) all() {
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
func (run *checking) ensure(spec *Package) *checked {
	switch path := spec.ImportPath; run.state[path] {
	case finished:
		return run.done[path]
	case underway:
		run.cycle = true
		return nil
	}
	run.state[spec.ImportPath] = underway
	run.protect(&run.faults, "checking "+spec.ImportPath, func() { run.check(spec) })
	run.state[spec.ImportPath] = finished
	return run.done[spec.ImportPath]
}

func (run *checking) check(spec *Package) {
	var loaded []*parsed
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
	if !spec.Hot && now.types != nil && !run.archives.adopt(now.types) && !run.last {
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
func (run *checking) resolve(spec *Package, path string) (*types.Package, bool, error) {
	path = spec.meaning(path)
	dep := run.specs[path]
	if dep == nil {
		pkg, err := run.archives.load(path)
		if lost, ok := errors.AsType[*ArchiveError](err); ok {
			run.lost = lost
		}
		return pkg, false, err
	}
	if c := run.ensure(dep); c != nil && c.types != nil {
		return c.types, c.broken, nil
	}
	if run.state[path] == underway {
		return nil, true, fmt.Errorf("import cycle not allowed")
	}
	return nil, true, fmt.Errorf("package %s cannot be checked", path)
}

// packages returns what was checked, in the order of the program.
func (run *checking) packages() []*checked {
	var all []*checked
	for i := range run.prog.Packages {
		if c := run.done[run.prog.Packages[i].ImportPath]; c != nil {
			all = append(all, c)
		}
	}
	return slices.Clip(all)
}
