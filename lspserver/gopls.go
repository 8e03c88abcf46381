package lspserver

import (
	"sync"
	"time"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/lspserver/internal/view"
)

// goplsFresh is how long an answer about gopls holds: it may start after us, and
// end before us.
const goplsFresh = 2 * time.Second

// neighbours knows whether gopls runs beside this server.
type neighbours struct {
	mu     sync.Mutex  // guards what follows
	look   func() bool // whether the client has started a gopls; nil if it is not known who the client is
	asked  time.Time
	running bool
}

// startedBy sets the process that is the client.
func (n *neighbours) startedBy(pid int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.look = func() bool { return hasDescendant(pid, "gopls") }
}

// gopls reports whether the client has started a gopls, too.
func (n *neighbours) gopls() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.look == nil {
		return false
	}
	if now := time.Now(); now.Sub(n.asked) >= goplsFresh {
		n.asked, n.running = now, n.look()
	}
	return n.running
}

// leftToGopls reports whether a finding is an error of the compiler that gopls
// shows at the same place. What gopls cannot know is not left to it: code that
// only our build tags select, and positions elsewhere. f.mu is held.
func (f *session) leftToGopls(d manifest.Diagnostic) bool {
	if d.Code != manifest.CodeCompile || d.File == "" || !f.owns(d.File) {
		return false
	}
	switch s := f.getSettings(); {
	case s.CompileErrors == view.CompileErrorsNever:
		return true
	case s.CompileErrors == view.CompileErrorsAlways || len(s.Tags) > 0:
		return false
	}
	return f.s.neighbours.gopls()
}
