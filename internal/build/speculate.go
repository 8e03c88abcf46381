package build

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/anvilforge/anvil-lsp/hotreload/control"
	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/hotreload/shared/regular"
	"github.com/anvilforge/anvil-lsp/internal/build/gocmd"
	"github.com/anvilforge/anvil-lsp/internal/build/syntax"
)

// Overlay holds what files will contain once they are saved, by absolute path.
type Overlay map[string][]byte

// ahead is the speculative build of a Builder: at most one, finished or not.
type ahead struct {
	running sync.WaitGroup // builds, and those who remove what was dropped

	mu      sync.Mutex
	closed  bool
	number  int // of the newest, for names of files
	current *speculation
}

// speculation is a build of what was not saved yet.
type speculation struct {
	base       *Snapshot
	generation int
	next       *Snapshot // what it is built from; its sources tell whether a save is the same
	cancel     context.CancelFunc
	needed     chan struct{} // closed when a save turned out to be the same
	done       chan struct{}
	res        *Result // valid when done is closed; nil if the build failed
}

// linkDelay is for how long an executable that is built ahead is not linked, unless it is needed:
// that takes seconds of the processor, and whoever types may go on.
const linkDelay = time.Second

// errNotAhead says that there is nothing to build ahead.
var errNotAhead = errors.New("this is not built ahead")

// Speculate starts to build a plugin of code that was not saved yet, or an executable if it takes a
// restart, in the background, in place of the one that was started before. If what is then saved is
// the same, [Builder.Plugin] or [Builder.Rehost] with a plan for the same snapshot and the same
// generation has it at once. It builds nothing that takes the go command, nor beside other files
// that differ on disk from the snapshot, and reports no errors: an editor shows them anyway. The
// plugin's positions are those of the files to be saved.
//
// The end of ctx ends the build, and a failed or superseded one leaves no files.
func (b *Builder) Speculate(ctx context.Context, s *Snapshot, generation int, overlay Overlay) {
	if b.thin.Off() != "" {
		return // a full link costs too much for something that may not be needed
	}
	b.ahead.mu.Lock()
	defer b.ahead.mu.Unlock()
	if b.ahead.closed {
		return
	}
	plan, err := b.planAhead(ctx, s, overlay)
	if err != nil {
		b.drop(nil)
		return
	}
	if c := b.ahead.current; c.matches(s, generation, plan.next) {
		return // it is being built, or is
	}
	ctx, cancel := context.WithCancel(ctx)
	b.ahead.number++
	sp := &speculation{base: s, generation: generation, next: plan.next, cancel: cancel, needed: make(chan struct{}),
		done: make(chan struct{})}
	before := b.ahead.current
	b.drop(sp)
	at := target{name: fmt.Sprintf("%04d-%d", generation, b.ahead.number),
		work: fmt.Sprintf("g%d-%d", generation, b.ahead.number), overlay: overlay}
	if plan.Rung == manifest.RungWarmRestart {
		at.work = fmt.Sprintf("h%d-%d", generation, b.ahead.number)
	}
	b.ahead.running.Go(func() {
		defer close(sp.done)
		defer cancel()
		if before != nil {
			<-before.done // one build at a time
		}
		res, err := b.buildAhead(ctx, sp, plan, at)
		switch {
		case err != nil:
		case plan.strayed(overlay): // perhaps before it was compiled
			b.remove(res)
		default:
			sp.res = res
		}
	})
}

// buildAhead builds what the plan takes.
func (b *Builder) buildAhead(ctx context.Context, sp *speculation, plan *Plan, at target) (*Result, error) {
	if plan.Rung != manifest.RungWarmRestart {
		return b.buildPlugin(ctx, plan, sp.generation, at)
	}
	res, err := b.rehost(ctx, plan, sp.generation, at, Stages{Compiled: func(*Snapshot) {
		timer := time.NewTimer(linkDelay)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-sp.needed:
		case <-ctx.Done():
		}
	}})
	if err != nil {
		_ = b.removeBelow(filepath.Join("work", at.work)) // else the next start does
	}
	return res, err
}

// BuiltAhead reports whether these files are, on disk, what the current
// speculation was told that they would be.
func (b *Builder) BuiltAhead(files []string) bool {
	b.ahead.mu.Lock()
	sp := b.ahead.current
	b.ahead.mu.Unlock()
	if sp == nil {
		return false
	}
	for _, file := range files {
		want, ok := sp.next.sources[file]
		sum, err := regular.Sum(file)
		if !ok || err != nil || sum != want.Content {
			return false
		}
	}
	return true
}

// drop ends the current speculation, whose files are removed, for the next. The lock is held.
func (b *Builder) drop(next *speculation) {
	old := b.ahead.current
	b.ahead.current = next
	if old == nil {
		return
	}
	old.cancel()
	b.ahead.running.Go(func() {
		<-old.done
		if old.res != nil {
			b.remove(old.res)
		}
	})
}

// closeAhead ends what is built ahead, and waits for it and for its files to be removed.
func (b *Builder) closeAhead() {
	b.ahead.mu.Lock()
	b.ahead.closed = true
	b.drop(nil)
	b.ahead.mu.Unlock()
	b.ahead.running.Wait()
}

// remove removes the files of a plugin that is not loaded.
func (b *Builder) remove(r *Result) {
	// Else the next start removes them.
	name := filepath.Join(filepath.Base(filepath.Dir(r.Path)), filepath.Base(r.Path))
	_ = errors.Join(b.removeBelow(name), b.removeBelow(control.LinesPath(name)),
		b.removeBelow(filepath.Join("work", filepath.Base(r.work))))
}

// planAhead is Plan for code that was not saved.
func (b *Builder) planAhead(ctx context.Context, s *Snapshot, overlay Overlay) (*Plan, error) {
	files := make([]string, 0, len(overlay))
	for path := range overlay {
		// What is embedded is read from the disk, where it is still the old text.
		if !strings.HasSuffix(path, ".go") || strings.ContainsAny(path, ";\n") || s.embedder(path) != nil {
			return nil, errNotAhead
		}
		files = append(files, path)
	}
	plan, _, err := b.plan(ctx, s, files, func(path string, opaque bool) (syntax.File, error) {
		return syntax.Digest(path, overlay[path], opaque), nil
	}, false)
	if err == nil && (plan.Rung == "" || plan.strayed(overlay)) {
		err = errNotAhead
	}
	return plan, err
}

// strayed reports whether a file that the plan compiles is not on disk what the plan says, but for
// those in the overlay: it was saved and is not live, or is being saved now.
func (p *Plan) strayed(overlay Overlay) bool {
	packages := p.Rebuilt()
	if p.Rung == manifest.RungWarmRestart {
		packages = slices.Concat(p.Changed, p.Host) // as far as they are known to differ
	}
	for _, path := range packages {
		for _, file := range p.next.graph.Packages[path].Inputs() {
			if _, ok := overlay[file]; ok {
				continue
			}
			sum, err := regular.Sum(file)
			if err != nil || sum != p.next.sources[file].Content {
				return true
			}
		}
	}
	return false
}

// matches reports whether a speculation is for these sources.
func (sp *speculation) matches(base *Snapshot, generation int, next *Snapshot) bool {
	return sp != nil && sp.base == base && sp.generation == generation &&
		maps.EqualFunc(sp.next.sources, next.sources, func(a, b syntax.File) bool { return a.Content == b.Content })
}

// claimAhead returns the result of a speculative build if it is what the plan would come to, and
// waits for it if it is not finished. Otherwise the speculation was wrong, and ends.
func (b *Builder) claimAhead(ctx context.Context, plan *Plan, generation int) *Result {
	b.ahead.mu.Lock()
	sp := b.ahead.current
	if sp == nil {
		b.ahead.mu.Unlock()
		return nil
	}
	if plan.base == nil || !sp.matches(plan.base, generation, plan.next) {
		b.drop(nil)
		b.ahead.mu.Unlock()
		return nil
	}
	close(sp.needed) // no other plan matches it
	b.ahead.mu.Unlock()
	begun := time.Now()
	select {
	case <-sp.done:
	case <-ctx.Done():
	}
	b.ahead.mu.Lock()
	defer b.ahead.mu.Unlock()
	if b.ahead.current != sp { // it was dropped meanwhile
		return nil
	}
	if ctx.Err() != nil {
		b.drop(nil)
		return nil
	}
	b.ahead.current = nil
	if sp.res == nil {
		return nil
	}
	link := control.Step{Name: control.StepLink, Detail: "built ahead"}
	if how := sp.res.linkStep(control.Step{}).Detail; plan.Rung != manifest.RungWarmRestart {
		link.Detail = how + ", " + link.Detail
	}
	sp.res.Steps = []control.Step{{Name: control.StepCompile, Duration: control.Duration(time.Since(begun)),
		Detail: "built ahead"}, link}
	return sp.res
}

// target says where a plugin is built, and from what.
type target struct {
	name    string // of the plugin, without extension
	work    string // of its directory for scratch files
	overlay Overlay
}

// sources returns the files of a package as they are to be compiled, and the
// compiler's flag that gives them back their names. The overlay's contents are
// written below dir, also those that are on disk, where they may change.
func (at target) sources(p *Package, dir string) (files, flags []string, err error) {
	var names []string
	for i, file := range p.SourceFiles() {
		content, ok := at.overlay[file]
		if !ok {
			files = append(files, file)
			continue
		}
		copied := filepath.Join(dir, fmt.Sprintf("%s-%03d-%s", p.Name, i, filepath.Base(file)))
		if err := os.WriteFile(copied, bytes.Clone(content), 0o666); err != nil {
			return nil, nil, gocmd.WriteError(err)
		}
		files = append(files, copied)
		names = append(names, copied+"=>"+file)
	}
	if len(names) > 0 {
		flags = []string{"-trimpath", strings.Join(names, ";")}
	}
	return files, flags, nil
}
