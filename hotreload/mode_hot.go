//go:build anvilhot

package hotreload

import (
	"context"
	"net"
)

// inherited is what the process was started with.
var inherited = takeEnvironment()

// engineWatch ends the process when its engine was killed.
var engineWatch = watchEngine(inherited.gone, inherited.sockets.lingers)

// IsHotMode reports whether handlers can be replaced while the process runs. For that
// it must be built with the tag anvilhot and started with ANVIL_HOT=1, and anvil-lsp
// does both. Otherwise the handlers that are linked in are served; nothing else
// differs.
func IsHotMode() bool { return inherited.hot }

func listen(ctx context.Context, network, address string) (net.Listener, error) {
	if inherited.sockets == nil {
		return listenDirectly(ctx, network, address)
	}
	return inherited.sockets.listen(ctx, network, address)
}

// entered says that LiveServer was called; what it returns is called at its end.
func entered() (leave func()) { return engineWatch.enter() }

func serve(ctx context.Context, o Options, state *LiveState) error {
	switch {
	case !inherited.hot:
		return serveLinked(ctx, o, state)
	case inherited.control != nil:
		return serveEngine(ctx, o, state, inherited)
	}
	return serveAlone(ctx, o, state, inherited)
}
