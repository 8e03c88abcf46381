package engine

import (
	"fmt"
	"time"

	"github.com/anvilforge/anvil-lsp/hotreload/control"
	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/internal/launch"
)

// report publishes what happened to the live server without the engine's doing.
func (e *Engine) report(ev launch.Event) {
	switch ev := ev.(type) {
	case launch.Live:
		switch live := ev.Event; {
		case live.Kind == control.LivePanic && live.Diagnostic != nil:
			e.publish(control.Event{Kind: control.EventPanic, Diagnostics: []manifest.Diagnostic{*live.Diagnostic},
				Message: live.Diagnostic.Message})
		case live.Kind == control.LiveRequests:
			e.publish(control.Event{Kind: control.EventRequests, Stats: live.Stats})
		}
	case launch.Exited:
		out := control.Event{Kind: control.EventExited, Diagnostics: []manifest.Diagnostic{ev.Exit.Diagnostic}}
		switch {
		case ev.Start != nil:
			out.Message, out.Diagnostics = ev.Start.Error(), ev.Start.Diagnostics
		case ev.DuringLoad:
			out.Message = "the live server exited while it loaded the new generation"
		default:
			out.Message = "the live server exited"
		}
		if wait := time.Until(ev.NextAttempt); !ev.NextAttempt.IsZero() && wait > 0 {
			out.Message += fmt.Sprintf("; it restarts in %s", control.Duration(wait))
		}
		e.publish(out)
	case launch.Restarted:
		e.publish(control.Event{
			Kind: control.EventRecovered, Generation: ev.Status.Generation, PID: ev.Status.PID, Rung: manifest.RungWarmRestart,
			Message: fmt.Sprintf("the live server restarted and serves generation %d", ev.Status.Generation),
		})
	case launch.Late:
		out := control.Event{
			Kind: control.EventLive, Generation: ev.Status.Generation, Rung: manifest.RungHotSwap,
			Message: fmt.Sprintf("the live server answers again, and serves generation %d", ev.Status.Generation),
		}
		if ev.Status.Manifest != nil {
			out.Routes = ev.Status.Manifest.Routes
		}
		e.publish(out)
	case launch.NoOverlap:
		advice := ""
		if ev.Socket {
			advice = ". For Options.Listeners, open the socket with hotreload.Listen, which hands it over"
		}
		e.publish(warning("two processes cannot both %s. From now on a restart ends the running process before it starts "+
			"the new one; requests wait meanwhile%s", ev.Conflict, advice))
	case launch.Lingers:
		e.publish(control.Event{Kind: control.EventWarning, PID: ev.PID, Message: fmt.Sprintf(
			"process %d was replaced but still runs: main did not return within 5s after LiveServer; it %s. Until it exits, "+
				"background work runs in both processes", ev.PID, ev.Main)})
	case launch.GaveUp:
		e.publish(warning("the live server exited %d times before it was ready; the next save starts it again", ev.Deaths))
	}
}
