//go:build unix

package engine

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/anvilforge/anvil-lsp/hotreload/control"
)

// goCommand stands in for the go command from now on. It calls the real one, and
// runs what it is told around that.
type goCommand struct{ dir string }

func newGoCommand(t *testing.T) goCommand {
	t.Helper()
	real, err := exec.LookPath("go")
	if err != nil {
		t.Fatal(err)
	}
	g := goCommand{t.TempDir()}
	script := fmt.Sprintf(`#!/bin/sh
kind=$1
case "$*" in *-export*) kind=export ;; esac
for moment in before after; do
	if mv %[1]q/$kind.$moment %[1]q/$$.$moment 2>/dev/null; then . %[1]q/$$.$moment; fi
	if [ $moment = before ]; then %[2]q "$@"; code=$?; fi
done
exit $code
`, g.dir, real)
	writeFile(t, script, g.dir, "go")
	if err := os.Chmod(filepath.Join(g.dir, "go"), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", g.dir+string(os.PathListSeparator)+os.Getenv("PATH"))
	return g
}

// once has a shell script run before or after the next call of a kind: "list", or
// "export" for those that compile.
func (g goCommand) once(t *testing.T, kind, moment, script string) {
	t.Helper()
	writeFile(t, script, g.dir, kind+"."+moment+".new")
	path := filepath.Join(g.dir, kind+"."+moment)
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
}

// TestSavedDuringTheFirstBuild: what is saved while the first executable is being
// made is taken up, whatever it is.
func TestSavedDuringTheFirstBuild(t *testing.T) {
	replace := func(a *app, name, old, new string) string {
		path := filepath.Join(a.dir, name)
		return fmt.Sprintf("sed 's/%s/%s/' %[3]q >%[3]q.new && mv %[3]q.new %[3]q\n", old, new, path)
	}
	welcome := func(a *app) string { return replace(a, "handlers/handlers.go", "Hello!", "Welcome!") }
	for name, test := range map[string]struct {
		want   string
		script func(*app) string
	}{
		"once it was compiled": {"Welcome!", welcome},
		"of a host package":    {"Visit 101", func(a *app) string { return replace(a, "visits/visits.go", "Add(1)", "Add(101)") }},
		"a new file": {"42 since", func(a *app) string {
			return fmt.Sprintf("printf 'package handlers\\n\\nfunc init() { sinceReload.Store(41) }\\n' > %q\n", filepath.Join(a.dir, "handlers/more.go"))
		}},
	} {
		t.Run(name, func(t *testing.T) {
			a := newApp(t)
			newGoCommand(t).once(t, "export", "after", test.script(a))
			a.start()
			a.servesInTheEnd(test.want)
			a.stop()
		})
	}
	t.Run("and taken back", func(t *testing.T) {
		a := newApp(t)
		g := newGoCommand(t)
		g.once(t, "export", "before", welcome(a))
		g.once(t, "export", "after", replace(a, "handlers/handlers.go", "Welcome!", "Hello!"))
		a.start()
		a.servesInTheEnd("Hello!")
		a.stop()
	})
}

// servesInTheEnd waits for a generation that answers with some text.
func (a *app) servesInTheEnd(text string) {
	a.Helper()
	for ev := range a.events {
		switch ev.Kind {
		case control.EventLive:
			if _, body := a.get(); strings.Contains(body, text) {
				return
			}
		case control.EventExited:
			a.Fatalf("%s: %s", ev.Kind, ev.Message)
		}
	}
}

// TestWrittenWhileListed: a package is written while the go command is asked about
// it, in a directory that nobody watches so far.
func TestWrittenWhileListed(t *testing.T) {
	write := func(a *app, name, text string) string {
		path := filepath.Join(a.dir, "internal/text", name)
		return fmt.Sprintf("mkdir -p %q\nprintf '%s' > %q\n", filepath.Dir(path), text, path)
	}
	t.Run("all of it", func(t *testing.T) {
		a := newApp(t)
		g := newGoCommand(t)
		a.start()
		a.until(control.EventLive)
		g.once(t, "list", "after", write(a, "text.go", `package text\n\nconst Hello = "Good day!"\n`))
		text := strings.Replace(readFile(t, a.dir, "handlers/handlers.go"), "import (", "import (\n\t\"example.com/hello/internal/text\"\n", 1)
		writeFile(t, strings.Replace(text, `"Hello!`, `text.Hello+"`, 1), a.dir, "handlers/handlers.go")
		a.servesInTheEnd("Good day!")
		a.stop()
	})
	t.Run("a second file", func(t *testing.T) {
		a := newApp(t)
		g := newGoCommand(t)
		a.start()
		a.until(control.EventLive)
		g.once(t, "list", "after", write(a, "more.go", `package text\n\nfunc init() { Hello = "Good day!" }\n`))
		writeFile(t, "package text\n\nvar Hello = \"Good morning!\"\n", a.dir, "internal/text/text.go")
		text := strings.Replace(readFile(t, a.dir, "handlers/handlers.go"), "import (", "import (\n\t\"example.com/hello/internal/text\"\n", 1)
		writeFile(t, strings.Replace(text, `"Hello!`, `text.Hello+"`, 1), a.dir, "handlers/handlers.go")
		a.servesInTheEnd("Good day!")
		a.stop()
	})
}
