// Package viewtest has an application as the language server would show it, for tests.
package viewtest

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

// SceneText is the document of a scene.
const SceneText = `package handlers

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

// Scene is an application as a session would show it, with one open document.
type Scene struct {
	T      *testing.T
	View   *view.View
	Folder *view.Folder
	Path   string
}

// New makes one in which generation 4 is live, and the source is the same.
func New(t *testing.T) *Scene {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "app")
	path := filepath.Join(dir, "handlers", "routes.go")
	s := &Scene{T: t, Path: path}
	s.View = &view.View{Client: view.Client{Encoding: text.UTF16, CodeLensRefresh: true, HoverMarkdown: true}}
	s.Folder = &view.Folder{
		URI: uri.File(dir), Dir: dir, Given: dir, Settings: view.DefaultSettings(),
		Status: view.Status{Folder: uri.File(dir), State: control.StateLive, Generation: 4, URL: "http://127.0.0.1:8080"},
	}
	s.Folder.Settings.InlayHints = true
	s.View.Folders = []*view.Folder{s.Folder}
	s.View.Documents = &view.DocumentSet{ByURI: map[uri.URI]*view.Document{}, ByPath: map[string]*view.Document{}}
	s.Open(1, SceneText)
	s.Folder.Basis = s.View.Documents
	report := &source.Report{Complete: true}
	for _, r := range []struct{ method, pattern, handler, call, declaration string }{
		{"GET", "/", "handlers.home", `Get("/", `, "home(c "},
		{"GET", "/posts/{id}", "handlers.showPost", `Get("/posts/{id}"`, "showPost(c "},
		{"POST", "/admin/login", "handlers.login", `Post("/login"`, "login(c "},
		{"*", "/static/*", "http.Handler", `Mount("/static"`, ""},
	} {
		route := source.Route{Route: manifest.Route{
			Method: r.method, Pattern: r.pattern, Handler: r.handler, Signature: "func(*hotreload.Ctx) error",
			Fingerprint: "1", Position: s.At(r.call),
		}}
		if r.declaration != "" {
			route.HandlerPosition = s.At(r.declaration)
			route.SignaturePosition = route.HandlerPosition
			route.SignaturePosition.Column += strings.IndexByte(r.declaration, '(')
		}
		report.Routes = append(report.Routes, route)
	}
	s.Folder.Manifest = &manifest.Manifest{Generation: 4}
	for _, r := range report.Routes {
		r.Route.Position.Column = 0 // as the runtime sees it
		s.Folder.Manifest.Routes = append(s.Folder.Manifest.Routes, r.Route)
	}
	s.Folder.Manifest.Sort()
	s.Folder.Prediction = &engine.Prediction{Report: report, Live: s.Folder.Manifest}
	s.Folder.Counters = s.Folder.Counters.With([]control.RouteStats{
		{Method: "GET", Pattern: "/"},
		{
			Method: "GET", Pattern: "/posts/{id}", Requests: 12, P50: control.Duration(1812 * time.Microsecond), LastStatus: 200,
			LastDuration: control.Duration(2 * time.Millisecond), LastTime: Noon, LastGeneration: 3, LastPath: "/posts/7?page=2",
		},
		{
			Method: "POST", Pattern: "/admin/login", Requests: 1, Errors: 1, LastStatus: 500, LastTime: Noon, LastGeneration: 4,
			Panic: &control.RoutePanic{Time: Noon, Generation: 4, Message: "no *user*", Request: "POST /admin/login",
				Position: s.At("login(c ")},
		},
	})
	return s
}

var Noon = time.Date(2026, 3, 14, 12, 0, 0, 0, time.Local)

// Open shows a version of the document, which the prediction does not know.
func (s *Scene) Open(version int32, now string) {
	d := view.NewDocument(uri.File(s.Path), s.Path, version, []byte(now), s.View.Client.Encoding)
	d.Saved = d.Sum
	if version > 1 {
		d.Saved = s.View.Documents.ByPath[s.Path].Saved
	}
	s.View.Documents = &view.DocumentSet{ByURI: map[uri.URI]*view.Document{d.URI: d},
		ByPath: map[string]*view.Document{s.Path: d}}
}

// Edit replaces text, without a new prediction.
func (s *Scene) Edit(old, new string) {
	s.T.Helper()
	d := s.Document()
	if !strings.Contains(string(d.Text), old) {
		s.T.Fatalf("the document has no %q", old)
	}
	s.Open(d.Version+1, strings.Replace(string(d.Text), old, new, 1))
}

func (s *Scene) Document() *view.Document { return s.View.Documents.ByPath[s.Path] }

// At returns where a piece of text begins.
func (s *Scene) At(what string) manifest.Position {
	s.T.Helper()
	d := s.Document()
	i := strings.Index(string(d.Text), what)
	if i < 0 {
		s.T.Fatalf("the document has no %q", what)
	}
	line, column := d.Mapper().GoPosition(i)
	return manifest.Position{File: s.Path, Line: line, Column: column}
}

// Position returns the same as the editor counts.
func (s *Scene) Position(what string) protocol.Position {
	p := s.At(what)
	return s.Document().Mapper().FromGo(p.Line, p.Column)
}

// Line returns a line of the document, counted as editors do.
func (s *Scene) Line(n uint32) string {
	lines := strings.Split(string(s.Document().Text), "\n")
	if int(n) >= len(lines) {
		return ""
	}
	return strings.TrimSpace(lines[n])
}
