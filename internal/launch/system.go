package launch

import (
	"context"
	"encoding/json"
	"iter"

	"github.com/anvilforge/anvil-lsp/hotreload/control"
	"github.com/anvilforge/anvil-lsp/hotreload/control/transport"
	"github.com/anvilforge/anvil-lsp/hotreload/shared/takeover"
)

// system is the operating system as a Supervisor sees it. Tests put a fake one in its place.
type system struct {
	// start starts a process. One that awaits asks for the state of the process before.
	start func(img Image, awaits bool) (*child, error)
	front func() (*front, error)
	// holds looks what a process and its children have; waits, what a process that is not ready may be
	// waiting for: what the one before has or, if that is nil, anybody; owner describes, to follow "is
	// taken", who has a port.
	holds func(*child) holdings
	waits func(p, before *child) wait
	owner func(resource) string
	// keep hands the listening sockets of a process to the next; drop gives them back if it never was
	// one to take over from.
	keep, drop func(*child)
}

// child is a process that was started.
type child struct {
	pid    int
	dir    string // working directory
	remote remote
	// terminate asks it to end (SIGTERM); kill ends it and its children (SIGKILL). After the end both
	// do nothing.
	terminate, kill func()
	output          func() string // the end of its stderr so far
	printed         func() string // that of its stdout, and of its stderr
	exited          <-chan struct{}
	exit            Exit            // set before exited is closed
	over            <-chan struct{} // closed when what it has started has ended, too
	shelf           *takeover.Shelf // has the listening sockets that it opened; nil without
	lingers         <-chan string   // what its main does, if that does not return after LiveServer; may be nil
}

// remote is a live server, seen through the control protocol.
type remote interface {
	Status(ctx context.Context) (control.LiveStatus, error)
	Load(ctx context.Context, req control.LoadRequest) (control.LoadResult, error)
	Rollback(ctx context.Context, req control.RollbackRequest) (control.LoadResult, error)
	Drain(ctx context.Context, req control.DrainRequest) error
	// HandOver asks for the state for the process that takes over; empty: there is none. Release has
	// the process go on; Restore gives it the state.
	HandOver(ctx context.Context, req control.HandoverRequest) ([]byte, error)
	Release(ctx context.Context, req control.ReleaseRequest) error
	Restore(ctx context.Context, state []byte) error
	Events(ctx context.Context) iter.Seq2[control.LiveEvent, error]
}

// socketRemote is the live server behind a control socket.
type socketRemote struct{ client *transport.Client }

func (r socketRemote) Status(ctx context.Context) (st control.LiveStatus, err error) {
	err = r.client.Get(ctx, control.PathStatus, &st)
	return st, err
}

func (r socketRemote) Load(ctx context.Context, req control.LoadRequest) (res control.LoadResult, err error) {
	err = r.client.Post(ctx, control.PathLoad, req, &res)
	return res, err
}

func (r socketRemote) Rollback(ctx context.Context, req control.RollbackRequest) (res control.LoadResult, err error) {
	err = r.client.Post(ctx, control.PathRollback, req, &res)
	return res, err
}

func (r socketRemote) Drain(ctx context.Context, req control.DrainRequest) error {
	return r.client.Post(ctx, control.PathDrain, req, nil)
}

func (r socketRemote) HandOver(ctx context.Context, req control.HandoverRequest) ([]byte, error) {
	body, err := json.Marshal(req)
	if err != nil {
		return nil, err
	}
	return r.client.PostRaw(ctx, control.PathHandover, body, control.MaxHandover)
}

func (r socketRemote) Release(ctx context.Context, req control.ReleaseRequest) error {
	return r.client.Post(ctx, control.PathRelease, req, nil)
}

func (r socketRemote) Restore(ctx context.Context, state []byte) error {
	_, err := r.client.PostRaw(ctx, control.PathRestore, state, control.MaxHandover)
	return err
}

func (r socketRemote) Events(ctx context.Context) iter.Seq2[control.LiveEvent, error] {
	return transport.Events[control.LiveEvent](ctx, r.client, control.PathEvents)
}
