package console

import (
	"bytes"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/anvilforge/anvil-lsp/cmd/anvil-lsp/internal/paint"
	"github.com/anvilforge/anvil-lsp/hotreload/control"
	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/internal/testkit"
)

// noon is when the events of the tests begin.
var noon = time.Date(2026, 3, 14, 12, 0, 0, 0, time.UTC)

func at(seconds float64) time.Time { return noon.Add(time.Duration(seconds * float64(time.Second))) }

func ms(n float64) control.Duration { return control.Duration(n * float64(time.Millisecond)) }

const url = "http://127.0.0.1:8080"

// workspace makes a directory with source files for diagnostics to point into.
func workspace(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	testkit.WriteTree(t, dir, map[string]string{
		"handlers/feed.go": "package handlers\n\nfunc shout(text string) string {\n\tx := fo(text)\n\treturn\tx + \"größer\" + y\r\n}\n",
		"handlers/long.go": "var data = \"" + strings.Repeat("0123456789", 30) + "\" + undefined + \"" + strings.Repeat("0123456789", 30) + "\"\n",
		"store/store.go":   "package store\n\n\n",
	})
	return dir
}

func routes(n int) []manifest.Route {
	all := []manifest.Route{
		{Method: "GET", Pattern: "/", Handler: "handlers.(*app).home"},
		{Method: "GET", Pattern: "/feed", Handler: "handlers.(*app).subscribe"},
		{Method: "POST", Pattern: "/login", Handler: "handlers.(*app).login"},
		{Method: "GET", Pattern: "/posts/{id}", Handler: "handlers.(*app).showPost"},
		{Method: "*", Pattern: "/static/*", Handler: "views.Static"},
	}
	for i := len(all); i < n; i++ {
		all = append(all, manifest.Route{Method: "DELETE", Pattern: fmt.Sprintf("/things/%d", i), Handler: "handlers.things"})
	}
	return all[:n]
}

// TestConsole compares what a person sees with testdata.
func TestConsole(t *testing.T) {
	compileError := func(dir string, line, column int, text string) manifest.Diagnostic {
		return manifest.Diagnose(manifest.CodeCompile,
			manifest.Position{File: filepath.Join(dir, "handlers", "feed.go"), Line: line, Column: column}, "%s", text)
	}
	for _, tt := range []struct {
		name    string
		options Options
		events  func(dir string) []control.Event
	}{
		{"start", Options{RoutesCommand: "anvil-lsp routes examples/blog"}, func(string) []control.Event {
			return []control.Event{
				{Time: at(0), Kind: control.EventStarting, URL: url},
				{Time: at(0), Kind: control.EventBuilding, URL: url},
				{Time: at(1), Kind: control.EventProgress, Message: "compiling 12 of 310 packages"},
				{Time: at(3.5), Kind: control.EventProgress, Message: "compiling 120 of 310 packages"},
				{Time: at(5), Kind: control.EventProgress, Message: "compiling 200 of 310 packages"},
				{Time: at(7), Kind: control.EventProgress, Message: "linking"},
				{Time: at(9), Kind: control.EventLive, URL: url, Generation: 1, Total: ms(9012),
					Rebuilt: []string{"example.com/blog", "example.com/blog/handlers", "example.com/blog/internal/session", "example.com/blog/store", "example.com/blog/handlers/internal/session", "example.com/blog/api/v2"},
					Steps:   []control.Step{{Name: control.StepResolve, Duration: ms(2310)}, {Name: control.StepCompile, Duration: ms(0.2)}, {Name: control.StepLink, Duration: ms(812.4)}},
					Routes:  routes(23)},
				{Time: at(60), Kind: control.EventStopped, Generation: 1},
			}
		}},
		{"terminal", Options{Terminal: true, Color: true, Width: func() int { return 48 }}, func(dir string) []control.Event {
			return []control.Event{
				{Time: at(0), Kind: control.EventStarting, URL: url},
				{Time: at(0), Kind: control.EventBuilding},
				{Time: at(2), Kind: control.EventProgress, Message: "compiling 120 of 310 packages: modernc.org/sqlite/lib"},
				{Time: at(9), Kind: control.EventLive, URL: url, Generation: 1, Total: ms(9012), Routes: routes(3)},
				{Time: at(20), Kind: control.EventBuilding, Cause: []string{"handlers/feed.go"}, Generation: 1},
				{Time: at(20), Kind: control.EventKept, Generation: 1, Cause: []string{"handlers/feed.go"}, Total: ms(31),
					Diagnostics: []manifest.Diagnostic{compileError(dir, 4, 7, "undefined: fo")}},
			}
		}},
		{"reloads", Options{}, func(dir string) []control.Event {
			reason := manifest.Diagnose(manifest.CodeHostChanged, manifest.Position{File: filepath.Join(dir, "store", "store.go")},
				"Open in store changed, which the process has linked")
			lost := manifest.Diagnose(manifest.CodeStateShape, manifest.Position{File: filepath.Join(dir, "handlers", "feed.go"), Line: 4},
				"state %q starts again: the structure of its type handlers.draft changed", "drafts")
			return []control.Event{
				{Time: at(1), Kind: control.EventLive, URL: url, Generation: 1, Routes: routes(2)},
				{Time: at(10), Kind: control.EventLive, URL: url, Generation: 2, Rung: manifest.RungHotSwap, Total: ms(64), Cause: []string{"handlers/feed.go"},
					Rebuilt: []string{"example.com/blog/handlers", "example.com/blog/handlers/views"},
					Steps: []control.Step{{Name: control.StepDebounce, Duration: ms(10)}, {Name: control.StepPlan, Duration: ms(0.6)}, {Name: control.StepCompile, Duration: ms(31)},
						{Name: control.StepLink, Duration: ms(10)}, {Name: control.StepOpen, Duration: ms(12)}}, Routes: routes(4)},
				{Time: at(20), Kind: control.EventLive, URL: url, Generation: 3, Rung: manifest.RungHotSwap, Total: ms(70),
					Cause: []string{"handlers/api/api.go", "handlers/feed.go", "handlers/pages.go", "handlers/routes.go", "handlers/session.go"},
					Steps: []control.Step{{Name: control.StepPlan, Duration: ms(2)}, {Name: control.StepPlan, Duration: ms(3)}}, Routes: routes(1), Diagnostics: []manifest.Diagnostic{lost}},
				{Time: at(30), Kind: control.EventRestarting, Generation: 3, Rung: manifest.RungWarmRestart, Cause: []string{"store/store.go"}, Diagnostics: []manifest.Diagnostic{reason}},
				{Time: at(32), Kind: control.EventLive, URL: url, Generation: 4, Rung: manifest.RungWarmRestart, Total: ms(2100), Cause: []string{"store/store.go"},
					Rebuilt: []string{"example.com/blog", "example.com/blog/store"}, Diagnostics: []manifest.Diagnostic{reason, lost}, Routes: routes(1)},
				{Time: at(40), Kind: control.EventUnchanged, Generation: 4, Cause: []string{"README.md"}, Message: "nothing that the live server runs has changed"},
				{Time: at(50), Kind: control.EventRolledBack, Generation: 2, Total: ms(3.2), Message: "generation 2 is live again; the next save builds from the files as they are"},
				{Time: at(60), Kind: control.EventWarning, Generation: 2, Message: "watching /x: the system allows no more watched directories; raise the limit, for example with\n\tsudo sysctl fs.inotify.max_user_watches=524288"},
				{Time: at(70), Kind: "novelty", Generation: 2, Message: "from a newer engine"},
			}
		}},
		{"errors", Options{}, func(dir string) []control.Event {
			feed := filepath.Join(dir, "handlers", "feed.go")
			types := compileError(dir, 4, 7, "cannot use text (variable of type string) as int value in argument to fo\n\thave (string)\n\twant (int)")
			accents := compileError(dir, 5, 26, "undefined: y")
			long := manifest.Diagnose(manifest.CodeCompile, manifest.Position{File: filepath.Join(dir, "handlers", "long.go"), Line: 1, Column: 317}, "undefined: undefined")
			gone := manifest.Diagnose(manifest.CodeCompile, manifest.Position{File: filepath.Join(dir, "handlers", "gone.go"), Line: 3, Column: 1}, "no such file")
			twice := manifest.Diagnose(manifest.CodeRoute, manifest.Position{File: feed, Line: 4}, "GET /posts/{id} is registered twice")
			twice.Related = []manifest.Related{{Position: manifest.Position{File: feed, Line: 3}, Message: "first registered here"}}
			many := []manifest.Diagnostic{}
			for i := range 13 {
				many = append(many, manifest.Diagnose(manifest.CodeCompile, manifest.Position{File: filepath.Join(dir, "handlers", "gone.go"), Line: i + 1, Column: 2}, "undefined: x%d", i))
			}
			return []control.Event{
				{Time: at(0), Kind: control.EventKept, Total: ms(400), Message: "no main package imports the runtime"},
				{Time: at(10), Kind: control.EventKept, Generation: 6, Total: ms(31), Cause: []string{"handlers/feed.go"}, Diagnostics: []manifest.Diagnostic{types, accents, long, gone, twice}},
				{Time: at(20), Kind: control.EventKept, Generation: 6, Total: ms(35), Cause: []string{"handlers/gone.go"}, Diagnostics: many},
				{Time: at(30), Kind: control.EventKept, Generation: 6, Message: "no space left on the disk that holds the output directory: write x\nmake room"},
			}
		}},
		{"predictions", Options{Verbose: true, RestartCommand: "anvil-lsp ctl restart --dir examples/blog"}, predictions},
		{"quiet", Options{}, predictions},
		{"incidents", Options{}, func(dir string) []control.Event {
			feed := filepath.Join(dir, "handlers", "feed.go")
			panicked := manifest.Diagnose(manifest.CodeHandlerPanic, manifest.Position{File: feed, Line: 4}, "GET /feed: runtime error: index out of range [3] with length 2")
			panicked.Detail = "goroutine 41 [running]:\nruntime/debug.Stack()\n\t/go/src/runtime/debug/stack.go:26 +0x5e\npanic({0x1, 0x2})\n\t/go/src/runtime/panic.go:792 +0x132\n" +
				"example.com/blog/handlers.shout(...)\n\t" + feed + ":4\nexample.com/blog/handlers.(*app).subscribe(0xc00001, {0x8a, 0x9})\n\t" + feed + ":5 +0x1d\n" +
				"github.com/anvilforge/anvil-lsp/hotreload.(*routeSet).build.func4\n\t/src/hotreload/box.go:130\n" +
				"net/http.HandlerFunc.ServeHTTP(0x0, {0x1, 0x2}, 0x3)\n\t/go/src/net/http/server.go:2294 +0x29\nexample.com/blog/list.Each[...](0x1)\n\t/src/list/each.go:9 +0x29\n" +
				"created by net/http.(*Server).Serve in goroutine 1\n\t/go/src/net/http/server.go:3454 +0x485\n"
			stack, _ := manifest.ParseGoroutine(panicked.Detail)
			panicked.Frames = stack.Frames
			crashed := manifest.Diagnose(manifest.CodeLiveServer, manifest.Position{}, "the live server ended with exit status 2; it is started again in 2 s")
			crashed.Detail = "already seen"
			return []control.Event{
				{Time: at(0), Kind: control.EventPanic, Generation: 7, Message: panicked.Message, Diagnostics: []manifest.Diagnostic{panicked}},
				{Time: at(5), Kind: control.EventExited, Generation: 7, Message: crashed.Message, Diagnostics: []manifest.Diagnostic{crashed}},
				{Time: at(6), Kind: control.EventExited, Generation: 7, Message: "signal: killed"},
				{Time: at(8), Kind: control.EventRecovered, Generation: 7, Message: "the live server restarted and serves generation 7"},
			}
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := workspace(t)
			var out bytes.Buffer
			o := tt.options
			o.Out, o.Dir, o.Source, o.Location = &out, dir, os.ReadFile, time.UTC
			o.Version, o.App = "v1.2.3", "examples/blog"
			c := New(o)
			for _, ev := range tt.events(dir) {
				c.Event(ev)
			}
			golden(t, tt.name, out.Bytes())
		})
	}
}

// predictions are edits as the engine predicts them, and what becomes of them.
func predictions(dir string) []control.Event {
	file := func(line, column int) manifest.Position {
		return manifest.Position{File: filepath.Join(dir, "handlers", "feed.go"), Line: line, Column: column}
	}
	feed, store := []string{"handlers/feed.go"}, []string{"store/store.go"}
	hint := manifest.Diagnose(manifest.CodePackageState, file(3, 5), "hits starts again with every reload")
	lost := manifest.Diagnose(manifest.CodeStateShape, file(4, 2), "state %q: field Title is dropped", "drafts")
	atLoad := manifest.Diagnose(manifest.CodeStateShape, file(4, 0), "state %q starts again: field Title of handlers.draft is gone", "drafts")
	broken := manifest.Diagnose(manifest.CodeCompile, file(4, 7), "undefined: fo")
	unused := manifest.Diagnose(manifest.CodeCompile, file(5, 26), "undefined: y")
	host := manifest.Diagnose(manifest.CodeHostChanged, manifest.Position{File: filepath.Join(dir, "store", "store.go")}, "Open in store changed, which the process has linked")
	signature := manifest.Diagnose(manifest.CodeSignature, file(3, 11), "signature of GET /feed changed (now func(int))")
	panicked := manifest.Diagnose(manifest.CodeRegistration, file(3, 0), "panic during registration: no luck")
	const hot, warm, keep = manifest.RungHotSwap, manifest.RungWarmRestart, manifest.RungKeep
	return []control.Event{
		{Time: at(0), Kind: control.EventLive, URL: url, Generation: 1, Routes: routes(1)},

		{Time: at(10), Kind: control.EventBuilding, Cause: feed, Generation: 1},
		{Time: at(10), Kind: control.EventPredicted, Rung: hot, Cause: feed, Generation: 1, Total: ms(4)},
		{Time: at(11), Kind: control.EventLive, Rung: hot, Cause: feed, Generation: 2, Total: ms(64), Predicted: &control.Prediction{Rung: hot}},

		{Time: at(20), Kind: control.EventBuilding, Cause: feed, Generation: 2},
		{Time: at(20), Kind: control.EventPredicted, Rung: hot, Cause: feed, Generation: 2, Total: ms(4), Diagnostics: []manifest.Diagnostic{hint, lost}},
		{Time: at(21), Kind: control.EventLive, Rung: hot, Cause: feed, Generation: 3, Total: ms(64), Diagnostics: []manifest.Diagnostic{atLoad}},

		{Time: at(30), Kind: control.EventBuilding, Cause: feed, Generation: 3},
		{Time: at(30), Kind: control.EventPredicted, Rung: keep, Cause: feed, Generation: 3, Total: ms(4), Diagnostics: []manifest.Diagnostic{hint, broken}},
		{Time: at(31), Kind: control.EventKept, Rung: keep, Cause: feed, Generation: 3, Total: ms(64), Diagnostics: []manifest.Diagnostic{broken, unused}, Predicted: &control.Prediction{Rung: keep}},

		{Time: at(40), Kind: control.EventBuilding, Cause: store, Generation: 3},
		{Time: at(40), Kind: control.EventPredicted, Rung: warm, Cause: store, Generation: 3, Total: ms(4), Diagnostics: []manifest.Diagnostic{host}},
		{Time: at(40), Kind: control.EventRestarting, Rung: warm, Cause: store, Generation: 3, Diagnostics: []manifest.Diagnostic{host}},
		{Time: at(42), Kind: control.EventLive, Rung: warm, Cause: store, Generation: 4, PID: 4712, Total: ms(2100), Diagnostics: []manifest.Diagnostic{host}},

		{Time: at(50), Kind: control.EventBuilding, Cause: feed, Generation: 4},
		{Time: at(50), Kind: control.EventPredicted, Rung: warm, Cause: feed, Generation: 4, Total: ms(4), Diagnostics: []manifest.Diagnostic{signature, host}},
		{Time: at(50), Kind: control.EventAsking, Rung: warm, Cause: feed, Generation: 4, Total: ms(5), Diagnostics: []manifest.Diagnostic{signature, host},
			Message: "the change needs a restart of the live server; the old code stays until then"},

		{Time: at(60), Kind: control.EventKept, Rung: keep, Cause: feed, Generation: 4, Total: ms(5), Diagnostics: []manifest.Diagnostic{signature},
			Message: "the old code stays until the live server is restarted"},

		{Time: at(70), Kind: control.EventBuilding, Cause: feed, Generation: 4},
		{Time: at(70), Kind: control.EventPredicted, Rung: hot, Cause: feed, Generation: 4, Total: ms(4)},
		{Time: at(71), Kind: control.EventRestarting, Rung: warm, Cause: feed, Generation: 4, Diagnostics: []manifest.Diagnostic{signature}},
		{Time: at(73), Kind: control.EventLive, Rung: warm, Cause: feed, Generation: 5, Total: ms(2200), Predicted: &control.Prediction{Rung: hot, Wrong: true}},

		{Time: at(80), Kind: control.EventKept, Rung: keep, Cause: feed, Generation: 5, Total: ms(64), Diagnostics: []manifest.Diagnostic{panicked},
			Predicted: &control.Prediction{Rung: warm, Codes: []manifest.Code{manifest.CodeSignature, manifest.CodeHostChanged}, Wrong: true}},
		{Time: at(90), Kind: control.EventUnchanged, Cause: feed, Generation: 5, Predicted: &control.Prediction{}},
	}
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	testkit.Golden(t, filepath.Join("testdata", name+".golden"), got)
}

func TestAttachedAndStatus(t *testing.T) {
	dir := workspace(t)
	status := &control.Status{
		Version: "v1.2.3", PID: 4711, Dir: "/src/blog", Main: "example.com/blog", Handlers: "example.com/blog/handlers", Cwd: "/src/blog/data", URL: url,
		State: control.StateKept, Generation: 6, Since: at(0), Hot: []string{"a", "b"}, Host: []string{"c"},
		Live: &control.LiveStatus{
			PID: 4712, Ready: true, Generation: 6, Goroutines: 1, RSS: 34_500_000, Manifest: &manifest.Manifest{Routes: routes(2)},
			Generations: []control.GenerationStatus{{Number: 1, Retired: true, Drained: true}, {Number: 5, Retired: true, InFlight: 1}, {Number: 6, InFlight: 2}},
		},
		Counts: control.Counts{HotSwaps: 12, Restarts: 1, Kept: 3, Crashes: 2, Predicted: 41},
		Problems: []manifest.Diagnostic{manifest.Diagnose(manifest.CodeCompile,
			manifest.Position{File: filepath.Join(dir, "handlers", "feed.go"), Line: 4, Column: 7}, "undefined: fo")},
	}
	var out bytes.Buffer
	c := New(Options{Out: &out, Dir: dir, Source: os.ReadFile, Location: time.UTC, Version: "v1.2.3", App: "blog"})
	c.Attached(status)
	c.Event(control.Event{Time: at(7), Kind: control.EventLive, Generation: 7, Rung: manifest.RungHotSwap, URL: url, Routes: routes(2)})
	out.WriteString("=== status\n")
	if err := Status(Options{Out: &out, Dir: dir, Source: os.ReadFile}, status, at(3*3600+125)); err != nil {
		t.Fatal(err)
	}
	for _, s := range []control.State{control.StateLive, control.StateBuilding, control.StateRestarting, control.StateDown} {
		fmt.Fprintf(&out, "=== %s\n%s\n", s, stateLine(paint.New(false), &control.Status{State: s, Generation: 4}))
	}
	fmt.Fprintf(&out, "=== restart?\n%s\n", stateLine(paint.New(false), &control.Status{State: control.StateKept, Generation: 4,
		Problems: []manifest.Diagnostic{
			manifest.Diagnose(manifest.CodeHostChanged, manifest.Position{}, "x"), manifest.Diagnose(manifest.CodeHandlerPanic, manifest.Position{}, "boom"),
		}}))
	fmt.Fprintf(&out, "=== first build\n%s\n", stateLine(paint.New(false), &control.Status{State: control.StateBuilding}))
	golden(t, "status", out.Bytes())
}

func TestRoutes(t *testing.T) {
	dir := workspace(t)
	rs := routes(4)
	rs[0].Signature = "func(*hotreload.Ctx) error"
	rs[0].Position = manifest.Position{File: filepath.Join(dir, "handlers", "feed.go"), Line: 3}
	var out bytes.Buffer
	if err := Routes(&out, RoutesOptions{Dir: dir}, 7, rs, nil); err != nil {
		t.Fatal(err)
	}
	out.WriteString("=== with counters\n")
	if err := Routes(&out, RoutesOptions{Dir: dir}, 7, rs, []control.RouteStats{
		{Method: "GET", Pattern: "/", Requests: 1204, Errors: 2, P50: ms(1.8), LastStatus: 500, LastDuration: ms(2), LastTime: noon},
		{Method: "GET", Pattern: "/feed", Requests: 3, InFlight: 2},
		{Method: "POST", Pattern: "/login"},
	}); err != nil {
		t.Fatal(err)
	}
	for _, width := range []int{100, 80, 50} {
		from := out.Len()
		fmt.Fprintf(&out, "=== %d columns\n", width)
		if err := Routes(&out, RoutesOptions{Dir: dir, Width: width}, 7, rs, []control.RouteStats{{Method: "GET", Pattern: "/", Requests: 1204}}); err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(out.String()[from:]) {
			if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > width {
				t.Errorf("%d columns of %d: %s", n, width, line)
			}
		}
	}
	golden(t, "routes", out.Bytes())
}

func TestManifest(t *testing.T) {
	dir := workspace(t)
	m := &manifest.Manifest{
		Format: manifest.FormatVersion, ABI: 1, Toolchain: "go1.26 linux/amd64", Generation: 7, Handlers: "example.com/blog/handlers", Routes: routes(3),
		State:      []manifest.State{{Key: "drafts", Type: "map[string]handlers.draft", Fingerprint: "5f0c2d8e9b7a6c41"}, {Key: "hits", Type: "int", Fingerprint: "1"}},
		Registered: []string{"feeds.atom"},
		Host:       []manifest.Package{{Path: "example.com/blog", Hash: "aa"}, {Path: "example.com/blog/store", Hash: "bb"}},
		Hot:        []string{"example.com/blog/handlers"},
	}
	for i := range m.Routes {
		m.Routes[i].Signature = "func(http.ResponseWriter, *http.Request)"
	}
	m.Routes[0].Position = manifest.Position{File: filepath.Join(dir, "handlers", "feed.go"), Line: 3}
	var out bytes.Buffer
	show := func(title string, m *manifest.Manifest) {
		fmt.Fprintf(&out, "=== %s\n", title)
		if err := Manifest(&out, false, dir, m); err != nil {
			t.Fatal(err)
		}
	}
	show("manifest", m)
	show("nothing registered", &manifest.Manifest{Generation: 1, Handlers: "h"})
	data, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	var next manifest.Manifest
	if err := json.Unmarshal(data, &next); err != nil {
		t.Fatal(err)
	}
	next.Toolchain, next.ABI, next.Handlers = "go1.27 linux/amd64", 2, "example.com/blog/web"
	next.Routes[0].Handler = "handlers.(*app).front"
	next.Routes[1].Signature, next.Routes[1].Fingerprint = "func(*hotreload.Ctx) error", "x"
	next.Routes[2] = routes(4)[3]
	next.State[0].Fingerprint = "y"
	next.State[1].Type, next.State[1].Fingerprint = "uint64", "z"
	next.Registered = nil
	next.Hot = append(next.Hot, "example.com/blog/views")
	next.Host[1].Hash = "cc"
	for _, pair := range [][2]*manifest.Manifest{{m, &next}, {&next, m}, {m, m}} {
		out.WriteString("=== diff\n")
		if err := Changes(&out, false, pair[0].Generation, pair[1].Generation, manifest.Diff(pair[0], pair[1])); err != nil {
			t.Fatal(err)
		}
	}
	golden(t, "manifest", out.Bytes())
}

func TestFindings(t *testing.T) {
	dir := workspace(t)
	var ds []manifest.Diagnostic
	for i := range maxDiagnostics + 2 {
		ds = append(ds, manifest.Diagnose(manifest.CodeCompile, manifest.Position{File: filepath.Join(dir, "handlers", "feed.go"), Line: 4, Column: 7}, "undefined: fo%d", i))
	}
	ds = append(ds, manifest.Diagnose(manifest.CodePackageState, manifest.Position{}, "somewhere"))
	var out bytes.Buffer
	if err := Findings(Options{Out: &out, Dir: dir, Source: os.ReadFile}, ds); err != nil {
		t.Fatal(err)
	}
	golden(t, "findings", out.Bytes())
}

// TestPass checks that the live server's output and the progress line share a
// terminal.
func TestPass(t *testing.T) {
	var out bytes.Buffer
	c := New(Options{Out: &out, Terminal: true, Location: time.UTC})
	stdout := c.Pass(&out, true)
	write := func(s string) {
		t.Helper()
		if n, err := stdout.Write([]byte(s)); n != len(s) || err != nil {
			t.Fatalf("Write: %d, %v", n, err)
		}
	}
	expect := func(want string) {
		t.Helper()
		if got := out.String(); got != want {
			t.Errorf("got  %q\nwant %q", got, want)
		}
		out.Reset()
	}
	const progress = margin + "building  compiling"
	c.Event(control.Event{Time: at(0), Kind: control.EventProgress, Message: "compiling"})
	expect(progress)
	write("listening\n")
	expect(clearLine + "listening\n" + progress)
	write("a part,")
	expect(clearLine + "a part,") // the progress line waits for its end
	write(" the rest\n")
	expect(" the rest\n" + progress)
	write("prompt> ")
	out.Reset()
	c.Event(control.Event{Time: at(1), Kind: control.EventStopped})
	expect("\n12:00:01  stopped\n")
	write("last words\n")
	expect("last words\n") // nothing to redraw
	write("")
	expect("")

	var elsewhere bytes.Buffer
	c.Event(control.Event{Time: at(0), Kind: control.EventProgress, Message: "compiling"})
	out.Reset()
	fmt.Fprint(c.Pass(&elsewhere, false), "to a file")
	expect("")
	if elsewhere.String() != "to a file" {
		t.Errorf("passed %q", elsewhere.String())
	}
}

// TestConcurrent has the race detector watch.
func TestConcurrent(t *testing.T) {
	var out bytes.Buffer
	c := New(Options{Out: &out, Terminal: true, Location: time.UTC})
	stdout := c.Pass(&out, true)
	done := make(chan struct{})
	const lines = 100
	go func() {
		defer close(done)
		for range lines {
			fmt.Fprintln(stdout, "from the live server")
		}
	}()
	for range lines {
		c.Event(control.Event{Time: at(0), Kind: control.EventProgress, Message: "compiling"})
		c.Event(control.Event{Time: at(0), Kind: control.EventLive, Generation: 1})
	}
	<-done
	if n := strings.Count(out.String(), "from the live server\n"); n != lines {
		t.Errorf("%d of %d lines whole", n, lines)
	}
}

func TestJSON(t *testing.T) {
	var out bytes.Buffer
	j := NewJSON(&out)
	j.Event(control.Event{Time: noon, Kind: control.EventRequests, Generation: 2, Stats: []control.RouteStats{{Method: "GET", Pattern: "/"}}}) // nothing
	j.Event(control.Event{Time: noon, Kind: control.EventLive, Generation: 2, URL: url, Total: ms(64.25), Message: "a <b>"})
	const want = `{"time":"2026-03-14T12:00:00Z","event":"live","generation":2,"url":"http://127.0.0.1:8080","ms":64.25,"message":"a <b>"}` + "\n"
	if got := out.String(); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// TestBrief: a single event needs no table.
func TestBrief(t *testing.T) {
	var out bytes.Buffer
	c := New(Options{Out: &out, Brief: true, Location: time.UTC})
	c.Event(control.Event{Time: at(0), Kind: control.EventLive, Generation: 2, Rung: manifest.RungHotSwap, Total: ms(64), Routes: routes(3)})
	if want := "12:00:00  gen 2  hot swap  64 ms\n"; out.String() != want {
		t.Errorf("got %q, want %q", out.String(), want)
	}
}

// TestEveryKind: no event of the closed set is shown as one of a newer engine.
func TestEveryKind(t *testing.T) {
	f, err := parser.ParseFile(token.NewFileSet(), filepath.FromSlash("../../../../hotreload/control/event.go"), nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	kinds := 0
	ast.Inspect(f, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || !strings.HasPrefix(spec.Names[0].Name, "Event") {
			return true
		}
		kinds++
		kind := strings.Trim(spec.Values[0].(*ast.BasicLit).Value, `"`)
		var out bytes.Buffer
		New(Options{Out: &out, Terminal: true, Location: time.UTC}).Event(control.Event{Time: at(0), Kind: control.EventKind(kind), Message: "text",
			Diagnostics: []manifest.Diagnostic{manifest.Diagnose(manifest.CodeCompile, manifest.Position{}, "broken")}})
		if kind == "requests" {
			if out.Len() > 0 {
				t.Errorf("requests are shown: %q", out.String())
			}
			return true
		}
		if out.Len() == 0 || strings.HasPrefix(out.String(), "12:00:00  "+kind+"  text") && kind != "warning" && kind != "unchanged" {
			t.Errorf("%s is shown as %q", kind, out.String())
		}
		return true
	})
	if kinds < 10 {
		t.Errorf("only %d kinds found", kinds)
	}
}
