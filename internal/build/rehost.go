package build

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/anvilforge/anvil-lsp/hotreload/control"
)

// static is a local package as the executable was linked from it: under its own
// import path, hot or not.
type static struct {
	archive string
	inputs  digest // of what it was compiled from; see compiledFrom
}

// compiledFrom sums what a local package is compiled from, besides the packages
// that it imports.
func (s *Snapshot) compiledFrom(p *Package) digest {
	return digestValue([]any{p.moduleID(), s.inputDigest(p), p.EmbedPatterns})
}

// errGoCommand says that an executable has to be left to the go command.
var errGoCommand = errors.New("the go command has to compile it")

// Rehost builds the executable of the live server for a plan. It calls the
// compiler as Plugin does, for what the code of a package, or the exported part
// of one that it imports, makes necessary. Where that is not enough, because
// modules or what only the go command can compile have changed, it is Host.
func (b *Builder) Rehost(ctx context.Context, plan *Plan, generation int, progress Progress, compiled func(*Snapshot)) (*Result, *Graph, error) {
	if res := b.takeAhead(ctx, plan, generation); res != nil {
		if compiled != nil {
			compiled(res.Snapshot)
		}
		return res, res.Snapshot.graph, nil
	}
	res, err := b.rehost(ctx, plan, generation, hostPlace(generation), compiled)
	switch {
	case errors.Is(err, errGoCommand):
		return b.Host(ctx, plan.next.boundary.Main, generation, progress, compiled)
	case err != nil:
		return nil, plan.next.graph, b.existingIn(plan.next.graph, err)
	}
	return res, res.Snapshot.graph, nil
}

// rehost is Rehost without the go command.
func (b *Builder) rehost(ctx context.Context, plan *Plan, generation int, at place, compiled func(*Snapshot)) (*Result, error) {
	watch := newStopwatch()
	s, err := b.recompile(ctx, plan, at)
	if err != nil {
		return nil, err
	}
	res, err := b.finishHost(ctx, s, generation, at, watch, control.StepCompile, compiled)
	if err != nil {
		return nil, err
	}
	res.Rebuilt = slices.DeleteFunc(res.Rebuilt, func(path string) bool {
		return path != s.boundary.Main && s.static[path] == plan.base.static[path]
	})
	return res, nil
}

// hostPlace is where the executable of a generation is built.
func hostPlace(generation int) place {
	return place{name: fmt.Sprintf("%04d", generation), work: fmt.Sprintf("h%d", generation)}
}

// recompile returns the snapshot of the program that a plan is for, with what of
// it had to be compiled.
func (b *Builder) recompile(ctx context.Context, plan *Plan, at place) (*Snapshot, error) {
	was := plan.base
	if was == nil || was.static == nil || !b.sharedArchives() || plan.next.boundary.Main != was.boundary.Main {
		return nil, errGoCommand
	}
	s := newSnapshot(plan.next.graph, plan.next.boundary.Handlers, plan.next.sources)
	dir, err := b.below(filepath.Join("work", at.work))
	if err != nil {
		return nil, writeError(err)
	}
	now := &recompiled{b: b, s: s, was: was, at: at, dir: dir, archives: map[string]string{}, changed: map[string]bool{}}
	var local []string
	for _, path := range s.graph.Order {
		switch p := s.graph.Packages[path]; {
		case path == "unsafe" || path == s.boundary.Main:
		case p.Local():
			local = append(local, path)
		default:
			old := was.graph.Packages[path]
			archive := plan.next.archives[path]
			if old == nil || old.moduleID() != p.moduleID() || archive == "" {
				return nil, errGoCommand
			}
			if _, err := os.Stat(archive); err != nil {
				return nil, errGoCommand // the build cache was cleaned
			}
			now.archives[path] = archive
		}
	}
	if err := s.graph.inOrder(local, func(path string) error { return now.compile(ctx, path) }); err != nil {
		return nil, err
	}
	s.take(now.archives)
	return s, nil
}

// recompiled are the archives of a program that is compiled anew in part. It is
// safe for concurrent use.
type recompiled struct {
	b   *Builder
	s   *Snapshot // of the program
	was *Snapshot // of what runs
	at  place
	dir string

	mu       sync.Mutex
	archives map[string]string // by import path
	changed  map[string]bool   // packages whose importers have to be compiled
}

// compile compiles a package whose imports are there, if it has to be.
func (r *recompiled) compile(ctx context.Context, path string) error {
	p := r.s.graph.Packages[path]
	old, had := r.was.static[path]
	if had {
		_, err := os.Stat(old.archive)
		had = err == nil
	}
	r.mu.Lock()
	stale := !had || old.inputs != r.s.compiledFrom(p) || slices.ContainsFunc(p.Imports, func(i string) bool { return r.changed[i] })
	if !stale {
		r.archives[path] = old.archive
		r.mu.Unlock()
		return nil
	}
	var cfg strings.Builder
	for _, imp := range slices.Sorted(slices.Values(p.Imports)) {
		if imp != "unsafe" && imp != "C" {
			fmt.Fprintf(&cfg, "packagefile %s=%s\n", imp, r.archives[imp])
		}
	}
	r.mu.Unlock()
	if len(p.native()) > 0 {
		return errGoCommand
	}
	name := sha256.Sum256([]byte(path)) // packages can have the same one
	archive := filepath.Join(r.dir, fmt.Sprintf("%s-%x.a", p.Name, name[:6]))
	job := compileJob{pkg: p, path: path, out: archive, importcfg: cfg.String()}
	var err error
	if job.files, job.flags, err = r.at.sources(p, r.dir); err != nil {
		return err
	}
	if err := r.b.compile(ctx, job); err != nil {
		return err
	}
	changed := !had
	if had {
		same, err := sameExports(old.archive, archive)
		if err != nil {
			return err
		}
		changed = !same
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.archives[path] = archive
	r.changed[path] = changed
	return nil
}

// sameExports reports whether two archives of a package tell its importers the
// same.
func sameExports(a, b string) (bool, error) {
	x, err := exportDigest(a)
	if err != nil {
		return false, err
	}
	y, err := exportDigest(b)
	return x == y, err
}

// exportDigest sums what the compiler reads of an archive when it compiles an
// importer: its first file, after a line of text that names the build.
func exportDigest(archive string) (digest, error) {
	data, err := os.ReadFile(archive)
	if err != nil {
		return digest{}, fmt.Errorf("reading a compiled package: %w", err)
	}
	const magic, header = "!<arch>\n", 60
	if len(data) < len(magic)+header || !bytes.HasPrefix(data, []byte(magic+"__.PKGDEF")) {
		return digest{}, fmt.Errorf("%s is no archive of a package", archive)
	}
	var size int
	if _, err := fmt.Sscan(string(data[len(magic)+48:len(magic)+58]), &size); err != nil || size < 0 || size > len(data)-len(magic)-header {
		return digest{}, fmt.Errorf("%s is no archive of a package", archive)
	}
	_, exports, ok := bytes.Cut(data[len(magic)+header:][:size], []byte("\n$$B\n"))
	if !ok {
		return digest{}, fmt.Errorf("%s tells nothing about the package", archive)
	}
	return sha256.Sum256(exports), nil
}
