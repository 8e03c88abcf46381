package build

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/anvilforge/anvil-lsp/internal/build/golist"
	"github.com/anvilforge/anvil-lsp/internal/build/syntax"
)

// Missed returns the files of some directories that are not as they were when the
// snapshot was taken, sorted: what was saved before somebody watched them.
func (s *Snapshot) Missed(dirs []string) []string {
	if len(dirs) == 0 {
		return nil // as at nearly every save
	}
	within := map[string]bool{}
	for _, d := range dirs {
		within[d] = true
	}
	var missed []string
	for path := range s.sources {
		if within[filepath.Dir(path)] && s.Differs(path) {
			missed = append(missed, path)
		}
	}
	for dir := range within {
		entries, _ := os.ReadDir(dir) // what was in one that is gone differs
		for _, e := range entries {
			path := filepath.Join(dir, e.Name())
			if _, known := s.sources[path]; !known && e.Type().IsRegular() && s.adds(path) {
				missed = append(missed, path)
			}
		}
	}
	slices.Sort(missed)
	return missed
}

// adds reports whether a file that the snapshot does not have would be in one that
// is taken now. Of those that are not Go that is not certain, and they are left out.
func (s *Snapshot) adds(path string) bool {
	if base := filepath.Base(path); strings.HasSuffix(base, ".go") {
		p := s.packageIn(filepath.Dir(path))
		return p != nil && !syntax.IgnoredGoName(base) && !slices.Contains(p.IgnoredGoFiles, base) // of a vendored package these are not read
	}
	return s.embedder(path) != nil
}

// ChangedSince reports whether any of some directories, or a file in them that may
// decide what is built, has changed since a moment. It goes by modification times,
// and in doubt says so.
func ChangedSince(dirs []string, since time.Time) bool {
	const coarse = 50 * time.Millisecond // by which the times of files are behind the clock
	since = since.Add(-coarse)
	after := func(path string) bool {
		info, err := os.Stat(path)
		return err == nil && !info.ModTime().Before(since)
	}
	return slices.ContainsFunc(dirs, func(dir string) bool {
		if after(dir) {
			return true
		}
		entries, _ := os.ReadDir(dir)
		return slices.ContainsFunc(entries, func(e os.DirEntry) bool {
			path := filepath.Join(dir, e.Name())
			return e.Type().IsRegular() && golist.PossiblyRelevant(path) && after(path)
		})
	})
}
