//go:build anvilhot

package hotreload

import (
	"context"
	"errors"
	"net"

	"github.com/anvilforge/anvil-lsp/hotreload/shared/takeover"
)

// handing is the server of a process that another one takes over from.
type handing struct {
	*takeover.Server
	gated *takeover.Gated // connections that cannot be handed over
}

// Serve serves a listener of any kind.
func (h *handing) Serve(l net.Listener) error {
	switch l.(type) {
	case *net.TCPListener, *net.UnixListener:
		return h.Server.Serve(l)
	}
	return h.gated.Serve(l)
}

// Leave is that of the takeover.Server, and stops accepting on all listeners.
func (h *handing) Leave(successor bool) error {
	h.gated.Leave()
	return h.Server.Leave(successor)
}

// LeaveFirst is that of the takeover.Server, and stops accepting on all listeners.
func (h *handing) LeaveFirst() error {
	h.gated.Leave()
	return h.Server.LeaveFirst()
}

// Shutdown ends the serving of all listeners.
func (h *handing) Shutdown(ctx context.Context) error {
	h.gated.Leave()
	return errors.Join(h.Server.Shutdown(ctx), h.gated.Shutdown(ctx))
}
