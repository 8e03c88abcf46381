//go:build unix

package cli

import (
	"os"
	"syscall"
)

// sameFileSystem reports whether two directories are on one file system. One that is gone counts as
// if it were.
func sameFileSystem(a, b string) bool {
	device := func(dir string) (uint64, bool) {
		info, err := os.Stat(dir)
		if err != nil {
			return 0, false
		}
		st, ok := info.Sys().(*syscall.Stat_t)
		return uint64(st.Dev), ok
	}
	x, okX := device(a)
	y, okY := device(b)
	return !okX || !okY || x == y
}
