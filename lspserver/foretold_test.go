package lspserver

import (
	"testing"

	"github.com/anvilforge/anvil-lsp/hotreload/control"
	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/internal/engine"
)

// TestForetold: what is expected of a save says what it comes to, and what
// happened does not say it again.
func TestForetold(t *testing.T) {
	found := manifest.Diagnose(manifest.CodeSignature, manifest.Position{File: "/app/a.go", Line: 3}, "signature of GET / changed")
	for _, tt := range []struct {
		name    string
		prepare func(*session)
		want    string
	}{
		{"a save restarts", func(*session) {}, "restarts on save: "},
		{"paused", func(f *session) { f.paused = true }, "needs a restart: "},
		{"files are held", func(f *session) { f.status.Held = []string{"a.go"} }, "needs a restart: "},
		{"asked first", func(f *session) { f.memory.decisions[manifest.CodeSignature] = BreakAsk }, "needs a restart: "},
		{"nothing runs", func(f *session) { f.link = nil }, "needs a restart: "},
		{"something else keeps it back", func(f *session) { f.forecast.Rung = manifest.RungKeep }, ""},
		{"happened", func(f *session) { f.forecast, f.status.Problems = nil, []manifest.Diagnostic{found} }, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := newDesk(t)
			f := newSession(d.s, t.Context(), func() {}, "/app", "/app", nil)
			f.link, f.status.State = &fakeLink{}, control.StateLive
			f.forecast = &engine.Forecast{Rung: manifest.RungWarmRestart, Diagnostics: []manifest.Diagnostic{found}}
			tt.prepare(f)
			f.mu.Lock()
			all := f.collect(d.s.docs.all())
			f.mu.Unlock()
			if len(all) != 1 || all[0].Message != tt.want+found.Message {
				t.Errorf("got %+v", all)
			}
		})
	}
}
