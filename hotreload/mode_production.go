//go:build !anvilhot

package hotreload

import (
	"context"
	"net"

	"github.com/anvilforge/anvil-lsp/hotreload/internal/migrate"
	"github.com/anvilforge/anvil-lsp/hotreload/internal/process"
)

// IsHotMode reports whether handlers can be replaced while the process runs. For that
// it must be built with the tag anvilhot and started with ANVIL_HOT=1, and anvil-lsp
// does both. Otherwise the handlers that are linked in are served; nothing else
// differs.
func IsHotMode() bool { return false }

// counted is what a generation needs to count its requests: in production,
// nothing.
type counted struct{}

func listen(ctx context.Context, network, address string) (net.Listener, error) {
	return process.Listen(ctx, network, address)
}

// inheritance has nothing: no process was there before.
type inheritance struct{}

func (*inheritance) forget(string) {}

func (*inheritance) arrive(*migrate.Arrival) bool { return false }

// entered has nothing to do: there is no engine.
func entered() (leave func()) { return func() {} }

func serve(ctx context.Context, o Options, state *LiveState) error {
	return serveLinked(ctx, o, state)
}
