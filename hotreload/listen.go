package hotreload

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
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

// firstPassed is the first of the descriptors that systemd passes (sd_listen_fds).
const firstPassed = 3

// PassedListeners returns the sockets that the service manager has opened for this
// process (systemd's LISTEN_FDS), in its order; none if there are none. A second call
// returns none. Under anvil-lsp there are none either, because they are passed to
// another process: have main listen itself then.
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
		return nil, errors.Join(fmt.Errorf("hotreload: the sockets of the service manager: %w", err), closeListeners(ls))
	}
	return ls, nil
}

// closeListeners closes listeners that may be closed already.
func closeListeners(ls []net.Listener) error {
	var errs []error
	for _, l := range ls {
		if err := l.Close(); !errors.Is(err, net.ErrClosed) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// listenDirectly is Listen without anybody to hand the socket to.
func listenDirectly(ctx context.Context, network, address string) (net.Listener, error) {
	var config net.ListenConfig
	return config.Listen(ctx, network, address)
}
