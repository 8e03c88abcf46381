package hotreload

import (
	"context"
	"net"

	"github.com/anvilforge/anvil-lsp/hotreload/internal/process"
)

// Listen opens a listening socket for [Options.Listeners]: "tcp", "tcp4", "tcp6" or
// "unix", as [net.ListenConfig.Listen] has them. In production it does nothing else.
// In hot mode the socket is handed to the next process on a restart, so that no client
// is refused meanwhile. A socket that is opened by other means may force the old
// process to end before the new one starts, where both cannot have it.
//
// The file of a Unix socket stays until no process listens there any more. A main that
// removes a stale file before it listens may go on to do so.
func Listen(ctx context.Context, network, address string) (net.Listener, error) {
	return listen(ctx, network, address)
}

// PassedListeners returns the sockets that the service manager has opened for this
// process (systemd's LISTEN_FDS), in its order; none if there are none. A second call
// returns none. Under anvil-lsp there are none either, because they are passed to
// another process: have main listen itself then.
func PassedListeners() ([]net.Listener, error) { return process.PassedListeners() }
