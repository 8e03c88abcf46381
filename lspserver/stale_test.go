package lspserver

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.lsp.dev/protocol"
	"go.lsp.dev/uri"

	"github.com/anvilforge/anvil-lsp/hotreload/control"
	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
)

// TestLeftBehind: a buffer that nobody touched says nothing once what it shows was
// changed on disk. One in which somebody has typed says what saving it would do.
func TestLeftBehind(t *testing.T) {
	const old, now = "package p // " + mark + "\n", "package p\n\nvar x int\n"
	type step func(d *desk, path string)
	changes := func(d *desk, path string) { d.write(path, now) }
	goes := func(d *desk, path string) {
		if err := os.Remove(path); err != nil {
			d.t.Fatal(err)
		}
	}
	renamed := func(d *desk, path string) {
		if err := os.Rename(path, filepath.Join(filepath.Dir(path), "ONE.go")); err != nil {
			d.t.Fatal(err)
		}
	}
	types := func(text string) step { return func(d *desk, path string) { d.edit(path, text) } }
	saves := func(d *desk, path string) { d.save(path) }
	noticed := func(d *desk, _ string) {
		f := d.s.allSessions()[0]
		f.receive(control.Event{Kind: control.EventLive, Generation: 2, Time: time.Now()})
		time.Sleep(time.Second) // in the bubble
	}
	building := func(d *desk, _ string) {
		d.s.allSessions()[0].receive(control.Event{Kind: control.EventBuilding, Generation: 2, Time: time.Now()})
		time.Sleep(time.Second)
	}
	for _, tt := range []struct {
		name         string
		steps        []step
		dirty, stale bool
		counts       bool // what the buffer says is looked at
	}{
		{"nothing happened", nil, false, false, true},
		{"changed on disk", []step{changes, noticed}, false, true, false},
		{"changed on disk, and not live yet", []step{changes, building}, false, true, false},
		{"changed on disk, and typed in since", []step{changes, noticed, types(old + "// more\n")}, true, false, true},
		{"changed on disk, typed in, and undone", []step{changes, noticed, types(old + "// more\n"), types(old)}, false, true, false},
		{"typed in, and then changed on disk", []step{types(old + "// more\n"), changes, noticed}, true, false, true},
		{"typed in, changed on disk, and undone", []step{types(old + "// more\n"), changes, noticed, types(old)}, false, true, false},
		{"changed on disk, and saved by the editor", []step{changes, noticed, saves, noticed}, false, false, true},
		{"changed on disk, typed in and saved", []step{changes, noticed, types(old + "// more\n"), saves, noticed}, false, false, true},
		{"changed on disk, and shown so", []step{changes, noticed, types(now)}, false, false, true},
		{"changed on disk, and shown so before that was noticed", []step{changes, types(now), noticed}, false, false, true},
		{"changed on disk, shown so, and typed in", []step{changes, noticed, types(now), types(now + mark)}, true, false, true},
		{"changed on disk and back", []step{changes, noticed, func(d *desk, path string) { d.write(path, old) }, noticed}, false, false, true},
		{"formatted behind the editor after a save", []step{types(old + "var  x int\n"), saves, func(d *desk, path string) { d.write(path, old+"var x int\n") }, noticed}, false, true, false},
		{"formatted by the editor before a save", []step{types(old + "var  x int\n"), types(old + "var x int\n"), saves, noticed}, false, false, true},
		{"removed", []step{goes, noticed}, false, true, false},
		{"removed, and saved from the editor", []step{goes, noticed, saves, noticed}, false, false, true},
		{"removed, and typed in", []step{goes, noticed, types(old + "// more\n")}, true, false, true},
		{"renamed in case only", []step{renamed, noticed}, false, true, false},
		{"its directory removed", []step{func(d *desk, path string) { _ = os.RemoveAll(filepath.Dir(path)) }, noticed}, false, true, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := newDesk(t)
				f := d.session("app")
				f.connect(&puppet{}, false, nil, control.Status{State: control.StateLive, Generation: 1})
				f.predictor = &oracle{}
				path := filepath.Join(f.dir, "one.go")
				d.open(path, old)
				for _, step := range tt.steps {
					step(d, path)
				}
				f.predict()
				synctest.Wait()
				doc, now := d.s.docs.Latest().ByPath[path], d.s.View()
				if doc.Dirty() != tt.dirty || doc.Stale() != tt.stale {
					t.Errorf("dirty %v, stale %v", doc.Dirty(), doc.Stale())
				}
				if got := now.Current(f.view(), doc); got != tt.counts {
					t.Errorf("the prediction is about the buffer: %v", got)
				}
				if got, want := f.view().Prediction.Rung == manifest.RungKeep, tt.counts && strings.Contains(string(doc.Text), mark); got != want {
					t.Errorf("what the buffer says was looked at: %v, want %v", got, want)
				}
				if f.clean == tt.dirty {
					t.Errorf("the prediction is about the disk alone: %v", f.clean)
				}
			})
		})
	}
}

// TestNeverSaved: a buffer that an editor brings back from an earlier session was
// typed in, though nobody has seen it equal the disk.
func TestNeverSaved(t *testing.T) {
	d := newDesk(t)
	f := d.session("app")
	path, none := filepath.Join(f.dir, "one.go"), filepath.Join(f.dir, "new.go")
	d.write(path, "package p\n")
	for _, path := range []string{path, none} {
		didOpen(d.s, &protocol.DidOpenTextDocumentParams{TextDocument: protocol.TextDocumentItem{URI: uri.File(path), Version: 1, Text: "package p // typed\n"}})
		if doc := d.s.docs.Latest().ByPath[path]; !doc.Dirty() || doc.Stale() {
			t.Errorf("%s: dirty %v, stale %v", path, doc.Dirty(), doc.Stale())
		}
	}
}

// TestErrorInWhatWasLeftBehind: an error of the code on disk is shown in its file,
// though the buffer shows older code.
func TestErrorInWhatWasLeftBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t)
		f := d.session("app")
		f.connect(&puppet{}, false, nil, control.Status{State: control.StateLive, Generation: 1})
		f.predictor = &oracle{}
		path := filepath.Join(f.dir, "one.go")
		d.open(path, "package p\n\nvar x int\n")
		d.write(path, "package p\n\n// more\n\nvar x string = 1\n")
		at := manifest.Position{File: path, Line: 5, Column: 16}
		f.receive(control.Event{Kind: control.EventKept, Generation: 1, Time: time.Now(), Diagnostics: []manifest.Diagnostic{manifest.Diagnose(manifest.CodeCompile, at, "cannot use 1")}})
		f.predict()
		synctest.Wait()
		if got := d.published(path).Diagnostics; len(got) != 1 {
			t.Errorf("published %+v", got)
		}
		d.edit(path, "package p\n\nvar x int // typed\n")
		f.predict()
		synctest.Wait()
		if got := d.published(path).Diagnostics; len(got) != 0 {
			t.Errorf("the compiler's words stand at a text that it has not seen: %+v", got)
		}
	})
}
