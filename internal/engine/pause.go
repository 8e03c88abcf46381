package engine

import (
	"net/http"
	"sync"

	"github.com/anvilforge/anvil-lsp/hotreload/control"
	"github.com/anvilforge/anvil-lsp/hotreload/control/transport"
)

// pauses knows who wants saves to wait: the owner of the engine, and attached clients for as long
// as they are connected.
type pauses struct {
	changed chan struct{} // has a value if the loop should read any

	mu      sync.Mutex // guards what follows
	owner   bool
	clients int
}

func newPauses() *pauses { return &pauses{changed: make(chan struct{}, 1)} }

func (h *pauses) any() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.owner || h.clients > 0
}

func (h *pauses) update(change func()) {
	h.mu.Lock()
	change()
	h.mu.Unlock()
	select {
	case h.changed <- struct{}{}:
	default:
	}
}

// PauseSaves makes saves wait, or not: what changed meanwhile is built when the pause ends, or
// earlier by Apply, Reload or Restart. The first build does not wait.
func (e *Engine) PauseSaves(on bool) { e.pauses.update(func() { e.pauses.owner = on }) }

// pauseForClient makes saves wait while a client is connected, so that one that is killed leaves
// nothing behind.
func (e *Engine) pauseForClient(w http.ResponseWriter, r *http.Request) {
	e.pauses.update(func() { e.pauses.clients++ })
	defer e.pauses.update(func() { e.pauses.clients-- })
	s := transport.NewStream[control.Held]()
	s.Retain(func(control.Held) bool { return true })
	s.Publish(control.Held{Paused: true})
	s.ServeHTTP(w, r)
}
