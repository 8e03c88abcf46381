package engine

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/hotreload/shared/regular"
	"github.com/anvilforge/anvil-lsp/internal/build"
	"github.com/anvilforge/anvil-lsp/internal/outdir"
)

const (
	// keepManifests is how many manifests stay in the history.
	keepManifests = 20
	// maxManifest bounds a manifest that is read, in bytes.
	maxManifest = 32 << 20
)

// ManifestPath returns the path of the manifest that went live last, for an application's
// directory.
func ManifestPath(dir string) string { return outdir.Path(dir, outdir.Manifest) }

// HistoryPath returns the path of the manifest of one generation of the engine that works, or
// worked last, in an application's directory.
func HistoryPath(dir string, generation int) string {
	return outdir.Path(dir, historyName(generation))
}

func historyName(generation int) string {
	return filepath.Join(outdir.History, fmt.Sprintf("%04d.json", generation))
}

// LastManifest returns the manifest that went live last in an application's directory. The error
// wraps fs.ErrNotExist if there is none, manifest.ErrFormat if it makes no sense, and
// outdir.ErrRefused if the output directory is one that is not used.
func LastManifest(dir string) (*manifest.Manifest, error) {
	return readManifest(dir, outdir.Manifest)
}

// ManifestOf returns the manifest of one generation of the engine that works, or worked last, in an
// application's directory. Its errors are those of LastManifest.
func ManifestOf(dir string, generation int) (*manifest.Manifest, error) {
	return readManifest(dir, historyName(generation))
}

// Generations returns the generations that ManifestOf knows, ascending.
func Generations(dir string) ([]int, error) {
	d, err := outdir.Open(outdir.Path(dir))
	if err != nil {
		return nil, absent(err)
	}
	names, err := d.Names(outdir.History)
	var out []int
	for _, name := range names {
		var n int
		if _, err := fmt.Sscanf(name, "%d.json", &n); err == nil && n > 0 && name == filepath.Base(historyName(n)) {
			out = append(out, n)
		}
	}
	slices.Sort(out)
	return out, errors.Join(absent(err), d.Close())
}

// absent is nil for what is not there.
func absent(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// ReadManifest returns the manifest in a file that the user named. Its errors are those of
// LastManifest.
func ReadManifest(file string) (*manifest.Manifest, error) {
	data, err := regular.Read(file, maxManifest)
	return decodeManifest(file, data, err)
}

func readManifest(dir, name string) (*manifest.Manifest, error) {
	d, err := outdir.Open(outdir.Path(dir))
	if err != nil {
		return nil, fmt.Errorf("reading manifest: %w", err)
	}
	data, err := d.Read(name, maxManifest)
	m, err := decodeManifest(outdir.Path(dir, name), data, err)
	return m, errors.Join(err, d.Close())
}

func decodeManifest(file string, data []byte, err error) (*manifest.Manifest, error) {
	if errors.Is(err, regular.ErrNotRegular) || errors.Is(err, regular.ErrTooLarge) {
		return nil, fmt.Errorf("%w %s: %w", manifest.ErrFormat, file, errors.Unwrap(err))
	}
	if err != nil {
		return nil, fmt.Errorf("reading manifest: %w", err)
	}
	return manifest.Decode(file, data)
}

// writeManifest writes what went live to manifest.json and to the history.
func (e *Engine) writeManifest(s *build.Snapshot, m *manifest.Manifest) error {
	full := *m
	full.Host, full.Hot, full.Modules, full.GODEBUG = s.Host(), s.Hot(), s.Modules(), s.GODEBUG()
	full.Sort()
	data, err := full.Encode()
	if err != nil {
		return err
	}
	for _, name := range []string{outdir.Manifest, historyName(full.Generation)} {
		if err := e.out.dir.Write(name, data); err != nil {
			return fmt.Errorf("writing manifest: %w", err)
		}
	}
	return pruneHistory(e.out.dir)
}

func pruneHistory(d *outdir.Dir) error {
	names, err := d.Names(outdir.History)
	if err != nil {
		return fmt.Errorf("keeping the manifest: %w", err)
	}
	names = slices.DeleteFunc(names, func(name string) bool { return !strings.HasSuffix(name, ".json") })
	slices.SortFunc(names, func(a, b string) int { // by number, also beyond four digits
		return cmp.Or(cmp.Compare(len(a), len(b)), strings.Compare(a, b))
	})
	var errs []error
	for _, old := range names[:max(0, len(names)-keepManifests)] {
		errs = append(errs, d.Remove(filepath.Join(outdir.History, old)))
	}
	return errors.Join(errs...)
}

// checkManifest reports a manifest of an earlier run that cannot be read; the next generation
// replaces it.
func (e *Engine) checkManifest() {
	if _, err := LastManifest(e.opts.Dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
		e.publish(warning("%v; the next generation replaces it", err))
	}
}
