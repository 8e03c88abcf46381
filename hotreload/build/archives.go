package build

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Progress is told, in a few words, what a long build is doing. It is called
// from another goroutine and must not block.
type Progress func(message string)

// exports is what the go command made of packages.
type exports struct {
	archives map[string]string // by import path
	// failed are the packages that do not compile; they can be there with -e only.
	failed []*Package
}

// exportArchives compiles packages, and what they import, with the go command,
// and returns the archive of each. Errors in the code are a *Failure, unless -e
// is given.
func (b *Builder) exportArchives(ctx context.Context, progress Progress, total int, args ...string) (*exports, error) {
	compiled := 0
	line := func(text string) {
		// With -v the go command names each package that it compiles.
		if progress == nil || strings.HasPrefix(text, "#") || strings.ContainsAny(text, " :\t") {
			return
		}
		compiled++
		progress(fmt.Sprintf("compiling packages that are not in the build cache: %d (of at most %d), now %s", compiled, total, text))
	}
	pkgs, err := b.list(ctx, line, slices.Concat([]string{"-export", "-deps", "-v", "-json=ImportPath,Export,Error"}, args)...)
	if err != nil {
		return nil, b.listFailure(err)
	}
	out := &exports{archives: make(map[string]string, len(pkgs))}
	for _, p := range pkgs {
		switch {
		case p.Error != nil:
			if err := diskFull(p.Error.Err); err != nil {
				return nil, err
			}
			out.failed = append(out.failed, p)
		case p.Export != "":
			out.archives[p.ImportPath] = p.Export
		}
	}
	return out, nil
}

// addMissing returns the snapshot with the archives of packages that the
// running process does not have: a hot package imports something new. Hot code
// need not compile for that.
func (b *Builder) addMissing(ctx context.Context, s *Snapshot, progress Progress) (*Snapshot, error) {
	missing := s.missing()
	if len(missing) == 0 {
		return s, nil
	}
	// The go command allows -buildmode=plugin for one main package only; listing
	// main is the same work, since all else is in the cache.
	all, err := b.exportArchives(ctx, progress, len(s.graph.Order), "-e", "--", s.boundary.Main)
	if err != nil {
		return nil, err
	}
	next := *s
	next.archives, next.fresh, next.faults = maps.Clone(s.archives), maps.Clone(s.fresh), map[string]fault{}
	if next.fresh == nil {
		next.fresh = map[string]bool{}
	}
	for _, path := range missing {
		if archive, ok := all.archives[path]; ok {
			next.archives[path] = archive
			next.fresh[path] = true
		}
	}
	for _, f := range all.failed {
		if p := s.graph.Packages[f.ImportPath]; p != nil {
			next.faults[p.ImportPath] = fault{inputs: s.inputDigest(p), found: b.faultsOf(p, f.Error.Err)}
		}
	}
	return &next, nil
}

// missing lists the packages that are not hot and have no archive.
func (s *Snapshot) missing() []string {
	var out []string
	for _, path := range s.graph.Order {
		if _, ok := s.archives[path]; !ok && !s.hot(path) && path != "unsafe" && path != s.boundary.Main {
			out = append(out, path)
		}
	}
	return out
}

// Prepare is Inspect with the archives of all packages that are not hot, as far
// as they compile: enough to check hot code without building anything that
// runs. What does not compile is in the snapshot's Faults.
func (b *Builder) Prepare(ctx context.Context, main string, progress Progress) (*Snapshot, *Graph, error) {
	s, g, err := b.Inspect(ctx, main)
	if err != nil {
		return nil, g, err
	}
	s, err = b.addMissing(ctx, s, progress)
	return s, g, err
}

// Sources returns the packages that are to be checked from source, dependencies
// first: the hot ones, host packages that do not compile, and local packages that
// import those.
func (s *Snapshot) Sources() []*Package { return s.sourcesWith(nil) }

// sourcesWith is Sources with host packages whose archives are not of the code
// as it is now.
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
		if slices.Contains(changed, path) || pkg.Local() && (!compiled || slices.ContainsFunc(pkg.Imports, func(i string) bool { return stale[i] })) {
			stale[path] = true
			out = append(out, pkg)
		}
	}
	return out
}

// HostSources returns the host packages whose source the checker can follow where
// registration leads into it: those that can be edited in place, and
// dependencies that use the runtime. The runtime itself is known without, and
// code in other languages is none that can be followed.
func (s *Snapshot) HostSources() []*Package {
	var out []*Package
	runtime := s.graph.Packages[RuntimePath]
	for _, path := range s.graph.Order {
		p := s.graph.Packages[path]
		if p.Standard || s.hot(path) || path == s.boundary.Main || len(p.native()) > 0 || runtime != nil && p.moduleName() == runtime.moduleName() {
			continue
		}
		if p.Local() && !p.vendored() || slices.Contains(p.Imports, RuntimePath) {
			out = append(out, p)
		}
	}
	return out
}

// Archives returns the compiler's archive of every package that is not hot, by
// import path. The map must not be changed.
func (s *Snapshot) Archives() map[string]string { return s.archives }
