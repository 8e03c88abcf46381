package engine

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/anvilforge/anvil-lsp/hotreload/control"
	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/internal/launch"
)

func TestReport(t *testing.T) {
	boom := finding(manifest.CodeHandlerPanic, "/app/a.go", 3, "boom")
	crash := finding(manifest.CodeLiveServer, "/app/main.go", 5, "exit status 2")
	route := finding(manifest.CodeRoute, "/app/a.go", 9, "duplicate route")
	tests := map[string]struct {
		ev          launch.Event
		next        time.Duration     // until the next attempt of an Exited; 0 if there is none
		kind        control.EventKind // empty: nothing is published
		generation  int
		rung        manifest.Rung
		message     string
		diagnostics []manifest.Diagnostic
		stats       []control.RouteStats
	}{
		"panic": {
			ev:   launch.Live{Event: control.LiveEvent{Kind: control.LivePanic, Generation: 4, Diagnostic: &boom}},
			kind: control.EventPanic, generation: 4, message: "boom", diagnostics: []manifest.Diagnostic{boom},
		},
		"panic that says nothing": {ev: launch.Live{Event: control.LiveEvent{Kind: control.LivePanic}}},
		"swapped":                 {ev: launch.Live{Event: control.LiveEvent{Kind: control.LiveSwapped, Generation: 5}}},
		"requests": {
			ev:   launch.Live{Event: control.LiveEvent{Kind: control.LiveRequests, Generation: 4, Stats: []control.RouteStats{{Method: "GET", Pattern: "/", Requests: 3}}}},
			kind: control.EventRequests, generation: 4, stats: []control.RouteStats{{Method: "GET", Pattern: "/", Requests: 3}},
		},
		"drained": {ev: launch.Live{Event: control.LiveEvent{Kind: control.LiveDrained, Generation: 3}}},
		"ended": {
			ev:   launch.Exited{Exit: launch.Exit{Diagnostic: crash}, Generation: 4},
			kind: control.EventExited, generation: 4, message: "the live server exited", diagnostics: []manifest.Diagnostic{crash},
		},
		"ended during a load": {
			ev:   launch.Exited{Exit: launch.Exit{Diagnostic: crash}, Generation: 4, DuringLoad: true},
			kind: control.EventExited, generation: 4, message: "the live server exited while it loaded the new generation",
			diagnostics: []manifest.Diagnostic{crash},
		},
		"ended, and starts again at once": {
			ev: launch.Exited{Exit: launch.Exit{Diagnostic: crash}, Generation: 4}, next: -time.Nanosecond,
			kind: control.EventExited, generation: 4, message: "the live server exited", diagnostics: []manifest.Diagnostic{crash},
		},
		"ended, and starts again later": {
			ev: launch.Exited{Exit: launch.Exit{Diagnostic: crash}, Generation: 4}, next: 250 * time.Millisecond,
			kind: control.EventExited, generation: 4, message: "the live server exited; it restarts in 250 ms",
			diagnostics: []manifest.Diagnostic{crash},
		},
		"did not start again": {
			ev: launch.Exited{
				Exit: launch.Exit{Diagnostic: crash}, Generation: 4, Start: &launch.StartError{Diagnostics: []manifest.Diagnostic{route}},
			},
			kind: control.EventExited, generation: 4, message: "starting the live server: /app/a.go:9: duplicate route [ANV004]",
			diagnostics: []manifest.Diagnostic{route},
		},
		"started again": {
			ev:   launch.Restarted{Status: control.LiveStatus{Generation: 3}},
			kind: control.EventRecovered, generation: 3, rung: manifest.RungWarmRestart,
			message: "the live server restarted and serves generation 3",
		},
		"gave up": {
			ev:   launch.GaveUp{Deaths: 6},
			kind: control.EventWarning, generation: 4,
			message: "the live server exited 6 times before it was ready; the next save starts it again",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { // for its clock
				e := newTestEngine(t)
				e.publish(control.Event{Kind: control.EventLive, Generation: 4})
				events := e.events.Subscribe(t.Context())
				if ended, ok := tt.ev.(launch.Exited); ok && tt.next != 0 {
					ended.NextAttempt = time.Now().Add(tt.next)
					tt.ev = ended
				}
				e.report(tt.ev)
				var ev control.Event
				select {
				case ev = <-events:
				default:
				}
				if ev.Kind != tt.kind || ev.Generation != tt.generation || ev.Rung != tt.rung || ev.Message != tt.message {
					t.Errorf("%s, generation %d, rung %q, message %q", ev.Kind, ev.Generation, ev.Rung, ev.Message)
				}
				if !slices.Equal(ev.Stats, tt.stats) {
					t.Errorf("counters %v, want %v", ev.Stats, tt.stats)
				}
				if last := e.status.Last.Kind; tt.kind == control.EventRequests && last != control.EventLive {
					t.Errorf("the last event that tells how things stand is %s", last)
				}
				if !slices.EqualFunc(ev.Diagnostics, tt.diagnostics, equal) {
					t.Errorf("diagnostics %v, want %v", ev.Diagnostics, tt.diagnostics)
				}
			})
		})
	}
}
