package control

import (
	"context"
	"errors"
	"net"
	"net/http"
	"sync"
	"time"
)

// Handover serves HTTP on a listening socket that others accept on, too, and
// ends without losing a request, so that the next process can take over.
//
// http.Server.Shutdown alone loses some: once it has been called, a request
// that is being read is dropped without an answer. Its client, which has just
// connected, sees an error. So a Handover first stops accepting and closes the
// kept connections that are idle, as Shutdown does, and shuts down only when
// the requests that are on their way have reached their handlers.
//
// What remains is a kept connection that is closed at the very moment when the
// client sends a request on it. Clients repeat such a request by themselves if
// it may be repeated: Go's does so for GET, browsers for all methods.
type Handover struct {
	server *http.Server
	// Patience is how long after a connection was accepted its first request
	// may come. Browsers open connections before they need them; those must not
	// keep an old process alive, nor get answers from it long after it was
	// replaced. The default is 1 s. It must be set before Serve.
	Patience time.Duration

	mu        sync.Mutex
	listeners []net.Listener // guarded by mu
	ended     bool           // guarded by mu
	serving   sync.WaitGroup
	awaited   map[net.Conn]time.Time // connections whose request has not reached its handler, and since when; guarded by mu
	arrived   chan struct{}          // tells that one of awaited is gone
}

// connKey is the key of a connection in the contexts of its requests.
type connKey struct{}

// NewHandover takes over a server that does not serve yet, and wraps its
// Handler and its hooks ConnState and ConnContext.
func NewHandover(server *http.Server) *Handover {
	h := &Handover{server: server, Patience: time.Second, awaited: map[net.Conn]time.Time{}, arrived: make(chan struct{}, 1)}
	handler, connState, connContext := server.Handler, server.ConnState, server.ConnContext
	if handler == nil {
		handler = http.DefaultServeMux
	}
	server.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if c, ok := r.Context().Value(connKey{}).(net.Conn); ok {
			h.forget(c)
		}
		handler.ServeHTTP(w, r)
	})
	server.ConnContext = func(ctx context.Context, c net.Conn) context.Context {
		if connContext != nil {
			ctx = connContext(ctx, c)
		}
		return context.WithValue(ctx, connKey{}, c)
	}
	server.ConnState = func(c net.Conn, state http.ConnState) {
		switch state {
		case http.StateNew, http.StateActive:
			h.await(c)
		default:
			h.forget(c)
		}
		if connState != nil {
			connState(c, state)
		}
	}
	return h
}

// Serve serves on l, and closes it at the end. Like that of http.Server it
// always returns an error, which is http.ErrServerClosed after Shutdown.
func (h *Handover) Serve(l net.Listener) error {
	if !h.begin(l) {
		return errors.Join(http.ErrServerClosed, l.Close())
	}
	err := h.server.Serve(l)
	h.serving.Done()
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.ended && errors.Is(err, net.ErrClosed) {
		return http.ErrServerClosed
	}
	return err
}

func (h *Handover) begin(l net.Listener) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.ended {
		return false
	}
	h.listeners = append(h.listeners, l)
	h.serving.Add(1)
	return true
}

// StopAccepting hands the socket over: when it returns, whoever connects, and
// whoever asks on a connection that was kept idle, gets to the others that
// accept on it. Requests that are on their way or in flight go on.
func (h *Handover) StopAccepting() error {
	err := h.closeListeners()
	h.serving.Wait() // from now on every accepted connection is known
	h.server.SetKeepAlivesEnabled(false)
	return err
}

// Shutdown stops accepting, lets requests that are on their way come, and
// returns when all have been answered. If ctx ends before that its error is
// returned, and requests may still be running: Close of the http.Server cuts
// them off.
func (h *Handover) Shutdown(ctx context.Context) error {
	err := h.StopAccepting()
	h.awaitRequests(ctx)
	return errors.Join(err, h.server.Shutdown(ctx))
}

func (h *Handover) closeListeners() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.ended = true
	var errs []error
	for _, l := range h.listeners {
		errs = append(errs, l.Close())
	}
	h.listeners = nil
	return errors.Join(errs...)
}

// awaitRequests returns when no request is on its way, and closes connections
// that have been waited for for too long.
func (h *Handover) awaitRequests(ctx context.Context) {
	for {
		left := h.patience(time.Now())
		if left <= 0 {
			return
		}
		timer := time.NewTimer(left)
		select {
		case <-h.arrived:
		case <-timer.C:
		case <-ctx.Done():
		}
		timer.Stop()
		if ctx.Err() != nil {
			return
		}
	}
}

// patience closes the connections that took too long, and returns for how long
// the others may go on, or 0 if there is none.
func (h *Handover) patience(now time.Time) (left time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for c, since := range h.awaited {
		wait := since.Add(h.Patience).Sub(now)
		if wait <= 0 {
			_ = c.Close() // its state will follow
		}
		left = max(left, wait)
	}
	return left
}

func (h *Handover) await(c net.Conn) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.awaited[c] = time.Now()
}

func (h *Handover) forget(c net.Conn) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.awaited, c)
	select {
	case h.arrived <- struct{}{}:
	default: // has been told
	}
}
