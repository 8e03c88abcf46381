// Package gopls tells whether the client has started gopls, too.
package gopls

import (
	"sync"
	"time"
)

// fresh is how long an answer about gopls holds: it may start after us, and
// end before us.
const fresh = 2 * time.Second

// Detector knows whether gopls runs beside this server.
type Detector struct {
	mu      sync.Mutex  // guards what follows
	Look    func() bool // whether the client has started a gopls; nil if it is not known who the client is
	asked   time.Time
	running bool
}

// StartedBy sets the process that is the client.
func (n *Detector) StartedBy(pid int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.Look = func() bool { return hasDescendant(pid, "gopls") }
}

// Running reports whether the client has started a gopls, too.
func (n *Detector) Running() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.Look == nil {
		return false
	}
	if now := time.Now(); now.Sub(n.asked) >= fresh {
		n.asked, n.running = now, n.Look()
	}
	return n.running
}
