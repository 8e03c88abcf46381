package build

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/anvilforge/anvil-lsp/hotreload/control"
	"github.com/anvilforge/anvil-lsp/internal/build/gocmd"
	"github.com/anvilforge/anvil-lsp/internal/build/thin"
)

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
	return &image{path: path, whole: true, open: sync.OnceValues(func() (*thin.Image, error) { return thin.OpenImage(path) })}
}

// thinLinker decides whether to link thin, and does.
type thinLinker struct {
	builder *Builder
	linker  *thin.Linker
	off     atomic.Pointer[string] // why it is not done at all
	doubt   atomic.Pointer[string] // why it is not done the next time
	trial   trial
}

func newThinLinker(b *Builder) *thinLinker {
	l := &thinLinker{builder: b, trial: newTrial(), linker: &thin.Linker{
		GoLink: b.tools.Tool("link"),
		Run: func(ctx context.Context, dir, name string, args ...string) error {
			_, err := b.tools.Quick().Output(ctx, dir, name, args...)
			return err
		},
	}}
	if b.tools.Race {
		l.linker.Flags = append(l.linker.Flags, "-race")
	}
	var err error
	switch {
	case b.cfg.FullLink:
		l.disable("switched off")
	case b.cfg.Debug:
		// cmd/link crashes when it writes debug information and the runtime's
		// types are in a shared library.
		l.disable("debug information is wanted, which the Go linker writes only in a full link")
	case !gocmd.ThinPlatform(b.tools.Env.GOOS, b.tools.Env.GOARCH):
		l.disable("not possible on " + b.tools.Env.GOOS + "/" + b.tools.Env.GOARCH)
	default:
		if l.linker.Nothing, err = exec.LookPath("true"); err != nil {
			l.disable("there is no program `true` in PATH")
		}
		if l.linker.SystemLink = b.systemLinker(); l.linker.SystemLink == "" {
			l.disable("there is no ld in PATH; install binutils")
		}
	}
	return l
}

// DoubtThin has the next plugin linked fully, to see whether thin linking is at
// fault for something.
func (b *Builder) DoubtThin(why string) { b.thin.doubt.Store(&why) }

// systemLinker returns the quickest linker in PATH that is named ld.
func (b *Builder) systemLinker() string {
	for _, name := range []string{"mold", "ld.mold", "ld.lld", "ld.gold", "ld", "ld.bfd"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	return ""
}

// prepare does in the background what would delay the first save: it reads the
// executable, and answers whether to link thin at all.
func (l *thinLinker) prepare(s *Snapshot) {
	if l.off.Load() != nil {
		return
	}
	l.startTrial()
	go func() { _, _ = s.images[0].open() }() // an error shows when it is needed
}

// disable has every plugin linked fully from now on.
func (l *thinLinker) disable(why string) { l.off.CompareAndSwap(nil, &why) }

// link makes the plugin of a result: thin if that is possible, else fully.
func (b *Builder) link(ctx context.Context, res *Result) error {
	err := b.thin.link(ctx, res)
	if err == nil || ctx.Err() != nil {
		return err
	}
	res.why = brief(err)
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

// brief returns one line of an error: the first that a tool said, if it is from
// one.
func brief(err error) string {
	text := err.Error()
	if tool, ok := errors.AsType[*gocmd.ToolError](err); ok && tool.Output != "" {
		text = filepath.Base(tool.Tool) + ": " + strings.TrimPrefix(strings.TrimSpace(tool.Output), tool.Tool+": ")
	}
	line, _, _ := strings.Cut(text, "\n")
	return line
}

func (b *Builder) linkFull(ctx context.Context, res *Result) error {
	res.Thin, res.Needs = false, nil
	if err := b.full.link(ctx, res); err != nil {
		return err
	}
	// It holds all that earlier plugins do, and later ones had better not need
	// those.
	own := newImage(res.Path)
	own.full, own.brought = true, slices.Sorted(maps.Keys(res.Snapshot.fresh))
	res.Snapshot.fresh = nil
	res.Snapshot.images = []*image{res.Snapshot.images[0], own}
	return nil
}

// Relink links a plugin fully that was linked thin and could not be loaded,
// under another file name. The generation number is not used by what was not
// loaded. why goes into the step.
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
	if err := tellLines(&next, again.Path); err != nil {
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

func (l *thinLinker) link(ctx context.Context, res *Result) error {
	if err := l.allowed(ctx); err != nil {
		return err
	}
	if why := l.doubt.Swap(nil); why != nil {
		return errors.New(*why)
	}
	s := res.Snapshot
	dir := filepath.Dir(s.entry.archive)
	job := thin.Job{
		Out: res.Path, Dir: filepath.Join(dir, "link"), Path: s.entry.path, Main: s.entry.archive,
		Archives: map[string]string{}, Shared: map[string]string{}, Flags: l.builder.pluginVariables(s),
	}
	if l.builder.tools.Race {
		job.SystemFlags = []string{raceAddress(l.linker.SystemLink, res.generation)}
	}
	if err := os.MkdirAll(job.Dir, 0o777); err != nil {
		return gocmd.WriteError(err)
	}
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
	report, err := l.linker.Link(ctx, job)
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

// order returns the plugins that must be loaded before this one, in the order
// in which they were.
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
