package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/anvilforge/anvil-lsp/hotreload/control"
	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/internal/build"
	"github.com/anvilforge/anvil-lsp/internal/launch"
)

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
