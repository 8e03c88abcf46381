package mapped

import "syscall"

// drop gives memory back that holds what is in a file. That it fails, as for
// locked memory, does no harm.
func drop(spans []addresses) {
	for _, s := range spans {
		_, _, _ = syscall.Syscall(syscall.SYS_MADVISE, s.from, s.to-s.from, syscall.MADV_DONTNEED)
	}
}
