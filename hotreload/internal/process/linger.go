//go:build anvilhot

package process

import (
	"time"

	"github.com/anvilforge/anvil-lsp/hotreload/internal/stack"
)

// lingerAfter is how long main may take to return after LiveServer has. Then the
// engine is told, because two processes are at work while it does.
const lingerAfter = 5 * time.Second

// watchMain tells, if the process still runs by then, what main does.
func (o *Watch) watchMain() {
	if o.lingers != nil {
		time.AfterFunc(lingerAfter, func() { o.lingers(stack.MainStatus(stack.AllGoroutines())) })
	}
}

// Lingers leaves word for the engine.
func (s *Sockets) Lingers(where string) {
	if s == nil { // not in hot mode
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.deposit != nil {
		_ = s.deposit.Say(where) // the engine may be gone
	}
}
