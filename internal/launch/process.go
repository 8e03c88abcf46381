package launch

import (
	"context"
	"errors"
	"io/fs"
	"time"

	"github.com/anvilforge/anvil-lsp/hotreload/control"
	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
)

// process is a child and what the loop knows about it. Only the goroutine of Run uses the fields
// that are not set at the start.
type process struct {
	*child
	image    Image         // what it serves now
	images   map[int]Image // what it can be rolled back to, by generation
	answered bool          // it has spoken the control protocol
	readyAt  time.Time
	// rivals is what the process before had when this one started; nil if there was none, or it was
	// told already what this one lacks.
	rivals  *holdings
	given   map[int]Image         // loads that were given up, and may go live yet, by generation
	changes int                   // loads and rollbacks that are running, or during which it died
	ending  bool                  // it was asked to end
	notes   []manifest.Diagnostic // about the state that it was to have; set while it starts
}

func (p *process) isGone() bool {
	select {
	case <-p.exited:
		return true
	default:
		return false
	}
}

// whileAlive returns a context that also ends when the process does.
func (p *process) whileAlive(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		select {
		case <-p.exited:
			cancel()
		case <-ctx.Done():
		}
	}()
	return ctx, cancel
}

// exits reports whether the process ends within d.
func (p *process) exits(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-p.exited:
		return true
	case <-timer.C:
		return false
	}
}

// awaitReady waits until a process that was just started serves. It calls give once, if the process
// waits for the state of the one before. The error is a *StartError.
func (p *process) awaitReady(
	ctx context.Context, limit time.Duration, give func(context.Context) error,
) (control.LiveStatus, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, limit, ErrNotReady)
	defer cancel()
	ask, cancelAsk := p.whileAlive(ctx)
	defer cancelAsk()
	for pause := 2 * time.Millisecond; ; pause = min(2*pause, 20*time.Millisecond) {
		// The socket is bound already: the first question waits until the process is able to answer.
		st, err := p.remote.Status(ask)
		p.answered = p.answered || err == nil
		switch {
		case p.isGone():
			return st, p.exitedEarly()
		case ctx.Err() != nil:
			return st, p.notReady(context.Cause(ctx), limit, err)
		case err == nil && st.Awaiting && give != nil:
			failed := give(ask)
			give = nil
			if failed != nil && ctx.Err() == nil && !p.isGone() {
				d := manifest.Diagnose(manifest.CodeLiveServer, manifest.Position{},
					"the live server does not take the state of the one before: %v", failed)
				return st, &StartError{Diagnostics: []manifest.Diagnostic{d}, Output: p.output(), Cause: failed}
			}
			continue
		case err == nil && st.Ready:
			return st, nil
		case err == nil && len(st.Diagnostics) > 0:
			return st, &StartError{Diagnostics: st.Diagnostics, Output: p.output(),
				Cause: errors.New("the first generation could not go live")}
		}
		p.pause(ctx, pause)
	}
}

// pause waits, but not longer than there is something to wait for.
func (p *process) pause(ctx context.Context, d time.Duration) {
	ctx, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	select {
	case <-p.exited:
	case <-ctx.Done():
	}
}

// drainAnswer bounds how long a process may take to stop accepting. It has only to close a
// listener.
const drainAnswer = 5 * time.Second

// handOver asks a process to stop accepting and to end, and returns when it has stopped accepting.
// It reports whether the process has understood.
func (p *process) handOver(drain control.DrainRequest) bool {
	if !p.answered || p.isGone() {
		return false // it does not accept anything
	}
	ctx, cancel := context.WithTimeout(context.Background(), drainAnswer)
	defer cancel()
	ask, cancelAsk := p.whileAlive(ctx)
	defer cancelAsk()
	err := p.remote.Drain(ask, drain)
	if errors.Is(err, fs.ErrNotExist) { // its socket was deleted
		p.terminate()
		return p.exits(drainAnswer)
	}
	if _, refused := errors.AsType[*control.Problem](err); refused || ctx.Err() != nil {
		return false
	}
	return true // should the connection have broken: it is ending faster than it answers
}

// awaitEnd returns when the process is gone, and sees to it that this happens: sooner when ctx
// ends.
func (p *process) awaitEnd(ctx context.Context, draining bool, o Options) {
	if draining {
		limit, cancel := context.WithTimeout(context.Background(), o.DrainTimeout)
		defer cancel()
		p.pause(ctx, o.DrainTimeout)
		if ctx.Err() != nil {
			p.pause(limit, o.EndTimeout)
		}
	}
	if p.isGone() {
		return
	}
	p.terminate()
	if !p.exits(o.KillTimeout) {
		p.kill()
		<-p.exited
	}
}

func (p *process) exitedEarly() error {
	return &StartError{
		Diagnostics: []manifest.Diagnostic{p.exit.Diagnostic},
		ExitState:   p.exit.State,
		Output:      p.exit.Output,
		Cause:       &ExitError{Exit: p.exit},
	}
}

// notReady makes the error of a process that runs but does not serve. Last is the error of the last
// question to it.
func (p *process) notReady(cause error, limit time.Duration, last error) error {
	e := &StartError{Output: p.output(), Cause: cause}
	if errors.Is(cause, ErrNotReady) {
		why := "does its main call hotreload.LiveServer, and does nothing before that wait?"
		if p.answered {
			why = "its routes are still being registered"
		} else if problem, ok := errors.AsType[*control.Problem](last); ok {
			why = problem.Error()
		}
		e.Diagnostics = []manifest.Diagnostic{notReadyDiagnostic(limit, why)}
	}
	return e
}

func notReadyDiagnostic(limit time.Duration, why string) manifest.Diagnostic {
	return manifest.Diagnose(manifest.CodeLiveServer, manifest.Position{},
		"the live server did not become ready within %v: %s (a start that needs longer may have more time: "+
			"--start-timeout, or the setting startTimeout)", limit, why)
}
