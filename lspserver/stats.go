package lspserver

import (
	"github.com/anvilforge/anvil-lsp/hotreload/control"
	"github.com/anvilforge/anvil-lsp/lspserver/internal/enginelink"
	"github.com/anvilforge/anvil-lsp/lspserver/internal/view"
)

// counting follows the counters of one live server. Events tell what changed;
// all of them are asked for when a generation went live, and not again until
// the next: nothing happens while nobody asks the application for anything.
type counting struct {
	now    *view.Counters
	asking bool                 // the live server is being asked for all
	again  bool                 // once more when it has answered
	since  []control.RouteStats // what events told while it is being asked
}

// receive takes an event over.
func (c *counting) receive(changed []control.RouteStats) {
	c.now = c.now.With(changed)
	if c.asking {
		c.since = append(c.since, changed...)
	}
}

// recount asks the live server concurrently for everything that it has counted, and
// for the generations that it can go back to.
func (f *session) recount(l enginelink.Link) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.counting.asking {
		f.counting.again = true
		return
	}
	f.counting.asking = true
	f.s.sessions.Go(func() {
		for again := true; again; {
			status, err := l.Status(f.ctx)
			f.set(func() {
				c := &f.counting
				if live := status.Live; err == nil && live != nil && f.link == l {
					f.status.Live = live
					c.now = (*view.Counters)(nil).With(live.Stats).With(c.since)
				}
				c.since = nil
				again, c.again = c.again && f.ctx.Err() == nil, false
				c.asking = again
			})
		}
	})
}
