//go:build anvilhot

package hotreload

import (
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/anvilforge/anvil-lsp/hotreload/control"
	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
)

// counted are the counters of a generation's routes. The next generation takes
// over those of the routes that it has, too, so counters live as long as their
// route and no table of them needs to be kept.
type counted map[manifest.RouteKey]*routeCounter

// recentRequests is how many requests the median is taken of: enough for the
// median of what a person tries by hand, and few enough that it follows what
// has changed.
const recentRequests = 64

// routeCounter counts the requests of a route. Its lock is held for a few
// nanoseconds, twice a request.
type routeCounter struct {
	key manifest.RouteKey

	mu       sync.Mutex // guards what follows
	requests int64
	errors   int64
	inFlight int
	last     outcome
	panicked *control.RoutePanic
	recent   [recentRequests]sample
	samples  int  // ever taken: the next one goes to this index, modulo the size
	changed  bool // since the last event
}

// sample is how long a generation took to answer.
type sample struct {
	took       time.Duration
	generation int
}

// maxPath bounds, in bytes, the path that is kept of a request.
const maxPath = 1 << 10

// pathOf returns the path and query that a request asked for, unless they are
// too long to be kept. What the URL was before middleware changed it counts.
func pathOf(r *http.Request) string {
	path := r.RequestURI
	if !strings.HasPrefix(path, "/") { // made up, or asked of a proxy
		path = r.URL.RequestURI()
	}
	if len(path) > maxPath || !strings.HasPrefix(path, "/") {
		return ""
	}
	return path
}

// outcome is what became of a request.
type outcome struct {
	sample
	at       time.Time
	path     string // with the query; empty if it is not worth being kept
	status   int    // 0: it ended without an answer
	failed   bool   // counts as an error
	timed    bool   // the time says something about the handler
	panicked *control.RoutePanic
}

// count finds or makes the counter of a route.
func (d *development) count(s *scope, e *RouteEntry) func(http.Handler) http.Handler {
	key := e.key()
	c := s.counted[key]
	if live := d.loader.state.current.Load(); c == nil && live != nil {
		c = live.counted[key]
	}
	if c == nil {
		c = &routeCounter{key: key}
	}
	if s.counted == nil {
		s.counted = counted{}
	}
	s.counted[key] = c
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if watch := watchOf(r); watch != nil && watch.enter(c) {
				d.beat()
			}
			next.ServeHTTP(w, r)
		})
	}
}

func (c *routeCounter) arrive() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.requests++
	c.inFlight++
	c.changed = true
}

func (c *routeCounter) leave(o outcome) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.inFlight--
	c.changed = true
	c.last = o
	if o.failed {
		c.errors++
	}
	if o.panicked != nil {
		c.panicked = o.panicked
	}
	if o.timed {
		c.recent[c.samples%recentRequests] = o.sample
		c.samples++
	}
}

// stats returns what is counted, the median that of a generation; ok is false if
// only changes are wanted and there is none. What is returned as a change is
// none the next time.
func (c *routeCounter) stats(generation int, onlyChanged bool) (s control.RouteStats, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if onlyChanged {
		if !c.changed {
			return s, false
		}
		c.changed = false
	}
	return control.RouteStats{
		Method: c.key.Method, Pattern: c.key.Pattern, Mount: c.key.Mount,
		Requests: c.requests, InFlight: c.inFlight, Errors: c.errors,
		P50:        control.Duration(median(c.recent[:min(c.samples, recentRequests)], generation)),
		LastStatus: c.last.status, LastDuration: control.Duration(c.last.took), LastTime: c.last.at, LastGeneration: c.last.generation, LastPath: c.last.path,
		Panic: c.panicked,
	}, true
}

// median returns the median of a generation's samples, or of all if it has none.
// It leaves the samples as they are.
func median(samples []sample, generation int) time.Duration {
	var own, all [recentRequests]time.Duration
	n := 0
	for i, s := range samples {
		all[i] = s.took
		if s.generation == generation {
			own[n] = s.took
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

// stats returns the counters of the live generation's routes, or those that
// changed since they were last asked for in this way, in the order of a
// manifest's routes.
func (s *LiveState) stats(onlyChanged bool) []control.RouteStats {
	g := s.current.Load()
	if g == nil {
		return nil
	}
	var all []control.RouteStats
	for _, c := range g.counted {
		if stats, ok := c.stats(g.generation, onlyChanged); ok {
			all = append(all, stats)
		}
	}
	slices.SortFunc(all, func(a, b control.RouteStats) int {
		return a.Key().Compare(b.Key())
	})
	return all
}

const (
	// statsInterval is how often an event may say what was counted.
	statsInterval = 500 * time.Millisecond
	// statsDelay is how long the event waits at least: a page makes a browser
	// ask for several things.
	statsDelay = 50 * time.Millisecond
)

// pulse turns any number of changes into few events, and nothing into none.
type pulse struct {
	pending atomic.Bool // an event is due, and will hold what changes until then
	last    atomic.Pointer[time.Time]
}

// beat has an event say soon what was counted.
func (d *development) beat() {
	p := &d.pulse
	if p.pending.Load() || !p.pending.CompareAndSwap(false, true) {
		return
	}
	wait := statsDelay
	if last := p.last.Load(); last != nil {
		wait = max(wait, statsInterval-time.Since(*last))
	}
	time.AfterFunc(wait, func() {
		now := time.Now()
		p.last.Store(&now)
		p.pending.Store(false) // before the counters are read: a later change makes another event
		if stats := d.loader.state.stats(true); len(stats) > 0 {
			d.loader.events.Publish(control.LiveEvent{Time: now, Kind: control.LiveRequests, Generation: d.loader.state.liveNumber(), Stats: stats})
		}
	})
}
