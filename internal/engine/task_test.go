package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/anvilforge/anvil-lsp/hotreload/control"
	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/internal/build"
	"github.com/anvilforge/anvil-lsp/internal/launch"
)

// TestBreakPolicy: what is held back is told, and is no reason to restart.
func TestBreakPolicy(t *testing.T) {
	reasons := diagnostics(manifest.CodeHostChanged)
	tests := map[BreakPolicy]struct {
		kind control.EventKind
		rung manifest.Rung
	}{
		BreakAsk:  {control.EventAsking, manifest.RungWarmRestart},
		BreakKeep: {control.EventKept, manifest.RungKeep},
	}
	for policy, want := range tests {
		t.Run(string(policy), func(t *testing.T) {
			// Without a builder and a supervisor: a restart would not survive.
			tk := &task{ports: ports{opts: &Options{OnBreak: policy}}, snap: &build.Snapshot{}}
			out := tk.restart(t.Context(), reasons)
			if out.event.Kind != want.kind || out.event.Rung != want.rung || out.event.Message == "" || !out.needsDecision {
				t.Errorf("event %s, rung %q, message %q, held %t", out.event.Kind, out.event.Rung, out.event.Message, out.needsDecision)
			}
			if !slices.EqualFunc(out.event.Diagnostics, reasons, equal) {
				t.Errorf("diagnostics %v, want %v", out.event.Diagnostics, reasons)
			}
			if out.clean || out.snap != nil || out.manifest != nil {
				t.Error("the change counts as live")
			}
		})
	}
}

// TestKept: whatever ends a task, the event says what and where.
func TestKept(t *testing.T) {
	broken := diagnostics(manifest.CodeCompile)
	crash := finding(manifest.CodeLiveServer, "/app/main.go", 5, "exit status 2")
	exit := &launch.ExitError{Exit: launch.Exit{Diagnostic: crash}}
	tests := map[string]struct {
		err         error
		message     string
		diagnostics []manifest.Diagnostic
	}{
		"code":              {err: fmt.Errorf("building: %w", &build.Failure{Diagnostics: broken}), diagnostics: broken},
		"start":             {err: &launch.StartError{Diagnostics: broken, Cause: exit}, diagnostics: broken},
		"start, no finding": {err: &launch.StartError{Cause: launch.ErrNotReady}, message: "starting the live server: " + launch.ErrNotReady.Error()},
		"crash":             {err: fmt.Errorf("loading: %w", exit), diagnostics: []manifest.Diagnostic{crash}},
		"machine":           {err: errors.New("no space left"), message: "no space left"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			out := (&task{}).kept(tt.err)
			if out.event.Kind != control.EventKept || out.event.Rung != manifest.RungKeep || out.event.Message != tt.message || out.clean {
				t.Errorf("%s, rung %q, message %q, clean %t", out.event.Kind, out.event.Rung, out.event.Message, out.clean)
			}
			if !slices.EqualFunc(out.event.Diagnostics, tt.diagnostics, equal) {
				t.Errorf("diagnostics %v, want %v", out.event.Diagnostics, tt.diagnostics)
			}
		})
	}
}

func TestCause(t *testing.T) {
	tk := &task{ports: ports{opts: &Options{Dir: "/work/app"}}, files: []string{"/work/app/z.go", "/work/lib/b.go", "/work/app/a/a.go"}}
	if got, want := tk.cause(), []string{"../lib/b.go", "a/a.go", "z.go"}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

// TestRollbackIsNotTakenBack: it cannot be cancelled half way, and done twice it
// would go back two generations.
func TestRollbackIsNotTakenBack(t *testing.T) {
	s := newServed(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	tk := &task{ports: newLoop(s.e).ports, main: "example.com/app", generation: 4, force: request{kind: requestRollback}}
	out := tk.run(ctx)
	if out.cancelled || out.event.Kind != control.EventWarning || !strings.Contains(out.event.Message, launch.ErrNoLiveServer.Error()) || out.generation != 4 || out.main != "example.com/app" {
		t.Errorf("%+v", out)
	}
}
