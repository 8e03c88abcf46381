package launch

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/anvilforge/anvil-lsp/hotreload/control"
	"github.com/anvilforge/anvil-lsp/hotreload/shared/visible"
)

// loop is the state of a Supervisor. It belongs to the goroutine of Run, which runs every method;
// what takes time runs in other goroutines, by async, and comes back with what is to be done next.
type loop struct {
	*Supervisor
	ctx      context.Context
	cancel   context.CancelFunc
	stopping bool // ctx has ended
	busy     int  // goroutines of async that will come back
	err      error

	live     *process // serving; nil while there is none
	starting *attempt // to become live
	// following comes next, as soon as the process is gone that live stands in for; nil if live does
	// not.
	following *attempt
	front     *front // answers while live is nil

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

// startResult is what became of a Replace, changed what became of a Load.
type startResult struct {
	status control.LiveStatus
	err    error
}
type loadResult struct {
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

// goLive makes p the one that serves, and calls then when no other process accepts connections any
// more.
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

// end ends a process, which may be nil, and calls then when it has stopped accepting connections.
func (l *loop) end(p *process, then func()) { l.endAfter(p, false, nothing, then) }

// endAfter is end, but first calls another function, outside of the loop. Alone: no other process
// accepts before p is gone.
func (l *loop) endAfter(p *process, alone bool, first, then func()) {
	if p == nil || p.ending {
		then()
		return
	}
	p.ending = true
	drain := control.DrainRequest{Successor: !l.stopping, Alone: alone} // that is a live server or the front
	if l.stopping {
		drain.Within = control.Duration(l.options.requestsAtEnd())
	}
	l.async(func() func() {
		first()
		draining := p.handOver(drain)
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

// exited handles the end of any process.
func (l *loop) exited(p *process) {
	if p != l.live {
		return // it was asked to end, or it never was ready
	}
	l.live = nil
	if l.starting == nil && p.rivals != nil && time.Since(p.readyAt) < soon {
		if c := clashed(p, *p.rivals); c != nil { // it was ready before it noticed
			l.tellAlone(c)
			l.frontLater()
			l.try(&attempt{caller: l.ctx, image: p.image, fresh: true, noOverlap: true})
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
	case l.starting != nil || l.following != nil:
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

func (l *loop) answer(reply chan<- startResult, s startResult) {
	if reply != nil {
		reply <- s
	}
}
