//go:build unix

package engine

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/anvilforge/anvil-lsp/hotreload/control"
	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
)

// TestEmbeddedFolderAppears: code embeds what is not there yet, and nothing but
// that appears.
func TestEmbeddedFolderAppears(t *testing.T) {
	embed := func(pattern string) string {
		return "package handlers\n\nimport \"embed\"\n\n//go:embed " + pattern + "\nvar files embed.FS\n"
	}
	t.Run("while it serves", func(t *testing.T) {
		a := newApp(t)
		a.start()
		a.until(control.EventLive)
		writeFile(t, embed("icons"), a.dir, "handlers", "files.go")
		if ev := a.until(control.EventKept); len(ev.Diagnostics) != 1 || !strings.Contains(ev.Diagnostics[0].Message, "no matching files") {
			t.Errorf("diagnostics %v", ev.Diagnostics)
		}
		if err := os.Mkdir(filepath.Join(a.dir, "handlers", "icons"), 0o777); err != nil {
			t.Fatal(err)
		}
		writeFile(t, "one", a.dir, "handlers", "icons", "a.svg")
		a.untilNow(control.EventLive)
		// Into a directory with a dot, moved there as a whole.
		writeFile(t, embed("icons t.d/page.html"), a.dir, "handlers", "files.go")
		a.until(control.EventKept)
		writeFile(t, "page", a.dir, "elsewhere", "page.html")
		if err := os.Rename(filepath.Join(a.dir, "elsewhere"), filepath.Join(a.dir, "handlers", "t.d")); err != nil {
			t.Fatal(err)
		}
		a.untilNow(control.EventLive)
		a.stop()
	})
	t.Run("from the start", func(t *testing.T) {
		a := newApp(t)
		writeFile(t, embed("dist"), a.dir, "handlers", "files.go")
		a.start()
		a.until(control.EventKept)
		writeFile(t, "page", a.dir, "handlers", "dist", "deep", "index.html")
		a.untilNow(control.EventLive)
		a.serves("Hello! Visit 1, and 1 since the last reload.")
		a.stop()
	})
}

// TestEmbeddedFilesAreWrittenAnew: a bundler removes what it has made and makes
// it again a moment later: that is one change.
func TestEmbeddedFilesAreWrittenAnew(t *testing.T) {
	a := newApp(t)
	writeFile(t, "package handlers\n\nimport \"embed\"\n\n//go:embed dist\nvar files embed.FS\n", a.dir, "handlers", "files.go")
	for _, name := range []string{"a.js", "b.js"} {
		writeFile(t, "one", a.dir, "handlers", "dist", name)
	}
	a.start()
	a.until(control.EventLive)
	if err := os.RemoveAll(filepath.Join(a.dir, "handlers", "dist")); err != nil {
		t.Fatal(err)
	}
	a.skipTo(control.EventWaiting) // it is said after a second
	writeFile(t, "two", a.dir, "handlers", "dist", "a.js")
	if ev := a.until(control.EventLive); ev.Generation != 2 {
		t.Errorf("live is generation %d, want 2", ev.Generation)
	}
	if err := os.RemoveAll(filepath.Join(a.dir, "handlers", "dist")); err != nil {
		t.Fatal(err)
	}
	a.until(control.EventKept) // nothing comes
	writeFile(t, "three", a.dir, "handlers", "dist", "a.js")
	a.untilNow(control.EventLive)
	a.stop()
}

// TestGeneratedInTwoSteps: a generator empties its file first.
func TestGeneratedInTwoSteps(t *testing.T) {
	a := newApp(t)
	gen := writeFile(t, "package handlers\n\nconst generated = 1\n", a.dir, "handlers", "x_gen.go")
	a.start()
	a.until(control.EventLive)
	writeFile(t, "", gen)
	a.skipTo(control.EventWaiting)
	writeFile(t, "package handlers\n\nconst generated = 2\n", gen)
	a.until(control.EventLive)
	a.stop()
}

// TestCopiesBesideTheSource: what checkers and merge tools leave for a while is
// no change, and is called what it is where it stands in the way.
func TestCopiesBesideTheSource(t *testing.T) {
	a := newApp(t)
	a.start()
	a.until(control.EventLive)
	text := readFile(t, a.dir, "handlers", "handlers.go")
	for _, name := range []string{"flycheck_handlers.go", "handlers_LOCAL_4711.go", ".#handlers.go"} {
		path := writeFile(t, text, a.dir, "handlers", name)
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
	// A copy by another name that is there for a moment only.
	path := writeFile(t, text, a.dir, "handlers", "copy.go")
	if ev := a.skipTo(control.EventWaiting); !slices.Equal(ev.Cause, []string{"handlers/copy.go"}) {
		t.Errorf("%v waits for %s", ev.Cause, ev.Message)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	a.until(control.EventUnchanged)
	// One that stays is in the way as soon as the go command is asked.
	left := writeFile(t, text, a.dir, "handlers", "handlers_REMOTE_4711.go")
	a.edit("handlers/handlers.go", "import (", "import (\n\t_ \"errors\"\n")
	if ev := a.untilRefused(); len(ev.Diagnostics) == 0 || !strings.Contains(ev.Diagnostics[0].Message, "handlers_REMOTE_4711.go looks like a copy") {
		t.Errorf("diagnostics %v", ev.Diagnostics)
	}
	if err := os.Remove(left); err != nil {
		t.Fatal(err)
	}
	a.untilNow(control.EventLive)
	a.stop()
}

// skipTo returns the next event of a kind.
func (a *app) skipTo(kind control.EventKind) control.Event {
	a.Helper()
	for ev := range a.events {
		switch ev.Kind {
		case kind:
			return ev
		case control.EventLive, control.EventKept, control.EventUnchanged:
			a.Fatalf("%s before %s; changed %v, diagnostics %v", ev.Kind, kind, ev.Cause, ev.Diagnostics)
		}
	}
	a.Fatalf("the engine ended, want the event %s", kind)
	return control.Event{}
}

// untilNow is until where a change may be taken up in parts, of which all but the
// last change nothing or cannot be loaded.
func (a *app) untilNow(kind control.EventKind) control.Event {
	a.Helper()
	for ev := range a.events {
		switch ev.Kind {
		case kind:
			return ev
		case control.EventLive, control.EventExited, control.EventAsking:
			a.Fatalf("%s, want %s; changed %v, diagnostics %v", ev.Kind, kind, ev.Cause, ev.Diagnostics)
		}
	}
	a.Fatalf("the engine ended, want the event %s", kind)
	return control.Event{}
}

// untilRefused returns the event of code that is not loaded.
func (a *app) untilRefused() control.Event {
	a.Helper()
	return a.untilNow(control.EventKept)
}

// TestErrorIsToldBeforeTheBuild: an error that the check from source finds in
// what uses the change is told when the compiler has seen it, and no restart is
// announced.
func TestErrorIsToldBeforeTheBuild(t *testing.T) {
	a := newApp(t)
	a.start()
	a.until(control.EventLive)
	text := readFile(t, a.dir, "visits", "visits.go")
	at := strings.Index(text, "Add() ")
	if at < 0 {
		t.Fatal("there is no method Add")
	}
	writeFile(t, text[:at]+"Add(fresh bool) "+text[at+len("Add() "):], a.dir, "visits", "visits.go")
	predicted := false
	for ev := range a.events {
		switch ev.Kind {
		case control.EventPredicted:
			predicted = ev.Rung == manifest.RungKeep
		case control.EventRestarting, control.EventProgress, control.EventLive:
			t.Fatalf("%s %s before it is told", ev.Kind, ev.Message)
		case control.EventKept:
			if !predicted || len(ev.Diagnostics) == 0 || ev.Diagnostics[0].Code != manifest.CodeCompile || filepath.Base(ev.Diagnostics[0].File) != "handlers.go" {
				t.Errorf("predicted %t, diagnostics %v", predicted, ev.Diagnostics)
			}
			if p := ev.Predicted; p == nil || p.Wrong {
				t.Errorf("prediction %+v", p)
			}
			writeFile(t, text, a.dir, "visits", "visits.go")
			a.until(control.EventUnchanged)
			a.stop()
			return
		}
	}
}
