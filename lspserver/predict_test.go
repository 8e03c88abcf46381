package lspserver

import (
	"path/filepath"
	"reflect"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/anvilforge/anvil-lsp/hotreload/control"
	"github.com/anvilforge/anvil-lsp/internal/build"
	"github.com/anvilforge/anvil-lsp/lspserver/internal/view"
)

// TestPredictRefused: code on disk that cannot be loaded does not keep what is
// typed on top of it from being looked at, and is not loaded again before
// something changes on disk.
func TestPredictRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t)
		f, o := d.session("app"), &oracle{}
		f.predictor, f.own = o, true
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

// TestPredictStarting: what will keep the first generation from going live is
// shown while it is built; from then on what happened is shown in its place.
func TestPredictStarting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t)
		f := d.session("app")
		f.connect(&puppet{}, false, nil, control.Status{State: control.StateBuilding})
		f.predictor = &oracle{}
		path := filepath.Join(f.dir, "one.go")
		d.open(path, "package p\n\nvar x = "+mark+"\n")
		shows := func(when string, n int) {
			t.Helper()
			f.predict()
			synctest.Wait()
			if p := d.published(path); len(p.Diagnostics) != n {
				t.Errorf("%s: %+v, want %d", when, p.Diagnostics, n)
			}
		}
		begun := time.Now()
		happens := func(ev control.Event) {
			begun = begun.Add(time.Second)
			ev.Time = begun
			f.receive(ev)
		}
		shows("while it starts", 1)
		happens(control.Event{Kind: control.EventKept})
		shows("after it failed", 0)
		happens(control.Event{Kind: control.EventBuilding})
		shows("while it starts again", 1)
		happens(control.Event{Kind: control.EventLive, Generation: 1})
		shows("after it is live", 0)
		happens(control.Event{Kind: control.EventBuilding, Generation: 1})
		shows("while the next is built", 0)

		// A restart takes long enough for what else there is to say.
		for len(f.dirty) > 0 {
			<-f.dirty
		}
		happens(control.Event{Kind: control.EventRestarting, Generation: 1})
		if len(f.dirty) == 0 || !f.urgent.Load() {
			t.Error("nothing is looked at while the live server restarts")
		}
	})
}

// TestTakeHeld: with noErrors, whether what waits is taken up is decided by the
// code on disk, once.
func TestTakeHeld(t *testing.T) {
	const good, bad, foreign = "package p\n", "package p // " + mark + "\n", "package p // " + markImport + "\n"
	for _, tt := range []struct {
		name         string
		disk, buffer string
		prepare      func(f *session, o *oracle)
		want         []string
	}{
		{name: "no errors", disk: good, buffer: good, want: []string{"take"}},
		{name: "an error", disk: bad, buffer: bad},
		{name: "an error that is mended in the buffer", disk: bad, buffer: good},
		{name: "an error that is only typed", disk: good, buffer: bad, want: []string{"take"}},
		{name: "an import that nobody has", disk: foreign, buffer: good, prepare: func(_ *session, o *oracle) { o.loads = &build.Failure{} }},
		{name: "a new import", disk: foreign, buffer: good, want: []string{"take"}},
		{name: "nothing is known", disk: good, buffer: good, prepare: func(_ *session, o *oracle) { o.none = true }},
		{name: "no predictor", disk: good, buffer: good, prepare: func(f *session, _ *oracle) { f.predictor = nil }},
		{name: "nothing serves", disk: bad, buffer: bad, want: []string{"take"}, prepare: func(f *session, _ *oracle) { f.status.Generation = 0 }},
		{name: "paused", disk: good, buffer: good, prepare: func(f *session, _ *oracle) { f.paused = true }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := newDesk(t)
				settings := view.DefaultSettings()
				settings.OnSave = view.SaveNoErrors
				d.s.settings.Store(&settings)
				f, o, l := d.session("app"), &oracle{}, &puppet{}
				f.predictor, f.link = o, l
				f.status.Generation = 1
				if tt.prepare != nil {
					tt.prepare(f, o)
				}
				path := filepath.Join(f.dir, "handlers", "new.go")
				d.open(path, tt.disk)
				d.edit(path, tt.buffer)
				f.predict()
				f.receive(control.Event{Kind: control.EventHeld, Generation: f.status.Generation, Cause: []string{"handlers/new.go"}, Message: "waits"})
				f.predict()
				f.predict()
				synctest.Wait()
				if got := l.all(); !slices.Equal(got, tt.want) {
					t.Errorf("asked for %q, want %q", got, tt.want)
				}
			})
		})
	}
}
