//go:build anvilhot

package hotreload

import (
	"slices"
	"sync/atomic"

	"net/http"
	"time"

	"github.com/anvilforge/anvil-lsp/hotreload/control"
	"github.com/anvilforge/anvil-lsp/hotreload/internal/observe"
	"github.com/anvilforge/anvil-lsp/hotreload/internal/process"
	"github.com/anvilforge/anvil-lsp/hotreload/internal/reply"
	"github.com/anvilforge/anvil-lsp/hotreload/internal/stack"
	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/hotreload/shared/devpage"
)

// development is the developer of hot mode: panics become events and pages,
// requests are counted.
type development struct {
	loader  *loader
	pages   reply.Pages
	pulse   pulse
	streams observe.Streams
}

func newDevelopment(l *loader, e *process.Environment) *development {
	pages := reply.Pages{Handlers: e.Handlers, Hot: e.HotPaths, Dir: e.Dir, Sources: e.Sources}
	return &development{loader: l, pages: pages}
}

func (d *development) begin(r *http.Request, w *reply.Response) *http.Request {
	return observe.Begin(r, w, &d.streams)
}

func (d *development) witness(h http.Handler) http.Handler { return observe.Witness(h) }

func (d *development) end(r *http.Request, w *reply.Response, s *scope, v any) reply.Fault {
	watch := observe.WatchOf(r)
	route, seen := watch.End(&d.streams)
	switch {
	case v == http.ErrAbortHandler, v == nil && handled(w): // no panic to speak of
		seen = nil
	case v != nil && seen == nil:
		p := stack.DescribePanic(v)
		seen = &p
	}
	now, request := time.Now(), ""
	var f reply.Fault
	var notable *control.RoutePanic
	if seen != nil {
		*seen = seen.WithLines(s.lines)
		request = r.Method + " " + r.URL.Redacted()
		f = d.report(seen, request, max(w.Status, http.StatusInternalServerError), s)
		notable = &control.RoutePanic{
			Time: now, Generation: s.generation, Message: seen.Message, Request: request, Position: seen.Position,
		}
	}
	if route != nil {
		status := statusOf(w, v)
		route.Leave(observe.Outcome{
			Sample: observe.Sample{Duration: now.Sub(watch.Begun), Generation: s.generation},
			At:     now, Path: observe.PathOf(r), Status: status,
			Failed: status >= 500 || seen != nil, Timed: !w.Hijacked, Panicked: notable,
		})
		d.beat()
	}
	return f
}

// report makes a panic an event, and returns the answer that shows it, with a
// status.
func (d *development) report(p *stack.Panic, request string, status int, s *scope) reply.Fault {
	diagnostic := manifest.Diagnose(manifest.CodeHandlerPanic, p.Position, "panic: %s (%s)", p.Message, request)
	diagnostic.Detail = "panic: " + p.Message + "\n" + request + "\n\n" + p.Stack
	diagnostic.Frames, diagnostic.Request = p.Frames, request
	// Whoever reads the events shows the panic with its place and stack; a line of
	// the log beside it would say the same once more.
	if d.loader.publish(control.LivePanic, s.generation, &diagnostic) == 0 {
		s.log().Error("hotreload: a handler panicked", "panic", p.Message, "request", request,
			"at", p.Position.String(), "generation", s.generation)
	}
	return reply.Fault{
		Status: status, Title: "panic: " + p.Message, Detail: request,
		Position: p.Position, Stack: p.Stack, Frames: p.Frames, Generation: s.generation, Made: s.made,
	}
}

// statusOf returns the status that a request which ended with the panic v is, or
// is about to be, answered with; 0 if there is no answer.
func statusOf(w *reply.Response, v any) int {
	switch {
	case w.Hijacked:
		return http.StatusSwitchingProtocols
	case w.Status != 0:
		return w.Status
	case v == http.ErrAbortHandler:
		return 0
	case v != nil:
		return http.StatusInternalServerError
	}
	return http.StatusOK // which net/http sends for a handler that says nothing
}

// handled reports whether middleware turned a panic into an answer that is no
// server error. Some applications use panics for that, and mean it.
func handled(w *reply.Response) bool {
	return !w.Hijacked && w.Status >= 200 && w.Status < 500
}

// polled answers the question of a page that is open whether it still holds,
// and reports whether the request was one. No handler sees it.
func (d *development) polled(w http.ResponseWriter, r *http.Request) bool {
	if r.Header.Get(devpage.HeaderVersion) == "" {
		return false
	}
	w.Header().Set(devpage.HeaderVersion, reply.Version(d.loader.state.liveNumber()))
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusNoContent)
	return true
}

func (d *development) answer(w http.ResponseWriter, r *http.Request, f reply.Fault) {
	d.pages.Answer(w, r, f)
}

// counted are the counters of a generation's routes. The next generation takes
// over those of the routes that it has, too, so counters live as long as their
// route and no table of them needs to be kept.
type counted map[manifest.RouteKey]*observe.Counter

// count finds or makes the counter of a route.
func (d *development) count(s *scope, e *RouteEntry) func(http.Handler) http.Handler {
	key := e.key()
	c := s.counted[key]
	if live := d.loader.state.current.Load(); c == nil && live != nil {
		c = live.counted[key]
	}
	if c == nil {
		c = observe.NewCounter(key)
	}
	if s.counted == nil {
		s.counted = counted{}
	}
	s.counted[key] = c
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if watch := observe.WatchOf(r); watch != nil && watch.Enter(c) {
				d.beat()
			}
			next.ServeHTTP(w, r)
		})
	}
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
		if stats, ok := c.Stats(g.generation, onlyChanged); ok {
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
			d.loader.events.Publish(control.LiveEvent{
				Time: now, Kind: control.LiveRequests, Generation: d.loader.state.liveNumber(), Stats: stats,
			})
		}
	})
}
