// Package process is what a process has from its surroundings: listening sockets and,
// in development (the build tag anvilhot), what the engine hands over, keeps for the
// next process, and wants to know at the end.
package process

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
)

// firstPassed is the first of the descriptors that systemd passes (sd_listen_fds).
const firstPassed = 3

// PassedListeners is hotreload.PassedListeners.
func PassedListeners() ([]net.Listener, error) {
	pid, count := os.Getenv("LISTEN_PID"), os.Getenv("LISTEN_FDS")
	if pid != strconv.Itoa(os.Getpid()) || count == "" {
		return nil, nil
	}
	var errs []error
	for _, name := range []string{"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"} { // children are not meant
		errs = append(errs, os.Unsetenv(name))
	}
	n, err := strconv.Atoi(count)
	if err != nil || n < 0 {
		return nil, errors.Join(append(errs, fmt.Errorf("hotreload: LISTEN_FDS=%q is not a number", count))...)
	}
	var ls []net.Listener
	for fd := firstPassed; fd < firstPassed+n; fd++ {
		closeOnExec(fd)
		f := os.NewFile(uintptr(fd), "LISTEN_FD_"+strconv.Itoa(fd))
		l, err := net.FileListener(f)
		if errs = append(errs, err, f.Close()); err == nil {
			ls = append(ls, l)
		}
	}
	if err := errors.Join(errs...); err != nil {
		return nil, errors.Join(fmt.Errorf("hotreload: the sockets of the service manager: %w", err), CloseListeners(ls))
	}
	return ls, nil
}

// CloseListeners closes listeners that may be closed already.
func CloseListeners(ls []net.Listener) error {
	var errs []error
	for _, l := range ls {
		if err := l.Close(); !errors.Is(err, net.ErrClosed) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// Listen is Listen without anybody to hand the socket to.
func Listen(ctx context.Context, network, address string) (net.Listener, error) {
	var config net.ListenConfig
	return config.Listen(ctx, network, address)
}
