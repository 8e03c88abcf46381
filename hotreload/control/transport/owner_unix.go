//go:build unix

package transport

import (
	"io/fs"
	"os"
	"syscall"
)

// Owner returns the id of the user that a file belongs to, and reports whether
// that is the one that this process works for.
func Owner(info fs.FileInfo) (uid int, ours bool) {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return -1, false
	}
	return int(st.Uid), int(st.Uid) == os.Geteuid()
}
