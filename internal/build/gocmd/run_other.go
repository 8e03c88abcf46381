//go:build !unix

package gocmd

import "os/exec"

// OwnProcessGroup does nothing here.
func OwnProcessGroup(*exec.Cmd) {}
