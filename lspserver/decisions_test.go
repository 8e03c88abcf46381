package lspserver

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"go.lsp.dev/protocol"

	"github.com/anvilforge/anvil-lsp/hotreload/control"
	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/internal/engine"
	"github.com/anvilforge/anvil-lsp/lspserver/internal/decision"
	"github.com/anvilforge/anvil-lsp/lspserver/internal/view"
)

func TestDecide(t *testing.T) {
	config, dir := t.TempDir(), t.TempDir()
	s := New(Options{Config: config})
	f := &session{s: s, choices: choices{memory: decision.Load(config, dir)}}
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
	settings := view.DefaultSettings()
	settings.OnBreak = view.BreakAsk
	s.settings.Store(&settings)
	check("the setting", both, engine.BreakAsk)
	if err := f.memory.Set([]manifest.Code{manifest.CodeSignature}, view.BreakRestart); err != nil {
		t.Fatal(err)
	}
	check("one is remembered", both, engine.BreakAsk)
	check("it is the only one", reasons(manifest.CodeSignature), engine.BreakRestart)
	if err := f.memory.Set([]manifest.Code{manifest.CodeHostChanged}, view.BreakKeep); err != nil {
		t.Fatal(err)
	}
	check("the most careful wins", both, engine.BreakKeep)
	f.memory = decision.Load(config, dir)
	check("read again", both, engine.BreakKeep)
	other := t.TempDir()
	f.memory = decision.Load(config, other)
	check("of another application", both, engine.BreakAsk)

	// A changed signature can be swapped in, if it is all that changed.
	settings.OnBreak = view.BreakSwap
	check("swap", reasons(manifest.CodeSignature, manifest.CodeSignature), engine.BreakSwap)
	check("swap, of a host package", reasons(manifest.CodeHostChanged), engine.BreakRestart)
	check("swap, of both", both, engine.BreakRestart)
	if err := f.memory.Set([]manifest.Code{manifest.CodeHostChanged}, view.BreakAsk); err != nil {
		t.Fatal(err)
	}
	check("swap, beside what is asked for", both, engine.BreakAsk)
	check("swap, alone", reasons(manifest.CodeSignature), engine.BreakSwap)
	settings.OnBreak = view.BreakAsk
	if err := f.memory.Set([]manifest.Code{manifest.CodeSignature}, view.BreakSwap); err != nil {
		t.Fatal(err)
	}
	f.memory = decision.Load(config, other)
	check("swap is remembered", reasons(manifest.CodeSignature), engine.BreakSwap)
	if left := tree(t, dir); len(left) > 0 {
		t.Errorf("the application's directory has %q", left)
	}
}

// tree returns the names of what is in a directory.
func tree(t *testing.T, dir string) (names []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		if path != dir {
			names = append(names, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// TestNothingIsWrittenBeforeTrust: whatever stands in the place of the files.
func TestNothingIsWrittenBeforeTrust(t *testing.T) {
	for _, trusted := range []bool{false, true} {
		for name, argument := range map[string]string{"anvil.remember": `{"code":"ANV001","decision":"restart"}`, "anvil.showLog": ""} {
			synctest.Test(t, func(t *testing.T) {
				d := newDesk(t)
				d.s.client = view.Client{}
				d.s.trustWord(new(trusted))
				f := d.session("app")
				victim := filepath.Join(t.TempDir(), "victim")
				if err := errors.Join(os.WriteFile(victim, []byte("mine"), 0o600), os.Mkdir(filepath.Join(f.dir, engine.OutDir), 0o700)); err != nil {
					t.Fatal(err)
				}
				for _, name := range []string{"anvil-log.txt", "decisions.json", "decisions.json.tmp"} {
					if err := os.Symlink(victim, filepath.Join(f.dir, engine.OutDir, name)); err != nil {
						t.Fatal(err)
					}
				}
				before := tree(t, f.dir)
				if _, err := d.execute(name, argument); (err == nil) != trusted {
					t.Errorf("%s, trusted %v: %v", name, trusted, err)
				}
				synctest.Wait()
				if got, err := os.ReadFile(victim); string(got) != "mine" || err != nil {
					t.Errorf("%s, trusted %v: the victim holds %q, %v", name, trusted, got, err)
				}
				if after := tree(t, f.dir); !slices.Equal(after, before) {
					t.Errorf("%s, trusted %v: there are %q, were %q", name, trusted, after, before)
				}
				if kept := tree(t, d.s.opts.Config); (len(kept) > 0) != (trusted && name == "anvil.remember") {
					t.Errorf("%s, trusted %v: the configuration has %q", name, trusted, kept)
				}
			})
		}
	}
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
			f.receive(ev)
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
		if got := l.all(); len(got) != 0 || f.memory.Of(manifest.CodeHostChanged, "") != "" {
			t.Errorf("the answer to a question that is void led to %q", got)
		}
		answer(2, answerRestart)
		if got := l.all(); !slices.Equal(got, []string{"restart"}) {
			t.Errorf("the answer led to %q", got)
		}
	})
}
