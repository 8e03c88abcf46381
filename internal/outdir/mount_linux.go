package outdir

import "syscall"

// stNoExec is ST_NOEXEC of statvfs(3).
const stNoExec = 8

func noexec(path string) bool {
	var st syscall.Statfs_t
	return syscall.Statfs(path, &st) == nil && st.Flags&stNoExec != 0
}
