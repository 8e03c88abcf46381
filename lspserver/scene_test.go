package lspserver

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.lsp.dev/protocol"
	"go.lsp.dev/uri"

	"github.com/anvilforge/anvil-lsp/hotreload/control"
	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/internal/engine"
	"github.com/anvilforge/anvil-lsp/lspserver/internal/text"
	"github.com/anvilforge/anvil-lsp/lspserver/internal/view"
	"github.com/anvilforge/anvil-lsp/manifest/source"
)

// sceneText is the document of a scene.
const sceneText = `package handlers

import "github.com/anvilforge/anvil-lsp/hotreload"

// AnvilRegisterRoutes registers the routes.
func AnvilRegisterRoutes(r *hotreload.RouteSink) {
	r.Get("/", home)
	r.Get("/posts/{id}", showPost)
	r.Group("/admin", func(r *hotreload.RouteSink) {
		r.Post("/login", login)
	})
	r.Mount("/static", files())
}

func home(c *hotreload.Ctx) error { return nil }

func showPost(c *hotreload.Ctx) error {
	return nil
}

func login(c *hotreload.Ctx) error { return nil }
`

// scene is an application as a session would show it, with one open document.
type scene struct {
	t      *testing.T
	view   *view.View
	folder *view.Folder
	path   string
}

// newScene makes one in which generation 4 is live, and the source is the same.
func newScene(t *testing.T) *scene {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "app")
	path := filepath.Join(dir, "handlers", "routes.go")
	s := &scene{t: t, path: path}
	s.view = &view.View{Client: view.Client{Encoding: text.UTF16, CodeLensRefresh: true, HoverMarkdown: true}}
	s.folder = &view.Folder{
		URI: uri.File(dir), Dir: dir, Given: dir, Settings: view.DefaultSettings(),
		Status: view.Status{Folder: uri.File(dir), State: control.StateLive, Generation: 4, URL: "http://127.0.0.1:8080"},
	}
	s.folder.Settings.InlayHints = true
	s.view.Folders = []*view.Folder{s.folder}
	s.view.Documents = &view.DocumentSet{ByURI: map[uri.URI]*view.Document{}, ByPath: map[string]*view.Document{}}
	s.open(1, sceneText)
	s.folder.Basis = s.view.Documents
	report := &source.Report{Complete: true}
	for _, r := range []struct{ method, pattern, handler, call, declaration string }{
		{"GET", "/", "handlers.home", `Get("/", `, "home(c "},
		{"GET", "/posts/{id}", "handlers.showPost", `Get("/posts/{id}"`, "showPost(c "},
		{"POST", "/admin/login", "handlers.login", `Post("/login"`, "login(c "},
		{"*", "/static/*", "http.Handler", `Mount("/static"`, ""},
	} {
		route := source.Route{Route: manifest.Route{
			Method: r.method, Pattern: r.pattern, Handler: r.handler, Signature: "func(*hotreload.Ctx) error", Fingerprint: "1", Position: s.at(r.call),
		}}
		if r.declaration != "" {
			route.HandlerPosition = s.at(r.declaration)
			route.SignaturePosition = route.HandlerPosition
			route.SignaturePosition.Column += strings.IndexByte(r.declaration, '(')
		}
		report.Routes = append(report.Routes, route)
	}
	s.folder.Manifest = &manifest.Manifest{Generation: 4}
	for _, r := range report.Routes {
		r.Route.Position.Column = 0 // as the runtime sees it
		s.folder.Manifest.Routes = append(s.folder.Manifest.Routes, r.Route)
	}
	s.folder.Manifest.Sort()
	s.folder.Prediction = &engine.Prediction{Report: report, Live: s.folder.Manifest}
	s.folder.Counters = s.folder.Counters.With([]control.RouteStats{
		{Method: "GET", Pattern: "/"},
		{
			Method: "GET", Pattern: "/posts/{id}", Requests: 12, P50: control.Duration(1812 * time.Microsecond), LastStatus: 200,
			LastDuration: control.Duration(2 * time.Millisecond), LastTime: noon, LastGeneration: 3, LastPath: "/posts/7?page=2",
		},
		{
			Method: "POST", Pattern: "/admin/login", Requests: 1, Errors: 1, LastStatus: 500, LastTime: noon, LastGeneration: 4,
			Panic: &control.RoutePanic{Time: noon, Generation: 4, Message: "no *user*", Request: "POST /admin/login", Position: s.at("login(c ")},
		},
	})
	return s
}

var noon = time.Date(2026, 3, 14, 12, 0, 0, 0, time.Local)

// open shows a version of the document, which the prediction does not know.
func (s *scene) open(version int32, now string) {
	d := view.NewDocument(uri.File(s.path), s.path, version, []byte(now), s.view.Client.Encoding)
	d.Saved = d.Sum
	if version > 1 {
		d.Saved = s.view.Documents.ByPath[s.path].Saved
	}
	s.view.Documents = &view.DocumentSet{ByURI: map[uri.URI]*view.Document{d.URI: d}, ByPath: map[string]*view.Document{s.path: d}}
}

// edit replaces text, without a new prediction.
func (s *scene) edit(old, new string) {
	s.t.Helper()
	d := s.document()
	if !strings.Contains(string(d.Text), old) {
		s.t.Fatalf("the document has no %q", old)
	}
	s.open(d.Version+1, strings.Replace(string(d.Text), old, new, 1))
}

func (s *scene) document() *view.Document { return s.view.Documents.ByPath[s.path] }

// at returns where a piece of text begins.
func (s *scene) at(what string) manifest.Position {
	s.t.Helper()
	d := s.document()
	i := strings.Index(string(d.Text), what)
	if i < 0 {
		s.t.Fatalf("the document has no %q", what)
	}
	line, column := d.Mapper().GoPosition(i)
	return manifest.Position{File: s.path, Line: line, Column: column}
}

// position returns the same as the editor counts.
func (s *scene) position(what string) protocol.Position {
	p := s.at(what)
	return s.document().Mapper().FromGo(p.Line, p.Column)
}

// line returns a line of the document, counted as editors do.
func (s *scene) line(n uint32) string {
	lines := strings.Split(string(s.document().Text), "\n")
	if int(n) >= len(lines) {
		return ""
	}
	return strings.TrimSpace(lines[n])
}
