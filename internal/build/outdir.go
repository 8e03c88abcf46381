package build

import (
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/anvilforge/anvil-lsp/hotreload/control"
	"github.com/anvilforge/anvil-lsp/internal/outdir"
)

// keepGenerations is how many plugins and executables stay on disk: the newest
// for a restart after a crash, the others for one after a rollback.
const keepGenerations = 5

// Prune removes what no restart needs: plugins and executables older than the
// newest few that none of those needs, and compiled packages that the snapshot does
// not refer to. It is called for each generation that goes live, by one goroutine at
// a time. The running process does not need the files of what it has loaded.
func (b *Builder) Prune(generation int, s *Snapshot) {
	b.needed[generation] = s.needs()
	maps.DeleteFunc(b.needed, func(g int, _ []string) bool { return g <= generation-keepGenerations })
	needed := map[string]bool{}
	for _, paths := range b.needed {
		for _, path := range paths {
			needed[path] = true
		}
	}
	for _, dir := range []string{"gen", "host"} {
		b.prune(dir, func(name string) bool {
			image := strings.TrimSuffix(name, control.LinesPath(""))
			number, _, _ := strings.Cut(strings.TrimSuffix(image, ".so"), "-")
			n, err := strconv.Atoi(number)
			return needed[filepath.Join(b.cfg.OutDir, dir, image)] || err != nil || n > generation-keepGenerations ||
				dir == "host" && n == s.host
		})
	}
	b.ahead.mu.Lock()
	b.drop(nil) // it was for another generation
	b.ahead.mu.Unlock()
	keep := []string{fmt.Sprintf("g%d", generation), fmt.Sprintf("h%d", generation)}
	for _, c := range s.compiled {
		keep = append(keep, filepath.Base(filepath.Dir(c.archive)), filepath.Base(filepath.Dir(c.plain)))
	}
	if s.entry.plain != "" {
		keep = append(keep, filepath.Base(filepath.Dir(s.entry.plain)))
	}
	for _, c := range s.static {
		keep = append(keep, filepath.Base(filepath.Dir(c.archive)))
	}
	b.prune("work", func(name string) bool { return slices.Contains(keep, name) })
}

// needs returns the files that a process has to load to serve the snapshot.
func (s *Snapshot) needs() (paths []string) {
	for _, im := range s.images {
		paths = append(paths, append(im.order(), im.path)...)
	}
	return paths
}

func (b *Builder) prune(dir string, keep func(name string) bool) {
	// What cannot be removed now is removed at the next start.
	_ = b.inOut(outdir.Open, func(d *outdir.Dir) error {
		names, err := d.Names(dir)
		for _, name := range names {
			if !keep(name) {
				_ = d.Remove(filepath.Join(dir, name))
			}
		}
		return err
	})
}

// below makes a directory in the output directory and returns its path, for the
// tools. It is opened each time: somebody may have deleted it, and what stands
// there now may be another's. It is not made again: whoever has its lock does.
func (b *Builder) below(name string) (path string, err error) {
	err = b.inOut(outdir.Open, func(d *outdir.Dir) error {
		path, err = d.Below(name)
		return err
	})
	return path, err
}

// removeBelow removes what has a name in the output directory.
func (b *Builder) removeBelow(name string) error {
	return b.inOut(outdir.Open, func(d *outdir.Dir) error { return d.Remove(name) })
}

func (b *Builder) inOut(open func(string) (*outdir.Dir, error), do func(*outdir.Dir) error) error {
	d, err := open(b.cfg.OutDir)
	if err != nil {
		return err
	}
	return errors.Join(do(d), d.Close())
}
