package engine

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"

	"github.com/anvilforge/anvil-lsp/internal/launch"
)

const (
	// defaultPort is the first port that is tried without an address.
	defaultPort = 8080
	// defaultAddr is where LiveServer listens where main names no address.
	defaultAddr = "127.0.0.1:8080"
)

// mainAddress is the address that main names, and what became of that.
type mainAddress struct {
	addr string // as main does; empty if it is not known, or not asked for
	note string // what differs from that, for a person
}

// listen binds the address: the one that was asked for, or the one that the engine's main package
// names, or the first free port from 8080 on. It must be known before anything is built, so main is
// read and not run.
func (e *Engine) listen(ctx context.Context) (err error) {
	if e.opts.Addr != "" {
		e.socket, err = launch.Listen(ctx, e.opts.Addr)
		return err
	}
	if e.main == "" { // the first build says why
		e.socket, err = listenFrom(ctx, defaultPort)
		return err
	}
	addr, unread, known := e.builder.Address(ctx, e.main, e.opts.Args, os.Getenv)
	if known {
		e.socket, e.mainAddr, err = adopt(ctx, addr, defaultPort)
		return err
	}
	if e.socket, err = listenFrom(ctx, defaultPort); err == nil && unread.File != "" {
		unread.File = e.opts.relative([]string{unread.File})[0]
		e.mainAddr.note = fmt.Sprintf("%s: cannot read the address from the source; serving on %s (--addr sets another)",
			unread, e.socket.Addr())
	}
	return err
}

// adopt binds the address that main names, on this machine only. If it cannot be had that is the
// first free port from fallback on, and the note says why.
func adopt(ctx context.Context, addr string, fallback int) (*launch.Socket, mainAddress, error) {
	who := ", which main names,"
	if addr == "" {
		addr, who = defaultAddr, ""
	}
	n := mainAddress{addr: addr}
	own := onLoopback(ctx, addr)
	s, err := launch.Listen(ctx, own)
	if err == nil {
		if own != addr {
			n.note = fmt.Sprintf("main names %s; here the application is served on this machine only, on %s", addr, s.Addr())
		}
		return s, n, nil
	}
	reason := fmt.Sprintf("%s%s cannot be listened on (%v)", addr, who, err)
	if taken, ok := errors.AsType[*launch.InUseError](err); ok {
		reason = fmt.Sprintf("%s%s %s", addr, who, taken.Reason())
	}
	if s, err = listenFrom(ctx, fallback); err != nil {
		return nil, n, err
	}
	n.note = fmt.Sprintf("%s: serving on %s instead", reason, s.Addr())
	return s, n, nil
}

// onLoopback returns an address with the same port that other machines cannot reach: the same one
// if it is so already.
func onLoopback(ctx context.Context, addr string) string {
	host, port, err := net.SplitHostPort(addr)
	if err != nil || host == "localhost" {
		return addr
	}
	ips, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	for _, ip := range ips {
		if !ip.Unmap().IsLoopback() {
			err = launch.ErrNotLoopback
		}
	}
	if err != nil || host == "" {
		return net.JoinHostPort("127.0.0.1", port)
	}
	return addr
}

// listenFrom binds the first of twenty ports that is free.
func listenFrom(ctx context.Context, first int) (*launch.Socket, error) {
	var errs []error
	for port := first; port < first+20; port++ {
		s, err := launch.Listen(ctx, fmt.Sprintf("127.0.0.1:%d", port))
		if err == nil || !errors.Is(err, launch.ErrAddrInUse) {
			return s, err
		}
		errs = append(errs, err)
	}
	return nil, errors.Join(errs...)
}

// compareAddress says, once for each address, that the running main names another one than the
// application is served on. The address stays, for the sake of browsers and tools that know it.
func (e *Engine) compareAddress(addr string) {
	if addr == "" || e.opts.Addr != "" || addr == e.mainAddr.addr {
		return
	}
	e.mainAddr.addr = addr
	_, port, err := net.SplitHostPort(addr)
	_, bound, _ := net.SplitHostPort(e.socket.Addr().String())
	if err != nil || port == bound || port == "0" {
		return
	}
	e.publish(warning("main names %s, but the application stays on %s; to move it, restart anvil-lsp with "+
		"--addr 127.0.0.1:%s", addr, e.URL(), port))
}
