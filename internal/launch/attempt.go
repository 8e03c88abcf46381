package launch

import (
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/anvilforge/anvil-lsp/hotreload/control"
	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
)

// attempt is a process on its way to become live.
type attempt struct {
	caller context.Context // of whoever wants it
	ctx    context.Context // ends if it is called off, by caller as well until commit
	cancel context.CancelCauseFunc
	// commit makes the end of caller no longer count. It reports false if that came first.
	commit func() bool
	image  Image
	reply  chan<- startResult // nil: nobody asked, the last image is started again

	noOverlap bool     // no other process may run alongside
	before    *process // that serves meanwhile; nil if there is none
	conflicts map[resource]bool
	clear     chan struct{} // closed when it may start
	cleared   bool
	owed      func() // set if this restores what was ended for another attempt: answers that
	fresh     bool   // it begins without the state of the process before
	// legacy is the state of a process that was ended for this attempt, or for one that this takes
	// over from; nil if there is none.
	legacy *legacy
}

// launched is what became of an attempt.
type launched struct {
	process    *process // nil if there is none
	status     control.LiveStatus
	holdings   holdings // what the process before has
	clash      *clash   // it cannot start alongside that
	handoverID int64    // by which number that was asked for its state; 0: it was not
	err        error
}

// begin starts a process with img, in place of one that is starting.
func (l *loop) begin(ctx context.Context, img Image, fresh bool, reply chan<- startResult) {
	if l.stopping {
		l.answer(reply, startResult{err: &StartError{Cause: ErrStopped}})
		return
	}
	if reply != nil {
		l.deaths, l.unready = 0, 0
	}
	l.try(&attempt{caller: ctx, image: img, fresh: fresh, reply: reply, noOverlap: l.live == nil && len(l.conflicts) > 0})
}

// try makes a the attempt that is under way.
func (l *loop) try(a *attempt) {
	if l.starting != nil {
		l.starting.cancel(ErrSuperseded)
		if l.live == nil && a.legacy == nil {
			a.legacy = l.starting.legacy
		}
	}
	l.following = nil
	l.cancelRetry()
	if a.noOverlap {
		l.displace(a)
	}
	a.before, a.conflicts, a.clear = l.live, maps.Clone(l.conflicts), make(chan struct{})
	a.ctx, a.cancel = context.WithCancelCause(context.Background())
	a.commit = context.AfterFunc(a.caller, func() { a.cancel(context.Cause(a.caller)) })
	stop := context.AfterFunc(l.ctx, func() { a.cancel(ErrStopped) })
	l.starting = a
	l.async(func() func() {
		var r launched
		select {
		case <-a.clear:
			r = l.launch(a)
		case <-a.ctx.Done():
			r.err = &StartError{Cause: context.Cause(a.ctx)}
		}
		return func() {
			// What is ready answers already, and is not called off by its caller any more.
			switch {
			case r.err != nil:
			case l.stopping:
				r.err = &StartError{Cause: ErrStopped}
			case l.starting != a:
				r.err = &StartError{Cause: ErrSuperseded}
			}
			calledOff := a.ctx.Err() != nil || a.caller.Err() != nil
			a.commit()
			stop()
			a.cancel(nil)
			if a.cleared {
				l.launching--
			}
			l.finish(a, r, calledOff)
			l.proceed()
		}
	})
	l.proceed()
}

// proceed lets the attempt that is under way start, unless it has to wait for others to end: what
// is left of a process that has ended ends soon.
func (l *loop) proceed() {
	a := l.starting
	if a == nil || a.cleared {
		return
	}
	for _, p := range l.running {
		if a.noOverlap || p.isGone() {
			return
		}
	}
	if a.noOverlap && l.launching > 0 {
		return
	}
	a.cleared = true
	l.launching++
	close(a.clear)
}

// launch starts a process and waits until it is ready.
func (l *loop) launch(a *attempt) (r launched) {
	before := a.before
	if before != nil && before.isGone() {
		before = nil
	}
	if before != nil {
		r.holdings = l.system.holds(before.child)
		if r.clash = predictClash(r.holdings, a.conflicts); r.clash != nil {
			r.err = &StartError{Cause: r.clash}
			return r
		}
	}
	awaits := !a.fresh && (before != nil || a.legacy != nil)
	c, err := l.system.start(a.image, awaits)
	if err != nil {
		d := manifest.Diagnose(manifest.CodeLiveServer, manifest.Position{}, "%v", err)
		r.err = &StartError{Diagnostics: []manifest.Diagnostic{d}, Cause: err}
		return r
	}
	p := &process{child: c, image: a.image, images: map[int]Image{a.image.Generation: a.image}}
	r.process = p
	ctx, cancel := context.WithCancelCause(a.ctx)
	defer cancel(nil)
	if before != nil {
		go l.watchLocks(ctx, cancel, p, before)
	}
	give := func(ctx context.Context) (err error) {
		r.handoverID, err = l.succeed(ctx, a, before, p)
		return err
	}
	r.status, r.err = p.awaitReady(ctx, l.options.ReadyTimeout, give)
	r.status.Notes = slices.Concat(p.notes, r.status.Notes)
	if r.err == nil && len(r.holdings.ports()) > 0 && p.exits(portPatience) {
		r.err = p.exitedEarly()
	}
	if before == nil {
		r.err = l.explain(p, r.err)
		return r
	}
	r.clash = l.clashOf(p, r)
	if r.clash == nil {
		p.rivals = &r.holdings
		r.err = l.explain(p, r.err)
	}
	return r
}

// finish applies the result of launch.
func (l *loop) finish(a *attempt, r launched, calledOff bool) {
	if l.starting == a {
		l.starting = nil
	}
	p, err := r.process, r.err
	if err != nil && r.handoverID != 0 {
		l.goOn(a.before, r.handoverID)
	}
	if p != nil {
		l.follow(p)
	}
	serves := func() {
		switch {
		case a.owed != nil:
			a.owed()
		case a.reply == nil:
			l.emit(Restarted{Status: r.status})
		}
		l.answer(a.reply, startResult{status: r.status})
	}
	if r.clash != nil && !l.stopping && (err == nil || !calledOff) {
		l.tellAlone(r.clash)
		again := &attempt{caller: a.caller, image: a.image, fresh: a.fresh, reply: a.reply, noOverlap: true, owed: a.owed}
		if err == nil {
			l.standIn(p, a.before, again, serves)
			return
		}
		l.end(p, nothing)
		l.try(again)
		return
	}
	if err == nil {
		l.goLive(p, serves)
		return
	}
	l.end(p, nothing)
	if a.legacy != nil && l.starting == nil && !l.stopping && a.reply != nil {
		l.restore(a, err)
		return
	}
	l.answer(a.reply, startResult{err: err})
	if a.owed != nil {
		a.owed()
	}
	switch {
	case l.stopping || l.starting != nil || l.live != nil:
	case a.reply == nil:
		l.unready++
		l.frontOn()
		l.died(failedStart(p, a.image, err))
	case l.wanted: // it died while its successor was starting
		l.retryAfter(l.options.Backoff.delay(l.deaths))
	}
}

// failedStart makes the event of an attempt without a caller.
func failedStart(p *process, img Image, err error) Exited {
	e := Exited{Generation: img.Generation}
	e.Start, _ = errors.AsType[*StartError](err)
	if exit, ok := errors.AsType[*ExitError](err); ok {
		e.Exit = exit.Exit
		return e
	}
	if p != nil {
		e.Exit.Output = p.output()
	}
	e.Exit.Diagnostic = manifest.Diagnose(manifest.CodeLiveServer, manifest.Position{}, "%v", err)
	return e
}
