package e2e

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"go.lsp.dev/protocol"

	"github.com/anvilforge/anvil-lsp/hotreload/control"
	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/internal/testkit/harness"
	"github.com/anvilforge/anvil-lsp/lspserver"
	"github.com/anvilforge/anvil-lsp/lspserver/lsptest"
)

const (
	routesFile = "handlers/routes.go"
	pagesFile  = "handlers/pages.go"
	debugFile  = "handlers/debug.go"
)

// TestEditorFeatures: what an editor shows beside diagnostics, of one
// application.
func TestEditorFeatures(t *testing.T) {
	dir := harness.CopyApp(t, "blog")
	e := harness.StartEditor(t, dir)
	e.Initialize(lsptest.Options{Root: dir})
	for _, name := range []string{routesFile, pagesFile, debugFile} {
		e.Open(name)
	}
	// They build on each other, and the editor belongs to this test.
	for _, step := range []func(*testing.T, *harness.Editor){testLenses, testOpening, testHover, testSymbols, testHints, testPanic, testRollback} {
		step(t, e)
	}
}

// shown asks, as an editor does, once and whenever it is asked to ask again,
// until the answer has all of some texts in its lines, in this order.
func shownLenses(e *harness.Editor, t *testing.T, refresh string, ask func() []string, texts ...string) []string {
	t.Helper()
	for {
		before := 0
		e.Look(func(s *lsptest.State) { before = s.Requests[refresh] })
		lines := ask()
		rest := strings.Join(lines, "\n")
		found := true
		for _, text := range texts {
			_, rest, found = strings.Cut(rest, text)
			if !found {
				t.Logf("without %q:\n%s", text, strings.Join(lines, "\n"))
				break
			}
		}
		if found {
			return lines
		}
		e.Await(refresh, func(s *lsptest.State) bool { return s.Requests[refresh] > before })
	}
}

// lenses returns "text of the line: title" of each lens of a file.
func lenses(e *harness.Editor, name string) []string {
	var lenses []protocol.CodeLens
	e.Must(protocol.MethodTextDocumentCodeLens, map[string]any{"textDocument": map[string]any{"uri": e.URI(name)}}, &lenses)
	lines := strings.Split(e.Text(name), "\n")
	var out []string
	for _, l := range lenses {
		out = append(out, strings.TrimSpace(lines[l.Range.Start.Line])+": "+l.Command.Title)
	}
	return out
}

func lensesShown(e *harness.Editor, t *testing.T, name string, texts ...string) []string {
	t.Helper()
	return shownLenses(e, t, protocol.MethodWorkspaceCodeLensRefresh, func() []string { return lenses(e, name) }, texts...)
}

func testLenses(t *testing.T, e *harness.Editor) {
	register := "func AnvilRegisterRoutes(r *hotreload.RouteSink) {: "
	all := lensesShown(e, t, routesFile, register+"gen 1 · http://127.0.0.1:", register+"reload", register+"restart",
		`r.Mount("/static", views.Static()): ANY /static · gen 1 · no requests`, `site.Get("/posts/{id}", a.showPost): GET /posts/{id} · gen 1 · no requests`,
		`r.Post("/posts", a.createPost): POST /posts · gen 1`)
	if slices.ContainsFunc(all, func(l string) bool { return strings.Contains(l, "rollback") }) {
		t.Error("the first generation has something to roll back to")
	}
	if status, _ := e.Get("/posts/1"); status != http.StatusOK {
		t.Fatalf("GET /posts/1: %d", status)
	}
	e.Get("/posts/1?again")
	lensesShown(e, t, routesFile, "GET /posts/{id} · gen 1 · 2 requests · p50 ", "s · last 200")

	// The same numbers in the list of routes.
	var list struct {
		Routes []lspserver.Route `json:"routes"`
	}
	e.Must("anvil/routes", map[string]any{}, &list)
	i := slices.IndexFunc(list.Routes, func(r lspserver.Route) bool { return r.Method == "GET" && r.Pattern == "/posts/{id}" })
	if i < 0 || list.Routes[i].Stats == nil || list.Routes[i].Stats.Requests != 2 || list.Routes[i].Stats.P50MS <= 0 {
		t.Errorf("anvil/routes: %+v", list.Routes)
	}

	// While somebody types nothing stands above a wrong line.
	e.Edit(routesFile, "\tsite.NotFound", "\t// one\n\t// two\n\tsite.NotFound")
	lensesShown(e, t, routesFile, `site.Get("/posts/{id}", a.showPost): GET /posts/{id} · gen 1 · 2 requests`)
	e.Edit(routesFile, "\t// one\n\t// two\n", "")
	e.Edit(routesFile, `"/whoami"`, `"/whoareyou"`)
	lensesShown(e, t, routesFile, `site.Get("/whoareyou", a.whoami): GET /whoareyou · not live yet`)
	e.Edit(routesFile, `"/whoareyou"`, `"/whoami"`)
	lensesShown(e, t, routesFile, `site.Get("/whoami", a.whoami): GET /whoami · gen 1 · no requests`)

	e.Configure(map[string]any{"codeLens": false})
	shownLenses(e, t, protocol.MethodWorkspaceCodeLensRefresh, func() []string { return []string{fmt.Sprintf("%d lenses", len(lenses(e, routesFile)))} }, "0 lenses")
	e.Configure(map[string]any{"inlayHints": true})
	lensesShown(e, t, routesFile, "GET /posts/{id} · gen 1 · 2 requests")
}

func testOpening(t *testing.T, e *harness.Editor) {
	type opened struct {
		URL     string `json:"url"`
		Opened  bool   `json:"opened"`
		Message string `json:"message"`
	}
	url := ""
	e.Look(func(s *lsptest.State) { url = s.Only().URL })
	for _, tt := range []struct {
		arg  map[string]string
		want opened
		says string
	}{
		{map[string]string{}, opened{URL: url + "/", Opened: true}, ""},
		{map[string]string{"method": "GET", "pattern": "/whoami"}, opened{URL: url + "/whoami", Opened: true}, ""},
		{map[string]string{"method": "GET", "pattern": "/posts/{id}"}, opened{URL: url + "/posts/1?again", Opened: true}, ""}, // as it was asked for
		{map[string]string{"method": "GET", "pattern": "/posts/{id}", "path": "/posts/2"}, opened{URL: url + "/posts/2", Opened: true}, ""},
		{map[string]string{"method": "GET", "pattern": "/api/posts/{id}"}, opened{URL: url + "/api/posts/{id}"}, "has parameters"},
		{map[string]string{"method": "POST", "pattern": "/login"}, opened{URL: url + "/login"}, "curl -i -X POST " + url + "/login"},
	} {
		var got opened
		e.Command("anvil.openRoute", tt.arg, &got)
		if !strings.Contains(got.Message, tt.says) || got.URL != tt.want.URL || got.Opened != tt.want.Opened {
			t.Errorf("%v: %+v, want %+v and %q", tt.arg, got, tt.want, tt.says)
		}
		e.Await("it to be shown", func(s *lsptest.State) bool {
			if !got.Opened {
				return slices.Contains(s.Messages, got.Message)
			}
			return slices.ContainsFunc(s.Transcript, func(m lsptest.Entry) bool {
				return m.Method == protocol.MethodWindowShowDocument && strings.Contains(string(m.Params), `"`+got.URL+`"`) && strings.Contains(string(m.Params), `"external":true`)
			})
		})
	}
	if err := e.Call("workspace/executeCommand", map[string]any{"command": "anvil.openRoute", "arguments": []any{map[string]string{"path": "https://example.com"}}}, nil); err == nil {
		t.Error("a path that is none was opened")
	}
}

// hovered returns what is shown over a piece of text.
func hovered(e *harness.Editor, t *testing.T, name, over string) string {
	t.Helper()
	before, _, ok := strings.Cut(e.Text(name), over)
	if !ok {
		t.Fatalf("%s has no %q", name, over)
	}
	line := strings.Count(before, "\n")
	var h struct {
		Contents protocol.MarkupContent `json:"contents"`
	}
	e.Must(protocol.MethodTextDocumentHover, map[string]any{
		"textDocument": map[string]any{"uri": e.URI(name)}, "position": map[string]any{"line": line, "character": len(before) - strings.LastIndex(before, "\n") - 1},
	}, &h)
	return h.Contents.Value
}

func testHover(t *testing.T, e *harness.Editor) {
	const live = "**`GET /posts/{id}`** → `handlers.(*app).showPost`\n\n```go\nfunc(*hotreload.Ctx) error\n```\n\n- live in generation 1\n- 2 requests, p50 "
	for _, over := range []struct{ file, text string }{{routesFile, `"/posts/{id}", a.showPost`}, {routesFile, "showPost)"}, {pagesFile, "showPost(c"}} {
		got := hovered(e, t, over.file, over.text)
		if !strings.HasPrefix(got, live) || !strings.Contains(got, "- last request /posts/1?again: 200 in ") {
			t.Errorf("over %s: got\n%s\nwant\n%s", over.text, got, live)
		}
	}
	if got := hovered(e, t, pagesFile, "renderPost(w http"); got != "" {
		t.Errorf("over a function that is no handler: %s", got)
	}
	e.Edit(pagesFile, harness.ShowPost, harness.ShowPostBroken)
	e.Await("ANV001 before the save", func(s *lsptest.State) bool { return s.Has(pagesFile, manifest.CodeSignature) })
	got := hovered(e, t, pagesFile, "showPost(w")
	if want := `live in generation 1; the source has func(http.ResponseWriter, \*http.Request) error; a save restarts the live server (ANV001)`; !strings.Contains(got, want) {
		t.Errorf("after an edit: got\n%s\nwant\n%s", got, want)
	}
	e.Edit(pagesFile, harness.ShowPostBroken, harness.ShowPost)
	e.Await("the warning to go", func(s *lsptest.State) bool { return !s.Has(pagesFile, manifest.CodeSignature) })
}

func testSymbols(t *testing.T, e *harness.Editor) {
	var found []protocol.SymbolInformation
	e.Must(protocol.MethodWorkspaceSymbol, map[string]any{"query": "get /api/posts"}, &found)
	var names []string
	for _, s := range found {
		names = append(names, fmt.Sprintf("%s %s:%d", s.Name, strings.TrimPrefix(s.Location.URI.FsPath(), e.Dir+"/"), s.Location.Range.Start.Line+1))
	}
	if want := []string{"GET /api/posts handlers/api/api.go:24", "GET /api/posts/{id} handlers/api/api.go:25"}; !slices.Equal(names, want) {
		t.Errorf("workspace symbols %q, want %q", names, want)
	}
}

func testHints(t *testing.T, e *harness.Editor) {
	hints := func() []string {
		var hints []struct {
			Position protocol.Position `json:"position"`
			Label    string            `json:"label"`
		}
		e.Must(protocol.MethodTextDocumentInlayHint, map[string]any{
			"textDocument": map[string]any{"uri": e.URI(pagesFile)}, "range": protocol.Range{End: protocol.Position{Line: 1000}},
		}, &hints)
		lines := strings.Split(e.Text(pagesFile), "\n")
		out := []string{fmt.Sprintf("%d hints", len(hints))}
		for _, h := range hints {
			out = append(out, lines[h.Position.Line][:h.Position.Character]+" "+h.Label)
		}
		return out
	}
	shownLenses(e, t, protocol.MethodWorkspaceInlayHintRefresh, hints, "0 hints")
	e.Edit(pagesFile, "older := 0", "older := 1 - 1")
	shownLenses(e, t, protocol.MethodWorkspaceInlayHintRefresh, hints, "1 hints", "func (a *app) home(c *hotreload.Ctx) error { → hot swap")
	e.Edit(pagesFile, harness.ShowPost, harness.ShowPostBroken)
	shownLenses(e, t, protocol.MethodWorkspaceInlayHintRefresh, hints, "2 hints", "home(c *hotreload.Ctx) error { → warm restart", "func (a *app) showPost(w http.ResponseWriter, r *http.Request) error { → warm restart (ANV001)")
	e.Edit(pagesFile, harness.ShowPostBroken, harness.ShowPost)
	e.Edit(pagesFile, "older := 1 - 1", "older := 0")
	shownLenses(e, t, protocol.MethodWorkspaceInlayHintRefresh, hints, "0 hints")
}

func testPanic(t *testing.T, e *harness.Editor) {
	e.Edit(debugFile, "\treturn c.JSON(http.StatusOK, map[string]any{\n\t\t// The code:", "\tvar none map[string]int\n\tnone[\"x\"] = 1\n\treturn c.JSON(http.StatusOK, map[string]any{\n\t\t// The code:")
	e.Save(debugFile)
	e.Await("generation 2", func(s *lsptest.State) bool { return s.Live(2) })
	if status, _ := e.Get("/whoami?x=1"); status != http.StatusInternalServerError {
		t.Fatalf("GET /whoami: %d", status)
	}
	e.Await("the panic", func(s *lsptest.State) bool { return s.Has(debugFile, manifest.CodeHandlerPanic) })
	e.Look(func(s *lsptest.State) {
		d, _ := s.Find(debugFile, manifest.CodeHandlerPanic)
		line := strings.Count(e.Text(debugFile)[:strings.Index(e.Text(debugFile), `none["x"]`)], "\n")
		if int(d.Range.Start.Line) != line {
			t.Errorf("it stands in line %d, want %d", d.Range.Start.Line, line)
		}
		var related []string
		for _, r := range d.RelatedInformation {
			related = append(related, fmt.Sprintf("%s:%d %s", strings.TrimPrefix(r.Location.URI.FsPath(), e.Dir+"/"), r.Location.Range.Start.Line, r.Message))
		}
		at := fmt.Sprintf("%s:%d ", debugFile, line)
		if len(related) < 3 || related[0] != at+"while answering GET /whoami?x=1" || related[1] != at+"handlers.(*app).whoami" {
			t.Errorf("related:\n%s", strings.Join(related, "\n"))
		}
		if !slices.ContainsFunc(related, func(r string) bool { return strings.Contains(r, "handlers/middleware.go:") }) {
			t.Errorf("without the middleware:\n%s", strings.Join(related, "\n"))
		}
	})
	lensesShown(e, t, routesFile, "GET /whoami · gen 2 · 1 request · 1 error · p50 ", "last 500")
	if got := hovered(e, t, debugFile, "whoami(c"); !strings.Contains(got, "- last panic: assignment to entry in nil map (GET /whoami?x=1) at ") {
		t.Errorf("hover:\n%s", got)
	}
	// What explains it moves with the text; it goes with the code.
	e.Edit(debugFile, "\tvar none", "\n\n\tvar none")
	e.Await("the panic to move", func(s *lsptest.State) bool {
		d, ok := s.Find(debugFile, manifest.CodeHandlerPanic)
		line := strings.Count(e.Text(debugFile)[:strings.Index(e.Text(debugFile), `none["x"]`)], "\n")
		return ok && int(d.Range.Start.Line) == line && int(d.RelatedInformation[1].Location.Range.Start.Line) == line
	})
	e.Edit(debugFile, "\n\n\tvar none map[string]int\n\tnone[\"x\"] = 1\n", "")
	e.Save(debugFile)
	e.Await("the panic to go", func(s *lsptest.State) bool { return s.Live(3) && !s.Has(debugFile, manifest.CodeHandlerPanic) })
}

func testRollback(t *testing.T, e *harness.Editor) {
	lensesShown(e, t, routesFile, "gen 3 · http://", ": rollback")
	e.Command("anvil.rollback", nil, nil)
	e.Await("an earlier generation", func(s *lsptest.State) bool { return s.Only().State == control.StateLive && s.Only().Generation == 2 })
	lensesShown(e, t, routesFile, "gen 2 · http://", "GET /whoami · gen 2 · 1 request")
}
