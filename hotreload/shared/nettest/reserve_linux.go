package nettest

import (
	"net"
	"net/netip"
	"os"
	"syscall"
	"testing"
)

// Reserve returns an address that nobody listens on, and that the system gives to
// nobody else before the test ends. Somebody who names it can listen on it.
//
// A port that was only closed may be another process's at once. So a socket stays
// bound to this one without listening: the system does not choose the port again, a
// dial is refused as if it were free, and with SO_REUSEADDR, which Go sets, a
// second socket may be bound to it and listen.
func Reserve(t testing.TB) string {
	t.Helper()
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(os.NewSyscallError("socket", err))
	}
	t.Cleanup(func() {
		if err := syscall.Close(fd); err != nil {
			t.Error(os.NewSyscallError("close", err))
		}
	})
	if err := syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 1); err != nil {
		t.Fatal(os.NewSyscallError("setsockopt", err))
	}
	loopback := [4]byte{127, 0, 0, 1}
	if err := syscall.Bind(fd, &syscall.SockaddrInet4{Addr: loopback}); err != nil {
		t.Fatal(os.NewSyscallError("bind", err))
	}
	bound, err := syscall.Getsockname(fd)
	if err != nil {
		t.Fatal(os.NewSyscallError("getsockname", err))
	}
	port := bound.(*syscall.SockaddrInet4).Port
	return net.TCPAddrFromAddrPort(netip.AddrPortFrom(netip.AddrFrom4(loopback), uint16(port))).String()
}
