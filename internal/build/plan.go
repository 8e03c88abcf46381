package build

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/internal/build/discover"
	"github.com/anvilforge/anvil-lsp/internal/build/gocmd"
	"github.com/anvilforge/anvil-lsp/internal/build/golist"
	"github.com/anvilforge/anvil-lsp/internal/build/syntax"
)

// Plan says what a batch of changed files means.
type Plan struct {
	// Rung is what the change takes; empty if nothing that is built changed.
	Rung manifest.Rung
	// Changed are the hot packages whose own files changed, by import path, sorted.
	Changed []string
	// Reasons say why a restart is needed.
	Reasons []manifest.Diagnostic
	// Host are the host packages whose code changed, by import path, sorted.
	Host []string
	// Resolved tells whether the go command was asked.
	Resolved bool

	base *Snapshot // that it was compared with; nil if it was not
	next *Snapshot // of the code as it is now; hot packages still as last compiled
}

// Plan compares files with what a snapshot was built from. A nil list means that any file may have
// changed. Code that cannot be loaded is a *Failure; then the graph, as far as it could be loaded,
// is returned with the error, so that the watcher sees the mistake mended.
func (b *Builder) Plan(ctx context.Context, s *Snapshot, files []string) (*Plan, *Graph, error) {
	return b.plan(ctx, s, files, syntax.Read, true)
}

// plan is Plan for files that read reads. Without ask it is errNotAhead where the
// go command has to be asked.
func (b *Builder) plan(ctx context.Context, s *Snapshot, files []string,
	read func(path string, opaque bool) (syntax.File, error), ask bool) (*Plan, *Graph, error) {
	all := files == nil
	if all {
		files = slices.Sorted(maps.Keys(s.sources))
	} else {
		files = s.aliases(files)
	}
	dirty := map[string]bool{}
	sources := maps.Clone(s.sources)
	resolve := all
	for _, path := range files {
		old, known := s.sources[path]
		now, err := read(path, old.Opaque)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			// A file, or a directory that was moved away with all that is in it.
			resolve = resolve || known || s.embedder(path) != nil || s.holds(path)
			delete(sources, path)
		case err != nil && !known: // for example a directory
			resolve = resolve || s.embedder(path) != nil || errors.Is(err, fs.ErrPermission) && s.Relevant(path)
		case err != nil:
			return nil, nil, gocmd.Unreadable(path, err)
		case !known:
			resolve = resolve || len(s.linksTo(path)) == 0 && s.Relevant(path) // else the link is looked at
		case now.Content != old.Content:
			sources[path] = now
			dirty[path] = true
			resolve = resolve || now.Header != old.Header || now.Linkname != old.Linkname || s.graph.ModuleFile(path)
		case !slices.Equal(now.Targets, old.Targets): // a link to another file that says the same
			sources[path] = now
		}
	}
	if resolve && !ask {
		return nil, nil, errNotAhead
	}
	plan := &Plan{Resolved: resolve, base: s}
	same := *s
	next := &same
	next.sources = sources
	if resolve {
		var g *Graph
		var err error
		if next, g, err = b.resolve(ctx, s, dirty); err != nil {
			return nil, g, err
		}
		if next, err = b.addMissing(ctx, next, s, nil); err != nil {
			return nil, g, err
		}
	} else if len(next.missing()) > 0 { // the build cache was cleaned
		if !ask {
			return nil, nil, errNotAhead
		}
		var err error
		if next, err = b.addMissing(ctx, next, s, nil); err != nil {
			return nil, next.graph, err
		}
	}
	plan.next = next
	plan.compare(s)
	plan.decide()
	return plan, next.graph, nil
}

// decide chooses the rung.
func (p *Plan) decide() {
	switch {
	case len(p.Reasons) > 0:
		manifest.SortDiagnostics(p.Reasons)
		p.Rung = manifest.RungWarmRestart
	case len(p.Changed) > 0:
		p.Rung = manifest.RungHotSwap
	}
}

// Rebuild returns a plan that builds a new generation from the code as it was
// when the snapshot was taken: the handlers package counts as changed.
func (s *Snapshot) Rebuild() *Plan {
	return &Plan{Rung: manifest.RungHotSwap, Changed: []string{s.boundary.Handlers}, next: s}
}

// Watch returns the snapshot to ask for directories and relevant files while
// the plan is carried out.
func (p *Plan) Watch() *Snapshot { return p.next }

// resolve asks the go command for the graph as it is now, and returns it even if it does not hold.
func (b *Builder) resolve(
	ctx context.Context, s *Snapshot, dirty map[string]bool,
) (next *Snapshot, g *Graph, err error) {
	err = golist.Listing(ctx, func() error {
		next, g, err = b.resolveOnce(ctx, s, dirty)
		return err
	})
	return next, g, err
}

func (b *Builder) resolveOnce(ctx context.Context, s *Snapshot, dirty map[string]bool) (*Snapshot, *Graph, error) {
	g, err := b.Graph(ctx, s.boundary.Main)
	if err != nil && g.Main != nil && g.Main.Name == "" && g.Main.Error != nil {
		// It was moved, or the module renamed.
		if main, otherErr := b.Main(ctx); otherErr == nil && main != s.boundary.Main {
			g, err = b.Graph(ctx, main)
		}
	}
	if err != nil {
		return nil, g, err
	}
	register := s.boundary.Handlers
	if p, ok := g.Packages[register]; !ok { // so was the handlers package
		if register, err = discover.Handlers(g); err != nil {
			return nil, g, err
		}
	} else if _, registers := discover.FindRegister(p); !registers { // or the function
		if other, err := discover.Handlers(g); err == nil {
			register = other
		}
	}
	sources, err := b.readSources(g, s.sources, dirty)
	if err != nil {
		return nil, g, err
	}
	next := *s
	next.graph, next.boundary, next.sources = g, golist.NewBoundary(g, register, nativeIn(sources)), sources
	next.departed = s.leaving(g)
	return &next, g, nil
}

// nativeIn returns the test for packages that only the go command can build.
func nativeIn(sources map[string]syntax.File) func(*Package) bool {
	return func(p *Package) bool {
		return len(p.Native()) > 0 || slices.ContainsFunc(p.SourceFiles(), func(f string) bool { return sources[f].Native() })
	}
}

// compare fills Changed and Reasons with what differs from the snapshot s.
func (p *Plan) compare(s *Snapshot) {
	modules := map[string]string{} // what changed, by module
	var partly []string
	for _, path := range p.next.graph.Order {
		now, was := p.next.graph.Packages[path], s.last(path)
		hot := p.next.hot(path)
		if s.departed[path].partly && s.graph.Packages[path] == nil {
			partly = append(partly, path)
			continue
		}
		if was != nil && !hot && was.ModuleID() != now.ModuleID() {
			modules[now.ModuleName()] = fmt.Sprintf("the running process has %s, go.mod now says %s", was.ModuleText(),
				now.ModuleText())
			continue
		}
		if !now.Local() {
			continue
		}
		if back, ok := s.departed[path]; ok && s.graph.Packages[path] == nil && !hot {
			if back.inputs != p.next.inputDigest(now) {
				p.Host = append(p.Host, path)
				p.Reasons = append(p.Reasons, p.hostChanged(s, path, now.Inputs()[0]))
			}
			continue
		}
		file, real := p.difference(s, was, now)
		switch {
		case !hot && s.swapped(path):
			// What is linked under its own path would use another copy of it than hot code does.
			p.Host = append(p.Host, path)
			p.Reasons = append(p.Reasons, p.hostChanged(s, path, cmp.Or(file, now.Inputs()[0])))
		case file == "":
		case hot:
			p.Changed = append(p.Changed, path)
		case was == nil && !s.linked[path]:
			// New to the process: linked into the plugin, a host package from then on.
		case real:
			p.Host = append(p.Host, path)
			p.Reasons = append(p.Reasons, p.hostChanged(s, path, file))
		}
	}
	if len(partly) > 0 {
		p.Reasons = append(p.Reasons, manifest.Diagnose(manifest.CodeHostChanged, golist.MainPosition(p.next.graph),
			"the initialisation of %s was broken off in the running process", strings.Join(partly, ", ")))
	}
	for _, moved := range []struct{ what, was, now string }{
		{"program", s.boundary.Main, p.next.boundary.Main},
		{"handlers package", s.boundary.Handlers, p.next.boundary.Handlers},
	} {
		if moved.was != moved.now {
			p.Reasons = append(p.Reasons, manifest.Diagnose(manifest.CodeHostChanged, golist.MainPosition(p.next.graph),
				"the %s is %s now, that of the running process is %s", moved.what, moved.now, moved.was))
		}
	}
	if was, now := s.graph.Main.DefaultGODEBUG, p.next.graph.Main.DefaultGODEBUG; was != now {
		modules[""] = fmt.Sprintf("the running process has the GODEBUG defaults %q, go.mod now says %q", was, now)
	}
	p.Reasons = append(p.Reasons, p.next.ModulesChanged(modules)...)
	slices.Sort(p.Changed)
	slices.Sort(p.Host)
}

// Rebuilt returns the hot packages that a hot swap compiles again, by import
// path, dependencies first: those that changed, their importers, and those whose
// variables the initialisation of these may change.
func (p *Plan) Rebuilt() []string { return p.next.rebuilt(p.Changed) }

// Sources returns the packages of which the archives do not say what the code is now, dependencies
// first: the hot packages, host packages that changed or do not compile, and what imports those.
func (p *Plan) Sources() []*Package { return p.next.sourcesWith(p.Host) }

// hostChanged is the diagnostic for a host package that differs in a file.
func (p *Plan) hostChanged(s *Snapshot, pkg, file string) manifest.Diagnostic {
	c := syntax.CompareDecls(file, s.sources[file], p.next.sources[file])
	reason := p.next.Reason(pkg)
	const linked, native = ", which the process has linked", ", which uses cgo, assembly or linkname"
	short := path.Base(pkg)
	var wordings []string
	switch {
	case s.hot(pkg) || s.swapped(pkg):
		wordings = []string{pkg + " cannot be swapped in any more", short + " cannot be swapped in any more"}
	case reason.Native == pkg:
		wordings = []string{pkg + " changed" + native, short + " changed" + native}
	case c.Name != "":
		wordings = []string{c.In(pkg) + linked, c.In(short) + linked, short + " changed" + linked}
	default:
		wordings = []string{pkg + " changed" + linked, short + " changed" + linked}
	}
	d := manifest.Diagnose(manifest.CodeHostChanged, c.Pos, "%s", manifest.Fit(wordings...))
	because := pkg + " is linked into the process"
	switch {
	case reason.Native == pkg:
		because += ": it uses cgo, assembly or linkname"
	case reason.Native != "":
		because += ": " + reason.Native + ", which imports it, uses cgo, assembly or linkname"
	case len(reason.Chain) > 1:
		because += ": " + strings.Join(reason.Chain, " → ")
	}
	if what := c.String(); what != "" {
		because = what + "; " + because
	}
	d.Related = []manifest.Related{{Position: c.Pos, Message: because}}
	return d
}

// difference returns the first file in which a package differs from the snapshot, and whether the
// difference means anything to the process: a comment or formatting does not, though it moves
// positions, nor does an embedded file that the program reads from the disk in development.
func (p *Plan) difference(s *Snapshot, was, now *Package) (file string, real bool) {
	before, compiled := map[string]bool{}, map[string]bool{}
	if was != nil {
		for _, f := range was.Inputs() {
			before[f] = true
		}
		compiled = was.CompiledFiles()
	}
	embeds, unused := now.Embedded(), p.next.graph.UnusedAssets(now, now)
	for _, f := range now.Inputs() {
		known := before[f]
		delete(before, f)
		switch {
		case known && p.next.sources[f].Sum(embeds[f]) == s.sources[f].Sum(embeds[f]):
		case compiled[f] || !unused(f):
			return f, true
		}
		if file == "" && p.next.sources[f].Content != s.sources[f].Content {
			file = f
		}
	}
	unused = p.next.graph.UnusedAssets(was, now)
	for _, gone := range slices.Sorted(maps.Keys(before)) {
		if !unused(gone) {
			return gone, true
		}
		file = cmp.Or(file, gone)
	}
	if was != nil && was.ModuleID() != now.ModuleID() {
		return filepath.Join(now.Dir, now.GoFiles[0]), true // compiled for another language version
	}
	return file, false
}

// ModulesChanged returns the diagnostics for what changed about modules, by their paths, at the
// lines of the main module's go.mod that decide; the empty path stands for the file itself.
func (s *Snapshot) ModulesChanged(texts map[string]string) []manifest.Diagnostic {
	if len(texts) == 0 {
		return nil
	}
	var out []manifest.Diagnostic
	for _, module := range slices.Sorted(maps.Keys(texts)) {
		what := "the GODEBUG defaults changed"
		short := what
		if module != "" {
			what, short = "module "+module+" changed", "module "+path.Base(module)+" changed"
		}
		d := manifest.Diagnose(manifest.CodeModuleChanged, golist.ModulePosition(s.graph.Main, module), "%s",
			manifest.Fit(texts[module], what, short))
		if d.Message != texts[module] {
			d.Related = []manifest.Related{{Position: d.Position, Message: texts[module]}}
		}
		out = append(out, d)
	}
	return out
}
