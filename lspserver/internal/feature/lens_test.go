package feature

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
	"github.com/anvilforge/anvil-lsp/lspserver/internal/view/viewtest"
	"github.com/anvilforge/anvil-lsp/manifest/source"
)

// lenses returns "text of the line: title" of each lens.
func lensesOf(s *viewtest.Scene) []string {
	s.T.Helper()
	result, _ := CodeLenses(s.View, uri.File(s.Path))
	var out []string
	for _, l := range result.([]protocol.CodeLens) {
		out = append(out, s.Line(l.Range.Start.Line)+": "+l.Command.Title)
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
		change func(s *viewtest.Scene)
		want   []string
	}{
		{"live", func(*viewtest.Scene) {}, []string{sceneLive, sceneReload, sceneRestart, sceneHome, sceneShow, sceneLogin, sceneStatic}},
		{"an earlier generation", func(s *viewtest.Scene) {
			s.Folder.Engine.Live = &control.LiveStatus{Generations: []control.GenerationStatus{{Number: 3}, {Number: 4}}}
		}, []string{sceneLive, sceneReload, sceneRestart, sceneRegister + "rollback", sceneHome, sceneShow, sceneLogin, sceneStatic}},
		{"lines above are new", func(s *viewtest.Scene) { s.Edit("// Anvil", "\n\n// Anvil") },
			[]string{sceneLive, sceneReload, sceneRestart, sceneHome, sceneShow, sceneLogin, sceneStatic}},
		{"lines above are gone", func(s *viewtest.Scene) { s.Edit("// AnvilRegisterRoutes registers the routes.\n", "") },
			[]string{sceneLive, sceneReload, sceneRestart, sceneHome, sceneShow, sceneLogin, sceneStatic}},
		{"a registration is being edited", func(s *viewtest.Scene) { s.Edit(`"/posts/{id}"`, `"/post/{id}"`) },
			[]string{sceneLive, sceneReload, sceneRestart, sceneHome, sceneLogin, sceneStatic}},
		{"a registration is new", func(s *viewtest.Scene) {
			s.Edit(`r.Get("/posts/{id}"`, "r.Get(\"/new\", home)\n\tr.Get(\"/posts/{id}\"")
		},
			[]string{sceneLive, sceneReload, sceneRestart, sceneHome, sceneShow, sceneLogin, sceneStatic}},
		{"registrations change places", func(s *viewtest.Scene) {
			s.Edit("\tr.Get(\"/\", home)\n", "")
			s.Edit("showPost)\n", "showPost)\n\tr.Get(\"/\", home)\n")
		}, []string{sceneLive, sceneReload, sceneRestart, sceneLogin, sceneStatic}},
		{"text that does not parse", func(s *viewtest.Scene) { s.Edit("func home", "fun home") },
			[]string{sceneLive, sceneReload, sceneRestart, sceneHome, sceneShow, sceneLogin, sceneStatic}},
		{"opened with edits", func(s *viewtest.Scene) { s.Folder.Basis = &view.DocumentSet{}; s.Edit("// Anvil", "\n\n// Anvil") },
			[]string{sceneLive, sceneReload, sceneRestart}},
		{"a route that is not live", func(s *viewtest.Scene) {
			s.Folder.Manifest.Routes = slices.DeleteFunc(s.Folder.Manifest.Routes, func(r manifest.Route) bool { return r.Pattern == "/" })
		}, []string{sceneLive, sceneReload, sceneRestart, `r.Get("/", home): GET / · not live yet`, sceneShow, sceneLogin, sceneStatic}},
		{"a registration that cannot be followed", func(s *viewtest.Scene) {
			report := s.Folder.Prediction.Report
			report.Unknown = []source.Unknown{{Position: report.Routes[0].Position, Call: "Get"}}
			report.Routes = report.Routes[1:]
		}, []string{sceneLive, sceneReload, sceneRestart, sceneHome, sceneShow, sceneLogin, sceneStatic}},
		{"newer code is kept back", func(s *viewtest.Scene) {
			s.Folder.Status.State = control.StateKept
			s.Folder.Engine.Held = []string{"a.go"}
		},
			[]string{sceneLive + " · newer code is kept back · 1 saved file waits", sceneReload, sceneRestart, sceneHome, sceneShow, sceneLogin, sceneStatic}},
		{"nothing runs", func(s *viewtest.Scene) {
			s.Folder.Status = view.Status{State: view.StateOff}
			s.Folder.Manifest, s.Folder.Prediction = nil, nil
		},
			[]string{sceneRegister + "start the live server"}},
		{"starting", func(s *viewtest.Scene) {
			s.Folder.Status = view.Status{State: control.StateBuilding}
			s.Folder.Prediction = nil
		},
			[]string{sceneRegister + "starting …"}},
		{"down", func(s *viewtest.Scene) { s.Folder.Status.State = control.StateDown; s.Folder.Prediction = nil },
			[]string{sceneRegister + "the live server is down", sceneReload, sceneRestart}},
		{"many routes in one line", func(s *viewtest.Scene) {
			r := s.Folder.Prediction.Report.Routes[0]
			s.Folder.Prediction.Report.Routes = nil
			for _, p := range "abcdefgh" {
				r.Pattern = "/" + string(p)
				s.Folder.Prediction.Report.Routes = append(s.Folder.Prediction.Report.Routes, r)
			}
		}, []string{
			sceneLive, sceneReload, sceneRestart, `r.Get("/", home): GET /a · not live yet`, `r.Get("/", home): GET /b · not live yet`, `r.Get("/", home): GET /c · not live yet`,
			`r.Get("/", home): GET /d · not live yet`, `r.Get("/", home): GET /e · not live yet`, `r.Get("/", home): and more routes`,
		}},
		{"a file of a build with another tag", func(s *viewtest.Scene) { s.Edit("package handlers", "//go:build e2e\n\npackage handlers") },
			[]string{sceneHome, sceneShow, sceneLogin, sceneStatic}},
		{"a file of builds with a tag that is set", func(s *viewtest.Scene) {
			s.Folder.Settings.Tags = []string{"e2e"}
			s.Edit("package handlers", "//go:build e2e\n\npackage handlers")
		}, []string{sceneLive, sceneReload, sceneRestart, sceneHome, sceneShow, sceneLogin, sceneStatic}},
		{"a file of builds without a tag that is set", func(s *viewtest.Scene) {
			s.Folder.Settings.Tags = []string{"e2e"}
			s.Edit("package handlers", "//go:build !e2e\n\npackage handlers")
		}, []string{sceneHome, sceneShow, sceneLogin, sceneStatic}},
		{"a file of no build", func(s *viewtest.Scene) { s.Edit("package handlers", "//go:build ignore\n\npackage handlers") },
			[]string{sceneHome, sceneShow, sceneLogin, sceneStatic}},
		{"no constraint, but a comment that looks like one", func(s *viewtest.Scene) { s.Edit("package handlers", "package handlers\n\n//go:build e2e\n") },
			[]string{sceneLive, sceneReload, sceneRestart, sceneHome, sceneShow, sceneLogin, sceneStatic}},
		{"turned off", func(s *viewtest.Scene) { s.Folder.Settings.CodeLens = false }, nil},
		{"no application", func(s *viewtest.Scene) { s.View.Folders = nil }, nil},
		{"another document", func(s *viewtest.Scene) { s.Open(1, "package other\n"); s.Folder.Prediction.Report.Routes = nil }, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := viewtest.New(t)
			tt.change(s)
			if got := lensesOf(s); !slices.Equal(got, tt.want) {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(tt.want, "\n"))
			}
		})
	}
}

// TestLensClicks: each lens has what its command needs. That the server has the
// command is a test of the server.
func TestLensClicks(t *testing.T) {
	s := viewtest.New(t)
	result, _ := CodeLenses(s.View, uri.File(s.Path))
	for _, l := range result.([]protocol.CodeLens) {
		var arg CommandArgument
		if len(l.Command.Arguments) != 1 || json.Unmarshal(l.Command.Arguments[0], &arg) != nil || arg.Folder != s.Folder.URI {
			t.Errorf("%q has the arguments %s", l.Command.Title, l.Command.Arguments)
		}
		if strings.HasPrefix(l.Command.Title, "POST") && (arg.Method != "POST" || arg.Pattern != "/admin/login") {
			t.Errorf("%q opens %s %s", l.Command.Title, arg.Method, arg.Pattern)
		}
	}
}
