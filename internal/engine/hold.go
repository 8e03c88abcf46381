package engine

import (
	"net/http"
	"sync"

	"github.com/anvilforge/anvil-lsp/hotreload/control"
	"github.com/anvilforge/anvil-lsp/hotreload/control/transport"
)

// holds knows who wants saves to wait: the owner of the engine, and attached
// clients for as long as they are connected.
type holds struct {
	changed chan struct{} // has a value if the loop should look

	mu      sync.Mutex // guards what follows
	owner   bool
	clients int
}

func newHolds() *holds { return &holds{changed: make(chan struct{}, 1)} }

func (h *holds) any() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.owner || h.clients > 0
}

func (h *holds) update(change func()) {
	h.mu.Lock()
	change()
	h.mu.Unlock()
	select {
	case h.changed <- struct{}{}:
	default:
	}
}

// Hold has saves wait, or not: what changed meanwhile is taken up when it ends,
// or before by Take, Reload or Restart. The first build does not wait.
func (e *Engine) Hold(on bool) { e.holds.update(func() { e.holds.owner = on }) }

// holdForClient has saves wait while a client is connected, so that one that is
// killed leaves nothing behind.
func (e *Engine) holdForClient(w http.ResponseWriter, r *http.Request) {
	e.holds.update(func() { e.holds.clients++ })
	defer e.holds.update(func() { e.holds.clients-- })
	s := transport.NewStream[control.Held]()
	s.Retain(func(control.Held) bool { return true })
	s.Publish(control.Held{Paused: true})
	s.ServeHTTP(w, r)
}
