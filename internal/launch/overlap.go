package launch

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// Processes overlap while one replaces another, so that the old one serves until the new one can.
// Where the old one has something that no second process can have (a port besides the engine's
// socket, a lock on a file), the new one would fail or wait for ever. Then the old one is ended
// first. Requests that come in between wait in the queue of the socket.

const (
	// lockPause is how often a starting process is checked for what it waits for.
	lockPause = 200 * time.Millisecond
	// lockPatience is how long a process may have a file open that another one has locked: some try
	// again and again where others wait.
	lockPatience = time.Second
	// portPatience is how long a process is watched, once it is ready, that comes after one with a
	// second port: it may be about to die for want of that.
	portPatience = 250 * time.Millisecond
	// soon is how long after it got ready the death of a process may still be because of what the one
	// before it had.
	soon = 5 * time.Second
)

// NoOverlap reports that a restart ends the running process before it starts the new one, from now
// on wherever that has the same. Conflict says why, to follow "two processes cannot both".
type NoOverlap struct {
	Conflict string
	// Socket: it is a listening socket, which the engine can hand over.
	Socket bool
}

func (NoOverlap) isEvent() {}

// clash is why two processes could not run at once.
type clash struct{ resource resource }

// Error says why.
func (c *clash) Error() string { return "two processes cannot both " + c.resource.conflict() }

// wait is what a process that is not ready may be waiting for.
type wait struct {
	lock   resource // zero: nothing that is known
	asking bool     // it waits for the lock in a system call, not only with the file open
	owner  string   // describes who has it, if that is not the process before
}

// predictClash returns what the process that serves has and a second one could not have. conflicts
// are those that were met before.
func predictClash(h holdings, conflicts map[resource]bool) *clash {
	if !h.known {
		for r := range conflicts {
			return &clash{r} // no way to see whether it still has that
		}
		return nil
	}
	for _, r := range h.list {
		if r.sure || conflicts[r.key()] {
			return &clash{r}
		}
	}
	return nil
}

// key is the resource without what may change between two looks at it.
func (r resource) key() resource { return resource{kind: r.kind, name: r.name} }

// watchLocks calls off a start when the new process p waits for what the one before has.
func (l *loop) watchLocks(ctx context.Context, cancel context.CancelCauseFunc, p, before *process) {
	ticks := time.NewTicker(lockPause)
	defer ticks.Stop()
	var open resource
	var since time.Time
	for {
		select {
		case <-ctx.Done():
			return
		case <-p.exited:
			return
		case <-before.exited:
			return
		case <-ticks.C:
		}
		w := l.system.waits(p.child, before.child)
		switch {
		case w.lock == resource{} || w.owner != "":
			open = resource{}
		case w.asking:
			cancel(&clash{w.lock})
			return
		case w.lock != open:
			open, since = w.lock, time.Now()
		case time.Since(since) >= lockPatience:
			cancel(&clash{w.lock})
			return
		}
	}
}

// clashed returns why a start went wrong if that is because of what the process before it had.
func clashed(p *process, held holdings) *clash {
	if p == nil {
		return nil
	}
	if r, ok := held.missed(p.lately()); ok {
		return &clash{r}
	}
	return nil
}

// lately returns the end of what the process has printed.
func (p *process) lately() string {
	const enough = 8 << 10
	return string(lastBytes([]byte(p.printed()), enough))
}

// tellAlone remembers a conflict, and reports it the first time.
func (l *loop) tellAlone(c *clash) {
	if l.conflicts == nil {
		l.conflicts = map[resource]bool{}
	}
	if key := c.resource.key(); !l.conflicts[key] {
		l.conflicts[key] = true
		l.emit(NoOverlap{Conflict: c.resource.conflict(), Socket: key.kind == tcpPort || key.kind == unixSocket})
	}
}

// standIn makes p live, which is ready but lacks what the process before has, until that process is
// gone: it may forward requests to p, and waits for the answers. Then p is ended for the attempt
// again: it has answered requests, so its state is the one that goes along. If that is not wanted
// any more p goes on without what it lacks, and stays is called.
func (l *loop) standIn(p, before *process, again *attempt, stays func()) {
	again.fresh = false // p began so, if that is wanted
	image := l.image
	l.goLive(p, func() {
		l.async(func() func() {
			select {
			case <-before.exited:
			case <-again.caller.Done():
			case <-l.ctx.Done():
			}
			return func() {
				switch {
				case l.ctx.Err() != nil:
					l.answer(again.reply, startResult{err: &StartError{Cause: ErrStopped}})
				case l.following != again:
					l.answer(again.reply, startResult{err: &StartError{Cause: ErrSuperseded}})
				case again.caller.Err() != nil && l.live == p:
					l.following, l.image = nil, p.image
					stays()
				default:
					l.try(again)
				}
			}
		})
	})
	l.following = again
	l.image = image // is started once more if again fails
}

// displace ends the process that serves, to make room for an attempt.
func (l *loop) displace(a *attempt) {
	if l.live == nil {
		return
	}
	old := l.live
	l.live = nil
	l.frontLater()
	// Also for a fresh attempt: should it fail, old is started again.
	left := &legacy{done: make(chan struct{})}
	a.legacy = left
	l.endAfter(old, true, func() { left.receive(l.ctx, old, l.handovers.Add(1)) }, nothing)
}

// restore starts the process that was ended once more, as a failed with err. Who asked for a is
// answered when that is done, or as soon as the start is not wanted any more.
func (l *loop) restore(a *attempt, err error) {
	if start, ok := errors.AsType[*StartError](err); ok {
		start.Displaced = true
	}
	tell := sync.OnceFunc(func() { l.answer(a.reply, startResult{err: err}) })
	stop := context.AfterFunc(a.caller, tell)
	l.try(&attempt{caller: l.ctx, image: l.image, noOverlap: true, legacy: a.legacy, owed: func() {
		stop()
		tell()
	}})
}

// frontLater makes the front answer if no live server comes soon.
func (l *loop) frontLater() {
	l.frontTimer = time.NewTimer(l.options.QueueTimeout)
	l.frontDue = l.frontTimer.C
}

func (l *loop) frontNotLater() {
	if l.frontTimer != nil {
		l.frontTimer.Stop()
	}
	l.frontDue = nil
}

// why says what a process waits for that did not get ready.
func (w wait) why() string {
	if w.lock == (resource{}) {
		return ""
	}
	verb := "it has open"
	if w.asking {
		verb = "it waits for a lock on"
	}
	return fmt.Sprintf("%s %s, which %s has locked", verb, w.lock.name, w.owner)
}

// clashOf looks whether what became of a start is because of the process before.
func (l *loop) clashOf(p *process, r launched) *clash {
	if c, ok := errors.AsType[*clash](r.err); ok {
		return c
	}
	if r.err == nil {
		// Some go on without the port that they did not get.
		if r, ok := r.holdings.missedAddress(p.lately()); ok {
			return &clash{r}
		}
		return nil
	}
	if _, exited := errors.AsType[*ExitError](r.err); exited {
		return clashed(p, r.holdings)
	}
	return nil
}

// explain adds to an error of a start who has what the process did not get.
func (l *loop) explain(p *process, err error) error {
	start, ok := errors.AsType[*StartError](err)
	if !ok || len(start.Diagnostics) == 0 {
		return err
	}
	d := &start.Diagnostics[0]
	if errors.Is(err, ErrNotReady) && !p.answered {
		if why := l.system.waits(p.child, nil).why(); why != "" {
			*d = notReadyDiagnostic(l.options.ReadyTimeout, why)
		}
		return err
	}
	if _, exited := errors.AsType[*ExitError](err); !exited {
		return err
	}
	if r, ok := addressInUse(p.lately()); ok && r.name != "" {
		if who := l.system.owner(r); who != "" {
			d.Message += fmt.Sprintf("; %s is taken%s", r.name, who)
		}
	}
	return err
}
