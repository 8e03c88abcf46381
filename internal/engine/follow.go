package engine

import (
	"errors"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"sync/atomic"

	"github.com/anvilforge/anvil-lsp/internal/build"
	"github.com/anvilforge/anvil-lsp/internal/build/discover"
	"github.com/anvilforge/anvil-lsp/internal/build/golist"
	"github.com/anvilforge/anvil-lsp/internal/watch"
)

// watchSet is what the watcher follows: directories, and the changes in them that count.
type watchSet struct {
	dirs     map[string]bool
	relevant func(path string) bool
}

// graphSet is what decides about the live generation and about the one being tried. Both may be nil.
func graphSet(dir string, live, next *build.Snapshot) watchSet {
	known := slices.DeleteFunc([]*build.Snapshot{live, next}, func(s *build.Snapshot) bool { return s == nil })
	set := watchSet{map[string]bool{dir: true}, func(path string) bool {
		return len(known) == 0 && golist.PossiblyRelevant(path) || slices.ContainsFunc(known, func(s *build.Snapshot) bool {
			return s.Relevant(path) && (!watch.Copy(path) || s.Builds(path))
		})
	}}
	for _, s := range known {
		set.add(s.Dirs())
	}
	return set
}

// brokenSet is what may repair a graph that did not build, in it or in a directory that is made
// below it. Both may be nil.
func brokenSet(dir string, live *build.Snapshot, g *build.Graph) watchSet {
	set := watchSet{map[string]bool{dir: true}, func(path string) bool {
		if watch.Copy(path) { // removing it may repair the graph, adding it never does
			return g != nil && g.Builds(path) || live != nil && live.Builds(path)
		}
		return g == nil && golist.PossiblyRelevant(path) || g != nil && g.Mends(path) || live != nil && live.Relevant(path)
	}}
	if g != nil {
		set.add(g.Dirs())
	}
	if live != nil {
		set.add(live.Dirs())
	}
	return set
}

func (s watchSet) add(dirs []string) {
	for _, d := range dirs {
		s.dirs[d] = true
	}
}

// treeSet is all directories in which there may be a program, where none was found.
func treeSet(dir string) watchSet {
	dirs := map[string]bool{dir: true}
	_ = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil || !d.IsDir() || path == dir:
		case len(dirs) == maxTree:
			return fs.SkipAll
		case discover.Skipped(path):
			return fs.SkipDir
		default:
			dirs[path] = true
		}
		return nil
	})
	return watchSet{dirs, golist.PossiblyRelevant}
}

// maxTree bounds how many directories are watched for a program.
const maxTree = 2000

// follow sets what the watcher follows, and returns the directories that it did not follow before.
func (e *Engine) follow(s watchSet) (began []string) {
	e.relevant.Store(&s.relevant)
	// A task may outlive the watcher: it is told to end at the same moment.
	began, err := e.watcher.SetDirs(slices.Sorted(maps.Keys(s.dirs)))
	if err != nil && !errors.Is(err, watch.ErrClosed) {
		e.publish(warning("%v", err))
	}
	return began
}

// attributes decides whether a change of nothing but attributes counts: only while what was tried
// last could not be read.
type attributes struct {
	denied  atomic.Bool // the newest code was not read for want of permission
	changed atomic.Bool // some changed since the last attempt began
}

// count is asked by the watcher.
func (a *attributes) count(string) bool {
	a.changed.Store(true)
	return a.denied.Load()
}

// begin notes that files are about to be read.
func (a *attributes) begin() { a.changed.Store(false) }

// end is told whether any may not be, and reports whether that may have changed before it was told.
func (a *attributes) end(denied bool) (again bool) {
	a.denied.Store(denied)
	return denied && a.changed.Load()
}
