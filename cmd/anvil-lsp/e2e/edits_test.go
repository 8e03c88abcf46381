package e2e

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"hash/crc32"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/anvilforge/anvil-lsp/hotreload/control"
	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/internal/engine"
	"github.com/anvilforge/anvil-lsp/internal/testkit"
	"github.com/anvilforge/anvil-lsp/internal/testkit/harness"
)

// editEngines is how many copies of the application are edited side by side.
const editEngines = 2

// TestEdits makes every edit of the corpus on a live server, and compares what
// was predicted from source, what is expected, and what really happened at
// load. No break may be missed and nothing may be reported that is none. Every
// third edit is made, or all with ANVIL_EDITS=all; TestEditsFromSource predicts
// all of them.
func TestEdits(t *testing.T) {
	if testing.Short() {
		t.Skip("builds and runs an application a few hundred times")
	}
	base, edits := readCorpus(t)
	if one := sampled(); one > 1 {
		edits = slices.DeleteFunc(edits, func(e *edit) bool { return crc32.ChecksumIEEE([]byte(e.name))%one != 0 })
	}
	table := &confusion{}
	t.Cleanup(func() { // after the last edit
		fmt.Print(table)
		t.Log("\n" + table.String())
	})
	apps := make(chan *editedApp, editEngines)
	for range editEngines {
		apps <- newEditedApp(t, base)
	}
	for _, e := range edits {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			app := <-apps
			defer func() { apps <- app }()
			if app.broken {
				t.Fatal("an earlier edit left the application in a state that it did not come back from")
			}
			app.start()
			app.become(t, e.before)
			before := app.routes
			predicted, happened := app.edit(t, e.after)
			sameWords(t, predicted.diagnostics, happened.diagnostics)
			table.add(t, e, app.findings(predicted), app.findings(happened, before))
			if registersTwice(e) {
				app.secondTime(t)
			}
		})
	}
}

// sameWords checks that what was predicted of a line is what was found there, in the
// same words. What became of kept state, and the compiler, have words of their own.
func sameWords(t *testing.T, predicted, happened []manifest.Diagnostic) {
	t.Helper()
	for _, p := range predicted {
		onLine := slices.DeleteFunc(slices.Clone(happened), func(h manifest.Diagnostic) bool {
			return h.Code != p.Code || h.File != p.File || h.Line != p.Line ||
				h.Code == manifest.CodeCompile || h.Code == manifest.CodeStateShape
		})
		same := func(h manifest.Diagnostic) bool { return h.Message == p.Message }
		if len(onLine) > 0 && !slices.ContainsFunc(onLine, same) {
			t.Errorf("predicted in other words: %s\nhappened: %v", p, onLine)
		}
	}
}

// sampled says of how many edits one is made.
func sampled() uint32 {
	switch {
	case os.Getenv("ANVIL_EDITS") == "all", strings.Contains(flag.Lookup("test.run").Value.String(), "/"): // they are named
		return 1
	case harness.RaceEnabled: // it is the same code on another clock
		return 20
	}
	return 3
}

// editedApp is a copy of the application under an engine.
type editedApp struct {
	t      *testing.T // of the whole run
	dir    string
	files  tree // as they are on disk, without the replace directive
	once   sync.Once
	engine *engine.Engine
	events <-chan control.Event
	routes []manifest.Route // of the live generation
	broken bool
}

func newEditedApp(t *testing.T, base tree) *editedApp {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	a := &editedApp{t: t, dir: filepath.Join(dir, "edits"), files: tree{}}
	a.write(base)
	return a
}

// start runs the engine, the first time that it is called.
func (a *editedApp) start() {
	a.once.Do(func() {
		a.broken = true
		ctx, cancel := context.WithCancel(context.WithoutCancel(a.t.Context()))
		output := new(testkit.Buffer)
		e, err := engine.New(ctx, engine.Options{
			Dir: a.dir, Addr: "127.0.0.1:0", Stdout: output, Stderr: output,
			FullLink: os.Getenv("ANVIL_FULL_LINK") != "", // how plugins are linked changes no outcome
		})
		if err != nil {
			cancel()
			a.t.Error(err)
			return
		}
		a.engine = e
		a.events = e.Events().Subscribe(ctx)
		ended := make(chan error, 1)
		go func() { ended <- e.Run(ctx) }()
		a.t.Cleanup(func() {
			cancel()
			if err := <-ended; err != nil {
				a.t.Errorf("the engine ended with %v", err)
			}
			if a.t.Failed() {
				text := output.String()
				a.t.Logf("the end of the output of the live server in %s:\n%s", a.dir, text[max(0, len(text)-2000):])
			}
		})
		for ev := range a.events {
			switch ev.Kind {
			case control.EventLive:
				a.broken, a.routes = false, ev.Routes
				return
			case control.EventKept, control.EventStopped:
				a.t.Errorf("the application does not start: %s %v", ev.Message, ev.Diagnostics)
				return
			}
		}
	})
}

// The last file that is saved in each step, changed or not. The engine reports
// changes in their order, so an event that names it knows all others; the two
// kinds of steps have different ones, so as not to be taken for each other.
const (
	lastOfEdit   = "main.go"
	lastOfReturn = "store/jobs.go"
)

// become brings the application into a state from which an edit can start. It
// must go live.
func (a *editedApp) become(t *testing.T, files tree) {
	t.Helper()
	if maps.Equal(a.files, files) {
		return
	}
	a.broken = true
	evs := a.step(t, files, lastOfReturn)
	if end := evs[len(evs)-1]; end.Kind == control.EventKept {
		t.Fatalf("the state before the edit does not go live: %s %v", end.Message, end.Diagnostics)
	}
	a.broken = false
}

// edit makes the edit, and returns the prediction and the events that say what
// happened.
func (a *editedApp) edit(t *testing.T, files tree) (predicted, happened outcome) {
	t.Helper()
	evs := a.step(t, files, lastOfEdit)
	end := evs[len(evs)-1]
	switch end.Kind {
	case control.EventLive:
		happened.rung = end.Rung
	case control.EventKept:
		happened.rung = manifest.RungKeep
	}
	happened.routes = end.Routes
	happened.diagnostics = end.Diagnostics
	happened.message = end.Message
	seen := false
	for _, ev := range evs {
		switch ev.Kind {
		case control.EventPredicted:
			seen = true
			predicted = outcome{rung: ev.Rung, diagnostics: ev.Diagnostics}
		case control.EventRestarting:
			happened.diagnostics = slices.Concat(happened.diagnostics, ev.Diagnostics)
		}
	}
	if !seen {
		t.Error("nothing was predicted")
	}
	return predicted, happened
}

// registersTwice reports whether an edit is kept back only because the handlers
// package would register something for the second time.
func registersTwice(e *edit) bool {
	return e.rung == manifest.RungKeep && len(e.want) > 0 && !slices.ContainsFunc(e.want, func(f finding) bool {
		return f.code != manifest.CodeGlobal || path.Dir(f.at.File) != "handlers"
	})
}

// secondTime shows that code which the engine did not load because it registers
// something that can be registered only once really fails the second time: a new
// process takes it, and then no further generation of it.
func (a *editedApp) secondTime(t *testing.T) {
	t.Helper()
	a.broken = true
	ev, err := a.engine.Restart(t.Context(), false)
	if err != nil || ev.Kind != control.EventLive {
		t.Fatalf("a new process does not take it: %s %s %v, %v", ev.Kind, ev.Message, ev.Diagnostics, err)
	}
	ev, err = a.engine.Reload(t.Context())
	if err != nil || ev.Kind != control.EventKept || !slices.ContainsFunc(ev.Diagnostics, func(d manifest.Diagnostic) bool { return d.Code == manifest.CodeRegistration }) {
		t.Errorf("a second generation of it: %s %s %v, %v", ev.Kind, ev.Message, ev.Diagnostics, err)
	}
	a.broken = false
}

// outcome is what is said of an edit, before or after.
type outcome struct {
	rung        manifest.Rung
	diagnostics []manifest.Diagnostic
	routes      []manifest.Route // that are live after it
	message     string
}

// step writes files and waits until the engine has taken all of it up. It
// returns the events, the last of which says what came of it.
func (a *editedApp) step(t *testing.T, files tree, last string) []control.Event {
	t.Helper()
	a.write(files)
	a.save(last, files[last])
	timeout := time.After(harness.Patience)
	var evs []control.Event
	for {
		select {
		case ev, ok := <-a.events:
			if !ok || ev.Kind == control.EventStopped {
				t.Fatal("the engine ended")
			}
			if ev.Kind == control.EventLive {
				a.routes = ev.Routes
			}
			if ev.Kind == control.EventBuilding {
				evs = nil // what came before was about a part of the files
			}
			evs = append(evs, ev)
			switch ev.Kind {
			case control.EventLive, control.EventKept, control.EventUnchanged:
				if slices.Contains(ev.Cause, last) {
					return evs
				}
			}
		case <-timeout:
			a.broken = true
			t.Fatalf("no end of it; the last events: %+v", evs)
		}
	}
}

// write makes the files what they should be. New files come first and deleted
// ones last, so that there is no moment in which something is missing that is
// there before and after.
func (a *editedApp) write(files tree) {
	a.t.Helper()
	names := slices.SortedFunc(maps.Keys(files), func(x, y string) int {
		_, hasX := a.files[x]
		_, hasY := a.files[y]
		switch {
		case hasX == hasY:
			return strings.Compare(x, y)
		case hasX:
			return 1
		}
		return -1
	})
	for _, name := range names {
		if text, ok := a.files[name]; !ok || text != files[name] {
			a.save(name, files[name])
		}
	}
	for _, name := range slices.Sorted(maps.Keys(a.files)) {
		if _, ok := files[name]; !ok {
			if err := os.Remove(filepath.Join(a.dir, name)); err != nil {
				a.t.Error(err)
			}
		}
	}
	a.files = maps.Clone(files)
}

// save writes a file as an editor does.
func (a *editedApp) save(name, text string) {
	a.t.Helper()
	if name == "go.mod" {
		text = withReplace(a.t, text)
	}
	path := filepath.Join(a.dir, filepath.FromSlash(name))
	err := errors.Join(
		os.MkdirAll(filepath.Dir(path), 0o777),
		os.WriteFile(path+"~", []byte(text), 0o666),
		os.Rename(path+"~", path))
	if err != nil {
		a.t.Error(err)
	}
}

// findings returns what was said, files relative to the application. What a
// restart has shown about signatures is not a matter of words: given the routes
// before the edit, it is read from the manifests.
func (a *editedApp) findings(o outcome, before ...[]manifest.Route) observed {
	got := observed{rung: o.rung, findings: findingsOf(a.dir, o.diagnostics), diagnostics: o.diagnostics, message: o.message}
	if len(before) == 0 || o.rung != manifest.RungWarmRestart {
		return got
	}
	got.findings = slices.DeleteFunc(got.findings, func(f finding) bool { return f.code == manifest.CodeSignature })
	prints := map[manifest.RouteKey]string{}
	for _, r := range before[0] {
		prints[r.Key()] = r.Fingerprint
	}
	for _, r := range o.routes {
		if print, ok := prints[r.Key()]; ok && print != r.Fingerprint {
			d := manifest.Diagnose(manifest.CodeSignature, r.Position, "%s", r.Handler)
			got.findings = append(got.findings, findingsOf(a.dir, []manifest.Diagnostic{d})...)
		}
	}
	return got
}
