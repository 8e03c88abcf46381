package lspserver

import (
	"context"
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.lsp.dev/protocol"

	"github.com/anvilforge/anvil-lsp/hotreload/control"
	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/internal/engine"
	"github.com/anvilforge/anvil-lsp/lspserver/internal/view"
	"github.com/anvilforge/anvil-lsp/lspserver/internal/view/viewtest"
	"github.com/anvilforge/anvil-lsp/manifest/source"
)

// TestPredictedMessage: what is expected of a save says what it comes to, and what
// happened does not say it again.
func TestPredictedMessage(t *testing.T) {
	found := manifest.Diagnose(manifest.CodeSignature, manifest.Position{File: "/app/a.go", Line: 3}, "signature of GET / changed")
	for _, tt := range []struct {
		name    string
		prepare func(*session)
		want    string
	}{
		{"a save restarts", func(*session) {}, "restarts on save: "},
		{"paused", func(f *session) { f.paused = true }, "needs a restart: "},
		{"files are held", func(f *session) { f.status.Held = []string{"a.go"} }, "needs a restart: "},
		{"asked first", func(f *session) {
			if err := f.memory.Set([]manifest.Code{manifest.CodeSignature}, view.BreakAsk); err != nil {
				t.Error(err)
			}
		}, "needs a restart: "},
		{"nothing runs", func(f *session) { f.link = nil }, "needs a restart: "},
		{"something else keeps it back", func(f *session) { f.prediction.Rung = manifest.RungKeep }, ""},
		{"happened", func(f *session) { f.prediction, f.status.Problems = nil, []manifest.Diagnostic{found} }, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := newDesk(t)
			f := newSession(d.s, t.Context(), func() {}, "/app", "/app", nil)
			f.link, f.status.State = &fakeLink{}, control.StateLive
			f.prediction = &engine.Prediction{Rung: manifest.RungWarmRestart, Diagnostics: []manifest.Diagnostic{found}}
			tt.prepare(f)
			f.mu.Lock()
			all := f.collect(d.s.docs.Latest())
			f.mu.Unlock()
			if len(all) != 1 || all[0].Message != tt.want+found.Message {
				t.Errorf("got %+v", all)
			}
		})
	}
}

// breaker is a predictor in which everything that differs changes a signature.
type breaker struct{ oracle }

func (o *breaker) Predict(_ context.Context, buffers map[string][]byte) (*engine.Prediction, error) {
	fc := &engine.Prediction{Rung: manifest.RungWarmRestart, Report: &source.Report{}}
	for path := range buffers {
		fc.Diagnostics = append(fc.Diagnostics, manifest.Diagnose(manifest.CodeSignature, manifest.Position{File: path, Line: 3, Column: 1}, "signature of GET / changed"))
	}
	return fc, nil
}

// TestPredictedMessageAgain: what is shown follows the settings and a pause, without
// anybody typing.
func TestPredictedMessageAgain(t *testing.T) {
	const restarts, waits = "restarts on save: signature of GET / changed", "needs a restart: signature of GET / changed"
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t)
		f := d.session("app")
		f.predictor, f.link = &breaker{}, &puppet{}
		edited, broken := filepath.Join(f.dir, "a.go"), filepath.Join(f.dir, "b.go")
		d.open(edited, "package a\n\nfunc A() {}\n")
		d.write(broken, "package a\n\nvar b = c\n")
		at := viewtest.Noon
		event := func(kind control.EventKind, ds ...manifest.Diagnostic) {
			at = at.Add(time.Second)
			f.receive(control.Event{Kind: kind, Time: at, Generation: 1, Diagnostics: ds})
		}
		event(control.EventLive)
		event(control.EventKept, manifest.Diagnose(manifest.CodeCompile, manifest.Position{File: broken, Line: 3, Column: 9}, "undefined: c"))
		d.edit(edited, "package a\n\nfunc A(int) {}\n")
		d.s.thinking.Go(f.predictLoop)
		shown := func(when, path, want string) {
			t.Helper()
			synctest.Wait()
			var got []string
			for _, diagnostic := range d.published(path).Diagnostics {
				message, _ := diagnostic.Message.(protocol.String)
				got = append(got, string(message))
			}
			if s := strings.Join(got, "; "); s != want {
				t.Errorf("%s: %q is shown, want %q", when, s, want)
			}
		}
		shown("at first", edited, restarts)
		shown("at first", broken, "undefined: c")
		d.s.configure(json.RawMessage(`{"compileErrors":"never"}`), nil)
		shown("errors are not wanted", broken, "")
		d.s.configure(json.RawMessage(`{"onBreak":"ask"}`), nil)
		shown("the user is asked", edited, waits)
		shown("the user is asked", broken, "undefined: c")
		d.s.configure(nil, nil)
		shown("as it was", edited, restarts)
		if _, err := d.execute("anvil.pause", ""); err != nil {
			t.Error(err)
		}
		shown("paused", edited, waits)
		if _, err := d.execute("anvil.resume", ""); err != nil {
			t.Error(err)
		}
		shown("resumed", edited, restarts)
		event(control.EventPaused)
		shown("paused by somebody else", edited, waits)
		event(control.EventResumed)
		shown("resumed by somebody else", edited, restarts)
	})
}
