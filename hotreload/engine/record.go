package engine

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/anvilforge/anvil-lsp/hotreload/build"
	"github.com/anvilforge/anvil-lsp/hotreload/control"
	"github.com/anvilforge/anvil-lsp/manifest"
)

// keepManifests is how many manifests stay in the history.
const keepManifests = 20

// ManifestPath returns the path of the manifest that went live last, for an
// application's directory.
func ManifestPath(dir string) string { return filepath.Join(dir, OutDir, "manifest.json") }

// HistoryPath returns the path of the manifest of one generation of the engine
// that works, or worked last, in an application's directory.
func HistoryPath(dir string, generation int) string {
	return filepath.Join(dir, OutDir, "history", fmt.Sprintf("%04d.json", generation))
}

// record writes what went live to manifest.json and to the history.
func (e *Engine) record(s *build.Snapshot, m *manifest.Manifest) error {
	full := *m
	full.Host, full.Hot, full.Modules, full.GODEBUG = s.Host(), s.Hot(), s.Modules(), s.GODEBUG()
	full.Sort()
	if err := full.Write(ManifestPath(e.opts.Dir)); err != nil {
		return err
	}
	path := HistoryPath(e.opts.Dir, full.Generation)
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return fmt.Errorf("keeping the manifest: %w", err)
	}
	if err := full.Write(path); err != nil {
		return err
	}
	return e.pruneHistory(filepath.Dir(path))
}

func (e *Engine) pruneHistory(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("keeping the manifest: %w", err)
	}
	entries = slices.DeleteFunc(entries, func(d fs.DirEntry) bool { return !strings.HasSuffix(d.Name(), ".json") })
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { // by number, also beyond four digits
		return cmp.Or(cmp.Compare(len(a.Name()), len(b.Name())), strings.Compare(a.Name(), b.Name()))
	})
	var errs []error
	for _, old := range entries[:max(0, len(entries)-keepManifests)] {
		errs = append(errs, os.Remove(filepath.Join(dir, old.Name())))
	}
	return errors.Join(errs...)
}

// checkManifest reports a manifest of an earlier run that cannot be read; the
// next generation replaces it.
func (e *Engine) checkManifest() {
	if _, err := manifest.Read(ManifestPath(e.opts.Dir)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		e.publish(control.Event{Kind: control.EventWarning, Message: err.Error() + "; the next generation replaces it"})
	}
}
