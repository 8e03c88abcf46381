package engine

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"path/filepath"
	"slices"
	"time"

	"github.com/anvilforge/anvil-lsp/hotreload/control"
	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/internal/build"
	"github.com/anvilforge/anvil-lsp/internal/build/discover"
	"github.com/anvilforge/anvil-lsp/internal/launch"
)

// ports are what tasks work with: nothing of it is state that the loop owns.
type ports struct {
	builder *build.Builder
	checker *sharedChecker
	live    *launch.Supervisor
	opts    *Options // constant
	publish func(control.Event) control.Event
	recheck func(files ...string) // see Engine.Recheck
	reports chan<- report
}

// report is what the loop has to know before a task ends. A field that is empty says nothing.
type report struct {
	main   string          // what is built
	newest *build.Snapshot // what the go command said last
	// watch is what the watcher follows from now on. The answer is the directories that it did not
	// follow before.
	watch *watchSet
	began chan []string
}

// task is one way up the ladder: from changed files to a final event. It works on values, and has
// no way to the engine's state: what it brings about is in its outcome, and in reports.
type task struct {
	ports
	snap  *build.Snapshot // of the live generation; nil if there never was one
	main  string          // what to build; empty if it is not known yet
	files []string        // that may differ from snap, sorted; nil: any may
	force request
	last  *manifest.Manifest // of the live generation
	// predicted is what the check from source expects; nil if there was none.
	predicted *control.Prediction
	// generation is the number that the next attempt uses.
	generation int
	// gaveUp: there is no live server, and none is being started.
	gaveUp bool
	// rolledBack: an earlier generation than that of snap is live.
	rolledBack bool
	begun      time.Time
	loading    time.Time // when the last plugin or process began to run
	steps      []control.Step
	// planned is what the files mean, once that is known.
	planned *build.Plan
	// hostBuild is the executable that is being built for it.
	hostBuild *hostBuild
	// lost: the output directory was deleted, so the live server cannot be reached. unusable is why
	// there is no directory now.
	lost     bool
	unusable error
	runsIn   string // working directory of the application, as it was told
}

// outcome is what a task leaves behind: its effects, which loop.apply makes true.
type outcome struct {
	event control.Event
	// snap and manifest replace the engine's if they are not nil.
	snap     *build.Snapshot
	manifest *manifest.Manifest
	target   *target // nil: what it was
	// main, generation and runsIn are the task's, in the end.
	main, runsIn string
	generation   int
	// started: a new process serves, of which main named addr.
	started bool
	addr    string
	// growth is by how many bytes the live server has grown since it started; fullLink says why the
	// plugin was not linked thin. Both are empty if nothing was loaded.
	growth   int64
	fullLink string
	// clean: the files of the task are what runs now.
	clean bool
	// cancelled: a newer batch took over; event is empty.
	cancelled bool
	// loading is when what went live began to be loaded.
	loading time.Time
	// refused replaces the engine's snapshot, though what runs is the same, if it is not nil: the
	// process has opened a plugin that it does not serve.
	refused *build.Snapshot
	// needsDecision: the change needs a restart, about which the user decides.
	needsDecision bool
	// denied: something may not be read.
	denied bool
}

// run goes up the ladder.
func (t *task) run(ctx context.Context) outcome {
	out := t.climb(ctx)
	// What cannot be cancelled half way has come to its end.
	if ctx.Err() != nil && !out.clean && t.force.kind != requestRollback {
		return outcome{cancelled: true, generation: t.generation, main: t.main, runsIn: t.runsIn, refused: out.refused}
	}
	out.main, out.generation, out.runsIn, out.loading = t.main, t.generation, t.runsIn, t.loading
	out.event.Cause = t.cause()
	out.event.Steps = t.steps
	out.event.Total = control.Duration(time.Since(t.begun))
	if p := t.predicted; p != nil && telling(out) {
		p.Wrong = p.Wrong || p.Rung != happened(out)
		out.event.Predicted = p
	}
	return out
}

func (t *task) climb(ctx context.Context) outcome {
	if t.force.kind == requestRollback {
		return t.rollback(ctx)
	}
	switch {
	case t.unusable != nil:
		return t.kept(t.unusable)
	case t.lost, t.snap == nil, t.force.kind == requestRestart:
		return t.start(ctx, nil)
	}
	if err := t.awaitFiles(ctx); err != nil {
		return t.kept(err)
	}
	plan, err := t.plan(ctx)
	if err != nil {
		if f, ok := errors.AsType[*build.Failure](err); ok {
			t.publishPrediction(prediction{rung: manifest.RungKeep, diagnostics: f.Diagnostics}, 0)
		}
		return t.kept(err)
	}
	t.planned = plan
	t.watchGraph(plan.Watch())
	if plan.Watch().Main() != t.snap.Main() {
		t.main = "" // to be found again
	}
	t.reports <- report{newest: plan.Watch()}
	var under *pluginBuild // while the prediction is made
	switch {
	case plan.Rung == manifest.RungHotSwap && len(t.snap.Hot()) > 0:
		under = t.build(ctx, plan)
	case plan.Rung == manifest.RungWarmRestart && t.main != "":
		t.hostBuild = t.buildHost(ctx, plan)
		defer func() { t.hostBuild.abandon() }()
	}
	v, err := t.predict(ctx, plan)
	if err != nil {
		under.abandon()
		return t.kept(err)
	}
	if err := t.confirm(ctx, plan, v, under); err != nil {
		under.abandon()
		return t.keptFromRestart(err, v.restart())
	}
	switch {
	case plan.Rung == "":
	case v.rung == manifest.RungWarmRestart, plan.Rung == manifest.RungWarmRestart:
		under.abandon()
		return t.restart(ctx, v.restart())
	case len(v.onceMore()) > 0 && v.rung == manifest.RungKeep:
		// It might load this once. Then the process could take no other generation of this code, and
		// would have what it registered for good.
		under.abandon()
		return t.refuse(v)
	default:
		// Also what is expected to be refused is built: the live server has the last word.
		return t.swap(ctx, plan, under)
	}
	switch {
	case t.gaveUp:
		return t.revive(ctx)
	case t.force.kind == requestReload, t.rolledBack:
		t.predicted = nil // it was about the change, and there is none
		return t.swap(ctx, plan.Watch().Rebuild(), nil)
	}
	return outcome{clean: true, snap: plan.Watch(), event: control.Event{
		Kind: control.EventUnchanged, Message: "nothing that the live server runs has changed",
	}}
}

// plan says what the files mean. While the code cannot be loaded the watcher follows whatever may
// mend that.
func (t *task) plan(ctx context.Context) (*build.Plan, error) {
	return whileBroken(ctx, t, func() (*build.Plan, *build.Graph, error) {
		begun := time.Now()
		plan, graph, err := t.builder.Plan(ctx, t.snap, t.files)
		t.step(control.StepPlan, time.Since(begun))
		return plan, graph, err
	})
}

// whileBroken tries something once more if what may repair a graph changed before it was watched.
func whileBroken[T any](ctx context.Context, t *task, try func() (T, *build.Graph, error)) (res T, err error) {
	for again := false; ; again = true {
		asked := time.Now()
		res, graph, err := try()
		if err == nil {
			return res, nil
		}
		if !t.watchBroken(graph, asked) || again {
			return res, cmp.Or(t.awaitEmbedded(ctx, graph), err)
		}
		t.planned = nil // it was of another graph
	}
}

// watchGraph makes the watcher follow the snapshot that is tried, and the live one. What changed
// between the moment that the former was read and now is taken up as if it were saved now.
func (t *task) watchGraph(next *build.Snapshot) {
	t.recheck(next.Missed(t.follow(graphSet(t.opts.Dir, t.snap, next)))...)
}

// watchBroken makes the watcher follow a graph that did not build, as far as there is one. It
// reports whether anything that may repair it may have changed since the graph was asked for.
func (t *task) watchBroken(g *build.Graph, asked time.Time) (outdated bool) {
	began := t.follow(brokenSet(t.opts.Dir, t.snap, g))
	return g != nil && g.Outdated() || build.ChangedSince(began, asked)
}

// follow asks the loop to set what the watcher follows.
func (t *task) follow(s watchSet) (began []string) {
	answer := make(chan []string, 1)
	t.reports <- report{watch: &s, began: answer}
	return <-answer
}

// reason is what a plugin was not loaded for.
func reason(ds []manifest.Diagnostic) string {
	if len(ds) == 0 {
		return "it could not be loaded"
	}
	return ds[0].Message
}

// goLive reports a generation that serves.
func (t *task) goLive(
	res *build.Result, rung manifest.Rung, generation int, m *manifest.Manifest, ds []manifest.Diagnostic,
) outcome {
	ev := control.Event{Kind: control.EventLive, Generation: generation, Rung: rung,
		Rebuilt: slices.Sorted(slices.Values(res.Rebuilt)), Diagnostics: ds}
	if m != nil {
		ev.Routes = m.Routes
	}
	t.builder.Prune(generation, res.Snapshot)
	if p := t.predicted; p != nil && rung == manifest.RungWarmRestart &&
		slices.Equal(p.Codes, []manifest.Code{manifest.CodeSignature}) && !signatureBreaks(t.last, m) {
		// The restart was for nothing: a hot swap would have done.
		p.Wrong = true
	}
	return outcome{event: ev, snap: res.Snapshot, target: t.opts.target(res.Snapshot), manifest: m, clean: true}
}

// kept is the last rung: the last good generation stays.
func (t *task) kept(err error) outcome {
	ev := control.Event{Kind: control.EventKept, Rung: manifest.RungKeep}
	// The order matters: a StartError may wrap an ExitError.
	if f, ok := errors.AsType[*build.Failure](err); ok {
		ev.Diagnostics = f.Diagnostics
	} else if s, ok := errors.AsType[*launch.StartError](err); ok {
		ev.Diagnostics = t.locate(s.Diagnostics)
		switch {
		case len(ev.Diagnostics) == 0:
			ev.Message = s.Error()
		case s.Displaced:
			ev.Message = "the running process was ended for the new one; it was started again with the same code and its state"
		}
	} else if x, ok := errors.AsType[*launch.ExitError](err); ok {
		ev.Diagnostics = []manifest.Diagnostic{x.Exit.Diagnostic}
	} else if errors.Is(err, launch.ErrNoAnswer) {
		ev.Unsure = true
		ev.Message = "the live server does not answer, so it is not known what it serves until it does; " +
			"`anvil-lsp ctl restart` restarts it"
	} else {
		ev.Message = err.Error()
	}
	ev.Diagnostics = nameCopies(ev.Diagnostics)
	return outcome{event: ev, denied: errors.Is(err, fs.ErrPermission)}
}

// locate gives diagnostics about the register function its position.
func (t *task) locate(ds []manifest.Diagnostic) []manifest.Diagnostic {
	ds = slices.Clone(ds)
	for i, d := range ds {
		if d.File != "" || d.Code != manifest.CodeRegister || t.snap == nil {
			continue
		}
		if p := t.snap.Package(t.snap.Handlers()); p != nil {
			ds[i].Position, _ = discover.FindRegister(p)
		}
	}
	return ds
}

func (t *task) step(name string, d time.Duration) {
	t.steps = append(t.steps, control.Step{Name: name, Duration: control.Duration(d)})
}

// cause returns the files of the task relative to the workspace.
func (t *task) cause() []string {
	return t.opts.relative(t.files)
}

// relative returns files relative to the workspace, sorted.
func (o *Options) relative(files []string) []string {
	out := make([]string, 0, len(files))
	for _, f := range files {
		if rel, err := filepath.Rel(o.Dir, f); err == nil {
			f = rel
		}
		out = append(out, filepath.ToSlash(f))
	}
	slices.Sort(out)
	return out
}
