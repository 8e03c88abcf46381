package build

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"time"

	"github.com/anvilforge/anvil-lsp/hotreload/control"
	"github.com/anvilforge/anvil-lsp/internal/build/gocmd"
)

// Result is something that the live server can run.
type Result struct {
	// Path of the plugin or executable.
	Path string
	// Rebuilt lists the packages of the workspace that were made again: compiled, or renamed.
	Rebuilt []string
	Steps   []control.Step
	// Snapshot is what it was built from, to be kept if it goes live.
	Snapshot *Snapshot
	// Thin tells that a plugin holds only what the running process lacks.
	Thin bool
	// Needs are the plugins that must have been loaded before this one, besides
	// the executable, in that order.
	Needs []string

	generation int
	work       string // directory of scratch files
	why        string // it was not linked thin
}

// Plugin carries out a plan for a hot swap: it compiles what the plan says and
// links a plugin. The generation's number must not have been used for the
// same live server before. Errors in the code are a *Failure.
func (b *Builder) Plugin(ctx context.Context, plan *Plan, generation int) (*Result, error) {
	if res := b.claimAhead(ctx, plan, generation); res != nil {
		return res, nil
	}
	return b.buildPlugin(ctx, plan, generation, target{name: fmt.Sprintf("%04d", generation),
		work: fmt.Sprintf("g%d", generation)})
}

// buildPlugin builds, and once more if the build cache was cleaned meanwhile, or if
// what was compiled could not be renamed.
func (b *Builder) buildPlugin(ctx context.Context, plan *Plan, generation int, at target) (*Result, error) {
	res, err := b.buildPluginOnce(ctx, plan, generation, at, false)
	if err != nil && ctx.Err() == nil && len(plan.next.missingBut(plan.Rebuilt())) > 0 {
		restored, lost := b.Restore(ctx, plan.next)
		if lost != nil {
			return nil, lost
		}
		again := *plan
		again.next = restored
		plan = &again
		res, err = b.buildPluginOnce(ctx, plan, generation, at, false)
	}
	if ctx.Err() == nil && errors.Is(err, errNotRenamed) {
		// All that know a type must have compiled it under the same path.
		all := *plan
		all.Changed = plan.next.Hot()
		return b.buildPluginOnce(ctx, &all, generation, at, true)
	}
	return res, err
}

// buildPluginOnce builds. It may compile packages under their new import paths instead of
// renaming them, which is to be tried if the error is errNotRenamed.
func (b *Builder) buildPluginOnce(ctx context.Context, plan *Plan, generation int, at target,
	recompile bool) (_ *Result, err error) {
	work := filepath.Join("work", at.work)
	dir, err := b.below(work)
	if err != nil {
		return nil, gocmd.WriteError(err)
	}
	defer func() {
		if err != nil {
			_ = b.removeBelow(work)
		}
	}()
	gen, err := b.below("gen")
	if err != nil {
		return nil, gocmd.WriteError(err)
	}
	s := plan.next
	res := &Result{Path: filepath.Join(gen, at.name+".so"), work: dir}
	watch := newStopwatch()
	res.Rebuilt = s.rebuilt(plan.Changed)
	if missing := s.neverMade(res.Rebuilt); len(missing) > 0 {
		// Why the go command did not compile them is in its own words.
		if _, _, err := b.list.ExportArchives(ctx, nil, "--", s.boundary.Main); err != nil {
			return nil, b.list.ExistingIn(s.graph, err)
		}
		if missing = s.neverMade(res.Rebuilt); len(missing) > 0 {
			return nil, fmt.Errorf("the go command gave no archive of %s", missing[0])
		}
	}
	h := b.newHotCompile(plan, res.Rebuilt, generation, dir, at, recompile)
	if err := h.run(ctx); err != nil {
		return nil, err
	}
	res.Steps = append(res.Steps, watch.step(control.StepCompile))
	next := *s
	next.compiled, next.entry, next.handoff = h.now, h.entry, h.handoff
	res.Snapshot = &next
	res.generation = generation
	if err := b.link(ctx, res); err != nil && h.renames {
		return nil, fmt.Errorf("%w, as far as the linker can tell: %w", errNotRenamed, err)
	} else if err != nil {
		return nil, err
	}
	if err := writeLines(s, res.Path); err != nil {
		return nil, err
	}
	res.Steps = append(res.Steps, res.linkStep(watch.step(control.StepLink)))
	return res, nil
}

// missingBut is missing without what is made again anyway.
func (s *Snapshot) missingBut(rebuilt []string) []string {
	return slices.DeleteFunc(s.missing(), func(path string) bool { return slices.Contains(rebuilt, path) })
}

// neverMade lists the packages that there never was an archive of, without what is
// made again anyway. It looks at no file: what the plan found there may be gone by now,
// but then compiling or linking fails, and buildPlugin looks again.
func (s *Snapshot) neverMade(rebuilt []string) []string {
	never := s.without(func(archive string) bool { return archive != "" })
	return slices.DeleteFunc(never, func(path string) bool { return slices.Contains(rebuilt, path) })
}

// rebuilt returns what is compiled again, dependencies first: packages and the hot
// packages that import them; those that were never compiled; and those whose
// variables the initialisation of the others may change, with their importers.
func (s *Snapshot) rebuilt(changed []string) []string {
	changed = slices.Clone(changed)
	for {
		out := s.importers(changed)
		dirty := map[string]bool{}
		for _, path := range out {
			dirty[path] = true
		}
		more := s.initializes(dirty)
		if len(more) == 0 {
			return out
		}
		changed = slices.AppendSeq(changed, maps.Keys(more))
	}
}

// importers returns packages and the hot packages that import them, dependencies
// first; and those that were never compiled.
func (s *Snapshot) importers(changed []string) []string {
	dirty := map[string]bool{}
	var out []string
	for _, path := range s.graph.Order {
		if !s.hot(path) {
			continue
		}
		_, known := s.compiled[path]
		if !known || slices.Contains(changed, path) ||
			slices.ContainsFunc(s.graph.Packages[path].Imports, func(i string) bool { return dirty[i] }) {
			dirty[path] = true
			out = append(out, path)
		}
	}
	return out
}

// stopwatch times consecutive steps.
type stopwatch struct{ last time.Time }

func newStopwatch() *stopwatch { return &stopwatch{last: time.Now()} }

func (w *stopwatch) step(name string) control.Step {
	now := time.Now()
	d := now.Sub(w.last)
	w.last = now
	return control.Step{Name: name, Duration: control.Duration(d)}
}
