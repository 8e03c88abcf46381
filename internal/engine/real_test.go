//go:build unix

package engine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/anvilforge/anvil-lsp/hotreload/control"
	"github.com/anvilforge/anvil-lsp/hotreload/control/transport"
	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/hotreload/shared/nettest"
	"github.com/anvilforge/anvil-lsp/internal/testkit"
)

// app is a copy of examples/hello and the engine that works on it.
type app struct {
	*testing.T
	dir    string
	e      *Engine
	events <-chan control.Event
	done   chan error // Run has returned
	cancel context.CancelFunc
	output *testkit.Buffer
}

func newApp(t *testing.T) *app {
	t.Helper()
	if testing.Short() {
		t.Skip("builds and runs a real program")
	}
	const root = "../.."
	a := &app{T: t, dir: t.TempDir(), done: make(chan error, 1), output: &testkit.Buffer{}}
	for _, dir := range []string{".", "handlers", "visits"} {
		copyFiles(t, filepath.Join(root, "examples/hello", dir), filepath.Join(a.dir, dir))
	}
	// The engine watches the runtime, too, and somebody may be editing it.
	copied := t.TempDir()
	runtime := filepath.Join(root, "hotreload")
	if err := filepath.WalkDir(runtime, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return err
		}
		if d.Name() == "testdata" {
			return fs.SkipDir
		}
		copyFiles(t, path, filepath.Join(copied, strings.TrimPrefix(path, runtime)))
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	a.edit("go.mod", "=> ../../hotreload", "=> "+copied)
	return a
}

// copyFiles copies what is built of one directory.
func copyFiles(t *testing.T, from, to string) {
	t.Helper()
	for _, name := range names(t, from) {
		switch path := filepath.Join(from, name); filepath.Ext(name) {
		case ".go", ".mod", ".sum", ".html":
			if !strings.HasSuffix(name, "_test.go") {
				writeFile(t, readFile(t, path), to, name)
			}
		}
	}
}

// start runs an engine until the test ends or a client stops it.
func (a *app) start(change ...func(*Options)) {
	a.Helper()
	opts := Options{Dir: a.dir, Addr: nettest.Reserve(a.T), Stdout: a.output, Stderr: a.output, Version: "test"}
	for _, c := range change {
		c(&opts)
	}
	var err error
	if a.e, err = New(a.Context(), opts); err != nil {
		a.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	a.cancel = stop
	a.events = a.e.Events().Subscribe(context.Background()) // until the engine closes it
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		a.done <- a.e.Run(ctx)
	}()
	a.Cleanup(func() {
		stop()
		<-ended
		if a.Failed() {
			a.Logf("the live servers printed:\n%s", a.output)
		}
	})
}

func (a *app) edit(name, old, new string) {
	a.Helper()
	path := filepath.Join(a.dir, name)
	text := readFile(a.T, path)
	if !strings.Contains(text, old) {
		a.Fatalf("%s does not contain %q", name, old)
	}
	writeFile(a.T, strings.Replace(text, old, new, 1), path)
}

// until returns the first event of a kind. An event that ends a save otherwise
// fails the test.
func (a *app) until(kind control.EventKind) control.Event {
	a.Helper()
	for ev := range a.events {
		if p := ev.Predicted; p != nil && p.Wrong {
			a.Errorf("%s by %q was not predicted, but %+v; changed %v, diagnostics %v", ev.Kind, ev.Rung, *p, ev.Cause, ev.Diagnostics)
		}
		switch ev.Kind {
		case kind:
			return ev
		case control.EventLive, control.EventKept, control.EventUnchanged, control.EventRolledBack, control.EventAsking, control.EventExited:
			a.Fatalf("%s by %q, want %s; generation %d, changed %v, message %q, diagnostics %v",
				ev.Kind, ev.Rung, kind, ev.Generation, ev.Cause, ev.Message, ev.Diagnostics)
		}
	}
	a.Fatalf("the engine ended, want the event %s", kind)
	return control.Event{}
}

// untilLive returns the event with which a generation went live.
func (a *app) untilLive(generation int, rung manifest.Rung) control.Event {
	a.Helper()
	ev := a.until(control.EventLive)
	if ev.Generation != generation || ev.Rung != rung {
		a.Errorf("generation %d is live by %q, want %d by %q", ev.Generation, ev.Rung, generation, rung)
	}
	for _, path := range []string{ManifestPath(a.dir), HistoryPath(a.dir, generation)} {
		m, err := ReadManifest(path)
		if err != nil {
			a.Error(err)
			continue
		}
		if m.Generation != generation || len(m.Routes) != 2 || !slices.Equal(m.Hot, []string{"example.com/hello/handlers"}) || len(m.Host) != 2 || len(m.Modules) == 0 {
			a.Errorf("%s: %+v", path, m)
		}
	}
	return ev
}

// get asks the application, on a connection of its own.
func (a *app) get() (status int, body string) {
	a.Helper()
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Get(a.e.URL() + "/")
	if err != nil {
		a.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		a.Fatal(err)
	}
	return resp.StatusCode, strings.TrimSpace(string(data))
}

func (a *app) serves(want string) {
	a.Helper()
	if status, body := a.get(); status != http.StatusOK || body != want {
		a.Errorf("%d %q, want %q", status, body, want)
	}
}

// status returns the engine's status, which must have its part of a live server.
// The engine leaves that out if the live server does not answer in time.
func (a *app) status(state control.State) control.Status {
	a.Helper()
	for end := time.Now().Add(time.Minute); ; runtime.Gosched() {
		st := a.e.Status(a.Context())
		if st.State != state || st.Live == nil && time.Now().After(end) {
			a.Fatalf("state %s, want %s; live server %+v", st.State, state, st.Live)
		}
		if st.Live != nil {
			return st
		}
	}
}

// TestEngine is the life of an engine, with real builds and real processes.
func TestEngine(t *testing.T) {
	a := newApp(t)
	writeFile(t, `{"format": 1, "routes": [`, ManifestPath(a.dir))
	a.start()
	a.until(control.EventStarting)
	if ev := a.until(control.EventWarning); !strings.Contains(ev.Message, "unusable manifest "+ManifestPath(a.e.opts.Dir)) {
		t.Errorf("warning %q", ev.Message)
	}
	if ev := a.untilLive(1, ""); len(ev.Routes) != 2 || ev.URL != a.e.URL() {
		t.Errorf("routes %v, URL %s", ev.Routes, ev.URL)
	}
	a.serves("Hello! Visit 1, and 1 since the last reload.")
	pids := []int{a.status(control.StateLive).Live.PID}

	// A hot swap: what the host holds stays, and the package starts anew.
	const file = "handlers/handlers.go"
	a.edit(file, "Hello!", "Welcome!")
	ev := a.untilLive(2, manifest.RungHotSwap)
	if !slices.Equal(ev.Cause, []string{file}) || !slices.Equal(ev.Rebuilt, []string{"example.com/hello/handlers"}) || ev.Predicted == nil || ev.Total <= 0 {
		t.Errorf("changed %v, rebuilt %v, predicted %+v, took %s", ev.Cause, ev.Rebuilt, ev.Predicted, ev.Total)
	}
	a.serves("Welcome! Visit 2, and 1 since the last reload.")
	st := a.status(control.StateLive)
	if pid := st.Live.PID; pid != pids[0] {
		t.Errorf("process %d, want that of the first generation, %d", pid, pids[0])
	}
	if i := slices.IndexFunc(st.Live.Stats, func(s control.RouteStats) bool { return s.Pattern == "/" }); i < 0 || st.Live.Stats[i].Requests != 2 ||
		st.Live.Stats[i].LastGeneration != 2 || st.Live.Stats[i].LastStatus != http.StatusOK {
		t.Errorf("counters %+v, want two requests over two generations", st.Live.Stats)
	}
	if ev := a.until(control.EventRequests); len(ev.Stats) != 1 || ev.Stats[0].Pattern != "/" || ev.Generation == 0 {
		t.Errorf("requests: generation %d, counters %+v", ev.Generation, ev.Stats)
	}

	// A mistake keeps the last good generation; mended, it is as if it never was.
	a.edit(file, "func now(", "func now(}")
	ev = a.until(control.EventKept)
	if len(ev.Diagnostics) == 0 || ev.Diagnostics[0].Code != manifest.CodeCompile || filepath.Base(ev.Diagnostics[0].File) != "handlers.go" || ev.Generation != 2 {
		t.Errorf("generation %d, diagnostics %v", ev.Generation, ev.Diagnostics)
	}
	a.serves("Welcome! Visit 3, and 2 since the last reload.")
	if st := a.status(control.StateKept); len(st.Problems) == 0 || st.Counts.Kept != 1 {
		t.Errorf("problems %v, counts %+v", st.Problems, st.Counts)
	}
	a.edit(file, "func now(}", "func now(")
	a.until(control.EventUnchanged)
	if st := a.status(control.StateLive); len(st.Problems) > 0 {
		t.Errorf("problems %v", st.Problems)
	}

	// Reload and rollback. A save that changes nothing ends the rollback.
	if ev, err := a.e.Reload(t.Context()); err != nil || ev.Kind != control.EventLive || ev.Predicted != nil {
		t.Errorf("reload: %s, predicted %+v, error %v", ev.Kind, ev.Predicted, err)
	}
	a.untilLive(3, manifest.RungHotSwap)
	if ev, err := a.e.Rollback(t.Context(), 1); err != nil || ev.Kind != control.EventRolledBack || ev.Generation != 1 {
		t.Errorf("rollback: %+v, error %v", ev, err)
	}
	a.until(control.EventRolledBack)
	a.serves("Hello! Visit 4, and 2 since the last reload.")
	if m, err := LastManifest(a.dir); err != nil || m.Generation != 1 {
		t.Errorf("manifest %+v, error %v", m, err)
	}
	a.edit(file, "Welcome!", "Welcome!")
	a.untilLive(4, manifest.RungHotSwap)
	a.serves("Welcome! Visit 5, and 1 since the last reload.")

	// A host package takes a new process on the same socket.
	a.edit("visits/visits.go", "c.n.Add(1)", "c.n.Add(10)")
	if ev := a.until(control.EventRestarting); len(ev.Diagnostics) != 1 || ev.Diagnostics[0].Code != manifest.CodeHostChanged {
		t.Errorf("the reasons for a restart are %v", ev.Diagnostics)
	}
	a.untilLive(5, manifest.RungWarmRestart)
	a.serves("Welcome! Visit 10, and 1 since the last reload.")
	st = a.status(control.StateLive)
	pids = append(pids, st.Live.PID)
	if want := (control.Counts{HotSwaps: 3, Restarts: 1, Kept: 1, Predicted: st.Counts.Predicted}); st.Counts != want || len(st.Problems) > 0 {
		t.Errorf("counts %+v, want %+v; problems %v", st.Counts, want, st.Problems)
	}
	if !slices.Equal(st.Host, []string{"example.com/hello", "example.com/hello/visits"}) || st.Main != "example.com/hello" || st.Handlers != "example.com/hello/handlers" {
		t.Errorf("main %s, handlers %s, host %v", st.Main, st.Handlers, st.Host)
	}

	a.stop()
	for _, pid := range pids {
		if err := syscall.Kill(pid, 0); !errors.Is(err, syscall.ESRCH) {
			t.Errorf("process %d is still there: %v", pid, err)
		}
	}
}

// TestEngineSpeculates: what was built ahead of a save is only loaded.
func TestEngineSpeculates(t *testing.T) {
	a := newApp(t)
	a.start()
	a.untilLive(1, "")
	const file = "handlers/handlers.go"
	path := filepath.Join(a.e.opts.Dir, file)
	for i, greeting := range []string{"Ahead!", "Further!"} {
		text := strings.Replace(readFile(t, path), []string{"Hello!", "Ahead!"}[i], greeting, 1)
		a.e.Speculate(map[string][]byte{path: []byte("package half typed")})
		a.e.Speculate(map[string][]byte{path: []byte(text)})
		for len(a.e.speculations) > 0 { // the loop takes it up
			runtime.Gosched()
		}
		a.serves([]string{"Hello! Visit 1, and 1 since the last reload.", "Ahead! Visit 3, and 2 since the last reload."}[i])
		writeFile(t, text, path)
		ev := a.untilLive(i+2, manifest.RungHotSwap)
		for _, step := range ev.Steps {
			if step.Name == control.StepCompile && step.Detail != "built ahead" || step.Name == control.StepLink && step.Detail != "thin, built ahead" {
				t.Errorf("step %+v", step)
			}
		}
		a.serves(greeting + []string{" Visit 2, and 1 since the last reload.", " Visit 4, and 1 since the last reload."}[i])
	}
	a.stop()
}

// stop has a client stop the engine, and sees that nothing is left.
func (a *app) stop() {
	a.Helper()
	client := transport.NewClient(SocketPath(a.dir))
	defer client.Close()
	if err := client.Post(a.Context(), control.PathStop, nil, nil); err != nil {
		a.Error(err)
	}
	a.until(control.EventStopped)
	if err := <-a.done; err != nil {
		a.Errorf("Run: %v", err)
	}
	if _, err := a.e.Restart(a.Context(), false); !errors.Is(err, errEnded) {
		a.Errorf("a restart after the end: %v", err)
	}
	if got, want := fmt.Sprint(names(a.T, a.dir, OutDir)), "[.gitignore history lock manifest.json]"; got != want {
		a.Errorf("left %s, want %s", got, want)
	}
	if c, err := net.Dial("tcp", strings.TrimPrefix(a.e.URL(), "http://")); !errors.Is(err, syscall.ECONNREFUSED) {
		a.Errorf("the address is still served: %v, %v", c, err)
	}
}

// TestMendedWhereItWasNotWatched: a package that the live server does not have
// has the mistake, so its directory is watched only because of it.
func TestMendedWhereItWasNotWatched(t *testing.T) {
	a := newApp(t)
	writeFile(t, "package words\n\nimport _ \"example.com/hello/none\"\n\nconst Hello = \"Good day!\"\n", a.dir, "words", "words.go")
	a.start()
	a.until(control.EventLive)
	text := readFile(t, a.dir, "handlers/handlers.go")
	text = strings.Replace(text, "import (", "import (\n\t\"example.com/hello/words\"\n", 1)
	writeFile(t, strings.Replace(text, `"Hello!`, `words.Hello+"`, 1), a.dir, "handlers/handlers.go")
	if ev := a.until(control.EventKept); len(ev.Diagnostics) == 0 || filepath.Base(ev.Diagnostics[0].File) != "words.go" {
		t.Errorf("diagnostics %v", ev.Diagnostics)
	}
	a.edit("words/words.go", "import _ \"example.com/hello/none\"\n", "")
	a.until(control.EventLive)
	a.serves("Good day! Visit 1, and 1 since the last reload.")
	a.stop()
}

// TestMendedByNewPackage: a package is imported before it is written, in a
// directory below one that is no package itself.
func TestMendedByNewPackage(t *testing.T) {
	a := newApp(t)
	writeFile(t, "no Go file\n", a.dir, "internal", "README")
	a.start()
	a.until(control.EventLive)
	a.edit("handlers/handlers.go", "import (", "import (\n\t\"example.com/hello/internal/text/words\"\n")
	if ev := a.until(control.EventKept); len(ev.Diagnostics) == 0 || filepath.Base(ev.Diagnostics[0].File) != "handlers.go" {
		t.Errorf("diagnostics %v", ev.Diagnostics)
	}
	a.edit("handlers/handlers.go", `"Hello!`, `words.Hello+"`)
	a.until(control.EventKept)
	writeFile(t, "package words\n\nconst Hello = \"Good day!\"\n", a.dir, "internal", "text", "words", "words.go")
	a.until(control.EventLive)
	a.serves("Good day! Visit 1, and 1 since the last reload.")
	a.stop()
}

// TestMovedProgram: the main package is found again where it was moved to, and
// so is the handlers package under another name.
func TestMovedProgram(t *testing.T) {
	a := newApp(t)
	a.start()
	a.untilLive(1, "")
	main := strings.ReplaceAll(readFile(t, a.dir, "main.go"), "example.com/hello/handlers", "example.com/hello/pages")
	writeFile(t, main, a.dir, "cmd/hello/main.go") // nobody looks there so far
	err := errors.Join(os.Remove(filepath.Join(a.dir, "main.go")), os.Rename(filepath.Join(a.dir, "handlers"), filepath.Join(a.dir, "pages")))
	if err != nil {
		t.Fatal(err)
	}
	if ev := a.until(control.EventLive); ev.Rung != manifest.RungWarmRestart {
		t.Errorf("live by %q", ev.Rung)
	}
	a.serves("Hello! Visit 1, and 1 since the last reload.")
	a.edit("pages/handlers.go", "Hello!", "Welcome!")
	if ev := a.until(control.EventLive); ev.Rung != manifest.RungHotSwap {
		t.Errorf("live by %q", ev.Rung)
	}
	a.serves("Welcome! Visit 2, and 1 since the last reload.")
	a.stop()
}

// TestOutDirDeleted: git clean -x takes the output directory away, with the socket
// on which the live server is asked.
func TestOutDirDeleted(t *testing.T) {
	a := newApp(t)
	a.start()
	a.untilLive(1, "")
	if err := os.RemoveAll(filepath.Join(a.dir, OutDir)); err != nil {
		t.Fatal(err)
	}
	a.edit("handlers/handlers.go", "Hello!", "Welcome!")
	if ev := a.until(control.EventWarning); !strings.Contains(ev.Message, "was deleted") {
		t.Errorf("warning %q", ev.Message)
	}
	a.untilLive(2, manifest.RungWarmRestart)
	a.serves("Welcome! Visit 1, and 1 since the last reload.")
	client := transport.NewClient(SocketPath(a.dir))
	defer client.Close()
	var status control.Status
	if err := client.Get(t.Context(), control.PathStatus, &status); err != nil || status.Generation != 2 {
		t.Errorf("generation %d, %v", status.Generation, err)
	}
	if _, err := openOutDir(a.dir); !errors.Is(err, ErrInUse) {
		t.Errorf("another engine: %v, want ErrInUse", err)
	}
	a.edit("handlers/handlers.go", "Welcome!", "Hi!")
	a.untilLive(3, manifest.RungHotSwap)
	a.serves("Hi! Visit 2, and 1 since the last reload.")
	a.cancel()
	a.until(control.EventStopped)
	if err := <-a.done; err != nil {
		t.Errorf("Run: %v", err)
	}
}

// TestLineDirectives: whatever //line says, what the live server reports stands
// where it is, also after a hot swap and a rollback.
func TestLineDirectives(t *testing.T) {
	a := newApp(t)
	const file = "handlers/handlers.go"
	a.edit(file, "// AnvilRegisterRoutes registers the routes of one generation.\n", "//line yaccpar:1\n")
	a.edit(file, "\tr.Get(\"/time\"", "/*line ../visits/visits.go:3:2*/\tr.Get(\"/time\"")
	a.edit(file, "func index(", "//line page.qtpl:40\nfunc index(")
	a.edit(file, "\treturn func(w", "\tsinceReload.Load()\n\treturn func(w")
	a.edit(file, "func now(w http.ResponseWriter, _ *http.Request) {", "//line other.go:5\nfunc now(w http.ResponseWriter, r *http.Request) {\n\tif r.URL.RawQuery != \"\" {\n\t\tpanic(\"asked\")\n\t}")
	writeFile(t, "package handlers\n\n\n\n\n\n\n\n\n", a.dir, "handlers", "other.go")
	places := func(routes []manifest.Route) {
		t.Helper()
		text := readFile(t, a.dir, file)
		for _, r := range routes {
			want := manifest.Position{File: filepath.Join(a.e.opts.Dir, file), Line: lineOf(text, `r.Get("`+r.Pattern+`"`)}
			if r.Position != want {
				t.Errorf("%s is registered at %s, want %s", r.Pattern, r.Position, want)
			}
		}
		if m, err := LastManifest(a.dir); err != nil || len(m.Routes) != 2 || m.Routes[0].Position.File != filepath.Join(a.e.opts.Dir, file) {
			t.Errorf("manifest %+v, error %v", m, err)
		}
	}
	panics := func() {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, a.e.URL()+"/time?panic", nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		d := a.until(control.EventPanic).Diagnostics[0]
		want := fmt.Sprintf("%s:%d", filepath.Join(a.e.opts.Dir, file), lineOf(readFile(t, a.dir, file), `panic("asked")`))
		if d.Position.String() != want || !strings.Contains(d.Detail, "\n\t"+want) || strings.Contains(d.Detail, "other.go") {
			t.Errorf("the panic is at %s, want %s; %s", d.Position, want, d.Detail)
		}
	}
	a.start()
	first := a.untilLive(1, "").Routes
	places(first)
	panics()
	a.edit(file, "// sinceReload starts", "var _ = 1 // and the lines move\n\n// sinceReload starts")
	places(a.untilLive(2, manifest.RungHotSwap).Routes)
	panics()
	if ev, err := a.e.Rollback(t.Context(), 1); err != nil || !slices.Equal(ev.Routes, first) {
		t.Errorf("after a rollback the routes are at %v, error %v, want %v", ev.Routes, err, first)
	}
	a.until(control.EventRolledBack)
	if live := a.status(control.StateLive).Live; !slices.Equal(live.Manifest.Routes, first) {
		t.Errorf("the status has %v, want %v", live.Manifest.Routes, first)
	}
	a.stop()
}

// lineOf returns the number of the first line with a text.
func lineOf(text, part string) int {
	before, _, _ := strings.Cut(text, part)
	return 1 + strings.Count(before, "\n")
}
