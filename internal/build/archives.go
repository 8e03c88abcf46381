package build

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"path/filepath"
	"slices"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
)

// addMissing returns the snapshot with the archives that it lacks: a hot package
// imports something new, the build cache was cleaned, or modules changed, and with
// them what code is checked against. Hot code need not compile for that. running
// is what the process was linked from; nil if there is none.
func (b *Builder) addMissing(ctx context.Context, s, running *Snapshot, progress Progress) (*Snapshot, error) {
	missing := s.missing()
	moved := s.movedFrom(running)
	if len(moved) > 0 { // whatever imports those tells of them, too
		missing = s.without(func(string) bool { return false })
	}
	if len(missing) == 0 {
		return s, nil
	}
	if progress == nil {
		progress = b.cfg.Progress
	}
	// The go command allows -buildmode=plugin for one main package only; listing
	// main is the same work, since all else is in the cache.
	archives, failed, err := b.list.ExportArchives(ctx, progress, "-e", "--", s.boundary.Main)
	if err != nil {
		return nil, err
	}
	next := *s
	next.archives, next.fresh, next.compiled, next.faults = maps.Clone(s.archives), maps.Clone(s.fresh),
		maps.Clone(s.compiled), map[string]fault{}
	if next.fresh == nil {
		next.fresh = map[string]bool{}
	}
	for _, path := range missing {
		archive, ok := archives[path]
		if !ok || !moved[path] && !s.replaces(running, path, archive) {
			continue
		}
		if s.hot(path) {
			c := compiled{path: path, archive: archive, plain: archive}
			if was := s.compiled[path]; was.path != "" && was.path != path {
				c.path, c.archive = was.path, was.archive
			}
			next.compiled[path] = c
			continue
		}
		if _, had := s.archives[path]; !had {
			next.fresh[path] = true
		}
		next.archives[path] = archive
	}
	for _, f := range failed {
		if p := s.graph.Packages[f.ImportPath]; p != nil {
			next.faults[p.ImportPath] = fault{inputs: s.inputDigest(p), found: b.list.FaultsOf(p, f.Error.Err)}
		}
	}
	return &next, nil
}

// movedFrom returns the packages that are of another module, or another version of
// one, than in a snapshot, but for hot ones.
func (s *Snapshot) movedFrom(running *Snapshot) map[string]bool {
	moved := map[string]bool{}
	if running == nil {
		return moved
	}
	for path, now := range s.graph.Packages {
		if was := running.last(path); was != nil && !s.hot(path) && was.ModuleID() != now.ModuleID() {
			moved[path] = true
		}
	}
	return moved
}

// replaces reports whether an archive that was made just now is of the code that
// the process was linked from, so that it can stand for the one that is gone. The
// go command names it by its contents.
func (s *Snapshot) replaces(running *Snapshot, path, archive string) bool {
	gone := cmp.Or(s.archives[path], s.compiled[path].archive)
	if running == nil || gone == "" || filepath.Base(gone) == filepath.Base(archive) {
		return true
	}
	was, now := running.graph.Packages[path], s.graph.Packages[path]
	if was == nil || !now.Local() {
		return true // the same module in the same version; with cgo the bytes may differ
	}
	_, differs := (&Plan{next: s}).difference(running, was, now)
	return !differs
}

// missing lists the packages of which there is no archive: there never was one, or it is not in the
// build cache any more. Hot packages that are still to be compiled are not among them.
func (s *Snapshot) missing() []string {
	return s.without(func(archive string) bool { return archive != "" && readable(archive) })
}

// without lists the packages that have no archive that will do, but for hot ones that
// are still to be compiled.
func (s *Snapshot) without(does func(archive string) bool) []string {
	var out []string
	for _, path := range s.graph.Order {
		if path == "unsafe" || path == s.boundary.Main {
			continue
		}
		archive := s.archives[path]
		if s.hot(path) {
			c, ok := s.compiled[path]
			if !ok || c.plain == "" { // by anvil-lsp, under another path: not from the cache
				continue
			}
			archive = c.plain
		}
		if !does(archive) {
			out = append(out, path)
		}
	}
	return out
}

// Restore has the go command make the archives again that the build cache does
// not have any more, and returns the snapshot with them.
func (b *Builder) Restore(ctx context.Context, s *Snapshot) (*Snapshot, error) {
	s, err := b.addMissing(ctx, s, s, nil)
	if err != nil {
		return nil, err
	}
	if gone := s.missing(); len(gone) > 0 {
		return nil, fmt.Errorf("what was compiled of %s is not in the build cache any more, "+
			"and the go command does not make it again as it was", gone[0])
	}
	return s, nil
}

// Prepare is Inspect with the archives of all packages that are not hot, as far
// as they compile: enough to check hot code without building anything that
// runs. What does not compile is in the snapshot's Faults.
func (b *Builder) Prepare(ctx context.Context, main string, progress Progress) (*Snapshot, *Graph, error) {
	s, g, err := b.Inspect(ctx, main)
	if err != nil {
		return nil, g, err
	}
	s, err = b.addMissing(ctx, s, nil, progress)
	return s, g, err
}

// Sources returns the packages that are to be checked from source, dependencies first: the hot
// ones, host packages that do not compile, and local packages that import those.
func (s *Snapshot) Sources() []*Package { return s.sourcesWith(nil) }

// sourcesWith is Sources with host packages whose archives are not of the code as it is now.
func (s *Snapshot) sourcesWith(changed []string) []*Package {
	stale := map[string]bool{}
	faults := s.Faults()
	var out []*Package
	for _, path := range s.graph.Order {
		pkg := s.graph.Packages[path]
		if s.hot(path) {
			out = append(out, pkg)
			continue
		}
		_, compiled := s.archives[path]
		if path == s.boundary.Main {
			compiled = faults[path] == nil
		}
		if slices.Contains(changed, path) || pkg.Local() &&
			(!compiled || slices.ContainsFunc(pkg.Imports, func(i string) bool { return stale[i] })) {
			stale[path] = true
			out = append(out, pkg)
		}
	}
	return out
}

// HostSources returns the host packages whose source the checker can follow where registration
// leads into it: those that can be edited in place, and dependencies that use the runtime. The
// runtime itself is known without, and code in other languages is none that can be followed.
func (s *Snapshot) HostSources() []*Package {
	var out []*Package
	runtime := s.graph.Packages[manifest.RuntimePath]
	for _, path := range s.graph.Order {
		p := s.graph.Packages[path]
		if p.Standard || s.hot(path) || path == s.boundary.Main || len(p.Native()) > 0 ||
			runtime != nil && p.ModuleName() == runtime.ModuleName() {
			continue
		}
		if p.Local() && !p.Vendored() || slices.Contains(p.Imports, manifest.RuntimePath) {
			out = append(out, p)
		}
	}
	return out
}

// Archives returns the compiler's archive of every package that is not hot, by
// import path. The map must not be changed.
func (s *Snapshot) Archives() map[string]string { return s.archives }

// Compiles has the go command compile packages of a plan, as they are on disk, and
// what they import, but not what imports them. It is the quickest way to know
// whether there is an error that is expected: the error is then a *Failure.
func (b *Builder) Compiles(ctx context.Context, plan *Plan, packages []string) error {
	var paths []string
	for _, path := range plan.next.graph.Order {
		if p := plan.next.graph.Packages[path]; p.Local() && slices.Contains(packages, path) {
			paths = append(paths, path)
		}
	}
	if len(paths) == 0 {
		return nil
	}
	_, _, err := b.list.ExportArchives(ctx, nil, slices.Concat([]string{"--"}, paths)...)
	return err
}
