package feature

import (
	"slices"
	"strings"
	"testing"

	"go.lsp.dev/protocol"
	"go.lsp.dev/uri"

	"github.com/anvilforge/anvil-lsp/lspserver/internal/view/viewtest"
	"github.com/anvilforge/anvil-lsp/manifest/source"
)

func findSymbols(s *viewtest.Scene, query string) []string {
	s.T.Helper()
	result, err := WorkspaceSymbols(s.T.Context(), s.View, &protocol.WorkspaceSymbolParams{Query: query})
	if err != nil {
		s.T.Fatal(err)
	}
	var out []string
	for _, m := range result.([]protocol.SymbolInformation) {
		if m.Location.URI != uri.File(s.Path) {
			s.T.Errorf("%s is in %s", m.Name, m.Location.URI)
		}
		out = append(out, m.Name+" at "+s.Line(m.Location.Range.Start.Line))
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
		s := viewtest.New(t)
		got := findSymbols(s, query)
		if !slices.Equal(got, want) {
			t.Errorf("%q finds\n%s\nwant\n%s", query, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}
	s := viewtest.New(t)
	s.Edit("// Anvil", "\n\n// Anvil")
	if got := findSymbols(s, "login"); !slices.Equal(got, []string{login}) {
		t.Errorf("after an edit above: %q", got)
	}
	s.Folder.Manifest.Routes = nil                                                                // not live yet
	s.Folder.Prediction.Report.Routes = append(s.Folder.Prediction.Report.Routes, source.Route{}) // without a place
	if got := findSymbols(s, "login"); !slices.Equal(got, []string{login}) {
		t.Errorf("routes of the source: %q", got)
	}
	s.View.Folders = nil
	if got := findSymbols(s, ""); got != nil {
		t.Errorf("without an application: %q", got)
	}
}
