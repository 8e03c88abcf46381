//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package transport

import (
	"errors"
	"os"
	"syscall"
)

// lockDir makes everybody else who binds a socket in dir wait until unlock is
// called.
func lockDir(dir string) (unlock func(), err error) {
	f, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	for {
		err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX)
		if !errors.Is(err, syscall.EINTR) {
			break
		}
	}
	// A file system without locks leaves a race that lasts microseconds: not
	// worth refusing to work there. Closing the file unlocks.
	return func() { _ = f.Close() }, nil
}

// privateSocket sets the mode of a socket before it is bound, so that there is
// no moment in which others could connect. Only Linux allows it.
func privateSocket(fd uintptr) { _ = syscall.Fchmod(int(fd), 0o600) }
