//go:build anvilhot

package hotreload

import (
	"context"
	"errors"
	"net"
	"net/http"
	"sync"

	"github.com/anvilforge/anvil-lsp/hotreload/shared/takeover"
)

// handing is the server of a process that another one takes over from.
type handing struct {
	*takeover.Server
	single single
}

// Serve serves a listener of any kind.
func (h *handing) Serve(l net.Listener) error {
	switch l.(type) {
	case *net.TCPListener, *net.UnixListener:
		return h.Server.Serve(l)
	}
	return h.single.serve(l)
}

// Leave is that of the takeover.Server, and stops accepting on all listeners.
func (h *handing) Leave(successor bool) error {
	h.single.leave()
	return h.Server.Leave(successor)
}

// Shutdown ends the serving of all listeners.
func (h *handing) Shutdown(ctx context.Context) error {
	h.single.leave()
	return errors.Join(h.Server.Shutdown(ctx), h.single.end(ctx))
}

// single serves connections that belong to one process: those with TLS, whose keys
// nobody else has, and those of listeners that are not known. When it leaves, those
// that are idle are closed.
type single struct {
	srv *http.Server

	mu        sync.Mutex // guards what follows
	listeners []net.Listener
	left      bool
}

// begin takes up a listener, unless nothing is accepted any more.
func (s *single) begin(l net.Listener) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.left {
		s.listeners = append(s.listeners, l)
	}
	return !s.left
}

func (s *single) hasLeft() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.left
}

// serve is Serve of http.Server.
func (s *single) serve(l net.Listener) error {
	if !s.begin(l) {
		return errors.Join(http.ErrServerClosed, l.Close())
	}
	if err := s.srv.Serve(l); !s.hasLeft() {
		return err
	}
	return http.ErrServerClosed
}

// leave stops accepting, and returns when it has.
func (s *single) leave() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.left {
		return
	}
	s.left = true
	_ = closeListeners(s.listeners)
	s.srv.SetKeepAlivesEnabled(false)
}

// end waits for the requests in flight, and cuts them off when ctx ends.
func (s *single) end(ctx context.Context) error {
	err := s.srv.Shutdown(ctx)
	if errors.Is(err, net.ErrClosed) { // by leave
		err = nil
	}
	if err != nil {
		_ = s.srv.Close()
	}
	return err
}
