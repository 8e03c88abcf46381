//go:build !unix

package session

import "syscall"

func OwnGroup() *syscall.SysProcAttr { return nil }
