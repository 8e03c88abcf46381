//go:build unix

package watch

import (
	"io/fs"
	"syscall"
)

// inode returns what tells a file from another one of the same name.
func inode(info fs.FileInfo) uint64 {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return st.Ino
	}
	return 0
}

// ownerOf returns whom a file belongs to.
func ownerOf(info fs.FileInfo) owner {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return owner{st.Uid, st.Gid}
	}
	return owner{}
}
