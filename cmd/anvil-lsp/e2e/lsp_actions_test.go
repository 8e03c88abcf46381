package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.lsp.dev/protocol"

	"github.com/anvilforge/anvil-lsp/hotreload/control"
	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/internal/testkit/harness"
	"github.com/anvilforge/anvil-lsp/lspserver/lsptest"
)

// TestEditorActions: what is offered does what it says, in the live server.
func TestEditorActions(t *testing.T) {
	dir := harness.CopyApp(t, "blog")
	for _, change := range [][3]string{ // a plain value, which is what can be moved
		{"routes.go", "\t\"sync/atomic\"\n", ""}, {"routes.go", "var hits atomic.Int64", "var hits int64"},
		{"pages.go", "n := hits.Add(1)", "hits++\n\tn := hits"}, {"debug.go", "hits.Load()", "hits"},
	} {
		path := filepath.Join(dir, "handlers", change[0])
		text, err := os.ReadFile(path)
		if err != nil || !strings.Contains(string(text), change[1]) {
			t.Fatalf("%s has no %q: %v", path, change[1], err)
		}
		if err := os.WriteFile(path, []byte(strings.Replace(string(text), change[1], change[2], 1)), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	e := harness.OpenEditor(t, dir, nil)
	e.Open("handlers/routes.go")
	e.Open("handlers/pages.go")
	e.Open("handlers/debug.go")

	// State: the counter of the code begins again with each generation, until it
	// is kept.
	hits := func() int {
		_, body := e.Get("/whoami")
		var answer struct{ Hits int }
		if err := json.Unmarshal([]byte(body), &answer); err != nil {
			t.Fatalf("%s: %v", body, err)
		}
		return answer.Hits
	}
	e.Await("the hint about hits in the document", func(s *lsptest.State) bool { // it was in the file before
		return s.Has("handlers/routes.go", manifest.CodePackageState) && s.In("handlers/routes.go").Version != nil
	})
	for _, name := range e.Choose(e.Actions("handlers/routes.go", "hits int64"), "Move hits into keyed state") {
		e.Save(name)
	}
	e.Await("generation 2 without the hint", func(s *lsptest.State) bool {
		return s.Live(2) && !s.Has("handlers/routes.go", manifest.CodePackageState)
	})
	e.Get("/")
	e.Get("/")
	e.Edit("handlers/routes.go", `// hits belongs to`, `// hits does not belong to`)
	e.Edit("handlers/pages.go", "page = max(page, 1)", "page = max(page, 1, 0)")
	e.Save("handlers/routes.go")
	e.Save("handlers/pages.go")
	e.Await("generation 3", func(s *lsptest.State) bool { return s.Live(3) || s.Live(4) })
	if n := hits(); n != 2 {
		t.Errorf("%d hits after a reload, want 2", n)
	}

	// A handler that nobody registered.
	e.Replace("handlers/pages.go", e.Text("handlers/pages.go")+"\nfunc (a *app) aboutUs(c *hotreload.Ctx) error { return c.JSON(200, \"we\") }\n")
	var offered []protocol.CodeAction
	harness.Until(t, "the action to be offered", func() bool { // nothing is published that would tell of the prediction
		offered = e.Actions("handlers/pages.go", "func (a *app) aboutUs")
		return len(offered) > 0
	})
	e.Choose(offered, "Register a.aboutUs at GET /about-us")
	e.Save("handlers/pages.go")
	e.Save("handlers/routes.go")
	harness.Until(t, "/about-us", func() bool { status, body := e.Get("/about-us"); return status == 200 && strings.Contains(body, "we") })
	if all := e.Actions("handlers/pages.go", "func (a *app) showPost"); len(all) != 0 {
		t.Errorf("offered for a handler that is registered: %q", lsptest.Titles(all))
	}

	// The register function with another type.
	e.Edit("handlers/routes.go", "(r *hotreload.RouteSink) {", "(r *hotreload.RouteSink, n int) {")
	e.Await("ANV003", func(s *lsptest.State) bool { return s.Has("handlers/routes.go", manifest.CodeRegister) })
	e.Choose(e.Actions("handlers/routes.go", "AnvilRegisterRoutes(r"), "Make it func AnvilRegisterRoutes(r *hotreload.RouteSink)")
	e.Await("no ANV003", func(s *lsptest.State) bool { return !s.Has("handlers/routes.go", manifest.CodeRegister) })
}

// TestEditorBreakActions: what to do about a break is chosen where it stands.
func TestEditorBreakActions(t *testing.T) {
	e := harness.OpenEditor(t, harness.CopyApp(t, "hello"), map[string]any{"onBreak": "keep"})
	e.Open("visits/visits.go")
	source := e.Text("visits/visits.go")
	const one = "\nvar One = 1\n"
	e.Replace("visits/visits.go", source+one)
	e.Await("ANV002", func(s *lsptest.State) bool { return s.Has("visits/visits.go", manifest.CodeHostChanged) })
	actions := func() []protocol.CodeAction {
		d := where(e, "visits/visits.go", manifest.CodeHostChanged)
		if d == nil {
			t.Fatal("no ANV002")
		}
		return e.ActionsFor("visits/visits.go", *d)
	}
	titles := lsptest.Titles(actions())
	if slices.Contains(titles, "Restart now") || !slices.Contains(titles, "Always restart for changed host packages in this workspace") || !slices.Contains(titles, "Ask before restarting for changed host packages in this workspace") || slices.Contains(titles, "Never restart for changed host packages in this workspace") {
		t.Errorf("before the save: %q", titles)
	}
	e.Save("visits/visits.go")
	e.Await("the old code to be kept", func(s *lsptest.State) bool {
		return s.Only().State == control.StateKept && s.Has("visits/visits.go", manifest.CodeHostChanged)
	})
	if titles := lsptest.Titles(actions()); !slices.Contains(titles, "Restart now") {
		t.Errorf("after the save: %q", titles)
	}
	e.Choose(actions(), "Always restart for changed host packages in this workspace")
	e.Choose(actions(), "Restart now")
	e.Await("the restart", func(s *lsptest.State) bool { return s.Live(2) && s.Only().Counts.Restarts == 1 })

	e.Replace("visits/visits.go", source+one+"\nvar Two = 2\n")
	e.Await("ANV002", func(s *lsptest.State) bool { return s.Has("visits/visits.go", manifest.CodeHostChanged) })
	if titles := lsptest.Titles(actions()); slices.Contains(titles, "Always restart for changed host packages in this workspace") || !slices.Contains(titles, "Never restart for changed host packages in this workspace") {
		t.Errorf("after the decision: %q", titles)
	}
	e.Save("visits/visits.go")
	e.Await("a restart as decided", func(s *lsptest.State) bool { return s.Live(3) })
}

// TestEditorRollBackAction: a handler that panics can be exchanged for what
// served before.
func TestEditorRollBackAction(t *testing.T) {
	e := harness.OpenEditor(t, harness.CopyApp(t, "blog"), nil)
	e.Open("handlers/debug.go")
	const good = "func (a *app) whoami(c *hotreload.Ctx) error {"
	e.Edit("handlers/debug.go", good, good+"\n\tif a.generation > 1 {\n\t\tpanic(\"no\")\n\t}")
	e.Save("handlers/debug.go")
	e.Await("generation 2", func(s *lsptest.State) bool { return s.Live(2) })
	if status, body := e.Get("/whoami"); status != http.StatusInternalServerError {
		t.Fatalf("%d %s", status, body)
	}
	e.Await("the panic", func(s *lsptest.State) bool { return s.Has("handlers/debug.go", manifest.CodeHandlerPanic) })
	d := where(e, "handlers/debug.go", manifest.CodeHandlerPanic)
	var all []protocol.CodeAction
	harness.Until(t, "the generations to be known", func() bool {
		all = e.ActionsFor("handlers/debug.go", *d)
		return len(all) > 0
	})
	e.Choose(all, "Roll back to generation 1")
	if status, body := e.Get("/whoami"); status != http.StatusOK {
		t.Errorf("after the roll back: %d %s", status, body)
	}
}

// where returns the first finding with a code in a file.
func where(e *harness.Editor, name string, code manifest.Code) (d *protocol.Diagnostic) {
	e.Look(func(s *lsptest.State) {
		if x, ok := s.Find(name, code); ok {
			d = &x
		}
	})
	return d
}

// TestEditorDeclareRegister: main names a register function that is not there.
// Nothing is known of the application then, but what stands in main.
func TestEditorDeclareRegister(t *testing.T) {
	dir := harness.CopyApp(t, "hello")
	e := harness.StartEditor(t, dir)
	data, err := os.ReadFile(dir + "/handlers/handlers.go")
	if err != nil {
		t.Fatal(err)
	}
	text := string(data)
	from := strings.Index(text, "func AnvilRegisterRoutes")
	to := from + strings.Index(text[from:], "\n}\n") + 3
	without := strings.ReplaceAll(text[:from]+"func unused(r *hotreload.RouteSink) {"+text[from+strings.IndexByte(text[from:], '{')+1:to]+text[to:], "AnvilRegisterRoutes", "it")
	if err := os.WriteFile(dir+"/handlers/handlers.go", []byte(without), 0o666); err != nil {
		t.Fatal(err)
	}
	e.Initialize(lsptest.Options{Root: dir})
	e.Open("main.go")
	e.Open("handlers/handlers.go")
	all := e.Actions("main.go", "handlers.AnvilRegisterRoutes")
	e.Choose(all, "Create AnvilRegisterRoutes in package handlers")
	e.Save("handlers/handlers.go")
	e.Await("the application to be live", func(s *lsptest.State) bool { return s.Live(1) })
}

// TestEditorSwapsSignature: once the user has chosen that, a changed signature is
// predicted and made as a hot swap, and a host package still restarts.
func TestEditorSwapsSignature(t *testing.T) {
	const file, swap = "handlers/handlers.go", "Swap without a restart for changed signatures in this workspace"
	e := harness.OpenEditor(t, harness.CopyApp(t, "hello"), map[string]any{"onBreak": "keep"})
	e.Open(file)
	e.Replace(file, strings.Replace(e.Text(file), "func now(w http.ResponseWriter, _ *http.Request) {\n\tfmt.Fprintln(w, time.Now().Format(time.RFC1123))\n",
		"func now(c *hotreload.Ctx) error {\n\treturn c.Text(0, time.Now().Format(time.RFC1123))\n", 1))
	signature := func(s *lsptest.State) bool { return s.Has(file, manifest.CodeSignature) }
	e.Await("ANV001", signature)
	d := where(e, file, manifest.CodeSignature)
	if d == nil || !strings.HasPrefix(fmt.Sprint(d.Message), manifest.NeedsRestart) {
		t.Fatalf("before the decision: %+v", d)
	}
	e.Choose(e.ActionsFor(file, *d), swap)
	e.Await("another prediction", func(s *lsptest.State) bool {
		d, ok := s.Find(file, manifest.CodeSignature)
		return ok && strings.HasPrefix(fmt.Sprint(d.Message), "signature of GET /time changed")
	})
	if titles := lsptest.Titles(e.ActionsFor(file, *where(e, file, manifest.CodeSignature))); slices.Contains(titles, swap) || !slices.Contains(titles, "Never restart for changed signatures in this workspace") {
		t.Errorf("after the decision: %q", titles)
	}
	e.Save(file)
	e.Await("the hot swap", func(s *lsptest.State) bool { return s.Live(2) && s.Only().Counts.Restarts == 0 && !signature(s) })

	const host = "visits/visits.go"
	e.Open(host)
	e.Replace(host, e.Text(host)+"\nvar One = 1\n")
	e.Await("ANV002", func(s *lsptest.State) bool { return s.Has(host, manifest.CodeHostChanged) })
	titles := lsptest.Titles(e.ActionsFor(host, *where(e, host, manifest.CodeHostChanged)))
	if slices.ContainsFunc(titles, func(title string) bool { return strings.HasPrefix(title, "Swap") }) {
		t.Errorf("a host package can be swapped in: %q", titles)
	}
	e.Save(host)
	e.Await("the old code to be kept", func(s *lsptest.State) bool { return s.Only().State == control.StateKept })
}
