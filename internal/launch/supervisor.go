package launch

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/anvilforge/anvil-lsp/hotreload/control"
)

// maxRollback bounds a rollback, which registers routes again.
const maxRollback = 2 * time.Duration(control.DefaultDeadline)

// eventBuffer is how many events may wait for a reader before those of the kind Live are dropped.
// The others are rare, and never dropped.
const eventBuffer = 256

// Supervisor owns the live servers of one socket. All methods are safe for concurrent use; all but
// Run and Events wait for Run to have been called.
type Supervisor struct {
	options Options
	system  system
	calls   chan func(*loop) // what the goroutine of Run does for others
	events  chan Event
	done    chan struct{} // closed when Run returns
	// handovers numbers the times that a process was asked for its state.
	handovers atomic.Int64
}

// NewSupervisor returns a supervisor that has not started anything. It creates Options.RunDir, and
// removes the control sockets that an engine which was killed has left there.
func NewSupervisor(o Options) (*Supervisor, error) {
	if o.Socket == nil || o.RunDir == "" {
		return nil, errors.New("a supervisor needs Options.Socket and Options.RunDir")
	}
	o = o.withDefaults()
	sys, err := newSystem(o)
	if err != nil {
		return nil, err
	}
	return newSupervisor(o, sys), nil
}

func newSupervisor(o Options, sys system) *Supervisor {
	return &Supervisor{
		options: o,
		system:  sys,
		calls:   make(chan func(*loop)),
		events:  make(chan Event, eventBuffer),
		done:    make(chan struct{}),
	}
}

// Run supervises until ctx ends; then it drains and stops every process, removes its control
// socket, and returns nil. It must be called once. The socket stays open.
func (s *Supervisor) Run(ctx context.Context) error {
	defer close(s.events)
	defer close(s.done)
	l := &loop{Supervisor: s}
	l.ctx, l.cancel = context.WithCancel(ctx)
	defer l.cancel()
	return l.run()
}

// Events returns what happens without being asked for. A reader that is slow misses events of the
// kind Live, and no others. The channel is closed when Run returns.
func (s *Supervisor) Events() <-chan Event { return s.events }

// Replace starts a process that serves img and, when it is ready, drains the one that served
// before. It returns the status of the new one as soon as that is the only one that accepts
// connections: the next request gets there. Until then, and if the new process does not become
// ready, the one before serves; the error is a *StartError. Another Replace calls the start off,
// and so does the end of ctx until the new process has the state of the one before, or is ready: it
// may have answered requests then. CallOff calls it off later, too.
//
// The new process begins with the state of the one before. While that goes over, requests wait.
func (s *Supervisor) Replace(ctx context.Context, img Image) (control.LiveStatus, error) {
	return s.replace(ctx, img, false)
}

// ReplaceFresh is Replace, but the new process begins without any state.
func (s *Supervisor) ReplaceFresh(ctx context.Context, img Image) (control.LiveStatus, error) {
	return s.replace(ctx, img, true)
}

func (s *Supervisor) replace(ctx context.Context, img Image, fresh bool) (control.LiveStatus, error) {
	reply := make(chan startResult, 1)
	if err := s.do(ctx, func(l *loop) { l.begin(ctx, img, fresh, reply) }); err != nil {
		return control.LiveStatus{}, &StartError{Cause: err}
	}
	r := <-reply
	return r.status, r.err
}

// CallOff ends a start that a Replace waits for, with ErrStopped, also one that the end of its
// context does not call off any more: that is for when everything is about to end, and with it
// whatever the new process has answered.
func (s *Supervisor) CallOff() {
	_ = s.do(context.Background(), func(l *loop) { // an error says that nothing runs any more
		if a := l.starting; a != nil && a.reply != nil {
			a.cancel(ErrStopped)
		}
	})
}

// Load sends a load to the live server, and remembers its plugin and generation if they went live.
// If ctx ends the load goes on, and its outcome is remembered all the same. The error is
// ErrNoLiveServer, an *ExitError if the process died during the load, ErrSuperseded if it was
// replaced during the load, ErrNoAnswer, a *control.Problem, or one of transport.
func (s *Supervisor) Load(ctx context.Context, req control.LoadRequest) (control.LoadResult, error) {
	const transport = 5 * time.Second // the live server watches over the deadline itself
	return s.change(ctx, req.Limit()+transport, func(ctx context.Context, r remote) (control.LoadResult, error) {
		return r.Load(ctx, req)
	}, func(p *process) Image {
		img := p.image
		img.Plugin, img.Needs, img.Generation, img.Hot = req.Plugin, req.Needs, req.Generation, req.Hot
		return img
	})
}

// Rollback sends a rollback to the live server, and remembers what is live then. Its errors are
// those of Load.
func (s *Supervisor) Rollback(ctx context.Context, req control.RollbackRequest) (control.LoadResult, error) {
	return s.change(ctx, maxRollback, func(ctx context.Context, r remote) (control.LoadResult, error) {
		return r.Rollback(ctx, req)
	}, nil)
}

// change runs a call that may change what is live. The image of what went live comes from served
// or, if that is nil, from what was live earlier.
func (s *Supervisor) change(ctx context.Context, limit time.Duration,
	call func(context.Context, remote) (control.LoadResult, error), served func(*process) Image,
) (control.LoadResult, error) {
	reply := make(chan loadResult, 1)
	if err := s.do(ctx, func(l *loop) { l.change(limit, call, served, reply) }); err != nil {
		return control.LoadResult{}, err
	}
	select {
	case r := <-reply:
		return r.result, r.err
	case <-ctx.Done():
		return control.LoadResult{}, context.Cause(ctx)
	}
}

// Status asks the live server for its state. The error is ErrNoLiveServer, or one of transport.
func (s *Supervisor) Status(ctx context.Context) (control.LiveStatus, error) {
	reply := make(chan *process, 1)
	if err := s.do(ctx, func(l *loop) { reply <- l.live }); err != nil {
		return control.LiveStatus{}, err
	}
	p := <-reply
	if p == nil {
		return control.LiveStatus{}, ErrNoLiveServer
	}
	ctx, cancel := p.whileAlive(ctx)
	defer cancel()
	st, err := p.remote.Status(ctx)
	if err != nil && p.isGone() {
		return st, ErrNoLiveServer
	}
	if err != nil {
		return st, fmt.Errorf("asking the live server: %w", err)
	}
	return st, nil
}

// do calls f in the goroutine of Run.
func (s *Supervisor) do(ctx context.Context, f func(*loop)) error {
	select {
	case s.calls <- f:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-s.done:
		return ErrStopped
	}
}
