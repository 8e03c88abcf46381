package lspserver

import (
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.lsp.dev/protocol"
	"go.lsp.dev/uri"

	"github.com/anvilforge/anvil-lsp/hotreload/control"
	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/lspserver/internal/view"
)

// sharing has two sessions own a directory that neither is in, and returns them
// and a file in it.
func (d *desk) sharing(dir string) (x, y *session, file string) {
	x, y = d.session("x"), d.session("y")
	for _, f := range []*session{x, y} {
		f.predictor, f.dirs = &oracle{}, map[string]bool{dir: true}
	}
	return x, y, filepath.Join(dir, "handlers.go")
}

// TestPublishShared: what two applications say of a package that they share is
// shown once.
func TestPublishShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t)
		x, y, file := d.sharing(filepath.Join(t.TempDir(), "handlers"))
		d.open(file, "package handlers\n\nvar a = "+mark+"\nvar b = "+mark+"\n")
		x.predict()
		y.predict()
		synctest.Wait()
		if p := d.published(file); len(p.Diagnostics) != 2 {
			t.Errorf("%d are shown, want 2: %+v", len(p.Diagnostics), p.Diagnostics)
		}
		// Only one of them goes on saying it.
		y.end()
		synctest.Wait()
		if p := d.published(file); len(p.Diagnostics) != 2 {
			t.Errorf("%d are shown when one has ended, want 2: %+v", len(p.Diagnostics), p.Diagnostics)
		}
	})
}

// TestPublishNewest: under a version stands only what was said of its text.
func TestPublishNewest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t)
		x, y, file := d.sharing(filepath.Join(t.TempDir(), "handlers"))
		// check wants what is shown to be said of a version, and never anything of
		// another text under it.
		check := func(when string, version int32, lines ...uint32) {
			t.Helper()
			synctest.Wait()
			p := d.published(file)
			v, _ := p.Version.Get()
			ok := v == version && len(p.Diagnostics) == len(lines)
			for i := range lines {
				ok = ok && p.Diagnostics[i].Range.Start.Line == lines[i]
			}
			if !ok {
				t.Errorf("%s: version %d, %+v; want version %d, lines %d", when, v, p.Diagnostics, version, lines)
			}
		}
		text := func(line int) string { return strings.Repeat("\n", line) + mark }
		d.open(file, text(1))
		x.predict()
		y.predict()
		check("both", 1, 1)
		d.edit(file, text(2))
		y.predict()
		check("one of them is behind", 1, 1)
		x.predict()
		check("both again", 2, 2)
		// Closed and opened again: it begins with the same version, and another text.
		d.edit(file, text(3))
		x.predict()
		y.predict()
		check("before it is closed", 3, 3)
		didClose(d.s, &protocol.DidCloseTextDocumentParams{TextDocument: protocol.TextDocumentIdentifier{URI: uri.File(file)}})
		didOpen(d.s, &protocol.DidOpenTextDocumentParams{TextDocument: protocol.TextDocumentItem{URI: uri.File(file), Version: 3, Text: text(4)}})
		y.predict()
		check("opened again, one of them is behind", 3, 3)
		x.predict()
		check("opened again", 3, 4)
		// Who does not follow the file any more keeps nobody waiting.
		d.edit(file, text(5))
		x.dirs = map[string]bool{"elsewhere": true}
		y.predict()
		check("one of them does not own the file any more", 4, 5)
	})
}

// TestPublishOtherName: a client may write the URI of a file in another way than
// we do, and may take the two for one.
func TestPublishOtherName(t *testing.T) {
	for _, folder := range []string{"a(1)", "x@y", "z+z"} {
		synctest.Test(t, func(t *testing.T) {
			d := newDesk(t)
			f := d.session("app")
			f.predictor = &oracle{}
			file := filepath.Join(f.dir, folder, "one.go")
			d.write(file, "package p\n\nvar x = 1\n")
			f.receive(control.Event{Kind: control.EventKept, Time: time.Now(), Diagnostics: []manifest.Diagnostic{
				manifest.Diagnose(manifest.CodeRoute, manifest.Position{File: file, Line: 3}, "a mistake"),
			}})
			shown := func(when string) {
				t.Helper()
				f.predict()
				synctest.Wait()
				byPath, names := map[string]int{}, map[uri.URI]int{}
				for _, m := range d.client.all(protocol.MethodTextDocumentPublishDiagnostics) {
					var p protocol.PublishDiagnosticsParams
					if err := protocol.Unmarshal(m.Params, &p); err != nil {
						t.Fatal(err)
					}
					byPath[view.PathOf(p.URI)], names[p.URI] = len(p.Diagnostics), len(p.Diagnostics)
				}
				total := 0
				for _, n := range names {
					total += n
				}
				if byPath[file] != 1 || total != 1 {
					t.Errorf("%s %d are shown for the file, and for its names %v", when, byPath[file], names)
				}
			}
			shown("while it is closed")
			theirs := uri.URI("file://" + strings.ReplaceAll(string(uri.File(file)[len("file://"):]), string(uri.File(folder)[len("file:///"):]), folder))
			if theirs == uri.File(file) {
				t.Fatalf("%s is our name, too", theirs)
			}
			didOpen(d.s, &protocol.DidOpenTextDocumentParams{TextDocument: protocol.TextDocumentItem{URI: theirs, Version: 1, Text: "package p\n\nvar x = 1\n"}})
			shown("while it is open")
			didClose(d.s, &protocol.DidCloseTextDocumentParams{TextDocument: protocol.TextDocumentIdentifier{URI: theirs}})
			shown("when it is closed again")
		})
	}
}

// TestPublishAfterTheEnd: a session that has ended, and was just about to speak,
// keeps no other from being heard.
func TestPublishAfterTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t)
		x, y, file := d.sharing(filepath.Join(t.TempDir(), "handlers"))
		d.open(file, "\n"+mark)
		docs := d.s.docs.Latest()
		x.predict()
		y.predict()
		x.end()
		x.publish(docs)
		d.edit(file, "\n\n\n"+mark)
		y.predict()
		synctest.Wait()
		p := d.published(file)
		if v, _ := p.Version.Get(); v != 2 || len(p.Diagnostics) != 1 || p.Diagnostics[0].Range.Start.Line != 3 {
			t.Errorf("version %d, %+v", v, p.Diagnostics)
		}
	})
}
