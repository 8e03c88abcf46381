package launch

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/anvilforge/anvil-lsp/hotreload/control"
	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/hotreload/shared/visible"
)

// exitGrace is how long a process whose connection broke during a call has to
// turn out to be dead.
const exitGrace = 2 * time.Second

// loop is the state of a Supervisor. It belongs to the goroutine of Run, which
// runs every method; what takes time runs in other goroutines, by async, and
// comes back with what is to be done next.
type loop struct {
	*Supervisor
	ctx      context.Context
	cancel   context.CancelFunc
	stopping bool // ctx has ended
	busy     int  // goroutines of async that will come back
	err      error

	live     *process // serving; nil while there is none
	starting *attempt // to become live
	front    *front   // answers while live is nil

	image    Image // what last went live
	wanted   bool  // image is to be running
	deaths   int   // in a row, without Backoff.Reset of health in between
	unready  int   // in a row, without being ready in between
	retry    *time.Timer
	retrying <-chan time.Time

	running    []*process        // that were started, until nothing of them is left
	launching  int               // attempts that may have started a process which is not among running
	conflicts  map[resource]bool // what two processes could not both have
	frontTimer *time.Timer
	frontDue   <-chan time.Time // when front answers, if there is no live process

	lingered bool // Lingers was emitted

	queue []Event // waiting for room in events
}

// attempt is a process on its way to become live.
type attempt struct {
	caller context.Context // of whoever wants it
	ctx    context.Context // caller's, and ends if it is called off
	cancel context.CancelCauseFunc
	image  Image
	reply  chan<- started // nil: nobody asked, the last image is started again

	alone     bool     // no other process may run beside it
	displaced bool     // one was ended for it
	before    *process // that serves meanwhile; nil if there is none
	told      map[resource]bool
	clear     chan struct{} // closed when it may start
	cleared   bool
	owed      func()  // set if this restores what was ended for another attempt: answers that
	fresh     bool    // it begins without the state of the process before
	legacy    *legacy // the state of one that was ended; nil if there is none
}

// launched is what became of an attempt.
type launched struct {
	process *process // nil if there is none
	status  control.LiveStatus
	held    holdings // what the process before has
	clash   *clash   // it cannot start beside that
	asked   int64    // by which number that was asked for its state; 0: it was not
	err     error
}

// started is what became of a Replace, changed what became of a Load.
type started struct {
	status control.LiveStatus
	err    error
}
type changed struct {
	result control.LoadResult
	err    error
}

func (l *loop) run() error {
	l.frontOn()
	ended := l.ctx.Done()
	for !l.stopping || l.busy > 0 {
		var events chan<- Event
		var next Event
		if len(l.queue) > 0 {
			events, next = l.events, l.queue[0]
		}
		select {
		case f := <-l.calls:
			f(l)
		case events <- next:
			l.queue = l.queue[1:]
		case <-l.retrying:
			l.retrying = nil
			l.begin(l.ctx, l.image, true, nil)
		case <-l.frontDue:
			l.frontDue = nil
			if l.live == nil {
				l.frontOn()
			}
		case <-ended:
			ended = nil
			l.stop()
		}
	}
	for _, e := range l.queue {
		select {
		case l.events <- e:
		default: // nobody reads
		}
	}
	return l.err
}

// stop ends everything. The loop runs until that is done.
func (l *loop) stop() {
	l.stopping = true
	l.cancel() // and with it an attempt, and calls to processes
	l.cancelRetry()
	l.frontOff()
	l.end(l.live, nothing)
	l.live = nil
}

// async runs work in another goroutine and then, in the loop, what it returns.
func (l *loop) async(work func() (then func())) {
	l.busy++
	go func() {
		then := work()
		l.calls <- func(l *loop) {
			l.busy--
			then()
		}
	}()
}

// begin starts a process with img, in place of one that is starting.
func (l *loop) begin(ctx context.Context, img Image, fresh bool, reply chan<- started) {
	if l.stopping {
		l.answer(reply, started{err: &StartError{Cause: ErrStopped}})
		return
	}
	if reply != nil {
		l.deaths, l.unready = 0, 0
	}
	l.try(&attempt{caller: ctx, image: img, fresh: fresh, reply: reply, alone: l.live == nil && len(l.conflicts) > 0})
}

// try makes a the attempt that is under way.
func (l *loop) try(a *attempt) {
	if l.starting != nil {
		l.starting.cancel(ErrSuperseded)
		if l.live == nil && a.legacy == nil {
			a.legacy = l.starting.legacy
		}
	}
	l.cancelRetry()
	if a.alone {
		l.displace(a)
	}
	a.before, a.told, a.clear = l.live, maps.Clone(l.conflicts), make(chan struct{})
	a.ctx, a.cancel = context.WithCancelCause(a.caller)
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
			// What was called off at the last moment stays called off.
			switch {
			case r.err != nil:
			case l.stopping:
				r.err = &StartError{Cause: ErrStopped}
			case a.ctx.Err() != nil:
				r.err = &StartError{Cause: context.Cause(a.ctx)}
			}
			calledOff := a.ctx.Err() != nil
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

// proceed lets the attempt that is under way start, unless it has to wait for
// others to end: what is left of a process that has ended ends soon.
func (l *loop) proceed() {
	a := l.starting
	if a == nil || a.cleared {
		return
	}
	for _, p := range l.running {
		if a.alone || p.isGone() {
			return
		}
	}
	if a.alone && l.launching > 0 {
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
		r.held = l.system.holds(before.child)
		if r.clash = foresee(r.held, a.told); r.clash != nil {
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
		r.asked, err = l.succeed(ctx, a, before, p)
		return err
	}
	r.status, r.err = p.awaitReady(ctx, l.options.ReadyTimeout, give)
	r.status.Notes = slices.Concat(p.notes, r.status.Notes)
	if r.err == nil && len(r.held.ports()) > 0 && p.exits(portPatience) {
		r.err = p.exitedEarly()
	}
	if before == nil {
		r.err = l.explain(p, r.err)
		return r
	}
	if _, ok := errors.AsType[*clash](r.err); !ok {
		p.rivals = r.held
	}
	r.clash = l.clashOf(p, r)
	if r.clash == nil {
		r.err = l.explain(p, r.err)
	}
	return r
}

// finish takes up the result of launch.
func (l *loop) finish(a *attempt, r launched, calledOff bool) {
	if l.starting == a {
		l.starting = nil
	}
	p, err := r.process, r.err
	if err != nil && r.asked != 0 {
		l.goOn(a.before, r.asked)
	}
	if p != nil {
		l.follow(p)
	}
	if r.clash != nil && !calledOff && !l.stopping {
		l.end(p, nothing)
		l.tellAlone(r.clash)
		l.try(&attempt{caller: a.caller, image: a.image, fresh: a.fresh, reply: a.reply, alone: true, owed: a.owed})
		return
	}
	if err == nil {
		l.goLive(p, func() {
			switch {
			case a.owed != nil:
				a.owed()
			case a.reply == nil:
				l.emit(Restarted{Status: r.status})
			}
			l.answer(a.reply, started{status: r.status})
		})
		return
	}
	l.end(p, nothing)
	if a.displaced && l.starting == nil && !l.stopping && a.reply != nil {
		l.restore(a, err)
		return
	}
	l.answer(a.reply, started{err: err})
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

// follow waits for the end of a process, and of what it has started.
func (l *loop) follow(p *process) {
	l.running = append(l.running, p)
	l.async(func() func() {
		<-p.exited
		return func() { l.exited(p) }
	})
	l.async(func() func() {
		select {
		case where := <-p.lingers:
			return func() { l.tellLingering(p, where) }
		case <-p.over:
			return nothing
		}
	})
	l.async(func() func() {
		<-p.over
		return func() {
			l.running = slices.DeleteFunc(l.running, func(q *process) bool { return q == p })
			l.system.drop(p.child)
			l.proceed()
		}
	})
}

// tellLingering reports, the first time, a process that does not end.
func (l *loop) tellLingering(p *process, where string) {
	if !l.lingered && !l.stopping && !p.isGone() {
		l.lingered = true
		l.emit(Lingers{PID: p.pid, Main: visible.Line(where)})
	}
}

// failedStart makes the event of an attempt that nobody asked for.
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

// goLive makes p the one that serves, and calls then when nobody else accepts
// connections any more.
func (l *loop) goLive(p *process, then func()) {
	before := l.live
	p.readyAt = time.Now()
	l.live = p
	l.image, l.wanted = p.image, true
	l.system.keep(p.child)
	l.unready = 0
	l.frontOff()
	l.listen(p)
	l.end(before, then)
}

// end ends a process, which may be nil, and calls then when it has stopped
// accepting connections.
func (l *loop) end(p *process, then func()) { l.endAfter(p, nothing, then) }

// endAfter is end, but first calls another function, outside of the loop.
func (l *loop) endAfter(p *process, first, then func()) {
	if p == nil || p.ending {
		then()
		return
	}
	p.ending = true
	successor := !l.stopping // a live server or the front
	var within time.Duration
	if l.stopping {
		within = l.options.requestsAtEnd()
	}
	l.async(func() func() {
		first()
		draining := p.handOver(successor, within)
		return func() {
			then()
			l.async(func() func() {
				p.awaitEnd(l.ctx, draining, l.options)
				return nothing
			})
		}
	})
}

func nothing() {}

// exited takes up the end of any process.
func (l *loop) exited(p *process) {
	if p != l.live {
		return // it was asked to end, or it never was ready
	}
	l.live = nil
	if l.starting == nil && time.Since(p.readyAt) < soon {
		if c := clashed(p, p.rivals); c != nil { // it was ready before it noticed
			l.tellAlone(c)
			l.frontLater()
			l.try(&attempt{caller: l.ctx, image: p.image, fresh: true, alone: true})
			return
		}
	}
	l.frontOn()
	if time.Since(p.readyAt) >= l.options.Backoff.Reset {
		l.deaths = 0
	}
	l.died(Exited{Exit: p.exit, Generation: p.image.Generation, DuringLoad: p.changes > 0})
}

// died reports a death and plans what follows.
func (l *loop) died(e Exited) {
	l.deaths++
	b := l.options.Backoff
	switch {
	case l.starting != nil:
		l.emit(e)
	case l.unready >= b.GiveUp:
		l.wanted = false
		l.emit(e)
		l.emit(GaveUp{Deaths: l.unready})
	default:
		d := b.delay(l.deaths)
		e.NextAttempt = time.Now().Add(d)
		l.emit(e)
		l.retryAfter(d)
	}
}

func (l *loop) retryAfter(d time.Duration) {
	l.cancelRetry()
	l.retry = time.NewTimer(d)
	l.retrying = l.retry.C
}

func (l *loop) cancelRetry() {
	if l.retry != nil {
		l.retry.Stop()
	}
	l.retrying = nil
}

// change runs a load or rollback on the live process.
func (l *loop) change(limit time.Duration, call func(context.Context, remote) (control.LoadResult, error),
	served func(*process) Image, reply chan<- changed,
) {
	p := l.live
	if p == nil {
		reply <- changed{err: ErrNoLiveServer}
		return
	}
	p.changes++
	l.async(func() func() {
		timed, cancel := context.WithTimeout(l.ctx, limit)
		defer cancel()
		ctx, cancelCall := p.whileAlive(timed)
		defer cancelCall()
		res, err := call(ctx, p.remote)
		// A broken connection may be all that is seen of the process dying.
		_, refused := errors.AsType[*control.Problem](err)
		died := err != nil && !refused && timed.Err() == nil && p.exits(exitGrace)
		return func() {
			switch {
			case err == nil:
				p.changes--
				l.remember(p, res, served)
			case l.ctx.Err() != nil:
				err = ErrStopped
			case p.ending:
				err = ErrSuperseded
			case died: // p.changes goes on telling that it was during the call
				err = &ExitError{Exit: p.exit}
			case timed.Err() != nil && !refused:
				p.changes--
				l.giveUp(p, served)
				err = fmt.Errorf("%w: %w", ErrNoAnswer, err)
			default:
				p.changes--
				err = fmt.Errorf("the live server: %w", err)
			}
			reply <- changed{result: res, err: err}
		}
	})
}

// giveUp no longer waits for a load, which may go live all the same when the
// process goes on.
func (l *loop) giveUp(p *process, served func(*process) Image) {
	if served == nil || p.isGone() {
		return
	}
	img := served(p)
	if p.given == nil {
		p.given = map[int]Image{}
	}
	p.given[img.Generation] = img
	l.lookAgain(p)
}

// lookAgain asks a process what it serves, for as long as it takes to answer,
// and takes that for the truth.
func (l *loop) lookAgain(p *process) {
	l.async(func() func() {
		ctx, cancel := p.whileAlive(l.ctx)
		defer cancel()
		st, err := p.remote.Status(ctx)
		return func() {
			img, ok := p.given[st.Generation]
			if err != nil || !ok {
				return
			}
			clear(p.given) // generations go live in order
			p.images[img.Generation], p.image = img, img
			if p == l.live {
				l.image = img
				l.emit(Late{Status: st})
			}
		}
	})
}

// remember notes what a load or rollback made live.
func (l *loop) remember(p *process, res control.LoadResult, served func(*process) Image) {
	if res.Outcome != control.OutcomeLive {
		return
	}
	clear(p.given)
	if served != nil {
		img := served(p)
		p.images[img.Generation] = img
		p.image = img
	} else if img, ok := p.images[res.Generation]; ok {
		p.image = img
	}
	if p == l.live {
		l.image = p.image
	}
}

// listen passes on the events of a process until it is gone.
func (l *loop) listen(p *process) {
	l.async(func() func() {
		ctx, cancel := p.whileAlive(context.Background())
		defer cancel()
		for !p.isGone() {
			for e, err := range p.remote.Events(ctx) {
				if err == nil {
					l.calls <- func(l *loop) {
						l.emit(Live{Event: e})
						if _, given := p.given[e.Generation]; given && e.Kind == control.LiveSwapped {
							l.lookAgain(p)
						}
					}
				}
			}
			p.pause(ctx, 100*time.Millisecond) // it fell behind, or is about to end
		}
		return nothing
	})
}

func (l *loop) frontOn() {
	l.frontNotLater()
	if l.front != nil || l.stopping {
		return
	}
	f, err := l.system.front()
	if err != nil {
		l.err = fmt.Errorf("answering while no live server runs: %w", err)
		l.stop()
		return
	}
	l.front = f
}

func (l *loop) frontOff() {
	l.frontNotLater()
	f := l.front
	if f == nil {
		return
	}
	l.front = nil
	f.stop(!l.stopping)
	l.async(func() func() {
		<-f.done
		return nothing
	})
}

func (l *loop) emit(e Event) {
	if _, ok := e.(Live); ok && len(l.queue) >= eventBuffer {
		return
	}
	l.queue = append(l.queue, e)
}

func (l *loop) answer(reply chan<- started, s started) {
	if reply != nil {
		reply <- s
	}
}
