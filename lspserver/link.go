package lspserver

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/anvilforge/anvil-lsp/hotreload/control"
	"github.com/anvilforge/anvil-lsp/hotreload/control/transport"
	"github.com/anvilforge/anvil-lsp/internal/engine"
)

// statusPatience is how long an engine may take to answer a question.
const statusPatience = 5 * time.Second

// link is an engine: our own, or that of another process.
type link interface {
	// Status asks the engine how it is. The live server's part may be missing.
	Status(ctx context.Context) (control.Status, error)
	Reload(ctx context.Context) (control.Event, error)
	// Restart starts the live server anew; a fresh one without the state of the one
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

// ownLink is an engine of this process.
type ownLink struct{ *engine.Engine }

func (l ownLink) Status(ctx context.Context) (control.Status, error) {
	return l.Engine.Status(ctx), nil
}

// remoteLink is an engine of another process.
type remoteLink struct {
	client *transport.Client
	ctx    context.Context // of being attached
	unhold context.CancelFunc
}

func (l *remoteLink) Status(ctx context.Context) (s control.Status, err error) {
	ctx, cancel := context.WithTimeout(ctx, statusPatience)
	defer cancel()
	return s, l.client.Get(ctx, control.PathStatus, &s)
}

// ask has the engine do something. What it answers is not told apart from what it
// could not answer, because it has ended meanwhile, by words about sockets alone.
func (l *remoteLink) ask(ctx context.Context, path string, body any) (ev control.Event, err error) {
	err = l.client.Post(ctx, path, body, &ev)
	if _, answered := errors.AsType[*control.Problem](err); err != nil && !answered && ctx.Err() == nil {
		err = fmt.Errorf("the anvil-lsp that has the live server ended before it was done: %w", err)
	}
	return ev, err
}

func (l *remoteLink) Reload(ctx context.Context) (control.Event, error) {
	return l.ask(ctx, control.PathReload, nil)
}

func (l *remoteLink) Restart(ctx context.Context, fresh bool) (control.Event, error) {
	return l.ask(ctx, control.PathRestart, control.RestartRequest{Fresh: fresh})
}

func (l *remoteLink) Apply(ctx context.Context) (control.Event, error) {
	return l.ask(ctx, control.PathApply, nil)
}

func (l *remoteLink) Rollback(ctx context.Context, generation int) (control.Event, error) {
	return l.ask(ctx, control.PathRollback, control.RollbackRequest{Generation: generation})
}

// Recheck tells an engine of an earlier version in vain.
func (l *remoteLink) Recheck(files ...string) {
	go func() {
		ctx, cancel := context.WithTimeout(l.ctx, statusPatience)
		defer cancel()
		_ = l.client.Post(ctx, control.PathLook, control.LookRequest{Files: files}, nil)
	}()
}

// PauseSaves is called by one goroutine.
func (l *remoteLink) PauseSaves(on bool) {
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

// errEngineSilent reports an engine that holds the directory but does not
// answer.
var errEngineSilent = errors.New("another anvil-lsp holds the directory and does not answer")
