package engine

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/anvilforge/anvil-lsp/hotreload/control"
	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/internal/build"
	"github.com/anvilforge/anvil-lsp/internal/build/golist"
	"github.com/anvilforge/anvil-lsp/internal/launch"
)

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

// keptFromRestart is kept for code that would need a restart if it compiled: the reasons are
// published too, because no restart was announced.
func (t *task) keptFromRestart(err error, reasons []manifest.Diagnostic) outcome {
	out := t.kept(err)
	if _, ok := errors.AsType[*build.Failure](err); ok && t.snap != nil {
		out.event.Diagnostics = slices.Concat(out.event.Diagnostics, reasons)
	}
	return out
}
