package lspserver

import (
	"path/filepath"
	"reflect"
	"testing"
	"testing/synctest"

	"github.com/anvilforge/anvil-lsp/hotreload/build"
)

// TestPredictRefused: code on disk that cannot be loaded does not keep what is
// typed on top of it from being looked at, and is not loaded again before
// something changes on disk.
func TestPredictRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t)
		f, o := d.session("app"), &oracle{}
		f.outlook, f.own = o, true
		one, two := filepath.Join(f.dir, "one.go"), filepath.Join(f.dir, "two.go")
		d.open(one, "package p\n\nvar x = "+mark+"\n")
		d.open(two, "package p\n")
		look := func(line uint32, version int32) {
			t.Helper()
			f.predict()
			synctest.Wait()
			p := d.published(one)
			if v, _ := p.Version.Get(); len(p.Diagnostics) != 1 || p.Diagnostics[0].Range.Start.Line != line || v != version {
				t.Errorf("version %d: %+v, want line %d of version %d", v, p.Diagnostics, line, version)
			}
		}
		look(2, 1)
		o.refuse = &build.Failure{}
		d.save(two)
		look(2, 1)
		d.edit(one, "package p\n\n\n\nvar x = "+mark+"\n")
		look(4, 2)
		d.edit(one, "package p\n\n\nvar x = "+mark+"\n")
		look(3, 3)
		if want := [][]string{{two}}; !reflect.DeepEqual(o.refreshed, want) {
			t.Errorf("refreshed with %q, want %q", o.refreshed, want)
		}
		o.refuse = nil
		d.save(one)
		look(3, 3)
		d.edit(one, "package p\n\nvar x = "+mark+"\n")
		look(2, 4)
		if want := [][]string{{two}, {one, two}}; !reflect.DeepEqual(o.refreshed, want) {
			t.Errorf("refreshed with %q, want %q", o.refreshed, want)
		}
		// What nothing is known of any more is not shown as it was.
		o.none = true
		d.edit(one, "package p\n\n\n\nvar x = "+mark+"\n")
		f.predict()
		synctest.Wait()
		if p := d.published(one); len(p.Diagnostics) != 0 {
			t.Errorf("%+v is shown although nothing is known", p.Diagnostics)
		}
	})
}
