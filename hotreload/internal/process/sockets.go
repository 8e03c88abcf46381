//go:build anvilhot

package process

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"

	"github.com/anvilforge/anvil-lsp/hotreload/control"
	"github.com/anvilforge/anvil-lsp/hotreload/shared/takeover"
)

// Sockets are the listening sockets that the application opens itself, and that the
// engine keeps for the process after this one.
type Sockets struct {
	mu      sync.Mutex          // guards what follows
	deposit *takeover.Deposit   // where the engine takes them; nil without one
	before  map[string]*os.File // what the process before had, until it is asked for
}

// readSockets reads what the engine says about them.
func (e *Environment) readSockets() *Sockets {
	s := &Sockets{before: map[string]*os.File{}}
	if f := e.file(control.EnvKeepFD); f != nil {
		var err error
		s.deposit, err = takeover.OpenDeposit(f)
		e.Err = errors.Join(e.Err, err)
	}
	if text := os.Getenv(control.EnvKept); text != "" {
		var kept []control.KeptSocket
		if err := json.Unmarshal([]byte(text), &kept); err != nil {
			e.Err = errors.Join(e.Err, fmt.Errorf("%s: %w", control.EnvKept, err))
		}
		for _, k := range kept {
			if f := e.descriptor(k.Name, k.FD); f != nil {
				s.before[k.Name] = f
			}
		}
	}
	return s
}

// Listen returns the socket that the process before had, or opens it, and has the
// engine keep it.
func (s *Sockets) Listen(ctx context.Context, network, address string) (net.Listener, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch network {
	case "tcp", "tcp4", "tcp6", "unix":
	default:
		return Listen(ctx, network, address)
	}
	if s.deposit == nil {
		return Listen(ctx, network, address)
	}
	if path, err := filepath.Abs(address); network == "unix" && err == nil && !strings.HasPrefix(address, "@") {
		address = path
	}
	name := network + " " + address
	l, err := s.inherit(name)
	if l == nil && err == nil {
		l, err = listenAgain(ctx, network, address)
	}
	if err != nil {
		return nil, err
	}
	if u, ok := l.(*net.UnixListener); ok {
		u.SetUnlinkOnClose(false) // the next process has it, too
	}
	if err := s.deposit.Put(name, l); err != nil { // the engine is gone, or is about to end this process
		slog.Warn("hotreload: a listening socket cannot be handed to another process", "socket", name, "error", err)
	}
	return l, nil
}

// inherit returns the socket that the process before had, nil if there is none that
// anybody could reach.
func (s *Sockets) inherit(name string) (net.Listener, error) {
	f := s.before[name]
	if f == nil {
		return nil, nil
	}
	delete(s.before, name)
	if path, unix := strings.CutPrefix(name, "unix "); unix && !isSocket(path) && !strings.HasPrefix(path, "@") {
		return nil, f.Close() // main has removed it, to make it anew
	}
	return ListenerOf(f)
}

// Release gives back what the process before had and this one does not want.
func (s *Sockets) Release() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var errs []error
	for _, f := range s.before {
		errs = append(errs, f.Close())
	}
	clear(s.before)
	return errors.Join(errs...)
}

// listenAgain opens a socket. A Unix socket that nobody listens on was left behind by
// an engine that was killed.
func listenAgain(ctx context.Context, network, address string) (net.Listener, error) {
	l, err := Listen(ctx, network, address)
	if network != "unix" || !errors.Is(err, syscall.EADDRINUSE) || !isSocket(address) {
		return l, err
	}
	var dialer net.Dialer
	if c, dialErr := dialer.DialContext(ctx, network, address); dialErr == nil {
		return nil, errors.Join(err, c.Close())
	} else if !errors.Is(dialErr, syscall.ECONNREFUSED) {
		return nil, err
	}
	if err := os.Remove(address); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	return Listen(ctx, network, address)
}

func isSocket(path string) bool {
	info, err := os.Lstat(path)
	return err == nil && info.Mode().Type() == fs.ModeSocket
}
