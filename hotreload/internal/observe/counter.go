//go:build anvilhot

package observe

import (
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/anvilforge/anvil-lsp/hotreload/control"
	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
)

// RecentRequests is how many requests the median is taken of: enough for the
// median of what a person tries by hand, and few enough that it follows what
// has changed.
const RecentRequests = 64

// Counter counts the requests of a route. Its lock is held for a few
// nanoseconds, twice a request.
type Counter struct {
	Key manifest.RouteKey

	mu       sync.Mutex // guards what follows
	requests int64
	errors   int64
	inFlight int
	last     Outcome
	panicked *control.RoutePanic
	recent   [RecentRequests]Sample
	samples  int  // ever taken: the next one goes to this index, modulo the size
	changed  bool // since the last event
}

// Sample is how long a generation took to answer.
type Sample struct {
	Duration   time.Duration
	Generation int
}

// maxPath bounds, in bytes, the path that is kept of a request.
const maxPath = 1 << 10

// PathOf returns the path and query that a request asked for, unless they are
// too long to be kept. What the URL was before middleware changed it counts.
func PathOf(r *http.Request) string {
	path := r.RequestURI
	if !strings.HasPrefix(path, "/") { // made up, or asked of a proxy
		path = r.URL.RequestURI()
	}
	if len(path) > maxPath || !strings.HasPrefix(path, "/") {
		return ""
	}
	return path
}

// Outcome is what became of a request.
type Outcome struct {
	Sample
	At       time.Time
	Path     string // with the query; empty if it is not worth being kept
	Status   int    // 0: it ended without an answer
	Failed   bool   // counts as an error
	Timed    bool   // the time says something about the handler
	Panicked *control.RoutePanic
}

// NewCounter returns the counter of a route.
func NewCounter(key manifest.RouteKey) *Counter { return &Counter{Key: key} }

func (c *Counter) arrive() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.requests++
	c.inFlight++
	c.changed = true
}

func (c *Counter) Leave(o Outcome) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.inFlight--
	c.changed = true
	c.last = o
	if o.Failed {
		c.errors++
	}
	if o.Panicked != nil {
		c.panicked = o.Panicked
	}
	if o.Timed {
		c.recent[c.samples%RecentRequests] = o.Sample
		c.samples++
	}
}

// Stats returns what is counted, the median that of a generation; ok is false if
// only changes are wanted and there is none. What is returned as a change is
// none the next time.
func (c *Counter) Stats(generation int, onlyChanged bool) (s control.RouteStats, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if onlyChanged {
		if !c.changed {
			return s, false
		}
		c.changed = false
	}
	return control.RouteStats{
		Method: c.Key.Method, Pattern: c.Key.Pattern, Mount: c.Key.Mount,
		Requests: c.requests, InFlight: c.inFlight, Errors: c.errors,
		P50:        control.Duration(median(c.recent[:min(c.samples, RecentRequests)], generation)),
		LastStatus: c.last.Status, LastDuration: control.Duration(c.last.Duration), LastTime: c.last.At,
		LastGeneration: c.last.Generation, LastPath: c.last.Path,
		Panic: c.panicked,
	}, true
}

// median returns the median of a generation's samples, or of all if it has none.
// It leaves the samples as they are.
func median(samples []Sample, generation int) time.Duration {
	var own, all [RecentRequests]time.Duration
	n := 0
	for i, s := range samples {
		all[i] = s.Duration
		if s.Generation == generation {
			own[n] = s.Duration
			n++
		}
	}
	took := own[:n]
	if n == 0 {
		took = all[:len(samples)]
	}
	if len(took) == 0 {
		return 0
	}
	slices.Sort(took)
	return took[(len(took)-1)/2]
}
