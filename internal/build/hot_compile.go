package build

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest/symbol"
	"github.com/anvilforge/anvil-lsp/internal/build/compile"
	"github.com/anvilforge/anvil-lsp/internal/build/gocmd"
	"github.com/anvilforge/anvil-lsp/internal/build/thin"
)

// hotCompile makes the hot packages of a plan for a generation, each after those
// that it imports, side by side where they do not depend on each other.
//
// Each is compiled under the import path that it has in the source, unless that was done before,
// and what the compiler wrote is then renamed for the generation. Most packages are made again only
// because something that they import is: of those there is nothing to compile.
//
// Where archives cannot be renamed each package is compiled under its new path.
type hotCompile struct {
	b          *Builder
	next       *Snapshot
	packages   []string // to make, dependencies first
	changed    []string // those whose source did
	generation int
	dir        string // for what is written
	at         target
	renames    bool
	edited     *compile.Differences
	naming     *thin.Renaming
	err        error // there is none

	entry compiled // what the plugin begins with; it is made last

	mu  sync.Mutex // guards what follows
	now map[string]compiled
	// handoff is as in the snapshot.
	handoff string
	// unchanged are packages that tell their importers what they did before.
	unchanged map[string]bool
}

// errNotRenamed says that an archive cannot be renamed.
var errNotRenamed = errors.New("cannot be renamed")

func (b *Builder) newHotCompile(plan *Plan, packages []string, generation int, dir string, at target,
	recompile bool) *hotCompile {
	s := plan.next
	h := &hotCompile{
		b: b, next: s, packages: packages, changed: plan.Changed, generation: generation, dir: dir, at: at,
		renames: !recompile && !b.recompiles && s.renamed(), edited: compile.NewDifferences(),
		now: make(map[string]compiled, len(s.compiled)), handoff: s.handoff, unchanged: map[string]bool{},
	}
	paths := map[string]string{}
	for path, c := range s.compiled {
		h.now[path] = c
		paths[path] = c.path
	}
	for i, path := range packages {
		now := compiled{
			path:    symbol.GenerationPath(generation, path),
			archive: filepath.Join(dir, fmt.Sprintf("%03d-%s.a", i, s.graph.Packages[path].Name)),
		}
		paths[path] = now.path
		h.now[path] = now
	}
	paths[compile.EntryPath] = symbol.GenerationPath(generation, compile.EntryPath)
	if h.naming, h.err = thin.NewRenaming(paths, s.graph.Order); h.err != nil {
		h.err = fmt.Errorf("%w: %w", errNotRenamed, h.err)
	}
	if base := plan.base; base != nil {
		for _, path := range plan.Changed {
			h.edited.Compare(base.graph.Packages[path], s.graph.Packages[path], base.sources, s.sources)
		}
	}
	return h
}

// renamed reports whether no hot package was compiled under another path than that in the source.
func (s *Snapshot) renamed() bool {
	for _, c := range s.compiled {
		if c.plain == "" {
			return false
		}
	}
	return true
}

// run makes the packages. Errors in the code are one *Failure for all of them.
func (h *hotCompile) run(ctx context.Context) error {
	if h.renames && h.err != nil {
		return h.err
	}
	if err := h.next.graph.InOrder(h.packages, func(path string) error { return h.make(ctx, path) }); err != nil {
		return err
	}
	return h.makeEntry(ctx)
}

// make makes the archives of a package whose imports are there.
func (h *hotCompile) make(ctx context.Context, path string) error {
	p, now := h.next.graph.Packages[path], h.current(path)
	if !h.renames {
		return h.compile(ctx, p, now.path, now.archive)
	}
	was := h.next.compiled[path]
	if h.reusable(path) {
		now.plain = was.plain
		h.done(path, now, true)
	} else {
		now.plain = plainArchive(now.archive)
		if err := h.compile(ctx, p, path, now.plain); err != nil {
			return err
		}
		h.done(path, now, h.imported(path) && h.substitutes(path, was.plain, now.plain))
	}
	return h.rename(now)
}

// plainArchive is where what is compiled for an archive is, before it is renamed.
func plainArchive(archive string) string {
	return filepath.Join(filepath.Dir(archive), "plain-"+filepath.Base(archive))
}

// current returns where a package is now.
func (h *hotCompile) current(path string) compiled {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.now[path]
}

func (h *hotCompile) done(path string, now compiled, unchanged bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.now[path], h.unchanged[path] = now, unchanged
	if path == h.next.boundary.Handlers && !unchanged {
		h.handoff = now.plain
	}
}

// compile compiles a package under an import path.
func (h *hotCompile) compile(ctx context.Context, p *Package, path, out string) (err error) {
	job := compile.Job{Pkg: p, Path: path, Out: out, Importcfg: h.importConfig(p.ImportPath)}
	if job.Files, job.Flags, err = h.at.sources(p, h.dir); err != nil {
		return err
	}
	if p.ImportPath == h.next.boundary.Handlers {
		return h.b.compiler.CompileHandlers(ctx, job)
	}
	return h.b.compiler.Compile(ctx, job)
}

// importConfig is that for compiling a package.
func (h *hotCompile) importConfig(path string) string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return importConfig(h.next, h.now, path)
}

// makeEntry makes what the plugin begins with. That is the handlers package, unless it
// need not be compiled and has not been for a plugin yet.
func (h *hotCompile) makeEntry(ctx context.Context) error {
	handlers := h.next.boundary.Handlers
	now, was := h.now[handlers], h.next.compiled[handlers]
	if !h.renames || now.plain == h.handoff {
		h.entry = now
		return nil
	}
	h.entry = compiled{path: symbol.GenerationPath(h.generation, compile.EntryPath),
		archive: filepath.Join(h.dir, "handoff.a")}
	if last := h.next.entry; last.plain != "" && last != was && now.plain == was.plain && readable(last.plain) {
		h.entry.plain = last.plain
		return h.rename(h.entry)
	}
	h.entry.plain = plainArchive(h.entry.archive)
	err := h.b.compiler.CompileEntry(ctx, h.next.graph.Packages[handlers], compile.Job{
		Path: compile.EntryPath, Out: h.entry.plain, Importcfg: h.importConfig(compile.EntryPath),
	})
	if err != nil {
		return err
	}
	return h.rename(h.entry)
}

// rename writes the archive for the linker.
func (h *hotCompile) rename(c compiled) error {
	data, err := os.ReadFile(c.plain)
	if err != nil {
		return fmt.Errorf("reading a compiled package: %w", err)
	}
	renamed, err := h.naming.Archive(c.plain, data)
	if err != nil {
		return fmt.Errorf("%w: %w", errNotRenamed, err)
	}
	if err := os.WriteFile(c.archive, renamed, 0o666); err != nil {
		return gocmd.WriteError(err)
	}
	return nil
}

// reusable reports whether what was compiled of a package before is what the
// compiler would write now.
func (h *hotCompile) reusable(path string) bool {
	was := h.next.compiled[path].plain
	return was != "" && !slices.Contains(h.changed, path) && h.importsUnchanged(path) && h.edited.Unmoved(was)
}

// importsUnchanged reports whether all imports that are new tell what they did before.
func (h *hotCompile) importsUnchanged(path string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return !slices.ContainsFunc(h.next.graph.Packages[path].Imports, func(i string) bool {
		return h.now[i] != h.next.compiled[i] && !h.unchanged[i]
	})
}

// imported reports whether a package that is made imports another.
func (h *hotCompile) imported(path string) bool {
	return slices.ContainsFunc(h.packages, func(p string) bool {
		return slices.Contains(h.next.graph.Packages[p].Imports, path)
	})
}

// substitutes reports whether a package that was compiled tells its importers what
// an earlier archive did, and makes it one that they can be linked with.
func (h *hotCompile) substitutes(path, was, now string) bool {
	exports, err := h.edited.Substitute(path, was, now, !h.importsUnchanged(path))
	return err == nil && exports != compile.ExportsChanged // what cannot be read is not known to be the same
}

// importConfig returns the importcfg for compiling a package: the archive of every other package
// under the path that it is compiled under, and the way there from the path in the source.
func importConfig(s *Snapshot, now map[string]compiled, compiling string) string {
	var b strings.Builder
	for _, path := range s.graph.Order {
		if archive, ok := s.archives[path]; ok && !s.hot(path) {
			fmt.Fprintf(&b, "packagefile %s=%s\n", path, archive)
		}
		c, ok := now[path]
		switch {
		case !ok || path == compiling:
		case c.plain != "":
			fmt.Fprintf(&b, "packagefile %s=%s\n", path, c.plain)
		default:
			if c.path != path {
				fmt.Fprintf(&b, "importmap %s=%s\n", path, c.path)
			}
			fmt.Fprintf(&b, "packagefile %s=%s\n", c.path, c.archive)
		}
	}
	return b.String()
}
