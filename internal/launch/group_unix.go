//go:build unix

package launch

import (
	"syscall"
	"time"
)

const (
	// groupGrace is how long processes that a live server has left behind may take to end after
	// SIGTERM.
	groupGrace = 2 * time.Second
	// groupPause is how often they are looked at meanwhile.
	groupPause = 10 * time.Millisecond
)

// endGroup ends what is left of a process group whose leader has ended: what the program has
// started, and neither ended itself nor moved to a group of its own. The number of the group is not
// given to anybody else while there is a process in it.
func endGroup(group int) {
	if syscall.Kill(-group, syscall.SIGTERM) != nil {
		return // there is none
	}
	for end := time.Now().Add(groupGrace); time.Now().Before(end); time.Sleep(groupPause) {
		if !groupRuns(group) {
			return
		}
	}
	_ = syscall.Kill(-group, syscall.SIGKILL)
}
