//go:build anvilhot

package hotreload

import (
	"context"
	"net"

	"github.com/anvilforge/anvil-lsp/hotreload/internal/process"
)

// inherited is what the process was started with.
var inherited = process.ReadEnvironment()

// engineWatch ends the process when its engine was killed.
var engineWatch = process.WatchEngine(inherited.Gone, inherited.Sockets.Lingers)

// IsHotMode reports whether handlers can be replaced while the process runs. For that
// it must be built with the tag anvilhot and started with ANVIL_HOT=1, and anvil-lsp
// does both. Otherwise the handlers that are linked in are served; nothing else
// differs.
func IsHotMode() bool { return inherited.Hot }

func listen(ctx context.Context, network, address string) (net.Listener, error) {
	if inherited.Sockets == nil {
		return process.Listen(ctx, network, address)
	}
	return inherited.Sockets.Listen(ctx, network, address)
}

// entered says that LiveServer was called; what it returns is called at its end.
func entered() (leave func()) { return engineWatch.Enter() }

func serve(ctx context.Context, o Options, state *LiveState) error {
	switch {
	case !inherited.Hot:
		return serveLinked(ctx, o, state)
	case inherited.Control != nil:
		return serveEngine(ctx, o, state, inherited)
	}
	return serveAlone(ctx, o, state, inherited)
}
