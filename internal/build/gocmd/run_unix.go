//go:build unix

package gocmd

import (
	"os/exec"
	"syscall"
)

// OwnProcessGroup has a command's children end with it.
func OwnProcessGroup(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
}
