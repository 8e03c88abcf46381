package build

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/anvilforge/anvil-lsp/hotreload/control"
	"github.com/anvilforge/anvil-lsp/internal/build/compile"
	"github.com/anvilforge/anvil-lsp/internal/build/gocmd"
	"github.com/anvilforge/anvil-lsp/internal/build/syntax"
)

// static is a local package as the executable was linked from it: under its own
// import path, hot or not.
type static struct {
	archive string
	inputs  syntax.Sum // of what it was compiled from; see compiledFrom
	texts   map[string]syntax.File
	pkg     *Package
}

// compiledFrom sums what a local package is compiled from, besides the packages that it imports.
func (s *Snapshot) compiledFrom(p *Package) syntax.Sum {
	return syntax.SumOf([]any{p.ModuleID(), s.inputDigest(p), p.EmbedPatterns})
}

// errGoCommand says that an executable has to be left to the go command.
var errGoCommand = errors.New("the go command has to compile it")

// Rehost builds the executable of the live server for a plan. It calls the
// compiler as Plugin does, for what the code of a package, or the exported part
// of one that it imports, makes necessary. Where that is not enough, because
// modules or what only the go command can compile have changed, it is Host.
func (b *Builder) Rehost(ctx context.Context, plan *Plan, generation int, progress Progress,
	stages Stages) (*Result, *Graph, error) {
	if res := b.claimAhead(ctx, plan, generation); res != nil {
		notify(stages.Compiled, res.Snapshot)
		return res, res.Snapshot.graph, nil
	}
	res, err := b.rehost(ctx, plan, generation, hostTarget(generation), stages)
	switch {
	case errors.Is(err, errGoCommand):
		return b.Host(ctx, plan.next.boundary.Main, generation, progress, stages)
	case err != nil:
		return nil, plan.next.graph, b.list.ExistingIn(plan.next.graph, err)
	}
	return res, res.Snapshot.graph, nil
}

// rehost is Rehost without the go command.
func (b *Builder) rehost(ctx context.Context, plan *Plan, generation int, at target, stages Stages) (*Result, error) {
	watch := newStopwatch()
	s, err := b.recompile(ctx, plan, at)
	if err != nil {
		return nil, err
	}
	res, err := b.finishHost(ctx, s, generation, at, watch, control.StepCompile, stages)
	if err != nil && strings.Contains(err.Error(), "fingerprint mismatch") {
		// The linker's words for archives that were not compiled with each other
		// (cmd/link/internal/ld.checkFingerprint): all are made again.
		return nil, fmt.Errorf("%w: %w", errGoCommand, err)
	}
	if err != nil {
		return nil, err
	}
	res.Rebuilt = slices.DeleteFunc(res.Rebuilt, func(path string) bool {
		archive := s.static[path].archive // main has none where the go command links it
		return archive != "" && archive == plan.base.static[path].archive
	})
	return res, nil
}

// hostTarget is where the executable of a generation is built.
func hostTarget(generation int) target {
	return target{name: fmt.Sprintf("%04d", generation), work: fmt.Sprintf("h%d", generation)}
}

// recompile returns the snapshot of the program that a plan is for, with what of
// it had to be compiled.
func (b *Builder) recompile(ctx context.Context, plan *Plan, at target) (*Snapshot, error) {
	was := plan.base
	if was == nil || was.static == nil || !b.sharedArchives() || plan.next.boundary.Main != was.boundary.Main {
		return nil, errGoCommand
	}
	s := newSnapshot(plan.next.graph, plan.next.boundary.Handlers, plan.next.sources)
	dir, err := b.below(filepath.Join("work", at.work))
	if err != nil {
		return nil, gocmd.WriteError(err)
	}
	now := &recompiled{b: b, s: s, was: was, at: at, dir: dir, edited: compile.NewDifferences(),
		before: map[string]static{}, archives: map[string]string{}, changed: map[string]bool{}, moved: map[string]bool{}}
	var local []string
	for _, path := range s.graph.Order {
		switch p := s.graph.Packages[path]; {
		case path == "unsafe":
		case path == s.boundary.Main && len(p.Native()) > 0: // see linkHost
		case p.Local():
			local = append(local, path)
			if old, ok := was.lastCompiled(path); ok {
				now.before[path] = old
				now.edited.Compare(old.pkg, p, old.texts, s.sources)
			} else {
				now.edited.Compare(nil, p, nil, s.sources)
			}
		default:
			old := was.graph.Packages[path]
			archive := plan.next.archives[path]
			if old == nil || old.ModuleID() != p.ModuleID() || archive == "" {
				return nil, errGoCommand
			}
			if _, err := os.Stat(archive); err != nil {
				return nil, errGoCommand // the build cache was cleaned
			}
			now.archives[path] = archive
		}
	}
	if err := s.graph.InOrder(local, func(path string) error { return now.compile(ctx, path) }); err != nil {
		return nil, err
	}
	s.recordArchives(now.archives)
	s.handoff = was.handoff
	if handlers := s.boundary.Handlers; s.static[handlers].archive != now.before[handlers].archive {
		s.handoff = s.static[handlers].archive // compiled just now
	}
	return s, nil
}

// recompiled are the archives of a program that is compiled again in part. It is
// safe for concurrent use.
type recompiled struct {
	b   *Builder
	s   *Snapshot // of the program
	was *Snapshot // of what runs
	at  target
	dir string
	// edited are the differences in the source of local packages.
	edited *compile.Differences
	// before are local packages as they were last compiled under their own paths.
	before map[string]static

	mu       sync.Mutex        // guards what follows
	archives map[string]string // by import path
	changed  map[string]bool   // packages whose importers have to be compiled
	moved    map[string]bool   // those that, or an import of which, tell other positions
}

// compile compiles a package whose imports are there, if it has to be.
func (r *recompiled) compile(ctx context.Context, path string) error {
	p := r.s.graph.Packages[path]
	cfg, changed, moved := r.imports(p)
	old, had := r.before[path]
	changed = changed || !r.belongs(p)
	if had && !changed && old.inputs == r.s.compiledFrom(p) && (!moved || r.edited.Unmoved(old.archive)) {
		r.done(path, old.archive, false, moved)
		return nil
	}
	if len(p.Native()) > 0 {
		return errGoCommand
	}
	name := sha256.Sum256([]byte(path)) // packages can have the same one
	archive := filepath.Join(r.dir, fmt.Sprintf("%s-%x.a", p.Name, name[:6]))
	job := compile.Job{Pkg: p, Path: path, Out: archive, Importcfg: cfg}
	if path == r.s.boundary.Main {
		job.Path = "main"
	}
	var err error
	if job.Files, job.Flags, err = r.at.sources(p, r.dir); err != nil {
		return err
	}
	run := r.b.compiler.Compile
	if path == r.s.boundary.Handlers {
		run = r.b.compiler.CompileHandlers
	}
	if err := run(ctx, job); err != nil {
		return err
	}
	if !had || path == r.s.boundary.Main {
		r.done(path, archive, true, true)
		return nil
	}
	exports, err := r.edited.Substitute(path, old.archive, archive, changed)
	if err != nil {
		return err
	}
	r.done(path, archive, exports == compile.ExportsChanged, moved || exports != compile.ExportsSame)
	return nil
}

// lastCompiled returns a local package as it was last compiled under its own import
// path: for the executable, or if it is hot for a plugin after that.
func (s *Snapshot) lastCompiled(path string) (static, bool) {
	p := s.graph.Packages[path]
	if c := s.compiled[path]; p != nil && c.plain != "" && readable(c.plain) {
		return s.staticOf(p, c.plain), true
	}
	old, ok := s.static[path]
	return old, ok && readable(old.archive)
}

func readable(file string) bool {
	_, err := os.Stat(file)
	return err == nil
}

// belongs reports whether a package was last compiled with its imports as those were
// last compiled: both for the executable, or both for a plugin.
func (r *recompiled) belongs(p *Package) bool {
	of := func(path string) (executable, plugin bool) {
		archive := r.before[path].archive
		return archive == r.was.static[path].archive, archive == r.was.compiled[path].plain
	}
	executable, plugin := of(p.ImportPath)
	return !slices.ContainsFunc(p.Imports, func(imp string) bool {
		if _, ok := r.was.compiled[imp]; !ok { // it is no hot package
			return false
		}
		e, pl := of(imp)
		return !(executable && e || plugin && pl)
	})
}

// imports returns the importcfg of a package, and whether an import makes it
// necessary to compile it, or may.
func (r *recompiled) imports(p *Package) (cfg string, changed, moved bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var b strings.Builder
	for _, imp := range p.Imports {
		changed = changed || r.changed[imp]
		moved = moved || r.moved[imp]
	}
	all := slices.Clone(p.Imports)
	if p.ImportPath == r.s.boundary.Handlers {
		all = append(all, compile.HandoffImports()...)
	}
	slices.Sort(all)
	for _, imp := range slices.Compact(all) {
		if imp != "unsafe" && imp != "C" {
			fmt.Fprintf(&b, "packagefile %s=%s\n", imp, r.archives[imp])
		}
	}
	return b.String(), changed, moved
}

func (r *recompiled) done(path, archive string, changed, moved bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.archives[path], r.changed[path], r.moved[path] = archive, changed, moved
}
