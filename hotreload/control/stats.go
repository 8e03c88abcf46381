package control

import (
	"time"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
)

// RouteStats counts the requests of one route since its live server started: a
// reload goes on counting, a warm restart begins anew. A route that a reload
// removes takes its counters along.
//
// A request belongs to the route that the router chose for it, even if the
// route's middleware answers in place of the handler. One that middleware of
// the whole application answers, or that no route fits, is not counted.
type RouteStats struct {
	Method  string `json:"method"`
	Pattern string `json:"pattern"`
	Mount   bool   `json:"mount,omitempty"`
	// Requests counts those that came, InFlight those among them that are not
	// over yet. A WebSocket or a stream of events is in flight for as long as its
	// handler runs.
	Requests int64 `json:"requests"`
	InFlight int   `json:"in_flight"`
	// Errors counts the answers with a status from 500 up, and the panics.
	Errors int64 `json:"errors"`
	// P50 is the median time to answer of the last requests, 64 at most, of the
	// live generation; of any generation while that has answered none. 0 if it is
	// not known. Connections that a handler took over have no part in it.
	P50 Duration `json:"p50_ms,omitempty"`
	// The last request that is over: its status (101 for a connection that the
	// handler took over, 0 if it ended without an answer), the time from its
	// arrival to its end, when that was, and the generation that answered.
	LastStatus     int       `json:"last_status,omitempty"`
	LastDuration   Duration  `json:"last_ms,omitempty"`
	LastTime       time.Time `json:"last_at,omitzero"`
	LastGeneration int       `json:"last_generation,omitempty"`
	// LastPath is the path and query that it asked for, to ask for it once more;
	// empty if that is very long.
	LastPath string `json:"last_path,omitempty"`
	// Panic is the last panic of the route, nil if there was none.
	Panic *RoutePanic `json:"panic,omitempty"`
}

// Key tells which route it is.
func (s *RouteStats) Key() manifest.RouteKey {
	return manifest.RouteKey{Method: s.Method, Pattern: s.Pattern, Mount: s.Mount}
}

// RoutePanic is a panic while a request was served.
type RoutePanic struct {
	Time       time.Time `json:"time"`
	Generation int       `json:"generation"`
	Message    string    `json:"message"`
	Request    string    `json:"request"` // method and URL
	// Position is the top frame in the user's code.
	manifest.Position
}
