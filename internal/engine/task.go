package engine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/anvilforge/anvil-lsp/hotreload/control"
	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/internal/build"
	"github.com/anvilforge/anvil-lsp/internal/build/discover"
	"github.com/anvilforge/anvil-lsp/internal/build/golist"
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

// pluginBuild is a plugin that is built while something else is done.
type pluginBuild struct {
	cancel context.CancelFunc
	done   chan struct{}
	res    *build.Result
	err    error
}

// build starts to build the plugin of a plan.
func (t *task) build(ctx context.Context, plan *build.Plan) *pluginBuild {
	ctx, cancel := context.WithCancel(ctx)
	b := &pluginBuild{cancel: cancel, done: make(chan struct{})}
	go func() {
		defer close(b.done)
		b.res, b.err = t.builder.Plugin(ctx, plan, t.generation)
	}()
	return b
}

// wait returns the plugin.
func (b *pluginBuild) wait() (*build.Result, error) {
	<-b.done
	b.cancel()
	return b.res, b.err
}

// abandon ends the build; b may be nil.
func (b *pluginBuild) abandon() {
	if b != nil {
		b.cancel()
		<-b.done
	}
}

// swap is the first rung: a plugin for the running process, which may be under way.
func (t *task) swap(ctx context.Context, plan *build.Plan, b *pluginBuild) outcome {
	if len(t.snap.Hot()) == 0 {
		return t.start(ctx, nil)
	}
	generation := t.generation
	if b == nil {
		b = t.build(ctx, plan)
	}
	res, err := b.wait()
	if err != nil {
		return t.kept(err)
	}
	t.steps = append(t.steps, res.Steps...)
	t.generation++ // from here on the number is used
	t.publish(control.Event{Kind: control.EventProgress, Message: fmt.Sprintf("loading generation %d", generation)})
	// A load is not cancelled half way: it is short, and what became of it must be known.
	load, err := t.load(ctx, res, generation)
	if err == nil && load.Outcome == control.OutcomeUnloadable && res.Thin {
		// The process lacks what the plugin counts on. A full link does not.
		if res, err = t.builder.Relink(ctx, res, reason(load.Diagnostics)); err != nil {
			return t.kept(err)
		}
		t.steps = append(t.steps, res.Steps...)
		load, err = t.load(ctx, res, generation)
	}
	if _, died := errors.AsType[*launch.ExitError](err); died && res.Thin {
		t.builder.DoubtThin("the live server died while it loaded the last plugin, which was linked thin")
	}
	if errors.Is(err, launch.ErrNoLiveServer) {
		return t.revive(ctx)
	} else if err != nil {
		out := t.kept(err)
		if errors.Is(err, launch.ErrNoAnswer) { // it may have been opened all the same
			out.refused = t.snap.Refused(res, nil)
		}
		return out
	}
	t.steps = append(t.steps, load.Steps...)
	switch load.Outcome {
	case control.OutcomeBreak, control.OutcomeMismatch:
		out := t.restart(ctx, load.Diagnostics)
		if out.snap == nil { // the process that opened it goes on
			out.refused = t.snap.Refused(res, nil)
		}
		return out
	case control.OutcomeLive:
		out := t.goLive(res, manifest.RungHotSwap, generation, load.Manifest, load.Diagnostics)
		out.growth, out.fullLink = load.Growth, res.FullBecause()
		return out
	default:
		out := t.kept(&build.Failure{Diagnostics: t.locate(load.Diagnostics)})
		if load.Outcome == control.OutcomeRejected {
			out.refused = t.snap.Refused(res, brokenOff(load))
		}
		if load.Initialising {
			out.event.Message = "not initialised in the running process; if the code does something that a process can do " +
				"only once, restart to apply the change"
		}
		return out
	}
}

// brokenOff tells the packages whose initialisation a load broke off; nil if it did not come to
// that.
func brokenOff(load control.LoadResult) func(path string) bool {
	if !load.Initialising {
		return nil
	}
	return func(path string) bool {
		return !slices.ContainsFunc(load.Diagnostics, func(d manifest.Diagnostic) bool {
			return len(d.Frames) > 0 && !slices.ContainsFunc(d.Frames, func(f manifest.Frame) bool {
				return f.Package() == path && f.Initialises()
			})
		})
	}
}

// refuse is the last rung for code that must not be loaded.
func (t *task) refuse(v prediction) outcome {
	var errs []manifest.Diagnostic
	for _, d := range v.diagnostics {
		if d.Severity == manifest.SeverityError {
			errs = append(errs, d)
		}
	}
	return outcome{event: control.Event{
		Kind: control.EventKept, Rung: manifest.RungKeep, Diagnostics: errs,
		Message: "not loaded: a process can do this only once; restart to apply the change",
	}}
}

// load loads a plugin into the live server.
func (t *task) load(ctx context.Context, res *build.Result, generation int) (control.LoadResult, error) {
	req := control.LoadRequest{Generation: generation, Plugin: res.Path, Hot: res.Snapshot.Hot(),
		AllowBreaks: t.opts.swapsBreaks()}
	if res.Thin {
		req.Needs, req.Executable = res.Needs, res.Snapshot.Executable()
	}
	t.loading = time.Now()
	return t.live.Load(context.WithoutCancel(ctx), req)
}

// reason is what a plugin was not loaded for.
func reason(ds []manifest.Diagnostic) string {
	if len(ds) == 0 {
		return "it could not be loaded"
	}
	return ds[0].Message
}

// restart is the second rung: a new process, if the policy for breaks is to restart without asking.
func (t *task) restart(ctx context.Context, reasons []manifest.Diagnostic) outcome {
	switch t.opts.policy(reasons) {
	case BreakKeep:
		return outcome{needsDecision: true, event: control.Event{
			Kind: control.EventKept, Rung: manifest.RungKeep, Diagnostics: reasons,
			Message: "the old code stays until the live server is restarted",
		}}
	case BreakAsk:
		return outcome{needsDecision: true, event: control.Event{
			Kind: control.EventAsking, Rung: manifest.RungWarmRestart, Diagnostics: reasons,
			Message: "the change needs a restart of the live server; the old code stays until then",
		}}
	}
	return t.start(ctx, reasons)
}

// revive starts a live server where there is none any more. What was expected of that one is void.
func (t *task) revive(ctx context.Context) outcome {
	t.predicted = nil
	return t.start(ctx, nil)
}

// start is what the second rung does, and how everything begins: a new process on the same socket.
func (t *task) start(ctx context.Context, reasons []manifest.Diagnostic) outcome {
	if t.main == "" {
		main, err := t.findMain(ctx)
		if err != nil {
			return t.kept(err)
		}
		t.main = main
		if t.snap == nil { // else the one that is live counts
			t.reports <- report{main: main}
		}
	}
	generation := t.generation
	res, err := t.host(ctx, generation, reasons)
	if err != nil {
		if t.snap == nil {
			t.main = "" // it may be moved before anything was live
		}
		return t.keptFromRestart(err, reasons)
	}
	t.watchGraph(res.Snapshot)
	t.steps = append(t.steps, res.Steps...)
	dir := t.opts.workDir(res.Snapshot)
	t.warnWorkDir(dir)
	watch := time.Now()
	t.loading = watch
	replace := t.live.Replace
	if t.force.fresh {
		replace = t.live.ReplaceFresh
	}
	status, err := replace(ctx, launch.Image{
		Executable: res.Path, Dir: dir, Generation: generation, Handlers: res.Snapshot.Handlers(), Hot: res.Snapshot.Hot(),
		Sources: golist.Sources(t.opts.Dir),
	})
	t.step(control.StepStart, time.Since(watch))
	if err != nil {
		out := t.kept(err)
		if wait := t.waitForRestart(reasons); out.event.Message == "" {
			out.event.Message = wait
		} else if wait != "" {
			out.event.Message += "; " + wait
		}
		return out
	}
	t.generation++
	rung := manifest.RungWarmRestart
	if t.snap == nil {
		rung = ""
	}
	out := t.goLive(res, rung, generation, status.Manifest, slices.Concat(reasons, status.Notes))
	out.started, out.addr, out.event.PID = true, status.Addr, status.PID
	return out
}

// findMain finds the main package. While there is none the watcher follows whatever may become one.
func (t *task) findMain(ctx context.Context) (string, error) {
	for again := false; ; again = true {
		searched := time.Now()
		main, err := t.builder.Main(ctx)
		if err == nil || t.snap != nil || !build.ChangedSince(t.follow(treeSet(t.opts.Dir)), searched) || again {
			return main, err
		}
	}
}

// waitForRestart says what waits for a restart that failed, and why: hot code was compiled against
// host packages that the running process does not have.
func (t *task) waitForRestart(reasons []manifest.Diagnostic) string {
	if t.snap == nil || len(t.files) < 2 || !hasCode(reasons, manifest.CodeHostChanged) {
		return ""
	}
	return strings.Join(t.cause(), ", ") + " wait for that restart: hot code must match the host packages that it was " +
		"written against. Fix them, or revert their change"
}

// compiled makes the code known to predictors while the first live server is still being linked and
// started. Where one runs already, what is new is compared with that: its snapshot says what the
// process has, which another one does not. What remains then is to link the executable and to start
// it.
func (t *task) compiled(s *build.Snapshot, reasons []manifest.Diagnostic) {
	if t.snap != nil {
		t.publish(control.Event{Kind: control.EventRestarting, Rung: manifest.RungWarmRestart, Cause: t.cause(),
			Diagnostics: reasons})
		return
	}
	t.reports <- report{newest: s}
}

// rollback goes back to an earlier generation of the running process.
func (t *task) rollback(ctx context.Context) outcome {
	res, err := t.live.Rollback(context.WithoutCancel(ctx), control.RollbackRequest{Generation: t.force.generation})
	if err == nil && res.Outcome != control.OutcomeLive {
		err = &build.Failure{Diagnostics: res.Diagnostics}
	}
	if err != nil {
		// What is live, and what is wrong with the newest code, is as it was.
		return outcome{event: warning("no rollback: %v", err)}
	}
	ev := control.Event{Kind: control.EventRolledBack, Generation: res.Generation, Rung: manifest.RungHotSwap,
		Diagnostics: res.Diagnostics}
	ev.Message = fmt.Sprintf("generation %d is live again; the next save builds from the files as they are",
		res.Generation)
	if res.Manifest != nil {
		ev.Routes = res.Manifest.Routes
	}
	return outcome{event: ev, manifest: res.Manifest}
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

// keptFromRestart is kept for code that would need a restart if it compiled: the reasons are
// published too, because no restart was announced.
func (t *task) keptFromRestart(err error, reasons []manifest.Diagnostic) outcome {
	out := t.kept(err)
	if _, ok := errors.AsType[*build.Failure](err); ok && t.snap != nil {
		out.event.Diagnostics = slices.Concat(out.event.Diagnostics, reasons)
	}
	return out
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
