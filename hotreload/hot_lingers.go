//go:build anvilhot

package hotreload

import (
	"fmt"
	"time"
)

// lingerAfter is how long main may take to return after LiveServer has. Then the
// engine is told, because two processes are at work while it does.
const lingerAfter = 5 * time.Second

// watchMain tells, if the process still runs by then, what main does.
func (o *orphan) watchMain() {
	if o.lingers != nil {
		time.AfterFunc(lingerAfter, func() { o.lingers(whereMainIs(allGoroutines())) })
	}
}

// lingers leaves word for the engine.
func (s *sockets) lingers(where string) {
	if s == nil { // not in hot mode
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.deposit != nil {
		_ = s.deposit.Say(where) // the engine may be gone
	}
}

// whereMainIs says of a dump of all goroutines what the first one waits for, to
// follow "main".
func whereMainIs(dump []byte) string {
	const first = 1 // the number of main's goroutine
	g, _ := parseGoroutine(dump, first)
	waits := g.State
	for _, f := range g.Frames {
		if f.Package() == "main" {
			return fmt.Sprintf("is at %s (%s)", f.Position, waits)
		}
		waits = f.Name()
	}
	return "has returned, or is gone" // by runtime.Goexit
}
