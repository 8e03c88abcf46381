package transport

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"time"
)

// ErrInUse reports a socket that another process accepts connections on.
var ErrInUse = errors.New("socket is in use")

// ErrPathTooLong reports a socket path that the system cannot bind: more than
// 103 bytes where there is no /proc/self/fd, or a file name of about a hundred
// bytes anywhere.
var ErrPathTooLong = errors.New("socket path is too long")

// ListenUnix binds path and listens on it. The socket can be used by the owner
// only (mode 0600). A socket that nobody accepts on any more, left behind by a
// process that was killed, is replaced; ErrInUse reports one that somebody
// does accept on. The directory must exist.
//
// The kernel allows about a hundred bytes for the path of a socket, less than
// many workspaces need. On Linux, longer ones are bound through
// /proc/self/fd; elsewhere the error is ErrPathTooLong.
//
// The socket file stays when the listener is closed, because the listener may
// be a copy of one that another process goes on serving. Whoever owns the path
// removes it.
func ListenUnix(path string) (*net.UnixListener, error) {
	// The lock keeps a second process, which finds the same stale socket at the
	// same moment, from removing the one that is bound here.
	unlock, err := lockDir(filepath.Dir(path))
	if err != nil {
		return nil, fmt.Errorf("listening on %s: %w", path, err)
	}
	defer unlock()
	l, err := bindUnix(path)
	if err != nil && exists(path) {
		if err := removeStale(path); err != nil {
			return nil, fmt.Errorf("listening on %s: %w", path, err)
		}
		l, err = bindUnix(path)
	}
	if err != nil {
		return nil, fmt.Errorf("listening on %s: %w", path, bare(err))
	}
	return l, nil
}

func bindUnix(path string) (*net.UnixListener, error) {
	short, release, err := shortPath(path)
	if err != nil {
		return nil, err
	}
	defer release()
	config := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
		return c.Control(privateSocket)
	}}
	l, err := config.Listen(context.Background(), "unix", short)
	if err != nil {
		return nil, err
	}
	listener := l.(*net.UnixListener)
	listener.SetUnlinkOnClose(false)
	// Where the mode could not be set before binding it is set now.
	if err := os.Chmod(path, 0o600); err != nil {
		return nil, errors.Join(err, listener.Close(), os.Remove(path))
	}
	return listener, nil
}

// removeStale removes the socket at path if nobody accepts on it.
func removeStale(path string) error {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if info.Mode()&fs.ModeSocket == 0 {
		return errNoSocket
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	conn, err := dialUnix(ctx, path)
	if err == nil {
		return errors.Join(ErrInUse, conn.Close())
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case errors.Is(err, syscall.ECONNREFUSED):
		return os.Remove(path)
	case errors.Is(err, syscall.EAGAIN), errors.Is(err, context.DeadlineExceeded):
		return ErrInUse // its queue is full: it is slow, not gone
	}
	return bare(err)
}

// ErrForeign reports a socket that another user has put there. What answers on it
// is not to be believed, nor to be told anything.
var ErrForeign = errors.New("belongs to another user")

// dialUnix connects to the socket at path, however long that is. Socket and
// directory must be those of this user, and so must the process that listens,
// where the system tells. Neither may be a symbolic link.
func dialUnix(ctx context.Context, path string) (net.Conn, error) {
	if err := checkSocket(path); err != nil {
		return nil, err
	}
	short, release, err := shortPath(path)
	if err != nil {
		return nil, err
	}
	defer release()
	var d net.Dialer
	conn, err := d.DialContext(ctx, "unix", short)
	if err != nil {
		return nil, err
	}
	if uid, known := peer(conn.(*net.UnixConn)); known && uid != os.Geteuid() {
		return nil, errors.Join(foreign("the process that listens on it", uid), conn.Close())
	}
	return conn, nil
}

func checkSocket(path string) error {
	dir, err := os.Lstat(filepath.Dir(path))
	if err != nil {
		return reason(err)
	}
	if !dir.IsDir() {
		return syscall.ENOTDIR
	}
	socket, err := os.Lstat(path)
	if err != nil {
		return reason(err)
	}
	if socket.Mode()&fs.ModeSocket == 0 {
		return errNoSocket
	}
	for _, info := range []fs.FileInfo{dir, socket} {
		if uid, ours := Owner(info); !ours {
			return foreign(info.Name(), uid)
		}
	}
	return nil
}

// reason drops the path from an error: the caller names it.
func reason(err error) error {
	if p, ok := errors.AsType[*fs.PathError](err); ok {
		return p.Err
	}
	return err
}

func foreign(what string, uid int) error {
	return fmt.Errorf("%s %w, with id %d: it is not spoken to", what, ErrForeign, uid)
}

var errNoSocket = errors.New("the file exists and is not a socket: remove it, or choose another path")

// shortPath returns a name for path that fits into a socket address. The name
// works until release is called.
func shortPath(path string) (short string, release func(), err error) {
	limit := 103 // the BSDs and macOS
	if runtime.GOOS == "linux" {
		limit = 107
	}
	if len(path) <= limit {
		return path, func() {}, nil
	}
	tooLong := fmt.Errorf("%w: %d bytes, the system allows %d", ErrPathTooLong, len(path), limit)
	if runtime.GOOS != "linux" {
		return "", nil, tooLong
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return "", nil, err
	}
	short = fmt.Sprintf("/proc/self/fd/%d/%s", dir.Fd(), filepath.Base(path))
	if len(short) > limit {
		return "", nil, errors.Join(tooLong, dir.Close())
	}
	return short, func() { _ = dir.Close() }, nil
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// bare drops the address from a network error: it may be the short name, and
// the caller names the path.
func bare(err error) error {
	if op, ok := errors.AsType[*net.OpError](err); ok {
		return op.Err
	}
	return err
}
