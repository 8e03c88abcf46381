package engine

import (
	"errors"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/anvilforge/anvil-lsp/hotreload/control"
	"github.com/anvilforge/anvil-lsp/internal/build"
	"github.com/anvilforge/anvil-lsp/internal/watch"
)

// watchGraph has the watcher follow what decides about the live generation and
// about the one being tried. What changed between the moment that the latter was
// read and now is taken up as if it were saved now.
func (e *Engine) watchGraph(live, next *build.Snapshot) {
	dirs := map[string]bool{e.opts.Dir: true}
	var known []*build.Snapshot
	for _, s := range []*build.Snapshot{live, next} {
		if s == nil {
			continue
		}
		known = append(known, s)
		for _, d := range s.Dirs() {
			dirs[d] = true
		}
	}
	relevant := func(path string) bool {
		if len(known) == 0 {
			return build.PossiblyRelevant(path)
		}
		return slices.ContainsFunc(known, func(s *build.Snapshot) bool {
			return s.Relevant(path) && (!watch.Copy(path) || s.Builds(path))
		})
	}
	began := e.follow(dirs, relevant)
	if next != nil {
		e.Look(next.Missed(began)...)
	}
}

// watchDirs has the watcher follow a graph that did not build, as far as there
// is one: whatever may mend it, in it or in a directory that is made below it. It
// reports whether any of that may have changed since the graph was asked for.
func (e *Engine) watchDirs(live *build.Snapshot, g *build.Graph, asked time.Time) (outdated bool) {
	dirs := map[string]bool{e.opts.Dir: true}
	if g != nil {
		for _, d := range g.Dirs() {
			dirs[d] = true
		}
	}
	if live != nil {
		for _, d := range live.Dirs() {
			dirs[d] = true
		}
	}
	began := e.follow(dirs, func(path string) bool {
		if watch.Copy(path) { // its end may mend the graph, its appearance never does
			return g != nil && g.Builds(path) || live != nil && live.Builds(path)
		}
		return g == nil && build.PossiblyRelevant(path) || g != nil && g.Mends(path) || live != nil && live.Relevant(path)
	})
	return g != nil && g.Outdated() || build.ChangedSince(began, asked)
}

// watchTree has the watcher follow all directories in which there may be a
// program, where none was found. It reports whether one may have come since it was
// searched for.
func (e *Engine) watchTree(searched time.Time) (outdated bool) {
	dirs := map[string]bool{e.opts.Dir: true}
	_ = filepath.WalkDir(e.opts.Dir, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil || !d.IsDir() || path == e.opts.Dir:
		case len(dirs) == maxTree:
			return fs.SkipAll
		case strings.HasPrefix(d.Name(), ".") || strings.HasPrefix(d.Name(), "_") || d.Name() == "node_modules" || d.Name() == "testdata" || build.VendorDir(path):
			return fs.SkipDir
		default:
			dirs[path] = true
		}
		return nil
	})
	return build.ChangedSince(e.follow(dirs, build.PossiblyRelevant), searched)
}

// attributes decides whether a change of nothing but attributes counts: only while
// what was tried last could not be read.
type attributes struct {
	denied  atomic.Bool // the newest code was not read for want of permission
	changed atomic.Bool // some changed since the last attempt began
}

// count is asked by the watcher.
func (a *attributes) count(string) bool {
	a.changed.Store(true)
	return a.denied.Load()
}

// begin is told that files are about to be read.
func (a *attributes) begin() { a.changed.Store(false) }

// end is told whether any may not be, and reports whether that may have changed
// before it was told.
func (a *attributes) end(denied bool) (again bool) {
	a.denied.Store(denied)
	return denied && a.changed.Load()
}

// maxTree bounds how many directories are watched for a program.
const maxTree = 2000

// follow returns the directories that were not followed before.
func (e *Engine) follow(dirs map[string]bool, relevant func(string) bool) (began []string) {
	e.relevant.Store(&relevant)
	// A task may outlive the watcher: it is told to end at the same moment.
	began, err := e.watcher.SetDirs(slices.Sorted(maps.Keys(dirs)))
	if err != nil && !errors.Is(err, watch.ErrClosed) {
		e.publish(control.Event{Kind: control.EventWarning, Message: err.Error()})
	}
	return began
}
