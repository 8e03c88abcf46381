//go:build anvilhot

package hotreload

import (
	"bytes"
	"fmt"
	"strings"
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
	for paragraph := range bytes.SplitSeq(dump, []byte("\n\n")) {
		head, frames, ok := strings.Cut(string(paragraph), "\n")
		state, main := strings.CutPrefix(head, "goroutine 1 [")
		if !ok || !main {
			continue
		}
		state, _, _ = strings.Cut(strings.TrimSuffix(state, "]:"), ",")
		lines := strings.Split(frames, "\n")
		called := ""
		for i := 0; i+1 < len(lines); i += 2 { // innermost first: a function, and where it is
			function, place := lines[i], strings.TrimSpace(lines[i+1])
			if cut := strings.LastIndexByte(function, '('); cut > 0 {
				function = function[:cut]
			}
			if strings.HasPrefix(function, "main.") {
				place, _, _ = strings.Cut(place, " +0x")
				if called == "" {
					called = state
				}
				return fmt.Sprintf("is at %s (%s)", place, called)
			}
			called = function[strings.LastIndexByte(function, '/')+1:]
		}
	}
	return "has returned, or is gone" // by runtime.Goexit
}
