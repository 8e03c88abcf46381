package engine

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/anvilforge/anvil-lsp/hotreload/control"
	"github.com/anvilforge/anvil-lsp/hotreload/control/transport"
)

// errStopRequested is why an engine ends that a client asked to stop, errEnded is what is said to
// those who come too late.
var (
	errStopRequested = errors.New("asked to stop")
	errEnded         = errors.New("the engine has ended")
)

// serve answers attached clients on the control socket.
func (e *Engine) serve(ctx context.Context, stop context.CancelCauseFunc) error {
	r := chi.NewRouter()
	r.Get(control.PathStatus, func(w http.ResponseWriter, r *http.Request) {
		transport.WriteJSON(w, http.StatusOK, e.Status(r.Context()))
	})
	r.Get(control.PathEvents, e.events.ServeHTTP)
	r.Get(control.PathLog, e.opts.Log.ServeHTTP)
	r.Post(control.PathReload, e.handleRequest(requestReload))
	r.Post(control.PathRestart, e.handleRequest(requestRestart))
	r.Post(control.PathRollback, e.handleRequest(requestRollback))
	r.Post(control.PathApply, e.handleRequest(requestApply))
	r.Post(control.PathLook, e.recheckForClient)
	r.Get(control.PathHold, e.pauseForClient)
	r.Post(control.PathStop, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusAccepted)
		stop(errStopRequested)
	})
	srv := &http.Server{
		Handler:           r,
		ReadHeaderTimeout: 10 * time.Second,
		// A client that waits for a reload gives up with the engine.
		BaseContext: func(net.Listener) context.Context { return ctx },
	}
	closed := make(chan struct{})
	serving := context.AfterFunc(ctx, func() {
		defer close(closed)
		shutdown, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		_ = errors.Join(srv.Shutdown(shutdown), srv.Close()) // streams are cut off
	})
	later, cancel := context.WithCancel(ctx)
	var others sync.WaitGroup
	defer others.Wait()
	defer cancel()
	others.Go(func() {
		for {
			select {
			case l := <-e.newControl:
				others.Go(func() { _ = srv.Serve(l) }) // ends with srv
			case <-later.Done():
				return
			}
		}
	})
	err := srv.Serve(e.control)
	if serving() { // it ended by itself
		return errors.Join(fmt.Errorf("serving the control socket: %w", err), srv.Close())
	}
	<-closed // the last answers are out
	return nil
}

// listenAgain makes the control socket once more, where its file was deleted. Who is connected
// already stays so. Where the directory was moved away and is back the socket may still be there.
func (e *Engine) listenAgain() error {
	now, err := os.Lstat(SocketPath(e.opts.Dir))
	if err == nil && slices.ContainsFunc(e.bound, func(own fs.FileInfo) bool { return os.SameFile(own, now) }) {
		return nil
	}
	l, err := e.listenControl()
	if err != nil {
		return err
	}
	select {
	case deleted := <-e.newControl: // this one, too
		err = deleted.Close()
	default:
	}
	e.newControl <- l
	return err
}

// listenControl makes the control socket, and remembers it as its own.
func (e *Engine) listenControl() (*net.UnixListener, error) {
	l, err := transport.ListenUnix(SocketPath(e.opts.Dir))
	if err != nil {
		return nil, err
	}
	if info, err := os.Lstat(SocketPath(e.opts.Dir)); err == nil {
		e.bound = append(e.bound, info)
	}
	return l, nil
}

// handleRequest hands a client's request to the loop and answers with the event that it ended in.
func (e *Engine) handleRequest(kind requestKind) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var err error
		var rollback control.RollbackRequest
		var restart control.RestartRequest
		switch {
		case kind == requestRollback:
			err = transport.ReadJSON(r, &rollback)
		case kind == requestRestart && r.ContentLength != 0: // an older client sends none
			err = transport.ReadJSON(r, &restart)
		}
		if err != nil {
			transport.WriteProblem(w, http.StatusBadRequest, err)
			return
		}
		ev, err := e.do(r.Context(), request{kind: kind, generation: rollback.Generation, fresh: restart.Fresh})
		if err != nil {
			transport.WriteProblem(w, http.StatusServiceUnavailable, err)
			return
		}
		transport.WriteJSON(w, http.StatusOK, ev)
	}
}

// do hands a request to the loop and waits for the event that it ends in.
func (e *Engine) do(ctx context.Context, r request) (control.Event, error) {
	r.reply = make(chan control.Event, 1)
	select {
	case e.requests <- r:
	case <-e.ended:
		return control.Event{}, errEnded
	case <-ctx.Done():
		return control.Event{}, context.Cause(ctx)
	}
	select {
	case ev := <-r.reply:
		return ev, nil
	case <-ctx.Done():
		return control.Event{}, context.Cause(ctx)
	}
}

// Reload builds and loads the code as it is now, changed or not.
func (e *Engine) Reload(ctx context.Context) (control.Event, error) {
	return e.do(ctx, request{kind: requestReload})
}

// Restart restarts the live server from the code as it is now; a fresh one without the state of the
// one before.
func (e *Engine) Restart(ctx context.Context, fresh bool) (control.Event, error) {
	return e.do(ctx, request{kind: requestRestart, fresh: fresh})
}

// Apply builds and loads what waits because reload on save is paused, as if it had been saved now.
func (e *Engine) Apply(ctx context.Context) (control.Event, error) {
	return e.do(ctx, request{kind: requestApply})
}

// Rollback makes an earlier generation live again; 0 is the one before.
func (e *Engine) Rollback(ctx context.Context, generation int) (control.Event, error) {
	return e.do(ctx, request{kind: requestRollback, generation: generation})
}
