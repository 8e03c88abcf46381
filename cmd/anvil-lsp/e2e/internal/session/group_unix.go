//go:build unix

package session

import "syscall"

// OwnGroup keeps Ctrl-C in the terminal from a child: the parent tidies up first,
// and ends it then.
func OwnGroup() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
