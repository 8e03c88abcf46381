package launch

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/anvilforge/anvil-lsp/hotreload/control"
)

// exitGrace is how long a process whose connection broke during a call has to turn out to be dead.
const exitGrace = 2 * time.Second

// change runs a load or rollback on the live process.
func (l *loop) change(limit time.Duration, call func(context.Context, remote) (control.LoadResult, error),
	served func(*process) Image, reply chan<- loadResult,
) {
	p := l.live
	if p == nil {
		reply <- loadResult{err: ErrNoLiveServer}
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
			reply <- loadResult{result: res, err: err}
		}
	})
}

// giveUp no longer waits for a load, which may go live all the same when the process goes on.
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

// lookAgain asks a process what it serves, for as long as it takes to answer, and takes that for
// the truth.
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
