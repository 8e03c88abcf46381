package build

import (
	"context"
	"encoding/hex"
	"fmt"
	"maps"
	"path/filepath"
	"runtime/debug"
	"slices"

	"github.com/anvilforge/anvil-lsp/hotreload/control"
	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/internal/build/compile"
	"github.com/anvilforge/anvil-lsp/internal/build/discover"
	"github.com/anvilforge/anvil-lsp/internal/build/gocmd"
	"github.com/anvilforge/anvil-lsp/internal/build/golist"
	"github.com/anvilforge/anvil-lsp/internal/build/syntax"
)

// Inspect loads the program and draws its boundary, without building it. Errors in the code are a
// *Failure; then the graph, as far as it could be loaded, is returned with the error, so that the
// watcher sees the mistake mended.
func (b *Builder) Inspect(ctx context.Context, main string) (s *Snapshot, g *Graph, err error) {
	err = golist.Listing(ctx, func() error {
		s, g, err = b.inspectOnce(ctx, main)
		return err
	})
	return s, g, err
}

func (b *Builder) inspectOnce(ctx context.Context, main string) (*Snapshot, *Graph, error) {
	g, err := b.Graph(ctx, main)
	if err != nil {
		return nil, g, err
	}
	path, err := discover.Handlers(g)
	if err != nil {
		return nil, g, err
	}
	if g.Packages[manifest.RuntimePath] == nil {
		return nil, g, gocmd.Fail(manifest.Diagnose(manifest.CodeRegister, golist.ModuleFilePosition(g.Main),
			"the program does not import %s", manifest.RuntimePath))
	}
	sources, err := b.readSources(g, nil, nil)
	if err != nil {
		return nil, g, err
	}
	return newSnapshot(g, path, sources), g, nil
}

// newSnapshot returns the snapshot of a program that is not compiled yet.
func newSnapshot(g *Graph, handlers string, sources map[string]syntax.File) *Snapshot {
	s := &Snapshot{
		graph: g, boundary: golist.NewBoundary(g, handlers, nativeIn(sources)), sources: sources,
		archives: map[string]string{}, linked: map[string]bool{}, compiled: map[string]compiled{},
	}
	for path, p := range g.Packages {
		if p.Local() && !s.boundary.Hot(path) {
			s.linked[path] = true
		}
	}
	return s
}

// Stages are told how far the build of an executable has come, long before it is
// there. A function that is nil is not called.
type Stages struct {
	// Listed is told of the files that are about to be compiled, which have been read. Changes that
	// come later are not in them: a caller who would miss none begins to watch.
	Listed func(*Snapshot)
	// Compiled is told what is about to be linked: enough to check code with.
	Compiled func(*Snapshot)
}

// notify calls a stage, if there is one.
func notify(stage func(*Snapshot), s *Snapshot) {
	if stage != nil {
		stage(s)
	}
}

// Host builds the executable of the live server from the code as it is now.
// The generation is the one that it will serve from its own linked handlers. It
// returns a graph and errors as Inspect does.
func (b *Builder) Host(ctx context.Context, main string, generation int, progress Progress,
	stages Stages) (*Result, *Graph, error) {
	watch := newStopwatch()
	// Digests are read before anything is compiled: a file that changes in
	// between differs from them and is taken up by the next batch.
	s, g, err := b.Inspect(ctx, main)
	if err != nil {
		return nil, g, err
	}
	notify(stages.Listed, s)
	archives, _, err := b.list.ExportArchives(ctx, progress, "--", main)
	if err != nil {
		return nil, g, b.list.ExistingIn(g, err)
	}
	delete(archives, s.boundary.Main) // as the main package of a plugin
	s.recordArchives(archives)
	res, err := b.finishHost(ctx, s, generation, hostTarget(generation), watch, control.StepResolve, stages)
	if err != nil {
		err = b.list.ExistingIn(g, err)
	}
	return res, g, err
}

// finishHost makes the executable of compiled packages. step is what has been done so far.
func (b *Builder) finishHost(ctx context.Context, s *Snapshot, generation int, at target, watch *stopwatch,
	step string, stages Stages) (*Result, error) {
	s.host = generation
	dir, err := b.below(filepath.Join("work", at.work))
	if err != nil {
		return nil, gocmd.WriteError(err)
	}
	res := &Result{Path: filepath.Join(b.cfg.OutDir, "host", at.name), generation: generation, work: dir}
	res.Steps = append(res.Steps, watch.step(step))
	notify(stages.Compiled, s) // which is not changed any more
	archive, err := b.linkHost(ctx, s, res, at, watch)
	if err != nil {
		return nil, err
	}
	if err := writeLines(s, res.Path); err != nil {
		return nil, err
	}
	linked := *s
	if main := s.graph.Main; archive != "" {
		linked.static = maps.Clone(s.static)
		linked.static[main.ImportPath] = s.staticOf(main, archive)
	}
	linked.images = []*image{newImage(res.Path)}
	res.Snapshot = &linked
	b.prepare(res.Snapshot)
	for _, path := range s.graph.Order {
		if s.graph.Packages[path].Workspace() {
			res.Rebuilt = append(res.Rebuilt, path)
		}
	}
	return res, nil
}

// recordArchives records where the archives of packages are.
func (s *Snapshot) recordArchives(archives map[string]string) {
	s.static = map[string]static{}
	for path, archive := range archives {
		if p := s.graph.Packages[path]; p != nil && p.Local() {
			s.static[path] = s.staticOf(p, archive)
		}
		switch {
		case s.hot(path):
			s.compiled[path] = compiled{path: path, archive: archive, plain: archive}
		case path != s.boundary.Main:
			s.archives[path] = archive
		}
	}
}

// linkHost links the executable, and before that compiles the main package if it has to be. It
// returns its archive; of one that only the go command can compile there is none.
func (b *Builder) linkHost(ctx context.Context, s *Snapshot, res *Result, at target,
	watch *stopwatch) (archive string, err error) {
	if _, err := b.below("host"); err != nil { // of res.Path
		return "", gocmd.WriteError(err)
	}
	main := s.graph.Main
	if len(main.Native()) > 0 || !b.sharedArchives() {
		return "", b.goBuildHost(ctx, main, res, watch)
	}
	if archive = s.static[main.ImportPath].archive; archive == "" {
		archive = filepath.Join(res.work, "main.a")
		job := compile.Job{Pkg: main, Path: "main", Out: archive, Importcfg: importConfig(s, s.compiled, "")}
		if job.Files, job.Flags, err = at.sources(main, res.work); err != nil {
			return "", err
		}
		if err := b.compiler.Compile(ctx, job); err != nil {
			return "", err
		}
		res.Steps = append(res.Steps, watch.step(control.StepCompile))
	}
	mode := []string{"-buildmode=pie"}
	if main.DefaultGODEBUG != "" {
		mode = append(mode, "-X=runtime.godebugDefault="+main.DefaultGODEBUG)
	}
	mode = append(mode, b.tools.VariableFlags()...)
	if err := b.full.Run(ctx, res.work, res.Path, archive, linkConfig(s)+b.modInfo(s.graph), mode...); err != nil {
		return "", err
	}
	res.Steps = append(res.Steps, watch.step(control.StepLink))
	return archive, nil
}

// staticOf is a package as it was compiled just now.
func (s *Snapshot) staticOf(p *Package, archive string) static {
	return static{archive: archive, inputs: s.compiledFrom(p), texts: s.texts(p), pkg: p}
}

// sharedArchives reports whether the archives that were compiled for plugins
// can make the executable too. They do as PIE, where that was seen to work; the
// race detector does not run as PIE.
func (b *Builder) sharedArchives() bool {
	return !b.tools.Race && b.tools.Env.GOOS == "linux" && (b.tools.Env.GOARCH == "amd64" || b.tools.Env.GOARCH == "arm64")
}

// goBuildHost leaves the executable to the go command: for a main package with
// cgo or assembly of its own, and where archives cannot be shared. The archives of its dependencies
// differ from the plugins' only in how they address data, which the runtime's check leaves out.
func (b *Builder) goBuildHost(ctx context.Context, main *Package, res *Result, watch *stopwatch) error {
	flags := slices.DeleteFunc(b.tools.Flags(), func(f string) bool { return f == "-buildmode=plugin" })
	args := slices.Concat([]string{"build"}, flags, []string{"-o", res.Path, "--", main.ImportPath})
	if _, err := b.tools.Output(ctx, b.tools.Dir, b.tools.Go, args...); err != nil {
		return b.list.ListFailure(err)
	}
	res.Steps = append(res.Steps, watch.step(control.StepLink))
	return nil
}

// modInfo returns the line that makes debug.ReadBuildInfo work in the
// executable. The markers are those of cmd/go/internal/modload.ModInfoData.
func (b *Builder) modInfo(g *Graph) string {
	info := debug.BuildInfo{GoVersion: b.tools.Env.GOVERSION, Path: g.Main.ImportPath}
	seen := map[string]bool{}
	for _, path := range g.Order {
		m := g.Packages[path].Module
		if m == nil || seen[m.Path] {
			continue
		}
		seen[m.Path] = true
		dm := &debug.Module{Path: m.Path, Version: m.Version, Sum: m.Sum}
		if r := m.Replace; r != nil {
			dm.Sum, dm.Replace = "", &debug.Module{Path: r.Path, Version: r.Version, Sum: r.Sum}
		}
		if dm.Version == "" {
			dm.Version = "(devel)"
		}
		if g.Main.Module != nil && m.Path == g.Main.Module.Path {
			info.Main = *dm
		} else {
			info.Deps = append(info.Deps, dm)
		}
	}
	slices.SortFunc(info.Deps, func(x, y *debug.Module) int {
		if x.Path < y.Path {
			return -1
		}
		return 1
	})
	start, _ := hex.DecodeString("3077af0c9274080241e1c107e6d618e6")
	end, _ := hex.DecodeString("f932433186182072008242104116d8f2")
	return fmt.Sprintf("modinfo %q\n", string(start)+info.String()+string(end))
}
