//go:build !linux

package nettest

import (
	"net"
	"testing"
)

// Reserve returns an address that nobody listens on now. Only Linux lets a socket
// listen where another one is bound, so here the port may become somebody else's.
func Reserve(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return l.Addr().String()
}
