//go:build anvilhot

package hotreload

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/anvilforge/anvil-lsp/hotreload/control"
	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
)

func TestLoadGoesLive(t *testing.T) {
	b := newBench(t)
	events := b.events.Subscribe(t.Context())
	for want := 1; want <= 3; want++ {
		result := b.live(func(r *RouteSink) { r.Get("/", text(fmt.Sprint("generation ", r.Generation()))) })
		if result.Generation != want || len(result.Diagnostics) != 0 {
			t.Errorf("got %+v", result)
		}
		m := result.Manifest
		if m.Generation != want || m.Handlers != "example.com/app/handlers" || !slices.Equal(m.Hot, []string{manifest.RuntimePath}) || len(m.Routes) != 1 {
			t.Errorf("manifest %+v", m)
		}
		if len(result.Steps) != 2 || result.Steps[0].Name != control.StepOpen || result.Steps[1].Name != control.StepRegister {
			t.Errorf("steps %v", result.Steps)
		}
		if got, want := ask(b.state, "GET /"), fmt.Sprint("200 generation ", want); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	var got []string
	for range 5 {
		e := receive(t, events)
		got = append(got, fmt.Sprint(e.Kind, " ", e.Generation))
	}
	if want := []string{"swapped 1", "swapped 2", "drained 1", "swapped 3", "drained 2"}; !slices.Equal(got, want) {
		t.Errorf("events %v", got)
	}
	status := b.status()
	if !status.Ready || status.Generation != 3 || status.PID != os.Getpid() || status.Goroutines == 0 || status.Manifest.Generation != 3 {
		t.Errorf("status %+v", status)
	}
	if runtime.GOOS == "linux" && status.RSS == 0 {
		t.Error("no memory is in use")
	}
	want := []control.GenerationStatus{
		{Number: 1, Plugin: filepath.Join(b.dir, "0.so"), Routes: 1, Retired: true, Drained: true},
		{Number: 2, Plugin: filepath.Join(b.dir, "1.so"), Routes: 1, Retired: true, Drained: true},
		{Number: 3, Plugin: filepath.Join(b.dir, "2.so"), Routes: 1},
	}
	for i := range status.Generations {
		status.Generations[i].Memory = 0 // whatever the system does meanwhile
	}
	if !slices.Equal(status.Generations, want) {
		t.Errorf("generations %+v", status.Generations)
	}
}

func TestStartsWithLinkedHandlers(t *testing.T) {
	b := newBench(t)
	if status := b.status(); status.Ready || status.Generations == nil {
		t.Errorf("before the start: %+v", status)
	}
	result := b.start(4, "", []string{manifest.RuntimePath}, func(r *RouteSink) { r.Get("/", ctxHandler) })
	if result.Outcome != control.OutcomeLive || result.Generation != 4 || len(result.Steps) != 1 {
		t.Errorf("got %+v", result)
	}
	if s := b.status(); !s.Ready || s.Generations[0].Plugin != "" || s.Generations[0].Number != 4 {
		t.Errorf("status %+v", s)
	}
}

func TestStartThatFailsIsKeptForStatus(t *testing.T) {
	b := newBench(t)
	b.start(1, "", nil, nil)
	if s := b.status(); s.Ready || len(s.Diagnostics) != 1 || !strings.Contains(s.Diagnostics[0].Message, "Options.Register is nil") {
		t.Errorf("status %+v", s)
	}
	b.number = 1
	b.live(func(*RouteSink) {})
	if s := b.status(); !s.Ready || s.Diagnostics != nil {
		t.Errorf("after a load that went live: %+v", s)
	}
}

func TestLoadRefusesTheRequest(t *testing.T) {
	b := newBench(t)
	b.live(func(*RouteSink) {})
	link := filepath.Join(b.dir, "link.so")
	if err := os.Symlink(filepath.Join(b.dir, "0.so"), link); err != nil {
		t.Fatal(err)
	}
	fresh := b.put(t, fakePlugin{symbols: symbols(func(*RouteSink) {})})
	for _, test := range []struct {
		req    control.LoadRequest
		status int
		detail string
	}{
		{control.LoadRequest{Generation: 2}, http.StatusBadRequest, "path of a plugin"},
		{control.LoadRequest{Plugin: fresh}, http.StatusBadRequest, "generation number"},
		{control.LoadRequest{Generation: 1, Plugin: fresh}, http.StatusConflict, "generation 1 was used before"},
		{control.LoadRequest{Generation: 2, Plugin: filepath.Join(b.dir, "0.so")}, http.StatusConflict, "0.so was used before"},
		{control.LoadRequest{Generation: 2, Plugin: link}, http.StatusConflict, "0.so was used before"},
	} {
		_, err := b.load(test.req)
		if p, ok := errors.AsType[*control.Problem](err); !ok || p.Status != test.status || !strings.Contains(p.Detail, test.detail) {
			t.Errorf("%+v: got %v", test.req, err)
		}
	}
	b.close()
	if _, err := b.load(control.LoadRequest{Generation: 2, Plugin: fresh}); err == nil || !strings.Contains(err.Error(), "shutting down") {
		t.Errorf("after the end: %v", err)
	}
	if _, err := b.rollback(0); err == nil || !strings.Contains(err.Error(), "shutting down") {
		t.Errorf("after the end: %v", err)
	}
}

// Whatever is wrong with a plugin, the live generation serves on, the message
// says what and where, and the next good one goes live.
func TestLastGoodGenerationIsKept(t *testing.T) {
	b := newBench(t)
	good := func(r *RouteSink) { r.Get("/", ctxHandler) }
	b.live(good)
	version := ABIVersion + 1
	text7 := "7"
	var nothing any
	for _, test := range []struct {
		name    string
		plugin  fakePlugin
		change  func(*control.LoadRequest)
		outcome control.Outcome
		code    manifest.Code
		message string
		here    bool // the position is in this file
	}{
		{
			name: "panic in registration",
			//lint:ignore SA5000 the panic is what is tested
			plugin:  fakePlugin{symbols: symbols(func(*RouteSink) { var m map[string]int; m["x"] = 1 })},
			outcome: control.OutcomeRejected, code: manifest.CodeRegistration, here: true,
			message: "panic during registration: assignment to entry in nil map",
		},
		{
			name:    "something missing in the Container",
			plugin:  fakePlugin{symbols: symbols(func(r *RouteSink) { MustLookup[int](r.Container()) })},
			outcome: control.OutcomeRejected, code: manifest.CodeRegistration, here: true,
			message: "panic during registration: hotreload: nobody provided int; the Container is empty",
		},
		{
			name:    "panic in init",
			plugin:  fakePlugin{init: func() error { panic(fmt.Errorf("at anvil.g7/%s", "example.com/app")) }},
			outcome: control.OutcomeRejected, code: manifest.CodeRegistration, here: true,
			message: "panic during package initialisation: at example.com/app",
		},
		{
			name:    "Goexit",
			plugin:  fakePlugin{symbols: symbols(func(*RouteSink) { runtime.Goexit() })},
			outcome: control.OutcomeRejected, code: manifest.CodeRegistration,
			message: "registration ended its goroutine",
		},
		{
			name:    "panic in a middleware constructor",
			plugin:  fakePlugin{symbols: symbols(func(r *RouteSink) { good(r); r.Use(func(http.Handler) http.Handler { panic("no key") }) })},
			outcome: control.OutcomeRejected, code: manifest.CodeRegistration, here: true,
			message: "panic during registration: no key",
		},
		{
			name:    "Fail",
			plugin:  fakePlugin{symbols: symbols(func(r *RouteSink) { r.Fail(errors.New("no key")) })},
			outcome: control.OutcomeRejected, code: manifest.CodeRegistration, here: true,
			message: "registration failed: no key",
		},
		{
			name:    "duplicate route",
			plugin:  fakePlugin{symbols: symbols(func(r *RouteSink) { good(r); good(r) })},
			outcome: control.OutcomeRejected, code: manifest.CodeRoute, here: true,
			message: "GET / is registered twice",
		},
		{
			name:    "unsupported handler",
			plugin:  fakePlugin{symbols: symbols(func(r *RouteSink) { r.Get("/", func() {}) })},
			outcome: control.OutcomeRejected, code: manifest.CodeHandlerKind, here: true,
			message: "GET /: func() is not a handler; a handler is an http.Handler, func(",
		},
		{
			name:    "no register function",
			plugin:  fakePlugin{symbols: map[string]any{manifest.ABIName: symbols(nil)[manifest.ABIName]}},
			outcome: control.OutcomeRejected, code: manifest.CodeRegister,
			message: "the plugin does not export AnvilRegisterRoutes: the handlers package must declare func AnvilRegisterRoutes(r *hotreload.RouteSink)",
		},
		{
			name:    "another signature",
			plugin:  fakePlugin{symbols: symbols(func(*RouteSink) error { return nil })},
			outcome: control.OutcomeRejected, code: manifest.CodeRegister, here: true,
			message: "AnvilRegisterRoutes is func(*hotreload.RouteSink) error, it must be func(r *hotreload.RouteSink)",
		},
		{
			name:    "a variable",
			plugin:  fakePlugin{symbols: map[string]any{manifest.ABIName: symbols(nil)[manifest.ABIName], manifest.RegisterName: &text7}},
			outcome: control.OutcomeRejected, code: manifest.CodeRegister,
			message: "AnvilRegisterRoutes is a variable of type string, it must be",
		},
		{
			name:    "nil",
			plugin:  fakePlugin{symbols: map[string]any{manifest.ABIName: symbols(nil)[manifest.ABIName], manifest.RegisterName: &nothing}},
			outcome: control.OutcomeRejected, code: manifest.CodeRegister,
			message: "AnvilRegisterRoutes is nil, it must be",
		},
		{
			name:    "no ABI version",
			plugin:  fakePlugin{symbols: map[string]any{manifest.RegisterName: good}},
			outcome: control.OutcomeRejected, code: manifest.CodeRegister,
			message: "the plugin does not export AnvilABIVersion: its package main must declare var AnvilABIVersion int = hotreload.ABIVersion",
		},
		{
			name:    "another ABI version",
			plugin:  fakePlugin{symbols: map[string]any{manifest.RegisterName: good, manifest.ABIName: &version}},
			outcome: control.OutcomeRejected, code: manifest.CodeRegister,
			message: "the plugin is built for ABI version 2, the live server has 1",
		},
		{
			name:    "ABI version of another type",
			plugin:  fakePlugin{symbols: map[string]any{manifest.RegisterName: good, manifest.ABIName: &text7}},
			outcome: control.OutcomeRejected, code: manifest.CodeRegister,
			message: "AnvilABIVersion is a variable of type string, it must be a variable of type int",
		},
		{
			name: "another host",
			plugin: fakePlugin{init: func() error {
				return errors.New(`plugin.Open("x"): plugin was built with a different version of package example.com/app/store`)
			}},
			outcome: control.OutcomeMismatch, code: manifest.CodeHostChanged,
			message: "the live server runs another version of package example.com/app/store than the plugin is built with: it needs a restart",
		},
		{
			name:    "loaded already",
			plugin:  fakePlugin{init: func() error { return errors.New(`plugin.Open("x"): plugin already loaded`) }},
			outcome: control.OutcomeRejected, code: manifest.CodeRegistration,
			message: "holds code that is loaded already: each generation needs import paths of its own",
		},
		{
			name:    "not to be loaded",
			plugin:  fakePlugin{init: func() error { return errors.New(`plugin.Open("x"): undefined symbol: anvil.g7/example.com/app.f`) }},
			outcome: control.OutcomeUnloadable, code: manifest.CodeRegistration,
			message: "cannot be loaded: plugin.Open(\"x\"): undefined symbol: example.com/app.f",
		},
		{
			name:    "linked with what is not loaded",
			plugin:  fakePlugin{},
			change:  func(req *control.LoadRequest) { req.Needs = []string{"/gen/0002.so"} },
			outcome: control.OutcomeUnloadable, code: manifest.CodeRegistration,
			message: "needs /gen/0002.so, which this process has not loaded",
		},
		{
			name:    "linked for another program",
			plugin:  fakePlugin{},
			change:  func(req *control.LoadRequest) { req.Executable = "/dev/null" },
			outcome: control.OutcomeUnloadable, code: manifest.CodeRegistration,
			message: "is for the program /dev/null, this is ",
		},
		{
			name:    "missing",
			plugin:  fakePlugin{},
			change:  func(req *control.LoadRequest) { req.Plugin += ".gone" },
			outcome: control.OutcomeUnloadable, code: manifest.CodeRegistration,
			message: "no such file or directory",
		},
		{
			name:    "cut off",
			plugin:  fakePlugin{},
			change:  func(req *control.LoadRequest) { req.Plugin = halfOf(t, req.Plugin) },
			outcome: control.OutcomeUnloadable, code: manifest.CodeRegistration,
			message: "the file is damaged or not complete",
		},
		{
			name:    "empty",
			plugin:  fakePlugin{},
			change:  func(req *control.LoadRequest) { truncate(t, req.Plugin, 0) },
			outcome: control.OutcomeUnloadable, code: manifest.CodeRegistration,
			message: "the file has 0 bytes",
		},
	} {
		before := b.state.Manifest().Generation
		var changes []func(*control.LoadRequest)
		if test.change != nil {
			changes = append(changes, test.change)
		}
		result := b.try(test.plugin, changes...)
		if result.Outcome != test.outcome || result.Generation != before || len(result.Diagnostics) != 1 {
			t.Errorf("%s: got %+v", test.name, result)
			continue
		}
		d := result.Diagnostics[0]
		if d.Code != test.code || !strings.Contains(d.Message, test.message) || test.here != strings.HasSuffix(d.File, "hot_loader_test.go") || test.here && d.Line == 0 {
			t.Errorf("%s: got %s", test.name, d)
		}
		if got := ask(b.state, "GET /"); got != "200 ok" {
			t.Errorf("%s: the live generation answers %q", test.name, got)
		}
		if next := b.live(good); next.Generation != b.number {
			t.Errorf("%s: the next good generation is %d, want %d", test.name, next.Generation, b.number)
		}
	}
}

// halfOf writes the first half of an executable over a file.
func halfOf(t *testing.T, path string) string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	image, err := os.ReadFile(self)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, image[:len(image)/2], 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func truncate(t *testing.T, path string, size int64) {
	t.Helper()
	if err := os.Truncate(path, size); err != nil {
		t.Fatal(err)
	}
}

func TestStackOfRegistrationPanic(t *testing.T) {
	b := newBench(t)
	result := b.try(fakePlugin{symbols: symbols(func(*RouteSink) { panic("oops") })})
	detail := result.Diagnostics[0].Detail
	if !strings.HasPrefix(detail, "panic: oops\n\n"+manifest.RuntimePath+".TestStackOfRegistrationPanic.func1\n\t") ||
		strings.Contains(detail, "runtime.gopanic") || strings.Contains(detail, "guard") {
		t.Errorf("got\n%s", detail)
	}
}

// In a bubble the deadline passes when the goroutine has come to stand still.
func TestHangIsReportedWhereItStands(t *testing.T) {
	for _, what := range []string{"registration", "package initialisation"} {
		synctest.Test(t, func(t *testing.T) {
			b := newBench(t)
			b.live(func(r *RouteSink) { r.Get("/", ctxHandler) })
			stuck := make(chan struct{})
			defer close(stuck)
			hang := fakePlugin{symbols: symbols(func(*RouteSink) { <-stuck })}
			if what != "registration" {
				hang.init = func() error { <-stuck; return nil }
			}
			result := b.try(hang, func(req *control.LoadRequest) { req.Deadline = control.Duration(time.Minute) })
			if result.Outcome != control.OutcomeRejected || result.Generation != 1 || len(result.Diagnostics) != 1 {
				t.Fatalf("got %+v", result)
			}
			d := result.Diagnostics[0]
			message := regexp.MustCompile(`\(.*?( \(durable\))?\)`).ReplaceAllString(d.Message, "(chan receive)")
			want := what + " was not done after 1m0s: it stands here (chan receive). It ends at its next call of the RouteSink or its Container, " +
				"otherwise it keeps running until the live server restarts"
			if d.Code != manifest.CodeRegistration || message != want || !strings.HasSuffix(d.File, "hot_loader_test.go") || d.Line == 0 {
				t.Errorf("got  %s\nwant %s", d, want)
			}
			if !strings.Contains(d.Detail, "TestHangIsReportedWhereItStands") || strings.Contains(d.Detail, "guard") {
				t.Errorf("detail %s", d.Detail)
			}
			if got := ask(b.state, "GET /"); got != "200 ok" {
				t.Errorf("the live generation answers %q", got)
			}
			b.live(func(r *RouteSink) { r.Get("/", ctxHandler) })
		})
	}
}

// An endless registration ends when it calls the sink again, and what it does
// then has no effect.
func TestAbandonedRegistrationEnds(t *testing.T) {
	for name, call := range map[string]func(*RouteSink, *Container){
		"Get":       func(r *RouteSink, _ *Container) { r.Get("/x", ctxHandler) },
		"Use":       func(r *RouteSink, _ *Container) { r.Use() },
		"With":      func(r *RouteSink, _ *Container) { r.With() },
		"Container": func(r *RouteSink, _ *Container) { r.Container() },
		"Context":   func(r *RouteSink, _ *Container) { r.Context() },
		"Entries":   func(r *RouteSink, _ *Container) { r.Entries() },
		"StateOf":   func(_ *RouteSink, c *Container) { StateOf(c, "k", func() int { return 0 }) },
		"Provide":   func(_ *RouteSink, c *Container) { Provide(c, 1) },
		"OnClose":   func(_ *RouteSink, c *Container) { c.OnClose("", nil) },
	} {
		synctest.Test(t, func(t *testing.T) {
			b := newBench(t)
			abandoned, ended := make(chan struct{}), make(chan struct{})
			result := b.try(fakePlugin{symbols: symbols(func(r *RouteSink) {
				defer close(ended)
				c, ctx := r.Container(), r.Context()
				StateOf(c, "staged", func() int { return 0 })
				<-abandoned
				if ctx.Err() == nil {
					t.Error("the context of an abandoned generation goes on")
				}
				call(r, c)
				t.Errorf("%s returns", name)
			})})
			if result.Outcome != control.OutcomeRejected {
				t.Errorf("%s: got %s", name, result.Outcome)
			}
			close(abandoned)
			<-ended
			c := b.state.container
			if len(c.slots) != 0 || len(*c.things.Load()) != 0 || len(c.closers) != 0 {
				t.Errorf("%s changed the Container", name)
			}
		})
	}
}

func TestBreakIsNotInstalled(t *testing.T) {
	b := newBench(t)
	b.live(func(r *RouteSink) {
		type showIn struct {
			ID   int `path:"id"`
			Page int `query:"page"`
			Old  string
		}
		r.Get("/same", ctxHandler)
		r.Get("/kind", ctxHandler)
		r.Get("/gone", ctxHandler)
		r.Get("/handler", &widget{"ok"})
		r.Get("/show/{id}", func(*Ctx, showIn) (string, error) { return "", nil })
	})
	next := fakePlugin{symbols: symbols(func(r *RouteSink) {
		type showIn struct {
			ID   string `path:"id"`
			Page int    `query:"p"`
			New  bool
		}
		r.Get("/same", func(c *Ctx) error { return nil })
		r.Get("/kind", plainHandler)
		r.Get("/handler", http.HandlerFunc(plainHandler)) // still an http.Handler
		r.Get("/new", plainHandler)
		r.Get("/show/{id}", func(*Ctx, showIn) (string, error) { return "", nil })
	})}
	result := b.try(next)
	if result.Outcome != control.OutcomeBreak || result.Generation != 1 || result.Manifest == nil || result.Manifest.Generation != 2 {
		t.Errorf("got %+v", result)
	}
	var got []string
	for _, d := range result.Diagnostics {
		if d.Code != manifest.CodeSignature || !strings.HasSuffix(d.File, "hot_loader_test.go") {
			t.Errorf("got %s", d)
		}
		got = append(got, d.Message)
		for _, r := range d.Related {
			got = append(got, r.Message)
		}
	}
	want := []string{
		"signature of GET /kind changed (now func(w, r))",
		"hotreload.plainHandler was func(*hotreload.Ctx) error and is func(http.ResponseWriter, *http.Request)",
		"signature of GET /show/{id} changed (field ID of the input)",
		"hotreload.TestBreakIsNotInstalled.func2.2: parameter 2: field ID was int and is string, " +
			`field Page had tag "query:\"page\"" and has "query:\"p\"", field New is new, field Old is gone`,
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if got := ask(b.state, "GET /gone"); got != "200 ok" {
		t.Errorf("the live generation answers %q", got)
	}
	result = b.try(next, func(req *control.LoadRequest) { req.AllowBreaks = true })
	if result.Outcome != control.OutcomeLive || result.Generation != 3 {
		t.Errorf("with AllowBreaks: %+v", result)
	}
	var told []string
	for _, d := range result.Diagnostics {
		if d.Severity != manifest.SeverityWarning {
			t.Errorf("%s of what is swapped in", d)
		}
		told = append(told, d.Message)
	}
	if want := []string{want[0], want[2]}; !slices.Equal(told, want) {
		t.Errorf("told are %q, want %q", told, want)
	}
	// What was live before is what it was: nobody is told again.
	if result, err := b.rollback(1); err != nil || result.Outcome != control.OutcomeLive || len(result.Diagnostics) > 0 {
		t.Errorf("back: %+v, %v", result, err)
	}
	if result, err := b.rollback(3); err != nil || result.Outcome != control.OutcomeLive || len(result.Diagnostics) > 0 {
		t.Errorf("and on: %+v, %v", result, err)
	}
}

func TestRollback(t *testing.T) {
	b := newBench(t)
	jobs := NewRegistry[string, int]("jobs")
	if _, err := b.rollback(0); err == nil || !strings.Contains(err.Error(), "no generation was live so far") {
		t.Errorf("got %v", err)
	}
	var contexts []context.Context
	for n := 1; n <= 3; n++ {
		b.live(func(r *RouteSink) {
			contexts = append(contexts, r.Context())
			jobs.Add(r, "job", n)
			r.Get("/", text(fmt.Sprint("code ", n)))
		})
	}
	b.try(fakePlugin{symbols: symbols(func(*RouteSink) { panic("never live") })})
	for _, step := range []struct{ to, want int }{{0, 2}, {0, 1}, {3, 3}, {3, 3}, {1, 1}} {
		result, err := b.rollback(step.to)
		if err != nil || result.Outcome != control.OutcomeLive || result.Generation != step.want || result.Manifest.Generation != step.want {
			t.Fatalf("rollback to %d: %+v, %v", step.to, result, err)
		}
		if got, want := ask(b.state, "GET /"), fmt.Sprint("200 code ", step.want); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
		if v, _ := jobs.Get("job"); v != step.want || jobs.Generation() != step.want {
			t.Errorf("the registry has %d of generation %d", v, jobs.Generation())
		}
	}
	if last := len(contexts) - 1; contexts[last].Err() != nil || contexts[last-1].Err() == nil || contexts[0].Err() == nil {
		t.Error("a generation that is live again has no fresh context, or the others are not over")
	}
	for number, want := range map[int]string{
		0: "no such generation: there is no generation before 1; there are: 1, 2, 3",
		4: "no such generation: generation 4 never went live; there are: 1, 2, 3",
	} {
		_, err := b.rollback(number)
		if p, ok := errors.AsType[*control.Problem](err); !ok || p.Status != http.StatusNotFound || p.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	if status := b.status(); len(status.Generations) != 3 || status.Generations[0].Retired || !status.Generations[2].Drained {
		t.Errorf("status %+v", status.Generations)
	}
}

func TestRequestInFlightIsCounted(t *testing.T) {
	b := newBench(t)
	started, finish, answered := make(chan struct{}), make(chan struct{}), make(chan string)
	register := func(r *RouteSink) {
		r.Get("/", func(c *Ctx) error {
			started <- struct{}{}
			<-finish
			return c.Text(0, fmt.Sprint(c.Generation()))
		})
	}
	b.live(register)
	go func() { answered <- ask(b.state, "GET /") }()
	<-started
	if s := b.status().Generations[0]; s.InFlight != 1 || s.Retired || s.Drained {
		t.Errorf("live: %+v", s)
	}
	b.live(register)
	if s := b.status().Generations[0]; s.InFlight != 1 || !s.Retired || s.Drained {
		t.Errorf("retired: %+v", s)
	}
	if _, err := b.rollback(1); err != nil { // lives twice now
		t.Fatal(err)
	}
	if s := b.status().Generations[0]; s.InFlight != 1 || s.Retired || s.Drained {
		t.Errorf("live again: %+v", s)
	}
	events := b.events.Subscribe(t.Context())
	close(finish)
	if got := receive(t, answered); got != "200 1" {
		t.Errorf("got %q", got)
	}
	if e := receive(t, events); e.Kind != control.LiveDrained || e.Generation != 1 {
		t.Errorf("event %+v", e)
	}
	if s := b.status().Generations[0]; s.InFlight != 0 {
		t.Errorf("answered: %+v", s)
	}
}

func TestStateNoteIsPartOfTheResult(t *testing.T) {
	b := newBench(t)
	b.live(func(r *RouteSink) { cartInFirst(r.Container()) })
	result := b.live(func(r *RouteSink) { cartOfOtherStructure(r.Container()) })
	if len(result.Diagnostics) != 1 || result.Diagnostics[0].Code != manifest.CodeStateShape || len(result.Manifest.State) != 1 {
		t.Errorf("got %+v", result)
	}
}
