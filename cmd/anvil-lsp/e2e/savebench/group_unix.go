//go:build unix

package main

import "syscall"

// ownGroup keeps Ctrl-C in the terminal from the child: files are put back first.
func ownGroup() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
