package engine

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/anvilforge/anvil-lsp/hotreload/control"
	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/internal/build"
)

// UpdateStatus brings a status up to date with an event, as the engine does with its own. Every
// change of state is an event, so a client that follows the stream need not ask again.
func UpdateStatus(s *control.Status, ev control.Event) {
	s.Generation = ev.Generation
	if p := ev.Predicted; p != nil {
		s.Counts.Predicted++
		if p.Wrong {
			s.Counts.Mispredicted++
		}
	}
	if endsWaiting(ev.Kind) {
		s.Waiting = ""
	}
	switch ev.Kind {
	case control.EventWaiting:
		s.Waiting = ev.Message
	case control.EventStarting, control.EventBuilding:
		s.State = control.StateBuilding
		s.Held = nil
	case control.EventHeld:
		s.Held = ev.Cause
	case control.EventPaused, control.EventResumed:
		s.Paused = ev.Kind == control.EventPaused
	case control.EventRestarting:
		s.State = control.StateRestarting
	case control.EventLive, control.EventRolledBack:
		s.Down, s.Behind = false, false
		s.State = idleState(s)
		s.Problems = openProblems(ev)
		if ev.Kind == control.EventLive && ev.Rung == manifest.RungWarmRestart {
			s.Counts.Restarts++
		} else if ev.Kind == control.EventLive && ev.Rung == manifest.RungHotSwap {
			s.Counts.HotSwaps++
			countLink(s, ev.Steps)
		}
	case control.EventKept:
		s.Down = s.Down || ev.Generation == 0
		s.Behind = true
		s.State = idleState(s)
		s.Problems = withIncidents(s.Problems, ev)
		s.Counts.Kept++
	case control.EventAsking:
		s.Behind = true
		s.State = idleState(s)
		s.Problems = withIncidents(s.Problems, ev)
	case control.EventUnchanged:
		// What was wrong is not any more: the files are back to what runs.
		s.Behind = false
		s.State = idleState(s)
		s.Problems = only(s.Problems, func(d manifest.Diagnostic) bool { return d.Code == manifest.CodeHandlerPanic })
	case control.EventPanic:
		s.Counts.Panics++
		s.Problems = addProblems(s.Problems, ev.Diagnostics)
	case control.EventExited:
		s.Counts.Crashes++
		s.Down = true
		s.State = idleState(s)
		s.Problems = addProblems(s.Problems, ev.Diagnostics)
	case control.EventRecovered:
		// What was wrong before the process ended still is.
		s.Down = false
		s.Behind = s.Behind || slices.ContainsFunc(s.Problems, func(d manifest.Diagnostic) bool {
			return d.Code.Rung() != manifest.RungHotSwap && !incident(d)
		})
		s.State = idleState(s)
	}
	if tells(ev) {
		s.Last = &ev
	}
}

// idleState is the state while nothing is being built.
func idleState(s *control.Status) control.State {
	switch {
	case s.Down:
		return control.StateDown
	case s.Behind:
		return control.StateKept
	}
	return control.StateLive
}

// countLink notes that the plugin of a hot swap was not linked thin.
func countLink(s *control.Status, steps []control.Step) {
	for _, step := range steps {
		if why, full := strings.CutPrefix(step.Detail, control.LinkFull); full && step.Name == control.StepLink {
			s.FullLinks++
			s.FullLink = strings.TrimPrefix(why, ": ")
		}
	}
}

// tells reports whether an event says how things stand: some go by in between.
func tells(ev control.Event) bool {
	return ev.Kind != control.EventProgress && ev.Kind != control.EventRequests && ev.Kind != control.EventWaiting
}

// endsWaiting reports whether after an event of a kind nothing waits any more.
func endsWaiting(k control.EventKind) bool {
	switch k {
	case control.EventBuilding, control.EventLive, control.EventKept, control.EventUnchanged, control.EventAsking,
		control.EventRolledBack, control.EventHeld:
		return true
	}
	return false
}

// openProblems returns what is still to be fixed after a generation went live: what called for a
// restart was fixed by it, or swapped in all the same.
func openProblems(ev control.Event) []manifest.Diagnostic {
	return only(ev.Diagnostics, func(d manifest.Diagnostic) bool { return !needsRestart(d) })
}

// maxProblems bounds what a handler that panics on every request, or a live server that ends again
// and again, adds.
const maxProblems = 50

// addProblems adds what happened while serving, and drops the oldest of that if it is too much;
// what is wrong with the newest code stays.
func addProblems(problems, more []manifest.Diagnostic) []manifest.Diagnostic {
	problems = slices.Concat(problems, more)
	excess := len(problems) - maxProblems
	return slices.DeleteFunc(problems, func(d manifest.Diagnostic) bool {
		drop := excess > 0 && incident(d)
		if drop {
			excess--
		}
		return drop
	})
}

// withIncidents returns the findings about code that does not go live, and what happened to the
// generation that still serves.
func withIncidents(problems []manifest.Diagnostic, ev control.Event) []manifest.Diagnostic {
	if ev.Generation == 0 { // none does
		return ev.Diagnostics
	}
	return addProblems(ev.Diagnostics, slices.DeleteFunc(slices.Clone(problems), func(d manifest.Diagnostic) bool {
		// The end of a process during a load is told by both sides.
		again := func(o manifest.Diagnostic) bool {
			return o.Code == d.Code && o.Position == d.Position && o.Message == d.Message
		}
		return !incident(d) || slices.ContainsFunc(ev.Diagnostics, again)
	}))
}

// incident reports whether a finding is about something that happened while serving.
func incident(d manifest.Diagnostic) bool {
	return d.Code == manifest.CodeHandlerPanic || d.Code == manifest.CodeLiveServer
}

// statusPatience is how long the live server may take to tell its state: it may be held by a
// debugger.
const statusPatience = 2 * time.Second

// Status returns the engine's state. It asks the live server for its part and leaves that out if
// there is no answer.
func (e *Engine) Status(ctx context.Context) control.Status {
	e.mu.Lock()
	s := e.status
	e.mu.Unlock()
	s.SwapsSignatures = e.opts.swapsBreaks()
	ctx, cancel := context.WithTimeout(ctx, statusPatience)
	defer cancel()
	if live, err := e.sup.Status(ctx); err == nil {
		s.Live = &live
	}
	return s
}

// setMain records what is to be served, for Status.
func (e *Engine) setMain(main string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.status.Main = main
}

// target is what is being served, for Status.
type target struct {
	main, handlers, cwd string
	hot, host           []string
}

func (o *Options) target(s *build.Snapshot) *target {
	host := make([]string, 0)
	for _, p := range s.Host() {
		host = append(host, p.Path)
	}
	return &target{main: s.Main(), handlers: s.Handlers(), cwd: o.workDir(s), hot: s.Hot(), host: host}
}

func (e *Engine) setTarget(t *target) {
	e.mu.Lock()
	defer e.mu.Unlock()
	s := &e.status
	s.Main, s.Handlers, s.Cwd, s.Hot, s.Host = t.main, t.handlers, t.cwd, t.hot, t.host
}
