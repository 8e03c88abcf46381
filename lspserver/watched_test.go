package lspserver

import (
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"go.lsp.dev/protocol"
	"go.lsp.dev/uri"

	"github.com/anvilforge/anvil-lsp/hotreload/control"
)

// TestWatchedFiles: without an engine, what changes on disk reaches the predictor.
func TestWatchedFiles(t *testing.T) {
	for _, tt := range []struct {
		name     string
		files    []string // relative to the application
		attached bool
		want     []string
		all      bool
	}{
		{name: "a Go file", files: []string{"handlers/a.go"}, want: []string{"handlers/a.go"}},
		{name: "several", files: []string{"b.go", "handlers/a.go"}, want: []string{"b.go", "handlers/a.go"}},
		{name: "the module around it", files: []string{"../go.mod"}, want: []string{"../go.mod"}},
		{name: "its sums", files: []string{"../go.sum", "b.go"}, all: true},
		{name: "a joined module", files: []string{"../lib/lib.go"}, want: []string{"../lib/lib.go"}},
		{name: "another application", files: []string{"../other/a.go", "../other/go.mod"}},
		{name: "what the go command passes over", files: []string{".anvil/work/a.go", "testdata/a.go", "_old/a.go"}},
		{name: "while an engine watches", files: []string{"handlers/a.go"}, attached: true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := newDesk(t)
				f, o := d.session("root/app"), &oracle{}
				f.predictor, f.own = o, true
				f.dirs = map[string]bool{filepath.Join(f.dir, "../lib"): true}
				if tt.attached {
					f.link = &puppet{}
				}
				p := &protocol.DidChangeWatchedFilesParams{}
				for _, name := range tt.files {
					p.Changes = append(p.Changes, protocol.FileEvent{URI: uri.File(filepath.Join(f.dir, name)), Type: protocol.FileChangeTypeChanged})
				}
				didChangeWatchedFiles(d.s, p)
				f.predict()
				var want [][]string
				if tt.all {
					want = [][]string{nil}
				} else if tt.want != nil {
					var files []string
					for _, name := range tt.want {
						files = append(files, filepath.Join(f.dir, name))
					}
					slices.Sort(files)
					want = [][]string{files}
				}
				if !reflect.DeepEqual(o.refreshed, want) {
					t.Errorf("refreshed with %q, want %q", o.refreshed, want)
				}
			})
		})
	}
}

// TestWatchRegistered: the client is asked once, when there is a use for it.
func TestWatchRegistered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t)
		d.s.watchFiles()
		synctest.Wait()
		if n := len(d.client.all(protocol.MethodClientRegisterCapability)); n != 0 {
			t.Errorf("a client that cannot do it was asked %d times", n)
		}
		d.s.client.WatchesFiles = true
		d.s.watchFiles()
		d.s.watchFiles()
		synctest.Wait()
		asked := d.client.all(protocol.MethodClientRegisterCapability)
		if len(asked) != 1 || !strings.Contains(string(asked[0].Params), watchedFiles) {
			t.Errorf("asked %s", asked)
		}
	})
}

// TestWatchRegisteredAlone: nothing is asked for while another engine watches, and
// it is when that has gone.
func TestWatchRegisteredAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t)
		d.s.client.WatchesFiles = true
		f := d.session("app")
		f.predictor, f.own, f.madeWith = &oracle{}, true, f.getSettings()
		asked := func() int {
			synctest.Wait()
			return len(d.client.all(protocol.MethodClientRegisterCapability))
		}
		f.connect(&puppet{}, true, nil, control.Status{})
		f.alone()
		if n := asked(); n != 0 {
			t.Errorf("attached, the client was asked %d times", n)
		}
		f.disconnect()
		f.lookAround()
		if n := asked(); n != 1 {
			t.Errorf("alone, the client was asked %d times", n)
		}
	})
}

// TestSaveIsReasonToLook: the engine, whosever it is, is told of each save of its
// application, and of no other.
func TestSaveIsReasonToLook(t *testing.T) {
	d := newDesk(t)
	f, other := d.session("app"), d.session("other")
	l, m := &puppet{}, &puppet{}
	f.connect(l, true, nil, control.Status{})
	other.connect(m, false, nil, control.Status{})
	path := filepath.Join(f.dir, "handlers", "one.go")
	d.open(path, "package handlers\n")
	d.save(path)
	d.edit(path, "package handlers // more\n")
	d.save(path)
	text := filepath.Join(f.dir, "notes.txt")
	d.open(text, "no source")
	d.save(text)
	if got := l.all(); !slices.Equal(got, []string{"look at one.go", "look at one.go"}) {
		t.Errorf("the engine was asked to %q", got)
	}
	if got := m.all(); len(got) != 0 {
		t.Errorf("another was asked to %q", got)
	}
}
