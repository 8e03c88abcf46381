package view

import (
	"github.com/anvilforge/anvil-lsp/hotreload/control"
	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
)

// Counters are what the live server has counted for its routes. They do not
// change; nil is none.
type Counters struct {
	routes map[manifest.RouteKey]control.RouteStats
}

// With returns the counters with some of them replaced.
func (c *Counters) With(changed []control.RouteStats) *Counters {
	next := &Counters{routes: make(map[manifest.RouteKey]control.RouteStats, len(changed))}
	if c != nil {
		for k, s := range c.routes {
			next.routes[k] = s
		}
	}
	for _, s := range changed {
		next.routes[s.Key()] = s
	}
	return next
}

// Of returns the counters of a route; nil if there are none.
func (c *Counters) Of(k manifest.RouteKey) *control.RouteStats {
	if c == nil {
		return nil
	}
	s, ok := c.routes[k]
	if !ok {
		return nil
	}
	return &s
}
