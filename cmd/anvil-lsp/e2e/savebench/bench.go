package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/anvilforge/anvil-lsp/cmd/anvil-lsp/e2e/internal/session"
	"github.com/anvilforge/anvil-lsp/hotreload/control"
	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
)

// bench is one run.
type bench struct {
	options
	work        string // a directory for what is built
	say         func(format string, args ...any)
	mainPackage string
	edits       *edits
	sources     []*source
}

// path returns a path in the directory for what is built.
func (b *bench) path(name string) string { return filepath.Join(b.work, name) }

// restore puts back all files.
func (b *bench) restore() error { return restoreAll(b.sources) }

// session says how the application is run.
func (b *bench) session(log string, env ...string) session.Options {
	return session.Options{Tool: b.tool, Dir: b.dir, Main: b.main, Tags: b.tags, Args: b.args, Env: env, Log: b.path(log),
		Timeout: b.timeout}
}

// target is a function that is measured.
type target struct {
	function
	source      *source
	hot         bool
	compilation compilation
	result      *Result
}

// edit saves the target's file with a body that it did not have before.
func (b *bench) edit(t *target) error {
	return t.source.save(b.edits.next(t.source.original, t.offset))
}

// measure finds the functions and measures all variants.
func (b *bench) measure(ctx context.Context) (*Report, error) {
	if err := b.chooseMain(ctx); err != nil {
		return nil, err
	}
	targets, err := b.find(ctx)
	if err != nil {
		return nil, err
	}
	b.edits = newEdits()
	report := &Report{
		Dir: b.dir, Main: b.mainPackage, N: b.n, Time: time.Now().UTC().Truncate(time.Second),
		Go: runtime.Version(), OS: runtime.GOOS, Arch: runtime.GOARCH, CPUs: runtime.NumCPU(),
	}
	for _, t := range targets {
		report.Functions = append(report.Functions, t.result)
	}
	if err := b.measureSaves(ctx, targets); err != nil {
		return nil, err
	}
	if b.generations > 0 {
		if report.Memory, err = b.measureMemory(ctx, targets); err != nil {
			return nil, err
		}
	}
	if b.air {
		if report.Air, err = b.measureAir(ctx, targets); err != nil {
			return nil, err
		}
	}
	return report, nil
}

// chooseMain finds the main package if none is named.
func (b *bench) chooseMain(ctx context.Context) (err error) {
	if b.mainPackage = b.main; b.mainPackage == "" {
		b.mainPackage, err = mainPackage(ctx, b.dir)
	}
	return err
}

// find looks up the functions that the user named.
func (b *bench) find(ctx context.Context) ([]*target, error) {
	packages, err := listPackages(ctx, b.dir, b.mainPackage, b.tags)
	if err != nil {
		return nil, err
	}
	var targets []*target
	files := map[string]*source{}
	for _, s := range b.functions {
		f, err := findFunction(packages, s)
		if err != nil {
			return nil, err
		}
		src := files[f.file]
		if src == nil {
			if src, err = readSource(f.file); err != nil {
				return nil, err
			}
			if strings.Contains(string(src.original), variable) {
				return nil, fmt.Errorf("%s has a variable that begins with %s: an earlier run was killed; put the file back",
					f.file, variable)
			}
			files[f.file] = src
			b.sources = append(b.sources, src)
		}
		targets = append(targets, &target{function: f, source: src, result: &Result{Function: f.name,
			Package: f.pkg.ImportPath, File: f.file}})
	}
	return targets, nil
}

// measureSaves measures the variants that take turns.
func (b *bench) measureSaves(ctx context.Context, targets []*target) (err error) {
	b.say("starting the application")
	s, err := session.Start(ctx, b.session("app.log"))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(b.restore(), s.Stop(), err) }()
	if _, err := b.goBuild(ctx); err != nil { // what only the go command's cache lacks
		return err
	}
	for _, t := range targets {
		ev, _, err := b.save(ctx, s, t)
		if err != nil {
			return err
		}
		t.hot = ev.Rung == manifest.RungHotSwap
		t.result.Hot = t.hot
		if t.compilation, err = b.record(ctx, t.function); err != nil {
			return err
		}
		b.say("%s: %s", t.name, ev.Rung)
	}
	restarted := false
	for i := range b.n {
		b.say("round %d of %d", i+1, b.n)
		for _, t := range targets {
			if err := b.round(ctx, s, t, &restarted); err != nil {
				return fmt.Errorf("%s: %w", t.name, err)
			}
		}
	}
	return nil
}

// round measures each variant of one function once.
func (b *bench) round(ctx context.Context, s *session.Session, t *target, restarted *bool) error {
	r := t.result
	if t.hot && *restarted {
		ev, took, err := b.save(ctx, s, t)
		if err != nil {
			return err
		}
		r.AfterRestart.add(took)
		r.link(ev)
	}
	ev, took, err := b.save(ctx, s, t)
	if err != nil {
		return err
	}
	if hot := ev.Rung == manifest.RungHotSwap; hot != t.hot {
		return fmt.Errorf("this time it is a %s", ev.Rung)
	}
	*restarted = !t.hot
	r.Live.add(took)
	r.step(ev)
	if t.hot {
		r.link(ev)
	}
	if took, err = b.goBuild(ctx); err != nil {
		return err
	}
	r.GoBuild.add(took)
	if took, err = t.compilation.run(ctx); err != nil {
		return err
	}
	r.Compile.add(took)
	return nil
}

// save edits the target and waits until the new code is live.
func (b *bench) save(ctx context.Context, s *session.Session, t *target) (control.Event, time.Duration, error) {
	if err := ctx.Err(); err != nil {
		return control.Event{}, 0, err
	}
	begun := time.Now()
	if err := b.edit(t); err != nil {
		return control.Event{}, 0, err
	}
	ev, err := s.Live(ctx, t.file)
	return ev, time.Since(begun), err
}

// measureMemory measures what a generation of the first hot function adds.
func (b *bench) measureMemory(ctx context.Context, targets []*target) (m *Memory, err error) {
	var hot *target
	for _, t := range targets {
		if t.hot {
			hot = t
			break
		}
	}
	if hot == nil {
		return nil, nil
	}
	b.say("memory: starting the application with a small heap")
	// A heap of constant size shows what is not in the heap.
	s, err := session.Start(ctx, b.session("memory.log", "GOGC=10"))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(b.restore(), s.Stop(), err) }()
	m = &Memory{Function: hot.name}
	const settled = 5 // the first generations bring what is kept for all
	for i := range settled + 1 + b.generations {
		if _, _, err := b.save(ctx, s, hot); err != nil {
			return nil, err
		}
		if i >= settled {
			live, err := resident(ctx, s)
			if err != nil {
				b.say("memory: %v", err)
				return nil, nil
			}
			m.RSS = append(m.RSS, live.RSS)
			m.Plugin = kept(live)
		}
	}
	m.PerGeneration = slope(m.RSS)
	return m, nil
}

// resident is the status of an application that tells its memory (RSS).
func resident(ctx context.Context, s *session.Session) (*control.LiveStatus, error) {
	status, err := s.Status(ctx)
	if err != nil {
		return nil, err
	}
	if status.Live == nil || status.Live.RSS == 0 {
		return nil, errors.New("the application does not tell its memory")
	}
	return status.Live, nil
}

// kept is what the plugin of a generation that is over keeps, in bytes; the median.
func kept(live *control.LiveStatus) int64 {
	var sizes []int64
	for _, g := range live.Generations {
		if g.Drained && g.Plugin != "" {
			sizes = append(sizes, g.Memory)
		}
	}
	if len(sizes) == 0 {
		return 0
	}
	slices.Sort(sizes)
	return sizes[len(sizes)/2]
}
