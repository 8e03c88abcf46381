package launch

import (
	"context"
	"fmt"
	"time"

	"github.com/anvilforge/anvil-lsp/hotreload/control"
	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
)

// The state of a process goes over to the next one at the moment when no process answers: the old
// one has new requests wait, and finishes those that it has begun; then it writes its state, and
// the new one, which has come as far as its handlers, reads it, registers them and gets ready. Only
// then does the old one hand its connections over. Should the new one fail, the old one goes on.
//
// The state passes through this process and is never in a file: whoever is killed leaves nothing
// behind.

// handoverLimit bounds how long a process may take to hand over its state, and restoreLimit how
// long one may take to receive it.
const (
	handoverLimit = time.Duration(control.HandoverRequests+control.HandoverState) + 2*time.Second
	restoreLimit  = 5 * time.Second
)

// legacy is the state of a process that was ended.
type legacy struct {
	done  chan struct{} // closed when the rest is known
	state []byte
	err   error
}

// receive asks p for its state, which is to be ended.
func (g *legacy) receive(ctx context.Context, p *process, id int64) {
	defer close(g.done)
	g.state, g.err = p.handOverState(ctx, control.HandoverRequest{ID: id, Alone: true})
}

// handOverState asks a process for its state.
func (p *process) handOverState(ctx context.Context, req control.HandoverRequest) ([]byte, error) {
	if !p.answered {
		return nil, nil // nothing was ever kept in it
	}
	ctx, cancel := context.WithTimeout(ctx, handoverLimit)
	defer cancel()
	ask, cancelAsk := p.whileAlive(ctx)
	defer cancelAsk()
	return p.remote.HandOver(ask, req)
}

// succeed gives p the state of the process before it, and returns the number by which that was
// asked for it, if it was.
func (l *loop) succeed(ctx context.Context, a *attempt, before, p *process) (asked int64, err error) {
	var state []byte
	switch {
	case a.legacy != nil:
		select {
		case <-a.legacy.done:
			state, err = a.legacy.state, a.legacy.err
		case <-ctx.Done():
			return 0, context.Cause(ctx)
		}
	case before != nil:
		asked = l.handovers.Add(1)
		state, err = before.handOverState(ctx, control.HandoverRequest{ID: asked})
	}
	if err != nil && ctx.Err() == nil {
		p.note("all state starts again, because the process before did not hand it over: %v", err)
	}
	// With the state p registers its handlers and answers, before it is known here. What it has
	// answered would be lost if it were called off.
	if !a.commit() {
		<-ctx.Done()
		return asked, context.Cause(ctx)
	}
	giving, cancel := context.WithTimeout(ctx, restoreLimit)
	defer cancel()
	return asked, p.remote.Restore(giving, state)
}

func (p *process) note(format string, args ...any) {
	p.notes = append(p.notes, manifest.Diagnose(manifest.CodeStateShape, manifest.Position{}, "%s",
		fmt.Sprintf(format, args...)))
}

// goOn makes a process answer again that was asked for its state by a number, unless it was asked
// for it since.
func (l *loop) goOn(p *process, asked int64) {
	l.async(func() func() {
		ctx, cancel := context.WithTimeout(context.Background(), drainAnswer)
		defer cancel()
		ask, cancelAsk := p.whileAlive(ctx)
		defer cancelAsk()
		_ = p.remote.Release(ask, control.ReleaseRequest{ID: asked}) // if it does not answer at all, nothing helps
		return nothing
	})
}
