package lspserver

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"go.lsp.dev/protocol"
	"go.lsp.dev/uri"

	"github.com/anvilforge/anvil-lsp/hotreload/control"
	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/lspserver/internal/view"
	"github.com/anvilforge/anvil-lsp/manifest/source"
)

// lenses returns "text of the line: title" of each lens.
func (s *scene) lenses() []string {
	s.t.Helper()
	result, _ := codeLenses(s.view, uri.File(s.path))
	var out []string
	for _, l := range result.([]protocol.CodeLens) {
		out = append(out, s.line(l.Range.Start.Line)+": "+l.Command.Title)
	}
	return out
}

const (
	sceneRegister = "func AnvilRegisterRoutes(r *hotreload.RouteSink) {: "
	sceneHome     = `r.Get("/", home): GET / · gen 4 · no requests`
	sceneShow     = `r.Get("/posts/{id}", showPost): GET /posts/{id} · gen 4 · 12 requests · p50 1.8 ms · last 200`
	sceneLogin    = `r.Post("/login", login): POST /admin/login · gen 4 · 1 request · 1 error · last 500`
	sceneStatic   = `r.Mount("/static", files()): ANY /static/* · gen 4`
	sceneLive     = sceneRegister + "gen 4 · http://127.0.0.1:8080"
	sceneReload   = sceneRegister + "reload"
	sceneRestart  = sceneRegister + "restart"
)

func TestCodeLenses(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(s *scene)
		want   []string
	}{
		{"live", func(*scene) {}, []string{sceneLive, sceneReload, sceneRestart, sceneHome, sceneShow, sceneLogin, sceneStatic}},
		{"an earlier generation", func(s *scene) {
			s.folder.Engine.Live = &control.LiveStatus{Generations: []control.GenerationStatus{{Number: 3}, {Number: 4}}}
		}, []string{sceneLive, sceneReload, sceneRestart, sceneRegister + "rollback", sceneHome, sceneShow, sceneLogin, sceneStatic}},
		{"lines above are new", func(s *scene) { s.edit("// Anvil", "\n\n// Anvil") },
			[]string{sceneLive, sceneReload, sceneRestart, sceneHome, sceneShow, sceneLogin, sceneStatic}},
		{"lines above are gone", func(s *scene) { s.edit("// AnvilRegisterRoutes registers the routes.\n", "") },
			[]string{sceneLive, sceneReload, sceneRestart, sceneHome, sceneShow, sceneLogin, sceneStatic}},
		{"a registration is being edited", func(s *scene) { s.edit(`"/posts/{id}"`, `"/post/{id}"`) },
			[]string{sceneLive, sceneReload, sceneRestart, sceneHome, sceneLogin, sceneStatic}},
		{"a registration is new", func(s *scene) { s.edit(`r.Get("/posts/{id}"`, "r.Get(\"/new\", home)\n\tr.Get(\"/posts/{id}\"") },
			[]string{sceneLive, sceneReload, sceneRestart, sceneHome, sceneShow, sceneLogin, sceneStatic}},
		{"registrations change places", func(s *scene) {
			s.edit("\tr.Get(\"/\", home)\n", "")
			s.edit("showPost)\n", "showPost)\n\tr.Get(\"/\", home)\n")
		}, []string{sceneLive, sceneReload, sceneRestart, sceneLogin, sceneStatic}},
		{"text that does not parse", func(s *scene) { s.edit("func home", "fun home") },
			[]string{sceneLive, sceneReload, sceneRestart, sceneHome, sceneShow, sceneLogin, sceneStatic}},
		{"opened with edits", func(s *scene) { s.folder.Basis = &view.DocumentSet{}; s.edit("// Anvil", "\n\n// Anvil") },
			[]string{sceneLive, sceneReload, sceneRestart}},
		{"a route that is not live", func(s *scene) {
			s.folder.Manifest.Routes = slices.DeleteFunc(s.folder.Manifest.Routes, func(r manifest.Route) bool { return r.Pattern == "/" })
		}, []string{sceneLive, sceneReload, sceneRestart, `r.Get("/", home): GET / · not live yet`, sceneShow, sceneLogin, sceneStatic}},
		{"a registration that cannot be followed", func(s *scene) {
			report := s.folder.Prediction.Report
			report.Unknown = []source.Unknown{{Position: report.Routes[0].Position, Call: "Get"}}
			report.Routes = report.Routes[1:]
		}, []string{sceneLive, sceneReload, sceneRestart, sceneHome, sceneShow, sceneLogin, sceneStatic}},
		{"newer code is kept back", func(s *scene) { s.folder.Status.State = control.StateKept; s.folder.Engine.Held = []string{"a.go"} },
			[]string{sceneLive + " · newer code is kept back · 1 saved file waits", sceneReload, sceneRestart, sceneHome, sceneShow, sceneLogin, sceneStatic}},
		{"nothing runs", func(s *scene) {
			s.folder.Status = view.Status{State: view.StateOff}
			s.folder.Manifest, s.folder.Prediction = nil, nil
		},
			[]string{sceneRegister + "start the live server"}},
		{"starting", func(s *scene) { s.folder.Status = view.Status{State: control.StateBuilding}; s.folder.Prediction = nil },
			[]string{sceneRegister + "starting …"}},
		{"down", func(s *scene) { s.folder.Status.State = control.StateDown; s.folder.Prediction = nil },
			[]string{sceneRegister + "the live server is down", sceneReload, sceneRestart}},
		{"many routes in one line", func(s *scene) {
			r := s.folder.Prediction.Report.Routes[0]
			s.folder.Prediction.Report.Routes = nil
			for _, p := range "abcdefgh" {
				r.Pattern = "/" + string(p)
				s.folder.Prediction.Report.Routes = append(s.folder.Prediction.Report.Routes, r)
			}
		}, []string{
			sceneLive, sceneReload, sceneRestart, `r.Get("/", home): GET /a · not live yet`, `r.Get("/", home): GET /b · not live yet`, `r.Get("/", home): GET /c · not live yet`,
			`r.Get("/", home): GET /d · not live yet`, `r.Get("/", home): GET /e · not live yet`, `r.Get("/", home): and more routes`,
		}},
		{"a file of a build with another tag", func(s *scene) { s.edit("package handlers", "//go:build e2e\n\npackage handlers") },
			[]string{sceneHome, sceneShow, sceneLogin, sceneStatic}},
		{"a file of builds with a tag that is set", func(s *scene) {
			s.folder.Settings.Tags = []string{"e2e"}
			s.edit("package handlers", "//go:build e2e\n\npackage handlers")
		}, []string{sceneLive, sceneReload, sceneRestart, sceneHome, sceneShow, sceneLogin, sceneStatic}},
		{"a file of builds without a tag that is set", func(s *scene) {
			s.folder.Settings.Tags = []string{"e2e"}
			s.edit("package handlers", "//go:build !e2e\n\npackage handlers")
		}, []string{sceneHome, sceneShow, sceneLogin, sceneStatic}},
		{"a file of no build", func(s *scene) { s.edit("package handlers", "//go:build ignore\n\npackage handlers") },
			[]string{sceneHome, sceneShow, sceneLogin, sceneStatic}},
		{"no constraint, but a comment that looks like one", func(s *scene) { s.edit("package handlers", "package handlers\n\n//go:build e2e\n") },
			[]string{sceneLive, sceneReload, sceneRestart, sceneHome, sceneShow, sceneLogin, sceneStatic}},
		{"turned off", func(s *scene) { s.folder.Settings.CodeLens = false }, nil},
		{"no application", func(s *scene) { s.view.Folders = nil }, nil},
		{"another document", func(s *scene) { s.open(1, "package other\n"); s.folder.Prediction.Report.Routes = nil }, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newScene(t)
			tt.change(s)
			if got := s.lenses(); !slices.Equal(got, tt.want) {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(tt.want, "\n"))
			}
		})
	}
}

// TestLensClicks: each lens is a command that the server has, with what it needs.
func TestLensClicks(t *testing.T) {
	s := newScene(t)
	commands := New(Options{}).commands
	result, _ := codeLenses(s.view, uri.File(s.path))
	for _, l := range result.([]protocol.CodeLens) {
		if _, ok := commands[l.Command.Command]; !ok {
			t.Errorf("%q is the command %q, which does not exist", l.Command.Title, l.Command.Command)
		}
		var arg commandArgument
		if len(l.Command.Arguments) != 1 || json.Unmarshal(l.Command.Arguments[0], &arg) != nil || arg.Folder != s.folder.URI {
			t.Errorf("%q has the arguments %s", l.Command.Title, l.Command.Arguments)
		}
		if strings.HasPrefix(l.Command.Title, "POST") && (arg.Method != "POST" || arg.Pattern != "/admin/login") {
			t.Errorf("%q opens %s %s", l.Command.Title, arg.Method, arg.Pattern)
		}
	}
}
