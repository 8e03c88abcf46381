//go:build unix

package hotreload

import "syscall"

func closeOnExec(fd int) { syscall.CloseOnExec(fd) }
