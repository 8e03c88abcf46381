package engine

import (
	"context"
	"slices"

	"github.com/anvilforge/anvil-lsp/hotreload/build"
	"github.com/anvilforge/anvil-lsp/hotreload/control"
	"github.com/anvilforge/anvil-lsp/manifest"
)

// apply brings a status up to date with an event. Every change of state is an
// event, so that a client that follows the stream knows the same.
func apply(s *control.Status, ev control.Event) {
	s.Generation = ev.Generation
	switch ev.Kind {
	case control.EventStarting, control.EventBuilding:
		s.State = control.StateBuilding
	case control.EventRestarting:
		s.State = control.StateRestarting
	case control.EventLive, control.EventRolledBack:
		s.State = control.StateLive
		s.Problems = ev.Diagnostics
		if ev.Kind == control.EventLive && ev.Rung == manifest.RungWarmRestart {
			s.Counts.Restarts++
		} else if ev.Kind == control.EventLive && ev.Rung == manifest.RungHotSwap {
			s.Counts.HotSwaps++
		}
	case control.EventKept:
		s.State = control.StateKept
		if ev.Generation == 0 {
			s.State = control.StateDown
		}
		s.Problems = ev.Diagnostics
		s.Counts.Kept++
	case control.EventUnchanged:
		// What was wrong is not any more: the files are back to what runs.
		s.State = control.StateLive
		s.Problems = slices.DeleteFunc(slices.Clone(s.Problems), func(d manifest.Diagnostic) bool { return d.Code != manifest.CodeHandlerPanic })
	case control.EventPanic:
		s.Counts.Panics++
		s.Problems = append(slices.Clone(s.Problems), ev.Diagnostics...)
		if n := len(s.Problems); n > maxProblems {
			s.Problems = s.Problems[n-maxProblems:]
		}
	case control.EventExited:
		s.Counts.Crashes++
		s.State = control.StateDown
		s.Problems = append(slices.Clone(s.Problems), ev.Diagnostics...)
	case control.EventRecovered:
		// What was wrong before the process ended still is.
		s.State = control.StateLive
		if slices.ContainsFunc(s.Problems, func(d manifest.Diagnostic) bool {
			return d.Code.Rung() == manifest.RungKeep && d.Code != manifest.CodeHandlerPanic
		}) {
			s.State = control.StateKept
		}
	}
	if ev.Kind != control.EventProgress {
		s.Last = &ev
	}
}

// maxProblems bounds what a handler that panics on every request adds.
const maxProblems = 50

// Status returns the engine's state. It asks the live server for its part and
// leaves that out if there is no answer.
func (e *Engine) Status(ctx context.Context) control.Status {
	e.mu.Lock()
	s := e.status
	e.mu.Unlock()
	if live, err := e.sup.Status(ctx); err == nil {
		s.Live = &live
	}
	return s
}

// setTarget records what is being served, for Status.
func (e *Engine) setTarget(s *build.Snapshot) {
	host := make([]string, 0)
	for _, p := range s.Host() {
		host = append(host, p.Path)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.status.Main, e.status.Handlers, e.status.Hot, e.status.Host = s.Main(), s.Handlers(), s.Hot(), host
}
