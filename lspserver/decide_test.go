package lspserver

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"go.lsp.dev/protocol"

	"github.com/anvilforge/anvil-lsp/hotreload/control"
	"github.com/anvilforge/anvil-lsp/hotreload/engine"
	"github.com/anvilforge/anvil-lsp/manifest"
)

func TestDecide(t *testing.T) {
	dir := t.TempDir()
	s := New(Options{})
	f := &session{s: s, memory: loaded(dir)}
	reasons := func(codes ...manifest.Code) (ds []manifest.Diagnostic) {
		for _, c := range codes {
			ds = append(ds, manifest.Diagnose(c, manifest.Position{}, "because"))
		}
		return ds
	}
	both := reasons(manifest.CodeSignature, manifest.CodeHostChanged)
	check := func(when string, ds []manifest.Diagnostic, want engine.BreakPolicy) {
		t.Helper()
		if got := f.decide(ds); got != want {
			t.Errorf("%s: %q, want %q", when, got, want)
		}
	}
	check("by default", both, engine.BreakRestart)
	settings := defaultSettings()
	settings.OnBreak = BreakAsk
	s.settings.Store(&settings)
	check("the setting", both, engine.BreakAsk)
	if err := f.memory.set([]manifest.Code{manifest.CodeSignature}, BreakRestart); err != nil {
		t.Fatal(err)
	}
	check("one is remembered", both, engine.BreakAsk)
	check("it is the only one", reasons(manifest.CodeSignature), engine.BreakRestart)
	if err := f.memory.set([]manifest.Code{manifest.CodeHostChanged}, BreakKeep); err != nil {
		t.Fatal(err)
	}
	check("the most careful wins", both, engine.BreakKeep)
	f.memory = loaded(dir)
	check("read again", both, engine.BreakKeep)
	if err := os.WriteFile(filepath.Join(dir, engine.OutDir, "decisions.json"), []byte(`{"ANV001":"burn","ANV002":"restart"}`), 0o666); err != nil {
		t.Fatal(err)
	}
	f.memory = loaded(dir)
	check("a word that is none", reasons(manifest.CodeSignature), engine.BreakAsk)
	check("beside a good one", reasons(manifest.CodeHostChanged), engine.BreakRestart)
}

// TestQuestions: a question is about the newest code only. One that was not
// answered is withdrawn when something newer has happened, and does not keep the
// next from being asked.
func TestQuestions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t)
		d.client.answer = func(method string, _ json.RawMessage) string {
			if method == protocol.MethodWindowShowMessageRequest {
				return "" // the user looks elsewhere
			}
			return "null"
		}
		f, l := d.session("app"), &puppet{}
		f.link = l
		happens := func(kind control.EventKind, codes ...manifest.Code) {
			t.Helper()
			time.Sleep(time.Second)
			ev := control.Event{Time: time.Now(), Kind: kind, Generation: 1}
			for _, c := range codes {
				ev.Diagnostics = append(ev.Diagnostics, manifest.Diagnose(c, manifest.Position{}, "because"))
			}
			f.take(ev)
			synctest.Wait()
		}
		asked := func(n, withdrawn int) {
			t.Helper()
			if q, w := len(d.client.all(protocol.MethodWindowShowMessageRequest)), len(d.client.all(protocol.MethodCancelRequest)); q != n || w != withdrawn {
				t.Errorf("%d questions, of which %d were withdrawn; want %d and %d", q, w, n, withdrawn)
			}
		}
		answer := func(n int, title string) {
			t.Helper()
			q := d.client.all(protocol.MethodWindowShowMessageRequest)[n]
			d.client.send(`{"jsonrpc":"2.0","id":` + string(q.ID) + `,"result":{"title":"` + title + `"}}`)
			synctest.Wait()
		}
		happens(control.EventAsking, manifest.CodeSignature)
		asked(1, 0)
		happens(control.EventUnchanged) // the change was taken back
		asked(1, 1)
		happens(control.EventAsking, manifest.CodeHostChanged)
		asked(2, 1)
		happens(control.EventAsking, manifest.CodeHostChanged) // saved again
		asked(3, 2)
		answer(0, answerRestart)
		answer(1, answerAlways)
		if got := l.all(); len(got) != 0 || f.memory.of(manifest.CodeHostChanged, "") != "" {
			t.Errorf("the answer to a question that is void led to %q", got)
		}
		answer(2, answerRestart)
		if got := l.all(); !slices.Equal(got, []string{"restart"}) {
			t.Errorf("the answer led to %q", got)
		}
	})
}

func loaded(dir string) *memory {
	m := newMemory(dir)
	m.load()
	return m
}
