//go:build unix && !linux

package launch

import "syscall"

// groupRuns reports whether there is a process in a group.
func groupRuns(group int) bool { return syscall.Kill(-group, 0) == nil }

// Only Linux tells without the help of other programs what a process has.

func (u *unixSystem) holds(c *child) holdings { return holdings{pid: c.pid, dir: c.dir} }

func (u *unixSystem) waits(*child, *child) wait { return wait{} }

func (u *unixSystem) owner(resource) string { return "" }
