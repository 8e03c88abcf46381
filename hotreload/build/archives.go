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

// exportArchives compiles packages, and what they import, with the go command,
// and returns the archive of each. Errors in the code are a *Failure.
func (b *Builder) exportArchives(ctx context.Context, progress Progress, total int, patterns ...string) (map[string]string, error) {
	compiled := 0
	line := func(text string) {
		// With -v the go command names each package that it compiles.
		if progress == nil || strings.HasPrefix(text, "#") || strings.ContainsAny(text, " :\t") {
			return
		}
		compiled++
		progress(fmt.Sprintf("compiling packages that are not in the build cache: %d (of at most %d), now %s", compiled, total, text))
	}
	args := slices.Concat([]string{"-export", "-deps", "-v", "-json=ImportPath,Export"}, patterns)
	pkgs, err := b.list(ctx, line, args...)
	if err != nil {
		return nil, b.listFailure(err)
	}
	archives := make(map[string]string, len(pkgs))
	for _, p := range pkgs {
		if p.Export != "" {
			archives[p.ImportPath] = p.Export
		}
	}
	return archives, nil
}

// addMissing returns the snapshot with the archives of packages that the
// running process does not have: a hot package imports something new.
func (b *Builder) addMissing(ctx context.Context, s *Snapshot) (*Snapshot, error) {
	var missing []string
	for _, path := range s.graph.Order {
		if _, ok := s.archives[path]; !ok && !s.hot(path) && path != "unsafe" && path != s.boundary.Main {
			missing = append(missing, path)
		}
	}
	if len(missing) == 0 {
		return s, nil
	}
	// The go command allows -buildmode=plugin for one main package only; listing
	// main is the same work, since all else is in the cache.
	all, err := b.exportArchives(ctx, nil, 0, s.boundary.Main)
	if err != nil {
		return nil, err
	}
	next := *s
	next.archives = maps.Clone(s.archives)
	for _, path := range missing {
		archive, ok := all[path]
		if !ok {
			return nil, fmt.Errorf("the go command gave no archive of %s", path)
		}
		next.archives[path] = archive
	}
	return &next, nil
}
