//go:build anvilhot

package process

import (
	"context"
	"errors"
	"net"

	"github.com/anvilforge/anvil-lsp/hotreload/shared/takeover"
)

// Server is the server of a process that another one takes over from.
type Server struct {
	*takeover.Server
	Others *takeover.Gated // connections that cannot be handed over
}

// Serve serves a listener of any kind.
func (h *Server) Serve(l net.Listener) error {
	switch l.(type) {
	case *net.TCPListener, *net.UnixListener:
		return h.Server.Serve(l)
	}
	return h.Others.Serve(l)
}

// Leave is that of the takeover.Server, and stops accepting on all listeners.
func (h *Server) Leave(successor bool) error {
	h.Others.Leave()
	return h.Server.Leave(successor)
}

// LeaveFirst is that of the takeover.Server, and stops accepting on all listeners.
func (h *Server) LeaveFirst() error {
	h.Others.Leave()
	return h.Server.LeaveFirst()
}

// Shutdown ends the serving of all listeners.
func (h *Server) Shutdown(ctx context.Context) error {
	h.Others.Leave()
	return errors.Join(h.Server.Shutdown(ctx), h.Others.Shutdown(ctx))
}
