package launch

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"
	"syscall"

	"github.com/anvilforge/anvil-lsp/hotreload/shared/takeover"
)

// Errors of Listen.
var (
	// ErrNotLoopback reports an address that other machines could reach.
	ErrNotLoopback = errors.New("not a loopback address")
	// ErrAddrInUse reports an address that somebody listens on. Errors that wrap it also wrap
	// syscall.EADDRINUSE.
	ErrAddrInUse = errors.New("address is in use")
)

// InUseError reports who listens on an address.
type InUseError struct {
	Addr string
	By   string // the process, where the system tells which
}

// Reason says that the address is taken, and by whom.
func (e *InUseError) Reason() string {
	if e.By == "" {
		return "is taken"
	}
	return "is taken by " + e.By
}

func (e *InUseError) Error() string {
	return fmt.Sprintf("%v: %s %s; end that program or choose another address: %v", ErrAddrInUse, e.Addr, e.Reason(),
		syscall.EADDRINUSE)
}

// Unwrap returns ErrAddrInUse and syscall.EADDRINUSE.
func (e *InUseError) Unwrap() []error { return []error{ErrAddrInUse, syscall.EADDRINUSE} }

// Socket is the one listening socket of a workspace, and the queue for connections that one live
// server hands to the next. Live servers inherit copies of it; it is bound as long as any of them
// is open.
type Socket struct {
	listener *net.TCPListener
	queue    *takeover.Queue // nil where the system has none
	host     string          // for the URL
	kept     keptSockets     // of the application, besides this one
}

// Listen binds a loopback address. An address without a host, such as ":8080", means 127.0.0.1;
// port 0 lets the system choose. The error wraps ErrNotLoopback for any other interface, and
// ErrAddrInUse, naming the process where the system tells which, if the port is taken.
func Listen(ctx context.Context, addr string) (*Socket, error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, fmt.Errorf("address %q is not of the form :8080 or localhost:8080: %w", addr, err)
	}
	ips, err := loopbackIPs(ctx, host)
	if err != nil {
		return nil, fmt.Errorf("listening on %s: %w", addr, err)
	}
	for _, ip := range ips {
		var l net.Listener
		var config net.ListenConfig
		l, err = config.Listen(ctx, "tcp", net.JoinHostPort(ip.String(), port))
		if err == nil {
			return newSocket(l.(*net.TCPListener), host, ip)
		}
		if !errors.Is(err, syscall.EADDRNOTAVAIL) && !errors.Is(err, syscall.EAFNOSUPPORT) {
			break // otherwise the machine does not have IPv4, or IPv6
		}
	}
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, &InUseError{Addr: addr, By: strings.TrimPrefix(holder(ctx, ips[0], port), " by ")}
	}
	return nil, fmt.Errorf("listening on %s: %w", addr, err)
}

func newSocket(l *net.TCPListener, host string, ip netip.Addr) (*Socket, error) {
	queue, err := takeover.NewQueue()
	if err != nil && !errors.Is(err, errors.ErrUnsupported) {
		return nil, errors.Join(err, l.Close())
	}
	if host != "localhost" {
		host = ip.String()
	}
	return &Socket{listener: l, queue: queue, host: host}, nil
}

// loopbackIPs returns the addresses to try for host, best first.
func loopbackIPs(ctx context.Context, host string) ([]netip.Addr, error) {
	if host == "" || host == "localhost" {
		return []netip.Addr{netip.AddrFrom4([4]byte{127, 0, 0, 1}), netip.IPv6Loopback()}, nil
	}
	ips := []netip.Addr{}
	if ip, err := netip.ParseAddr(host); err == nil {
		ips = append(ips, ip)
	} else if ips, err = net.DefaultResolver.LookupNetIP(ctx, "ip", host); err != nil {
		return nil, err
	}
	for _, ip := range ips {
		if !ip.Unmap().IsLoopback() {
			return nil, fmt.Errorf("%w: the live server can do whatever you can, so it listens on this machine only; use "+
				"127.0.0.1 or localhost", ErrNotLoopback)
		}
	}
	return ips, nil
}

// Addr returns the bound address.
func (s *Socket) Addr() net.Addr { return s.listener.Addr() }

// URL returns where the application answers, without a slash at the end.
func (s *Socket) URL() string {
	_, port, _ := net.SplitHostPort(s.Addr().String()) // a TCP address always splits
	return "http://" + net.JoinHostPort(s.host, port)
}

// Close gives the address back. Live servers that still run have their copies.
func (s *Socket) Close() error {
	s.kept.replace(nil)
	if s.queue == nil {
		return s.listener.Close()
	}
	return errors.Join(s.listener.Close(), s.queue.Close())
}

// file returns a copy of the socket.
func (s *Socket) file() (*os.File, error) { return dupFile(s.listener, "listener") }

// queueFiles returns copies of the ends of the queue, or none if there is none.
func (s *Socket) queueFiles() (pass, take *os.File, err error) {
	if s.queue == nil {
		return nil, nil, nil
	}
	out, in := s.queue.Ends()
	if pass, err = dupFile(out, "queue for connections"); err != nil {
		return nil, nil, err
	}
	if take, err = dupFile(in, "queue for connections"); err != nil {
		return nil, nil, errors.Join(err, pass.Close())
	}
	return pass, take, nil
}

// dupFile returns a copy of a listener's descriptor that is closed in children unless it is handed
// to them.
//
// It is not the File method of the listener: a File from there puts the socket into blocking mode
// as soon as it is handed to a child, for all copies in all processes, and an Accept in the engine
// could never be interrupted again.
func dupFile(c syscall.Conn, name string) (*os.File, error) {
	raw, err := c.SyscallConn()
	if err != nil {
		return nil, fmt.Errorf("copying the %s: %w", name, err)
	}
	var file *os.File
	var dupErr error
	err = raw.Control(func(fd uintptr) {
		var copied uintptr
		if copied, dupErr = dupFD(fd); dupErr == nil {
			file = os.NewFile(copied, name)
		}
	})
	if err := errors.Join(err, dupErr); err != nil {
		return nil, fmt.Errorf("copying the %s: %w", name, err)
	}
	return file, nil
}
