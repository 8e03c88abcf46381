package launch

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/anvilforge/anvil-lsp/hotreload/control"
	"github.com/anvilforge/anvil-lsp/manifest"
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

	queue []Event // waiting for room in events
}

// attempt is a process on its way to become live.
type attempt struct {
	ctx    context.Context
	cancel context.CancelCauseFunc
	image  Image
	reply  chan<- started // nil: nobody asked, the last image is started again
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
			l.begin(l.ctx, l.image, nil)
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
func (l *loop) begin(ctx context.Context, img Image, reply chan<- started) {
	if l.stopping {
		l.answer(reply, started{err: &StartError{Cause: ErrStopped}})
		return
	}
	if l.starting != nil {
		l.starting.cancel(ErrSuperseded)
	}
	l.cancelRetry()
	if reply != nil {
		l.deaths, l.unready = 0, 0
	}
	a := &attempt{image: img, reply: reply}
	a.ctx, a.cancel = context.WithCancelCause(ctx)
	stop := context.AfterFunc(l.ctx, func() { a.cancel(ErrStopped) })
	l.starting = a
	l.async(func() func() {
		p, st, err := l.launch(a)
		return func() {
			// What was called off at the last moment stays called off.
			switch {
			case err != nil:
			case l.stopping:
				err = &StartError{Cause: ErrStopped}
			case a.ctx.Err() != nil:
				err = &StartError{Cause: context.Cause(a.ctx)}
			}
			stop()
			a.cancel(nil)
			l.finish(a, p, st, err)
		}
	})
}

// launch starts a process and waits until it is ready. The process is nil if
// there is none.
func (l *loop) launch(a *attempt) (*process, control.LiveStatus, error) {
	c, err := l.system.start(a.image)
	if err != nil {
		d := manifest.Diagnose(manifest.CodeLiveServer, manifest.Position{}, "%v", err)
		return nil, control.LiveStatus{}, &StartError{Diagnostics: []manifest.Diagnostic{d}, Cause: err}
	}
	p := &process{child: c, image: a.image, images: map[int]Image{a.image.Generation: a.image}}
	st, err := p.awaitReady(a.ctx, l.options.ReadyTimeout)
	return p, st, err
}

// finish takes up the result of launch.
func (l *loop) finish(a *attempt, p *process, st control.LiveStatus, err error) {
	if l.starting == a {
		l.starting = nil
	}
	if p != nil {
		l.async(func() func() {
			<-p.exited
			return func() { l.exited(p) }
		})
	}
	if err == nil {
		l.goLive(p, func() {
			if a.reply == nil {
				l.emit(Restarted{Status: st})
			}
			l.answer(a.reply, started{status: st})
		})
		return
	}
	l.end(p, nothing)
	l.answer(a.reply, started{err: err})
	switch {
	case l.stopping || l.starting != nil || l.live != nil:
	case a.reply == nil:
		l.unready++
		l.died(failedStart(p, a.image, err))
	case l.wanted: // it died while its successor was starting
		l.retryAfter(l.options.Backoff.delay(l.deaths))
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
	l.unready = 0
	l.frontOff()
	l.follow(p)
	l.end(before, then)
}

// end ends a process, which may be nil, and calls then when it has stopped
// accepting connections.
func (l *loop) end(p *process, then func()) {
	if p == nil || p.ending {
		then()
		return
	}
	p.ending = true
	l.async(func() func() {
		draining := p.handOver()
		return func() {
			then()
			l.async(func() func() {
				p.awaitEnd(draining, l.options)
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
			default:
				p.changes--
				err = fmt.Errorf("the live server: %w", err)
			}
			reply <- changed{result: res, err: err}
		}
	})
}

// remember notes what a load or rollback made live.
func (l *loop) remember(p *process, res control.LoadResult, served func(*process) Image) {
	if res.Outcome != control.OutcomeLive {
		return
	}
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

// follow passes on the events of a process until it is gone.
func (l *loop) follow(p *process) {
	l.async(func() func() {
		ctx, cancel := p.whileAlive(context.Background())
		defer cancel()
		for !p.isGone() {
			for e, err := range p.remote.Events(ctx) {
				if err == nil {
					l.calls <- func(l *loop) { l.emit(Live{Event: e}) }
				}
			}
			p.pause(ctx, 100*time.Millisecond) // it fell behind, or is about to end
		}
		return nothing
	})
}

func (l *loop) frontOn() {
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
	f := l.front
	if f == nil {
		return
	}
	l.front = nil
	f.stop()
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
