package engine

import (
	"fmt"
	"reflect"
	"slices"
	"testing"

	"github.com/anvilforge/anvil-lsp/hotreload/control"
	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
)

func TestApply(t *testing.T) {
	var (
		compile = finding(manifest.CodeCompile, "/app/a.go", 3, "undefined: x")
		host    = finding(manifest.CodeHostChanged, "/app/store.go", 1, "store changed")
		shape   = finding(manifest.CodeStateShape, "/app/a.go", 9, "the shape changed")
		panicky = finding(manifest.CodeHandlerPanic, "/app/a.go", 7, "boom")
		crash   = finding(manifest.CodeLiveServer, "/app/main.go", 5, "exit status 2")
	)
	type problems = []manifest.Diagnostic
	tests := []struct {
		name     string
		before   control.State
		open     problems
		ev       control.Event
		state    control.State
		problems problems
		counts   control.Counts
	}{
		{name: "starting", ev: control.Event{Kind: control.EventStarting}, state: control.StateBuilding},
		{
			name: "building", before: control.StateKept, open: problems{compile},
			ev: control.Event{Kind: control.EventBuilding}, state: control.StateBuilding, problems: problems{compile},
		},
		{name: "progress", before: control.StateBuilding, ev: control.Event{Kind: control.EventProgress}, state: control.StateBuilding},
		{
			name: "predicted", before: control.StateBuilding, open: problems{panicky},
			ev:    control.Event{Kind: control.EventPredicted, Rung: manifest.RungKeep, Diagnostics: problems{compile}},
			state: control.StateBuilding, problems: problems{panicky},
		},
		{
			name: "requests", before: control.StateKept, open: problems{compile},
			ev: control.Event{Kind: control.EventRequests, Generation: 2}, state: control.StateKept, problems: problems{compile},
		},
		{
			name: "restarting", before: control.StateBuilding, open: problems{compile},
			ev:    control.Event{Kind: control.EventRestarting, Rung: manifest.RungWarmRestart, Diagnostics: problems{host}},
			state: control.StateRestarting, problems: problems{compile},
		},
		{
			name: "first generation", before: control.StateBuilding, open: problems{compile},
			ev: control.Event{Kind: control.EventLive, Generation: 1}, state: control.StateLive,
		},
		{
			name: "hot swap", before: control.StateBuilding, open: problems{compile},
			ev:    control.Event{Kind: control.EventLive, Generation: 2, Rung: manifest.RungHotSwap, Diagnostics: problems{shape}},
			state: control.StateLive, problems: problems{shape}, counts: control.Counts{HotSwaps: 1},
		},
		{
			name: "warm restart mends its reasons", before: control.StateRestarting, open: problems{compile},
			ev:    control.Event{Kind: control.EventLive, Generation: 3, Rung: manifest.RungWarmRestart, Diagnostics: problems{shape, host}},
			state: control.StateLive, problems: problems{shape}, counts: control.Counts{Restarts: 1},
		},
		{
			name: "rolled back", before: control.StateBuilding, open: problems{panicky},
			ev:    control.Event{Kind: control.EventRolledBack, Generation: 1, Rung: manifest.RungHotSwap},
			state: control.StateLive,
		},
		{
			name: "kept", before: control.StateBuilding, open: problems{panicky},
			ev:    control.Event{Kind: control.EventKept, Generation: 4, Rung: manifest.RungKeep, Diagnostics: problems{compile}},
			state: control.StateKept, problems: problems{compile, panicky}, counts: control.Counts{Kept: 1},
		},
		{
			name: "kept once more", before: control.StateBuilding, open: problems{host, panicky, crash},
			ev:    control.Event{Kind: control.EventKept, Generation: 4, Rung: manifest.RungKeep, Diagnostics: problems{compile}},
			state: control.StateKept, problems: problems{compile, panicky, crash}, counts: control.Counts{Kept: 1},
		},
		{
			name: "kept because the load ended the live server, which was told already", before: control.StateDown, open: problems{panicky, crash},
			ev:    control.Event{Kind: control.EventKept, Generation: 4, Rung: manifest.RungKeep, Diagnostics: problems{crash}},
			state: control.StateDown, problems: problems{crash, panicky}, counts: control.Counts{Kept: 1},
		},
		{
			name: "kept without anything to keep", before: control.StateBuilding, open: problems{crash},
			ev:    control.Event{Kind: control.EventKept, Rung: manifest.RungKeep, Diagnostics: problems{compile}},
			state: control.StateDown, problems: problems{compile}, counts: control.Counts{Kept: 1},
		},
		{
			name: "asking", before: control.StateBuilding, open: problems{compile, panicky},
			ev:    control.Event{Kind: control.EventAsking, Generation: 4, Diagnostics: problems{host}},
			state: control.StateKept, problems: problems{host, panicky},
		},
		{
			name: "unchanged", before: control.StateBuilding, open: problems{compile, panicky, host},
			ev: control.Event{Kind: control.EventUnchanged, Generation: 4}, state: control.StateLive, problems: problems{panicky},
		},
		{
			name: "panic", before: control.StateKept, open: problems{compile},
			ev:    control.Event{Kind: control.EventPanic, Generation: 4, Diagnostics: problems{panicky}},
			state: control.StateKept, problems: problems{compile, panicky}, counts: control.Counts{Panics: 1},
		},
		{
			name: "exited", before: control.StateKept, open: problems{compile},
			ev:    control.Event{Kind: control.EventExited, Generation: 4, Diagnostics: problems{crash}},
			state: control.StateDown, problems: problems{compile, crash}, counts: control.Counts{Crashes: 1},
		},
		{
			name: "recovered", before: control.StateDown, open: problems{panicky, crash, shape},
			ev:    control.Event{Kind: control.EventRecovered, Generation: 4, Rung: manifest.RungWarmRestart},
			state: control.StateLive, problems: problems{panicky, crash, shape},
		},
		{
			name: "recovered while the newest code has errors", before: control.StateDown, open: problems{compile, crash},
			ev:    control.Event{Kind: control.EventRecovered, Generation: 4},
			state: control.StateKept, problems: problems{compile, crash},
		},
		{
			name: "recovered while the newest code waits for a restart", before: control.StateDown, open: problems{host, crash},
			ev:    control.Event{Kind: control.EventRecovered, Generation: 4},
			state: control.StateKept, problems: problems{host, crash},
		},
		{
			name: "recovered after the newest code crashed it", before: control.StateKept, open: problems{crash},
			ev:    control.Event{Kind: control.EventRecovered, Generation: 4},
			state: control.StateKept, problems: problems{crash},
		},
		{
			name: "warning", before: control.StateKept, open: problems{compile},
			ev: control.Event{Kind: control.EventWarning, Generation: 4}, state: control.StateKept, problems: problems{compile},
		},
		{name: "stopped", before: control.StateLive, ev: control.Event{Kind: control.EventStopped, Generation: 4}, state: control.StateLive},
		{
			name: "prediction that came true", before: control.StateBuilding,
			ev:    control.Event{Kind: control.EventUnchanged, Generation: 4, Predicted: &control.Prediction{}},
			state: control.StateLive, counts: control.Counts{Predicted: 1},
		},
		{
			name: "prediction that did not", before: control.StateBuilding,
			ev:    control.Event{Kind: control.EventAsking, Generation: 4, Predicted: &control.Prediction{Wrong: true}},
			state: control.StateKept, counts: control.Counts{Predicted: 1, Mispredicted: 1},
		},
	}
	tested := map[control.EventKind]bool{}
	for _, tt := range tests {
		tested[tt.ev.Kind] = true
		t.Run(tt.name, func(t *testing.T) {
			earlier := &control.Event{Kind: control.EventBuilding}
			open := slices.Clone(tt.open)
			s := control.Status{State: tt.before, Generation: 4, Problems: tt.open, Last: earlier, Down: tt.before == control.StateDown, Behind: tt.before == control.StateKept}
			UpdateStatus(&s, tt.ev)
			if s.State != tt.state || s.Generation != tt.ev.Generation || s.Counts != tt.counts {
				t.Errorf("%s, generation %d, %+v; want %s, generation %d, %+v", s.State, s.Generation, s.Counts, tt.state, tt.ev.Generation, tt.counts)
			}
			if !slices.EqualFunc(s.Problems, tt.problems, equal) {
				t.Errorf("problems %v, want %v", s.Problems, tt.problems)
			}
			if !slices.EqualFunc(tt.open, open, equal) {
				t.Errorf("an earlier answer changed from %v to %v", open, tt.open)
			}
			if !tells(tt.ev) {
				if s.Last != earlier {
					t.Errorf("%s became the last event", tt.ev.Kind)
				}
			} else if s.Last == nil || s.Last.Kind != tt.ev.Kind {
				t.Errorf("last event %+v, want %s", s.Last, tt.ev.Kind)
			}
		})
	}
	for _, kind := range []control.EventKind{
		control.EventStarting, control.EventProgress, control.EventBuilding, control.EventPredicted, control.EventAsking, control.EventLive,
		control.EventKept, control.EventUnchanged, control.EventRestarting, control.EventRolledBack, control.EventPanic, control.EventExited,
		control.EventRecovered, control.EventWarning, control.EventStopped,
	} {
		if !tested[kind] {
			t.Errorf("no test for the event %s", kind)
		}
	}
}

func equal(a, b manifest.Diagnostic) bool { return reflect.DeepEqual(a, b) }

// TestProblemsAreBounded: incidents push out older incidents, and never what is
// wrong with the newest code.
func TestProblemsAreBounded(t *testing.T) {
	for _, kind := range []control.EventKind{control.EventPanic, control.EventExited} {
		t.Run(string(kind), func(t *testing.T) {
			code := map[control.EventKind]manifest.Code{control.EventPanic: manifest.CodeHandlerPanic, control.EventExited: manifest.CodeLiveServer}[kind]
			var s control.Status
			UpdateStatus(&s, control.Event{Kind: control.EventKept, Generation: 1, Diagnostics: []manifest.Diagnostic{finding(manifest.CodeCompile, "/app/a.go", 1, "broken")}})
			const n = maxProblems + 20
			for i := range n {
				UpdateStatus(&s, control.Event{Kind: kind, Generation: 1, Diagnostics: []manifest.Diagnostic{finding(code, "/app/a.go", 2, fmt.Sprint("incident ", i))}})
			}
			if len(s.Problems) != maxProblems {
				t.Fatalf("%d problems, want %d", len(s.Problems), maxProblems)
			}
			if s.Problems[0].Message != "broken" {
				t.Errorf("the compile error is gone; the first problem is %v", s.Problems[0])
			}
			for i, d := range s.Problems[1:] {
				if want := fmt.Sprint("incident ", n-maxProblems+1+i); d.Message != want {
					t.Errorf("problem %d is %q, want %q", i+1, d.Message, want)
				}
			}
			if c := s.Counts; c.Panics+c.Crashes != n {
				t.Errorf("counts %+v, want all %d", c, n)
			}
		})
	}
}

// TestManyErrorsAreKept: the bound is for incidents.
func TestManyErrorsAreKept(t *testing.T) {
	var errs []manifest.Diagnostic
	for i := range maxProblems + 5 {
		errs = append(errs, finding(manifest.CodeCompile, "/app/a.go", i+1, "broken"))
	}
	var s control.Status
	UpdateStatus(&s, control.Event{Kind: control.EventKept, Generation: 1, Diagnostics: errs})
	UpdateStatus(&s, control.Event{Kind: control.EventPanic, Generation: 1, Diagnostics: []manifest.Diagnostic{finding(manifest.CodeHandlerPanic, "/app/a.go", 1, "boom")}})
	if !slices.EqualFunc(s.Problems, errs, equal) {
		t.Errorf("%d problems, want the %d errors", len(s.Problems), len(errs))
	}
}

// TestPublish: what is published is stamped, sorted and a copy, and the status
// knows it.
func TestPublish(t *testing.T) {
	e := newTestEngine(t)
	events := e.events.Subscribe(t.Context())
	e.publish(control.Event{Kind: control.EventLive, Generation: 7, Rung: manifest.RungHotSwap})
	ds := []manifest.Diagnostic{finding(manifest.CodeCompile, "/app/b.go", 1, "second"), finding(manifest.CodeCompile, "/app/a.go", 1, "first")}
	got := e.publish(control.Event{Kind: control.EventKept, Diagnostics: ds})
	<-events
	for name, ev := range map[string]control.Event{"returned": got, "published": <-events, "last": *e.status.Last} {
		if ev.Generation != 7 || ev.URL != e.URL() || ev.Time.IsZero() {
			t.Errorf("%s: generation %d, URL %q, time %v", name, ev.Generation, ev.URL, ev.Time)
		}
		if len(ev.Diagnostics) != 2 || ev.Diagnostics[0].Message != "first" {
			t.Errorf("%s: diagnostics %v", name, ev.Diagnostics)
		}
	}
	if ds[0].Message != "second" {
		t.Error("the caller's diagnostics were sorted in place")
	}
	if e.status.State != control.StateKept || e.status.Generation != 7 {
		t.Errorf("status %s, generation %d", e.status.State, e.status.Generation)
	}
}

// TestFullLinks: the status counts plugins that were not linked thin, and keeps why.
func TestFullLinks(t *testing.T) {
	var s control.Status
	for _, tt := range []struct {
		kind   control.EventKind
		rung   manifest.Rung
		detail string
		links  int
		why    string
	}{
		{control.EventLive, manifest.RungHotSwap, control.LinkThin, 0, ""},
		{control.EventLive, manifest.RungHotSwap, control.LinkFull + ": link: no symbol: x", 1, "link: no symbol: x"},
		{control.EventLive, manifest.RungHotSwap, control.LinkThin + ", built ahead", 1, "link: no symbol: x"},
		{control.EventLive, manifest.RungWarmRestart, "", 1, "link: no symbol: x"},
		{control.EventLive, manifest.RungHotSwap, control.LinkFull, 2, ""},
	} {
		UpdateStatus(&s, control.Event{Kind: tt.kind, Rung: tt.rung, Steps: []control.Step{{Name: control.StepCompile, Detail: "built ahead"}, {Name: control.StepLink, Detail: tt.detail}}})
		if s.FullLinks != tt.links || s.FullLink != tt.why {
			t.Errorf("after %q: %d, %q; want %d, %q", tt.detail, s.FullLinks, s.FullLink, tt.links, tt.why)
		}
	}
}

// TestDown: what is not live is not said to serve, whatever comes of a save.
func TestDown(t *testing.T) {
	event := func(kind control.EventKind) control.Event { return control.Event{Kind: kind, Generation: 4} }
	for _, tt := range []struct {
		name   string
		events []control.EventKind
		want   control.State
	}{
		{"kept", []control.EventKind{control.EventExited, control.EventBuilding, control.EventKept}, control.StateDown},
		{"kept twice", []control.EventKind{control.EventExited, control.EventBuilding, control.EventKept, control.EventBuilding, control.EventKept}, control.StateDown},
		{"asking", []control.EventKind{control.EventExited, control.EventBuilding, control.EventAsking}, control.StateDown},
		{"unchanged", []control.EventKind{control.EventExited, control.EventBuilding, control.EventUnchanged}, control.StateDown},
		{"restarting", []control.EventKind{control.EventExited, control.EventBuilding, control.EventRestarting, control.EventKept}, control.StateDown},
		{"live", []control.EventKind{control.EventExited, control.EventBuilding, control.EventKept, control.EventBuilding, control.EventLive}, control.StateLive},
		{"died in a load and came back", []control.EventKind{control.EventBuilding, control.EventExited, control.EventKept, control.EventWarning, control.EventRecovered}, control.StateKept},
		{"kept while it was away, and taken back", []control.EventKind{control.EventExited, control.EventKept, control.EventRecovered, control.EventBuilding, control.EventUnchanged}, control.StateLive},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := control.Status{State: control.StateLive, Generation: 4}
			for _, kind := range tt.events {
				UpdateStatus(&s, event(kind))
			}
			if s.State != tt.want || s.Down != (tt.want == control.StateDown) {
				t.Errorf("%s, down: %t; want %s", s.State, s.Down, tt.want)
			}
		})
	}
}
