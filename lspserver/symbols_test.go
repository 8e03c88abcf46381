package lspserver

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"go.lsp.dev/protocol"
	"go.lsp.dev/uri"

	"github.com/anvilforge/anvil-lsp/manifest/source"
)

func (s *scene) find(query string) []string {
	s.t.Helper()
	result, err := workspaceSymbols(s.t.Context(), s.view, &protocol.WorkspaceSymbolParams{Query: query})
	if err != nil {
		s.t.Fatal(err)
	}
	var out []string
	for _, m := range result.([]protocol.SymbolInformation) {
		if m.Location.URI != uri.File(s.path) {
			s.t.Errorf("%s is in %s", m.Name, m.Location.URI)
		}
		out = append(out, m.Name+" at "+s.line(m.Location.Range.Start.Line))
	}
	return out
}

func TestWorkspaceSymbols(t *testing.T) {
	const (
		home   = `GET / at r.Get("/", home)`
		show   = `GET /posts/{id} at r.Get("/posts/{id}", showPost)`
		login  = `POST /admin/login at r.Post("/login", login)`
		static = `ANY /static/* at r.Mount("/static", files())`
	)
	for query, want := range map[string][]string{
		"":                   {home, login, show, static},
		"GET /posts/{id}":    {show},
		"GET /":              {home, show}, // the exact one first
		"get":                {home, show},
		"posts":              {show},
		"/posts":             {show},
		"login post":         {login},
		"gps":                {show}, // letters in this order
		"showpost":           {show},
		"handlers":           {home, login, show},
		"  ":                 {home, login, show, static},
		"DELETE":             nil,
		"posts/{id}/comment": nil,
		"静":                  nil,
	} {
		s := newScene(t)
		got := s.find(query)
		if !slices.Equal(got, want) {
			t.Errorf("%q finds\n%s\nwant\n%s", query, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}
	s := newScene(t)
	s.edit("// Anvil", "\n\n// Anvil")
	if got := s.find("login"); !slices.Equal(got, []string{login}) {
		t.Errorf("after an edit above: %q", got)
	}
	s.folder.Manifest.Routes = nil                                                            // not live yet
	s.folder.Forecast.Report.Routes = append(s.folder.Forecast.Report.Routes, source.Route{}) // without a place
	if got := s.find("login"); !slices.Equal(got, []string{login}) {
		t.Errorf("routes of the source: %q", got)
	}
	s.view.Folders = nil
	if got := s.find(""); got != nil {
		t.Errorf("without an application: %q", got)
	}
}

func TestDocumentSymbols(t *testing.T) {
	s := newScene(t)
	s.edit("// Anvil", "\n\n// Anvil")
	ask := func() any {
		t.Helper()
		p := &protocol.DocumentSymbolParams{}
		p.TextDocument.URI = uri.File(s.path)
		result, err := documentSymbols(t.Context(), s.view, p)
		if err != nil {
			t.Fatal(err)
		}
		return result
	}
	d, m := s.document(), s.document().Mapper()
	cut := func(r protocol.Range) string { return string(d.Text[m.Offset(r.Start):m.Offset(r.End)]) }
	groups := ask().([]protocol.DocumentSymbol)
	if len(groups) != 1 || groups[0].Name != "routes" {
		t.Fatalf("%d groups: %+v", len(groups), groups)
	}
	var got strings.Builder
	for _, c := range groups[0].Children {
		fmt.Fprintf(&got, "%s | %s | %s | %s\n", c.Name, *c.Detail, cut(c.SelectionRange), cut(c.Range))
	}
	want := `GET / | handlers.home | r.Get | r.Get("/", home)
GET /posts/{id} | handlers.showPost | r.Get | r.Get("/posts/{id}", showPost)
POST /admin/login | handlers.login | r.Post | r.Post("/login", login)
ANY /static/* | http.Handler | r.Mount | r.Mount("/static", files())
`
	if got.String() != want {
		t.Errorf("got\n%swant\n%s", &got, want)
	}
	if all := cut(groups[0].Range); !strings.HasPrefix(all, `r.Get("/", home)`) || !strings.HasSuffix(all, "files())") {
		t.Errorf("the group is\n%s", all)
	}
	s.view.Client.NestedSymbols = false
	if flat := ask().([]protocol.SymbolInformation); len(flat) != 4 || *flat[3].ContainerName != "routes" || cut(flat[3].Location.Range) != `r.Mount("/static", files())` {
		t.Errorf("as a list: %+v", flat)
	}
	s.folder.Forecast = nil
	if flat := ask().([]protocol.SymbolInformation); len(flat) != 0 {
		t.Errorf("without a forecast: %+v", flat)
	}
	s.view.Folders = nil
	if r := ask(); r != nil {
		t.Errorf("without an application: %+v", r)
	}
}
