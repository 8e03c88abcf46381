//go:build amd64 || arm64

package mapped

import (
	"fmt"
	"os"
	"syscall"
)

// mirror puts a file of the same content, in a directory of its own file system, in
// the place of memory that is read-only. Whoever reads meanwhile reads the one or
// the other: the system changes what is mapped in one step (mmap(2), MAP_FIXED). The
// file has no name any more, and ends with the process.
func mirror(s addresses, dir string) error {
	f, err := os.CreateTemp(dir, ".relocated-*")
	if err != nil {
		return fmt.Errorf("mirroring memory: %w", err)
	}
	defer f.Close()
	if err := os.Remove(f.Name()); err != nil {
		return fmt.Errorf("mirroring memory: %w", err)
	}
	for at := s.from; at < s.to; {
		n, _, errno := syscall.Syscall6(syscall.SYS_PWRITE64, f.Fd(), at, s.to-at, at-s.from, 0, 0)
		switch {
		case errno == syscall.EINTR:
			continue
		case errno != 0:
			return fmt.Errorf("mirroring memory: %w", errno)
		case n == 0:
			return fmt.Errorf("mirroring memory: %w", syscall.ENOSPC)
		}
		at += n
	}
	const flags = syscall.MAP_PRIVATE | syscall.MAP_FIXED
	_, _, errno := syscall.Syscall6(syscall.SYS_MMAP, s.from, s.to-s.from, syscall.PROT_READ, flags, f.Fd(), 0)
	if errno != 0 {
		return fmt.Errorf("mirroring memory: %w", errno)
	}
	return nil
}
