// Package enginelink speaks with an engine: that of this process, or another's.
package enginelink

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/anvilforge/anvil-lsp/hotreload/control"
	"github.com/anvilforge/anvil-lsp/hotreload/control/transport"
	"github.com/anvilforge/anvil-lsp/internal/engine"
)

// StatusTimeout is how long an engine may take to answer a question.
const StatusTimeout = 5 * time.Second

// Link is an engine: our own, or that of another process.
type Link interface {
	// Status asks the engine how it is. The live server's part may be missing.
	Status(ctx context.Context) (control.Status, error)
	Reload(ctx context.Context) (control.Event, error)
	// Restart starts the live server again; a fresh one without the state of the one
	// before.
	Restart(ctx context.Context, fresh bool) (control.Event, error)
	Rollback(ctx context.Context, generation int) (control.Event, error)
	// Apply takes up what waits while saves are held.
	Apply(ctx context.Context) (control.Event, error)
	// PauseSaves has saves wait, or not any more.
	PauseSaves(on bool)
	// Recheck has the engine look at files that the editor has saved. It does not wait.
	Recheck(files ...string)
}

// Own is an engine of this process.
type Own struct{ *engine.Engine }

func (l Own) Status(ctx context.Context) (control.Status, error) {
	return l.Engine.Status(ctx), nil
}

// Remote is an engine of another process.
type Remote struct {
	client *transport.Client
	ctx    context.Context // of being attached
	unhold context.CancelFunc
}

func NewRemote(ctx context.Context, c *transport.Client) *Remote {
	return &Remote{client: c, ctx: ctx}
}

func (l *Remote) Status(ctx context.Context) (s control.Status, err error) {
	ctx, cancel := context.WithTimeout(ctx, StatusTimeout)
	defer cancel()
	return s, l.client.Get(ctx, control.PathStatus, &s)
}

// ask has the engine do something. What it answers is not told apart from what it
// could not answer, because it has ended meanwhile, by words about sockets alone.
func (l *Remote) ask(ctx context.Context, path string, body any) (ev control.Event, err error) {
	err = l.client.Post(ctx, path, body, &ev)
	if _, answered := errors.AsType[*control.Problem](err); err != nil && !answered && ctx.Err() == nil {
		err = fmt.Errorf("the anvil-lsp that has the live server ended before it was done: %w", err)
	}
	return ev, err
}

func (l *Remote) Reload(ctx context.Context) (control.Event, error) {
	return l.ask(ctx, control.PathReload, nil)
}

func (l *Remote) Restart(ctx context.Context, fresh bool) (control.Event, error) {
	return l.ask(ctx, control.PathRestart, control.RestartRequest{Fresh: fresh})
}

func (l *Remote) Apply(ctx context.Context) (control.Event, error) {
	return l.ask(ctx, control.PathApply, nil)
}

func (l *Remote) Rollback(ctx context.Context, generation int) (control.Event, error) {
	return l.ask(ctx, control.PathRollback, control.RollbackRequest{Generation: generation})
}

// Recheck tells an engine of an earlier version in vain.
func (l *Remote) Recheck(files ...string) {
	go func() {
		ctx, cancel := context.WithTimeout(l.ctx, StatusTimeout)
		defer cancel()
		_ = l.client.Post(ctx, control.PathLook, control.LookRequest{Files: files}, nil)
	}()
}

// PauseSaves is called by one goroutine.
func (l *Remote) PauseSaves(on bool) {
	switch {
	case on && l.unhold == nil:
		ctx, cancel := context.WithCancel(l.ctx)
		l.unhold = cancel
		go func() {
			for range transport.Events[control.Held](ctx, l.client, control.PathHold) {
			}
		}()
	case !on && l.unhold != nil:
		l.unhold()
		l.unhold = nil
	}
}

// ErrSilent reports an engine that holds the directory but does not
// answer.
var ErrSilent = errors.New("another anvil-lsp holds the directory and does not answer")

// Log returns the last lines that the live server has printed; all that are kept
// for a negative number.
func (l *Remote) Log(ctx context.Context, lines int) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, StatusTimeout)
	defer cancel()
	body, err := l.client.Read(ctx, control.LogPath(lines, false))
	if err != nil {
		return nil, err
	}
	defer body.Close()
	return io.ReadAll(io.LimitReader(body, maxLog))
}

// maxLog bounds what another process tells of the output of its live server, in bytes.
const maxLog = 1 << 20
