package build

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/anvilforge/anvil-lsp/hotreload/control"
	"github.com/anvilforge/anvil-lsp/internal/build/link"
	"github.com/anvilforge/anvil-lsp/internal/build/thin"
)

// prepare does in the background what would delay the first save: it reads the
// executable, and answers whether to link thin at all.
func (b *Builder) prepare(s *Snapshot) {
	if b.thin.Off() != "" {
		return
	}
	b.thin.StartTrial()
	go func() { _, _ = s.images[0].open() }() // an error shows when it is needed
}

// DoubtThin has the next plugin linked fully, to see whether thin linking is at
// fault for something.
func (b *Builder) DoubtThin(why string) { b.thin.DoubtNext(why) }

// link makes the plugin of a result: thin if that is possible, else fully.
func (b *Builder) link(ctx context.Context, res *Result) error {
	err := b.linkThin(ctx, res)
	if err == nil || ctx.Err() != nil {
		return err
	}
	res.why = link.Brief(err)
	return b.linkFull(ctx, res)
}

// ChoseFull reports whether the user has plugins linked fully.
func (b *Builder) ChoseFull() bool { return b.cfg.FullLink || b.cfg.Debug }

// FullBecause returns why a plugin was not linked thin, empty if it was.
func (r *Result) FullBecause() string {
	if r.Thin {
		return ""
	}
	return cmp.Or(r.why, "thin links are not possible")
}

// linkJob returns what any link of a plugin takes.
func (b *Builder) linkJob(res *Result) link.Job {
	s := res.Snapshot
	return link.Job{
		Job:  thin.Job{Out: res.Path, Path: s.entry.path, Main: s.entry.archive, Flags: b.pluginVariables(s)},
		Work: res.work, Importcfg: linkConfig(s), Generation: res.generation,
	}
}

// linkFull links a plugin that holds the whole program.
func (b *Builder) linkFull(ctx context.Context, res *Result) error {
	res.Thin, res.Needs = false, nil
	if err := b.full.Plugin(ctx, b.linkJob(res)); err != nil {
		return err
	}
	// It holds all that earlier plugins do, and later ones had better not need those.
	own := newImage(res.Path)
	own.full, own.brought = true, slices.Sorted(maps.Keys(res.Snapshot.fresh))
	res.Snapshot.fresh = nil
	res.Snapshot.images = []*image{res.Snapshot.images[0], own}
	return nil
}

// Relink links a plugin fully that was linked thin and could not be loaded, under another file
// name. The generation number is not used by what was not loaded. why goes into the step.
func (b *Builder) Relink(ctx context.Context, res *Result, why string) (*Result, error) {
	watch := newStopwatch()
	next := *res.Snapshot
	again := &Result{
		Path: filepath.Join(filepath.Dir(res.Path), fmt.Sprintf("%04d-full.so", res.generation)), Rebuilt: res.Rebuilt,
		Snapshot: &next, generation: res.generation, work: res.work, why: why,
	}
	if err := b.linkFull(ctx, again); err != nil {
		return nil, err
	}
	if err := writeLines(&next, again.Path); err != nil {
		return nil, err
	}
	again.Steps = []control.Step{again.linkStep(watch.step(control.StepLink))}
	return again, nil
}

// linkStep says in a step how the plugin was linked.
func (r *Result) linkStep(s control.Step) control.Step {
	switch {
	case r.Thin:
		s.Detail = control.LinkThin
	case r.why != "":
		s.Detail = control.LinkFull + ": " + r.why
	default:
		s.Detail = control.LinkFull
	}
	return s
}

// linkThin links a plugin of what the process lacks.
func (b *Builder) linkThin(ctx context.Context, res *Result) error {
	if err := b.thin.Ready(ctx); err != nil {
		return err
	}
	s := res.Snapshot
	job := b.linkJob(res)
	job.Dir = filepath.Join(filepath.Dir(job.Main), "link")
	job.Archives, job.Shared = map[string]string{}, map[string]string{}
	for path, archive := range s.archives {
		switch {
		case s.hot(path):
		case s.fresh[path]:
			job.Archives[path] = archive
		default:
			job.Shared[path] = archive
		}
	}
	for path, c := range s.compiled {
		switch {
		case c == s.entry:
		case slices.Contains(res.Rebuilt, path):
			job.Archives[c.path] = c.archive
			if path == s.boundary.Handlers {
				job.Private = append(job.Private, c.path)
			} else {
				job.Own = append(job.Own, c.path)
			}
		default:
			job.Shared[c.path] = c.archive
		}
	}
	s.images = s.useful()
	byImage := map[*thin.Image]*image{}
	for _, im := range s.images {
		opened, err := im.open()
		if err != nil {
			return fmt.Errorf("what the live server runs cannot be read: %w", err)
		}
		job.Images = append(job.Images, opened)
		byImage[opened] = im
	}
	report, err := b.thin.Plugin(ctx, job)
	if err != nil {
		return err
	}
	own := newImage(res.Path)
	own.whole = len(report.Pulled)+len(s.fresh) > 0
	own.brought = slices.Sorted(maps.Keys(s.fresh))
	needs := s.imported(res.Rebuilt)
	for _, im := range report.Needs {
		needs[byImage[im]] = true
	}
	for _, im := range s.images {
		if needs[im] {
			own.needs = append(own.needs, im)
		}
	}
	for _, path := range res.Rebuilt {
		own.packages = append(own.packages, s.compiled[path].path)
	}
	res.Thin, res.Needs = true, own.order()
	s.images = append(s.images, own)
	s.fresh = nil
	return nil
}

// pluginVariables returns the linker's flags for a plugin, where hot packages have
// other paths. main is not in it: to the linker that is the handlers package.
func (b *Builder) pluginVariables(s *Snapshot) []string {
	var flags []string
	for _, v := range b.tools.Env.Variables() {
		if v.Pkg == "main" || v.Pkg == s.boundary.Main {
			continue
		}
		if c, ok := s.compiled[v.Pkg]; ok {
			v.Pkg = c.path
		}
		flags = append(flags, "-X="+v.Pkg+"."+v.Name+"="+v.Value)
	}
	return flags
}

// linkConfig returns the importcfg for linking: the archive of every package under
// the path that it has in the process.
func linkConfig(s *Snapshot) string {
	var b strings.Builder
	for _, path := range s.graph.Order {
		if archive, ok := s.archives[path]; ok && !s.hot(path) {
			fmt.Fprintf(&b, "packagefile %s=%s\n", path, archive)
		}
		if c, ok := s.compiled[path]; ok {
			fmt.Fprintf(&b, "packagefile %s=%s\n", c.path, c.archive)
		}
	}
	return b.String()
}

// image is a file that the live server has loaded.
type image struct {
	path  string
	needs []*image // must be loaded before it, besides the executable
	// packages are the import paths of the hot packages in it. It is of use to
	// later plugins as long as one of them is; for ever, if whole.
	packages []string
	brought  []string // those of other packages that no earlier image had
	full     bool     // a plugin that was linked fully: it may have brought any
	whole    bool
	open     func() (*thin.Image, error)
}

func newImage(path string) *image {
	open := sync.OnceValues(func() (*thin.Image, error) { return thin.OpenImage(path) })
	return &image{path: path, whole: true, open: open}
}

// imported returns the images with packages that some packages import. That may be for
// their initialisation alone, of which no symbol tells.
func (s *Snapshot) imported(packages []string) map[*image]bool {
	needs := map[*image]bool{}
	for _, im := range s.images {
		needs[im] = im.full
	}
	for _, path := range packages {
		for _, imp := range s.graph.Packages[path].Imports {
			if c, ok := s.compiled[imp]; ok && s.hot(imp) {
				imp = c.path
			}
			for _, im := range s.images {
				if slices.Contains(im.packages, imp) || slices.Contains(im.brought, imp) {
					needs[im] = true
				}
			}
		}
	}
	return needs
}

// order returns the plugins that must be loaded before this one, in the order in which they were.
func (im *image) order() []string {
	var out []string
	for _, need := range im.needs {
		for _, path := range append(need.order(), need.path) {
			if !slices.Contains(out, path) {
				out = append(out, path)
			}
		}
	}
	return out
}

// useful returns the images that plugins may need: not those of which every
// package was compiled again.
func (s *Snapshot) useful() []*image {
	current := map[string]bool{}
	for _, c := range s.compiled {
		current[c.path] = true
	}
	return slices.DeleteFunc(slices.Clone(s.images), func(im *image) bool {
		return !im.whole && !slices.ContainsFunc(im.packages, func(p string) bool { return current[p] })
	})
}
