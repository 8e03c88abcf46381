package lspserver

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"go.lsp.dev/protocol"
	"go.lsp.dev/uri"

	"github.com/anvilforge/anvil-lsp/hotreload/control"
	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/internal/engine"
	"github.com/anvilforge/anvil-lsp/lspserver/internal/feature"
	"github.com/anvilforge/anvil-lsp/lspserver/internal/view"
	"github.com/anvilforge/anvil-lsp/lspserver/internal/view/viewtest"
)

// execute carries out a command.
func (d *desk) execute(name, argument string) (any, error) {
	p := &protocol.ExecuteCommandParams{Command: name}
	if argument != "" {
		p.Arguments = []protocol.LSPAny{protocol.LSPAny(argument)}
	}
	return executeCommand(d.t.Context(), d.s, p)
}

// TestResume: what waits is taken up, or it is said how it can be.
func TestResume(t *testing.T) {
	for _, tt := range []struct {
		name   string
		onSave string
		held   bool
		want   []string
		fails  string
	}{
		{name: "by the engine, when it is not held any more", onSave: view.SaveAlways, held: true},
		{name: "nothing waits", onSave: view.SaveAlways},
		{name: "manual", onSave: view.SaveManual, held: true, want: []string{"take"}},
		{name: "manual, nothing waits", onSave: view.SaveManual, fails: "anvil.reload"},
		{name: "no errors", onSave: view.SaveNoErrors, held: true, want: []string{"take"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := newDesk(t)
				settings := view.DefaultSettings()
				settings.OnSave = tt.onSave
				d.s.settings.Store(&settings)
				f, l := d.session("app"), &puppet{}
				f.predictor, f.link = &oracle{}, l
				if _, err := d.execute("anvil.pause", ""); err != nil {
					t.Error(err)
				}
				if tt.held {
					f.receive(control.Event{Kind: control.EventHeld, Generation: 1, Message: "waits"})
				}
				f.predict()
				if !f.view().Status.Paused || len(l.all()) > 0 {
					t.Errorf("while it is paused: %+v, asked for %q", f.view().Status, l.all())
				}
				_, err := d.execute("anvil.resume", "")
				if tt.fails == "" && err != nil || tt.fails != "" && (err == nil || !strings.Contains(err.Error(), tt.fails)) {
					t.Errorf("the error is %v", err)
				}
				f.predict()
				synctest.Wait()
				if got := l.all(); !slices.Equal(got, tt.want) {
					t.Errorf("asked for %q, want %q", got, tt.want)
				}
				if f.view().Status.Paused != (tt.onSave == view.SaveManual) {
					t.Errorf("afterwards: %+v", f.view().Status)
				}
			})
		})
	}
}

// TestCommandsOfSeveral: with several applications and no folder, the routes are
// those of all, and everything else names the folders there are.
func TestCommandsOfSeveral(t *testing.T) {
	d := newDesk(t)
	if got, err := d.execute("anvil.showRoutes", ""); err != nil || len(got.(*feature.RoutesResult).Routes) != 0 {
		t.Errorf("without an application: %v %v", got, err)
	}
	x, y := d.session("x"), d.session("y")
	for i, f := range []*session{x, y} {
		f.set(func() {
			f.live = &manifest.Manifest{Routes: []manifest.Route{{Method: "GET", Pattern: "/" + itoa(i)}}}
		})
	}
	got, err := d.execute("anvil.showRoutes", "")
	if err != nil || len(got.(*feature.RoutesResult).Routes) != 2 {
		t.Errorf("the routes are %v, %v", got, err)
	}
	got, err = d.execute("anvil.showRoutes", `{"folder":"`+string(y.view().URI)+`"}`)
	if err != nil || len(got.(*feature.RoutesResult).Routes) != 1 || got.(*feature.RoutesResult).Routes[0].Pattern != "/1" {
		t.Errorf("those of one are %v, %v", got, err)
	}
	_, byCommand := d.execute("anvil.pause", "")
	_, byRequest := feature.FolderNamed(d.s.View(), "")
	for _, err := range []error{byCommand, byRequest} {
		if err == nil || !strings.Contains(err.Error(), string(x.view().URI)+", "+string(y.view().URI)) {
			t.Errorf("the error is %v", err)
		}
	}
	if x.paused || y.paused {
		t.Error("one of two applications was chosen")
	}
}

// TestCommandOfJoined: a folder that a go.work joins is one of the application that
// has packages in it, for commands as for requests.
func TestCommandOfJoined(t *testing.T) {
	d := newDesk(t)
	x, y := d.session("x"), d.session("y")
	lib := view.RealPath(t.TempDir())
	handlers := filepath.Join(lib, "handlers")
	y.set(func() { y.dirs = map[string]bool{y.dir: true, handlers: true} })
	for _, folder := range []string{lib, handlers, filepath.Join(handlers, "routes.go")} {
		f, err := d.s.sessionFor(uri.File(folder))
		if err != nil || f != y {
			t.Errorf("%s: %v, %v", folder, f, err)
		}
		if named, err := feature.FolderNamed(d.s.View(), uri.File(folder)); err != nil || named != y.view() {
			t.Errorf("%s: %v, %v", folder, named, err)
		}
		paused := fmt.Sprintf(`{"folder":%q}`, uri.File(folder))
		if _, err := d.execute("anvil.pause", paused); err != nil || x.paused || !y.paused {
			t.Errorf("%s: %v; paused: %v, %v", folder, err, x.paused, y.paused)
		}
		y.set(func() { y.paused = false })
	}
	if f, err := d.s.sessionFor(uri.File(t.TempDir())); err == nil {
		t.Errorf("a folder that has nothing is of %s", f.dir)
	}
}

// TestManifestDiff: what the source differs in, and not in how it is called.
func TestManifestDiff(t *testing.T) {
	const none = "generation 4, compared with the source\n\nno difference in routes and keyed state\n"
	for _, tt := range []struct {
		name   string
		change func(live, is *manifest.Route)
		want   string
	}{
		{"nothing", func(_, _ *manifest.Route) {}, ""},
		{"a function literal as the compiler calls it", func(live, is *manifest.Route) {
			live.Handler, is.Handler = "handlers.AnvilRegisterRoutes.index.func1", "handlers.index.func1"
		}, ""},
		{"another handler", func(_, is *manifest.Route) { is.Handler = "handlers.index" }, "~ GET /  handlers.home → handlers.index  func(*hotreload.Ctx) error\n"},
		{"another signature", func(_, is *manifest.Route) { is.Signature, is.Fingerprint = "http.Handler", "2" }, "~ GET /  handlers.home  func(*hotreload.Ctx) error → http.Handler\n"},
		{"another structure", func(live, is *manifest.Route) {
			live.Shape, is.Shape, is.Fingerprint = "named struct{A int}", "named struct{A string}", "2"
		}, "~ GET /  handlers.home  func(*hotreload.Ctx) error: "},
	} {
		s := viewtest.New(t)
		report := s.Folder.Prediction.Report
		tt.change(s.Folder.LiveRoute(manifest.RouteKey{Method: "GET", Pattern: "/"}), &report.Routes[0].Route)
		name := report.Routes[0].Handler
		got := feature.ManifestDiff(s.Folder)
		if tt.want == "" && got != none || !strings.Contains(got, tt.want) || strings.Count(got, "~") != min(len(tt.want), 1) {
			t.Errorf("%s:\n%s", tt.name, got)
		}
		if report.Routes[0].Handler != name {
			t.Errorf("%s: the prediction was changed", tt.name)
		}
	}
}

// TestShowText: a client that cannot show a text is told where it stands.
func TestShowText(t *testing.T) {
	for _, tt := range []struct {
		client view.Client
		asked  string // what the client is asked to do
	}{
		{view.Client{}, protocol.MethodWindowShowMessage},
		{view.Client{ShowDocument: true}, protocol.MethodWindowShowDocument},
		{view.Client{Commands: true}, ""},
		{view.Client{Commands: true, ShowDocument: true}, ""},
	} {
		synctest.Test(t, func(t *testing.T) {
			d := newDesk(t)
			d.s.client = tt.client
			f := d.session("app")
			if err := os.Mkdir(filepath.Join(f.dir, engine.OutDir), 0o777); err != nil {
				t.Fatal(err)
			}
			fmt.Fprint(f.output, "printed\n")
			if got, err := d.execute("anvil.showLog", ""); err != nil || got.(*textResult).Text != "printed\n" {
				t.Errorf("answered %v, %v", got, err)
			}
			synctest.Wait()
			path := filepath.Join(f.dir, engine.OutDir, "anvil-log.txt")
			for _, method := range []string{protocol.MethodWindowShowMessage, protocol.MethodWindowShowDocument} {
				asked := d.client.all(method)
				if len(asked) != 0 != (method == tt.asked) || len(asked) > 0 && !strings.Contains(string(asked[0].Params), filepath.Base(path)) {
					t.Errorf("%+v: %s %q", tt.client, method, asked)
				}
			}
			data, err := os.ReadFile(path)
			if tt.asked != "" && string(data) != "printed\n" || tt.asked == "" && err == nil {
				t.Errorf("in the file is %q, %v", data, err)
			}
		})
	}
}

// TestOpenRoute: a route that the client did not show is told to the user.
func TestOpenRoute(t *testing.T) {
	for _, tt := range []struct {
		client view.Client
		answer string // of the client
		opened bool
	}{
		{view.Client{ShowDocument: true}, `{"success":true}`, true},
		{view.Client{ShowDocument: true}, `{"success":false}`, false},
		{view.Client{ShowDocument: true}, `null`, false},
		{view.Client{}, `null`, false},
	} {
		synctest.Test(t, func(t *testing.T) {
			d := newDesk(t)
			d.s.client = tt.client
			d.client.answer = func(string, json.RawMessage) string { return tt.answer }
			f := d.session("app")
			f.set(func() { f.status.URL, f.link = "http://127.0.0.1:1", &puppet{} })
			result, err := d.execute("anvil.openRoute", `{"method":"GET","pattern":"/posts"}`)
			if err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			got, told := result.(*openedRoute), d.client.all(protocol.MethodWindowShowMessage)
			if got.Opened != tt.opened || (got.Message == "") != tt.opened || (len(told) == 0) != tt.opened {
				t.Errorf("%+v, %s: answered %+v, told %s", tt.client, tt.answer, got, told)
			}
			if !tt.opened && (len(told) != 1 || !strings.Contains(string(told[0].Params), "http://127.0.0.1:1/posts")) {
				t.Errorf("%+v, %s: told %s", tt.client, tt.answer, told)
			}
		})
	}
}

// TestRestartCommand: a fresh restart is asked for by an argument.
func TestRestartCommand(t *testing.T) {
	for argument, want := range map[string]string{"": "restart", `{"fresh":true}`: "restart fresh"} {
		synctest.Test(t, func(t *testing.T) {
			d := newDesk(t)
			f, l := d.session("app"), &puppet{}
			f.predictor, f.link = &oracle{}, l
			if _, err := d.execute("anvil.restart", argument); err != nil {
				t.Error(err)
			}
			if got := l.all(); !slices.Equal(got, []string{want}) {
				t.Errorf("%q: asked for %q, want %q", argument, got, want)
			}
		})
	}
}

// TestLensCommands: each lens is a command that the server has, whatever the state
// of the live server.
func TestLensCommands(t *testing.T) {
	commands := New(Options{}).commands
	seen := map[string]bool{}
	for _, change := range []func(*viewtest.Scene){
		func(*viewtest.Scene) {},
		func(s *viewtest.Scene) {
			s.Folder.Engine.Live = &control.LiveStatus{Generations: []control.GenerationStatus{{Number: 3}, {Number: 4}}}
		},
		func(s *viewtest.Scene) { s.Folder.Status = view.Status{State: view.StateOff} },
		func(s *viewtest.Scene) { s.Folder.Status = view.Status{State: control.StateBuilding} },
		func(s *viewtest.Scene) { s.Folder.Status.State = control.StateDown },
		func(s *viewtest.Scene) { // more lenses than a line has
			report := s.Folder.Prediction.Report
			report.Routes = slices.Repeat(report.Routes[:1], 8)
			for i := range report.Routes {
				report.Routes[i].Pattern = "/" + itoa(i)
			}
		},
	} {
		s := viewtest.New(t)
		change(s)
		lenses, _ := feature.CodeLenses(s.View, uri.File(s.Path))
		for _, l := range lenses.([]protocol.CodeLens) {
			seen[l.Command.Command] = true
			if _, ok := commands[l.Command.Command]; !ok {
				t.Errorf("%q is the command %q, which does not exist", l.Command.Title, l.Command.Command)
			}
		}
	}
	if len(seen) != 7 {
		t.Errorf("the lenses have the commands %q, want 7", slices.Sorted(maps.Keys(seen)))
	}
}
