package e2e

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.lsp.dev/protocol"

	"github.com/anvilforge/anvil-lsp/hotreload/control"
	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/internal/testkit"
	"github.com/anvilforge/anvil-lsp/lspserver"
	"github.com/anvilforge/anvil-lsp/lspserver/lsptest"
)

// editor is a fake editor with the built binary as its language server.
type editor struct {
	*lsptest.Editor
	t      testing.TB
	dir    string
	cmd    *exec.Cmd
	stdin  io.WriteCloser
	stdout io.ReadCloser
	stderr *testkit.Buffer
	exited chan struct{}
	err    error // of the process, when exited is closed
}

// startEditor starts the language server for a directory. Nothing was said yet.
func startEditor(t testing.TB, dir string, args ...string) *editor {
	t.Helper()
	e := startProcess(t, dir, args...)
	e.Editor = lsptest.New(t, e.stdout, e.stdin)
	t.Cleanup(func() {
		e.end()
		e.AwaitEnd()
		e.stdout.Close()
	})
	return e
}

// startProcess starts the language server; nobody reads what it says.
func startProcess(t testing.TB, dir string, args ...string) *editor {
	t.Helper()
	e := &editor{t: t, dir: dir, stderr: new(testkit.Buffer), exited: make(chan struct{})}
	e.cmd = exec.Command(binary, args...)
	e.cmd.Stderr = e.stderr
	e.cmd.Dir = t.TempDir() // the working directory must not matter
	stdin, err := e.cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	// Not StdoutPipe: Wait would close it under the reader.
	out, server, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	e.cmd.Stdout = server
	if err := e.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	server.Close()
	e.stdin, e.stdout = stdin, out
	go func() {
		e.err = e.cmd.Wait()
		close(e.exited)
	}()
	t.Cleanup(func() {
		select {
		case <-e.exited:
		default:
			_ = e.cmd.Process.Kill()
			<-e.exited
		}
	})
	return e
}

// openEditor starts the language server and waits until the application is
// live.
func openEditor(t testing.TB, dir string, settings map[string]any) *editor {
	t.Helper()
	e := startEditor(t, dir)
	e.Initialize(lsptest.Options{Root: dir, Settings: settings})
	e.Await("the application to be live", func(s *lsptest.State) bool { return s.Live(1) })
	return e
}

// end ends the language server as an editor does that is closed.
func (e *editor) end() {
	select {
	case <-e.exited:
		return
	default:
	}
	e.Begin("shutdown", nil)
	e.Notify("exit", nil)
	select {
	case <-e.exited:
		if e.err != nil {
			e.t.Errorf("the language server ended with %v", e.err)
		}
	case <-time.After(time.Minute):
		_ = e.cmd.Process.Kill()
		<-e.exited
		e.t.Error("the language server did not end")
	}
	if text := e.stderr.String(); text != "" {
		e.t.Errorf("standard error of the language server:\n%s", text[max(0, len(text)-4000):])
	}
}

// wait waits for the end of the process and returns its exit code.
func (e *editor) wait() int {
	e.t.Helper()
	select {
	case <-e.exited:
		return e.cmd.ProcessState.ExitCode()
	case <-time.After(patience):
		e.t.Fatal("the language server did not end")
		return 0
	}
}

const (
	showPost       = "func (a *app) showPost(c *hotreload.Ctx) error {"
	showPostBroken = "func (a *app) showPost(w http.ResponseWriter, r *http.Request) error {\n\tvar c *hotreload.Ctx"
)

// TestEditorStory is the main story: a warning before the save, a save that is
// a hot swap, one that needs a restart, and a compile error.
func TestEditorStory(t *testing.T) {
	e := openEditor(t, copyApp(t, "blog"), nil)
	e.Open("handlers/pages.go")
	e.Open("handlers/feed.go")

	// Before the save: a warning, with where it is registered, for this version.
	e.Edit("handlers/pages.go", showPost, showPostBroken)
	e.Await("ANV001 before the save", func(s *lsptest.State) bool { return s.Has("handlers/pages.go", manifest.CodeSignature) })
	e.Look(func(s *lsptest.State) {
		p := s.In("handlers/pages.go")
		d, _ := s.Find("handlers/pages.go", manifest.CodeSignature)
		if p.Version == nil || *p.Version != 2 {
			t.Errorf("published for version %v, want 2", p.Version)
		}
		if len(d.RelatedInformation) == 0 || d.CodeDescription.Href == "" || d.Data == nil {
			t.Errorf("without related information, link or data: %+v", d)
		}
		if s.Only().Generation != 1 {
			t.Error("something was built without a save")
		}
	})
	e.Edit("handlers/pages.go", showPostBroken, showPost)
	e.Await("the warning to go", func(s *lsptest.State) bool { return !s.Has("handlers/pages.go", manifest.CodeSignature) })

	// A save that is a hot swap.
	e.Edit("handlers/feed.go", "Text: m.Text", `Text: "<" + m.Text`)
	e.Save("handlers/feed.go")
	e.Await("generation 2", func(s *lsptest.State) bool { return s.Live(2) && s.Ended("gen 2 live") })

	// One that needs a restart: the warning is gone with it.
	e.Edit("handlers/pages.go", showPost, showPostBroken)
	e.Await("ANV001 before the save", func(s *lsptest.State) bool { return s.Has("handlers/pages.go", manifest.CodeSignature) })
	e.Save("handlers/pages.go")
	e.Await("a restart", func(s *lsptest.State) bool { return s.Live(3) && s.Only().Counts.Restarts == 1 })
	e.Await("no warning after it", func(s *lsptest.State) bool { return !s.Has("handlers/pages.go", manifest.CodeSignature) })

	// A compile error: gopls shows it while typing, anvil after the save, and
	// only as long as the text is the one that was saved.
	e.Edit("handlers/feed.go", `Text: "<" + m.Text`, `Text: 1 + m.Text`)
	e.Edit("handlers/pages.go", "var c *hotreload.Ctx", "var c  *hotreload.Ctx") // something to wait for
	e.Save("handlers/feed.go")
	e.Await("the compile error", func(s *lsptest.State) bool {
		return s.Has("handlers/feed.go", manifest.CodeCompile) && s.Only().State == control.StateKept
	})
	e.Edit("handlers/feed.go", `Text: 1 + m.Text`, `Text: m.Text`)
	e.Await("the compile error to go", func(s *lsptest.State) bool { return !s.Has("handlers/feed.go", manifest.CodeCompile) })
	e.Save("handlers/feed.go")
	e.Await("a generation after the mistake", func(s *lsptest.State) bool { return s.Live(4) })
	e.Look(func(s *lsptest.State) {
		if c := s.Only().Counts; c.Mispredicted != 0 {
			t.Errorf("%d of %d saves came otherwise than predicted", c.Mispredicted, c.Predicted)
		}
	})
	checkProgress(t, e)
}

// checkProgress checks that every progress has one beginning and one end.
func checkProgress(t *testing.T, e *editor) {
	t.Helper()
	e.Await("the end of all progress", func(s *lsptest.State) bool {
		open := map[string]int{}
		for _, p := range s.Progress {
			switch p.Kind {
			case "begin":
				open[p.Token]++
			case "end":
				open[p.Token]--
			}
		}
		for _, n := range open {
			if n != 0 {
				return false
			}
		}
		return len(open) > 0
	})
}

// TestEditorPolicies: what needs a restart is asked about once, and the answer
// is remembered.
func TestEditorPolicies(t *testing.T) {
	config := t.TempDir()
	t.Setenv("XDG_CONFIG_HOME", config)
	dir := copyApp(t, "hello")
	answers := make(chan string, 1)
	e := startEditor(t, dir)
	asked := make(chan string, 10)
	opts := lsptest.Options{Root: dir, Settings: map[string]any{"onBreak": "ask"}}
	opts.Answer = answerer(asked, answers)
	e.Initialize(opts)
	e.Await("live", func(s *lsptest.State) bool { return s.Live(1) })
	e.Open("visits/visits.go")
	source := e.Text("visits/visits.go")

	answers <- "Keep old"
	e.Replace("visits/visits.go", source+"\nvar One = 1\n")
	e.Save("visits/visits.go")
	if q := <-asked; !strings.HasPrefix(q, "Restart the live server? One in ") || strings.Contains(q, ":") {
		t.Errorf("asked %q", q)
	}
	e.Await("the old code stays", func(s *lsptest.State) bool {
		return s.Only().State == control.StateKept && s.Has("visits/visits.go", manifest.CodeHostChanged)
	})

	answers <- "Always restart"
	e.Replace("visits/visits.go", source+"\nvar Two = 2\n")
	e.Save("visits/visits.go")
	<-asked
	e.Await("a restart", func(s *lsptest.State) bool { return s.Live(2) && !s.Has("visits/visits.go", manifest.CodeHostChanged) })

	e.Replace("visits/visits.go", source+"\nvar Three = 3\n")
	e.Save("visits/visits.go")
	e.Await("a restart without a question", func(s *lsptest.State) bool { return s.Live(3) })
	if len(asked) != 0 {
		t.Errorf("asked again: %s", <-asked)
	}
	// It is the user's decision, and not one that a checkout could bring.
	kept, err := filepath.Glob(filepath.Join(config, "anvil-lsp", "decisions", "*.json"))
	if err != nil || len(kept) != 1 {
		t.Fatalf("decisions are kept in %q, %v", kept, err)
	}
	data, err := os.ReadFile(kept[0])
	if err != nil || !strings.Contains(string(data), "ANV002") {
		t.Errorf("%s: %s %v", kept[0], data, err)
	}
}

// TestEditorSaveModes: manual saves wait until they are asked for; noErrors
// waits for code without errors.
func TestEditorSaveModes(t *testing.T) {
	e := openEditor(t, copyApp(t, "hello"), map[string]any{"onSave": "manual"})
	e.Open("handlers/handlers.go")
	source := e.Text("handlers/handlers.go")
	edit := func(text string) string { return source + "\nvar _ = " + text + "\n" }

	e.Replace("handlers/handlers.go", edit("1"))
	e.Save("handlers/handlers.go")
	e.Await("the change to wait", func(s *lsptest.State) bool { return slices.ContainsFunc(s.Statuses, waits) })
	e.Command("anvil.reload", nil, nil)
	e.Await("generation 2", func(s *lsptest.State) bool { return s.Live(2) })

	e.Configure(map[string]any{"onSave": "noErrors"})
	e.Await("the mode", func(s *lsptest.State) bool { return !s.Only().Paused })
	e.Replace("handlers/handlers.go", edit("undefined"))
	e.Save("handlers/handlers.go")
	e.Await("the change to wait", func(s *lsptest.State) bool { return waits(s.Only()) })
	e.Replace("handlers/handlers.go", edit("2")) // on disk is still the mistake
	e.Await("the prediction for what is typed", func(s *lsptest.State) bool {
		v := s.In("handlers/handlers.go").Version
		return v != nil && *v == e.Version("handlers/handlers.go")
	})
	e.Save("handlers/handlers.go")
	e.Await("generation 3", func(s *lsptest.State) bool { return s.Live(3) })
	e.Look(func(s *lsptest.State) {
		if s.Only().Counts.Kept != 0 {
			t.Error("code with errors was built")
		}
	})

	e.Command("anvil.pause", nil, nil)
	e.Await("the pause", func(s *lsptest.State) bool { return s.Only().Paused })
	e.Replace("handlers/handlers.go", edit("3"))
	e.Save("handlers/handlers.go")
	e.Await("the change to wait", func(s *lsptest.State) bool { return waits(s.Only()) })
	e.Configure(map[string]any{"onSave": "always"})
	e.Command("anvil.resume", nil, nil)
	e.Await("generation 4", func(s *lsptest.State) bool { return s.Live(4) && !s.Only().Paused })
}

// TestEditorTrust: nothing is built or run before the client says so.
func TestEditorTrust(t *testing.T) {
	dir := copyApp(t, "hello")
	e := startEditor(t, dir, "--stdio")
	e.Initialize(lsptest.Options{Root: dir, Init: map[string]any{"trusted": false}})
	e.Await("a session", func(s *lsptest.State) bool { return s.Only().State == "off" && s.Only().Message != "" })
	e.Open("handlers/handlers.go")
	if err := e.Call("workspace/executeCommand", map[string]any{"command": "anvil.start"}, nil); err == nil {
		t.Error("anvil.start was carried out without trust")
	}
	if _, err := os.Stat(e.Path(".anvil")); err == nil {
		t.Error("something was written without trust")
	}
	e.Notify("anvil/trust", map[string]any{"trusted": true})
	e.Await("live", func(s *lsptest.State) bool { return s.Live(1) })
}

// TestEditorAsks: a client that says nothing about trust has its user asked. What
// a checkout brings does not run before the answer, whatever it is.
func TestEditorAsks(t *testing.T) {
	dir := copyApp(t, "hello")
	t.Setenv("XDG_CONFIG_HOME", t.TempDir())
	ran := filepath.Join(t.TempDir(), "ran")
	evil := "package main\n\nimport \"os\"\n\nfunc init() { _ = os.WriteFile(" + strconv.Quote(ran) + ", nil, 0o600) }\n"
	if err := os.WriteFile(filepath.Join(dir, "evil.go"), []byte(evil), 0o666); err != nil {
		t.Fatal(err)
	}
	nothing := func() {
		t.Helper()
		for _, path := range []string{ran, filepath.Join(dir, ".anvil")} {
			if _, err := os.Lstat(path); err == nil {
				t.Errorf("%s is there before trust", path)
			}
		}
	}
	const question = "Run the code in "
	asks := func(s *lsptest.State) bool {
		return slices.ContainsFunc(s.Messages, func(m string) bool { return strings.HasPrefix(m, question+dir) })
	}
	howTo := func(s *lsptest.State) bool {
		return slices.ContainsFunc(s.Messages, func(m string) bool { return strings.Contains(m, "anvil-lsp trust "+dir) })
	}

	// Nobody answers.
	for _, init := range []map[string]any{nil, {"trusted": nil}} {
		e := startEditor(t, dir)
		e.Initialize(lsptest.Options{Root: dir, Init: init, Untold: true})
		e.Open("handlers/handlers.go")
		e.Await("what to do instead of an answer", howTo)
		e.Save("handlers/handlers.go")
		if err := e.Call("workspace/executeCommand", map[string]any{"command": "anvil.start"}, nil); err == nil {
			t.Error("anvil.start was carried out without trust")
		}
		e.Look(func(s *lsptest.State) {
			if s.Only().State != lspserver.StateOff {
				t.Errorf("without an answer it is %s", s.Only().State)
			}
		})
		e.end()
		nothing()
	}

	// A word that is none.
	e := startEditor(t, dir)
	e.Initialize(lsptest.Options{Root: dir, Init: map[string]any{"trusted": "true"}})
	e.Await("a session", func(s *lsptest.State) bool { return s.Only().State == lspserver.StateOff && s.Only().Message != "" })
	e.Look(func(s *lsptest.State) {
		if asks(s) {
			t.Error("asked though the client has said something")
		}
	})
	e.end()
	nothing()

	// The user says yes, and is not asked again.
	answer := make(chan string)
	e = startEditor(t, dir)
	e.Initialize(lsptest.Options{Root: dir, Untold: true, Answer: func(*protocol.ShowMessageRequestParams) string { return <-answer }})
	e.Await("the question", asks)
	nothing()
	answer <- "Run"
	e.Await("live", func(s *lsptest.State) bool { return s.Live(1) })
	if _, err := os.Stat(ran); err != nil {
		t.Error("what the user has allowed did not run")
	}
	e.end()
	e = startEditor(t, dir)
	e.Initialize(lsptest.Options{Root: dir, Untold: true})
	e.Await("live", func(s *lsptest.State) bool { return s.Live(1) })
	e.Look(func(s *lsptest.State) {
		if asks(s) {
			t.Error("asked again")
		}
	})

	// Taken back in a terminal: with the next save it ends.
	if out, err := exec.Command(binary, "trust", "--forget", dir).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	e.Open("handlers/handlers.go")
	e.Save("handlers/handlers.go")
	e.Await("the end of what was allowed", func(s *lsptest.State) bool { return s.Only().State == lspserver.StateOff })
	if out, err := exec.Command(binary, "trust", dir).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	e.Save("handlers/handlers.go")
	e.Await("live again", func(s *lsptest.State) bool { return s.Live(1) })
}

// TestEditorBeforeLive: what the source says is shown while the live server is
// still being linked and started.
func TestEditorBeforeLive(t *testing.T) {
	dir := copyApp(t, "hello")
	main := filepath.Join(dir, "main.go")
	source, err := os.ReadFile(main)
	if err != nil {
		t.Fatal(err)
	}
	const connects = "c := hotreload.NewContainer()"
	waits := strings.NewReplacer(`"syscall"`, "\"syscall\"\n\t\"time\"", connects, `for _, err := os.Stat("go"); err != nil; _, err = os.Stat("go") {
		time.Sleep(5 * time.Millisecond)
	}
	`+connects).Replace(string(source))
	if err := os.WriteFile(main, []byte(waits), 0o666); err != nil {
		t.Fatal(err)
	}
	e := startEditor(t, dir)
	e.Initialize(lsptest.Options{Root: dir})
	e.Open("handlers/handlers.go")
	const register = `r.Get("/time", now)`
	e.Await("what is package-level state", func(s *lsptest.State) bool { return s.Has("handlers/handlers.go", manifest.CodePackageState) })
	e.Edit("handlers/handlers.go", register, register+"\n\t"+register)
	e.Await("a route that is registered twice", func(s *lsptest.State) bool { return s.Has("handlers/handlers.go", manifest.CodeRoute) })
	e.Edit("handlers/handlers.go", register+"\n\t"+register, register)
	e.Look(func(s *lsptest.State) {
		if st := s.Only(); st.Generation != 0 || st.State != control.StateBuilding {
			t.Errorf("generation %d is %s: this was to be shown before it is live", st.Generation, st.State)
		}
	})
	e.Write("go", "")
	e.Await("live", func(s *lsptest.State) bool { return s.Live(1) && !s.Has("handlers/handlers.go", manifest.CodeRoute) })
}

// TestEditorBesideServe: whichever was first has the live server, and the other
// takes over when it ends.
func TestEditorBesideServe(t *testing.T) {
	dir := copyApp(t, "hello")
	s := start(t, dir)
	e := startEditor(t, dir)
	e.Initialize(lsptest.Options{Root: dir})
	e.Await("the editor to be attached", func(st *lsptest.State) bool { return st.Only().Attached && st.Live(1) })
	e.Open("handlers/handlers.go")
	source := e.Text("handlers/handlers.go")

	// The same events in both; predictions in the editor, too.
	e.Replace("handlers/handlers.go", strings.Replace(source, "func AnvilRegisterRoutes(r *hotreload.RouteSink)", "func AnvilRegisterRoutes(r *hotreload.RouteSink, n int)", 1))
	e.Await("ANV003 before the save", func(st *lsptest.State) bool { return st.Has("handlers/handlers.go", manifest.CodeRegister) })
	e.Replace("handlers/handlers.go", source+"\nfunc init() { println(\"\\x1b[31msaid by generation 2\") }\n")
	e.Save("handlers/handlers.go")
	s.wait(control.EventLive)
	e.Await("generation 2 in the editor", func(st *lsptest.State) bool {
		return st.Live(2) && st.Only().URL == s.URL && !st.Has("handlers/handlers.go", manifest.CodeRegister)
	})

	// What the application prints, too, though it is the terminal's.
	const said = "\x1b[31msaid by generation 2\n"
	until(t, "the output in the terminal", func() bool { return strings.Contains(s.stderr.String(), said) })
	var log struct {
		Text string `json:"text"`
	}
	e.Must("anvil/log", map[string]any{"lines": 1}, &log)
	if log.Text != said {
		t.Errorf("the log in the editor ends with %q", log.Text)
	}

	// The terminal ends: the editor goes on.
	_ = s.cmd.Process.Signal(syscall.SIGTERM)
	<-s.exited
	e.Await("the editor to take over", func(st *lsptest.State) bool { return !st.Only().Attached && st.Live(1) && st.Only().Generation == 1 })
	e.Replace("handlers/handlers.go", source+"\nvar _ = 2\n")
	e.Save("handlers/handlers.go")
	e.Await("a save of its own", func(st *lsptest.State) bool { return st.Live(2) })

	// A terminal beside the editor, and the editor ends.
	second := launch(t, dir)
	second.waitFor("events of the editor's engine", func(ev control.Event) bool { return ev.URL != "" })
	e.Replace("handlers/handlers.go", source+"\nfunc init() { println(\"said by generation 3\") }\n")
	e.Save("handlers/handlers.go")
	until(t, "the output in the terminal", func() bool { return strings.Contains(second.stderr.String(), "said by generation 3\n") })
	e.end()
	second.waitFor("the terminal to take over", func(ev control.Event) bool { return ev.Kind == control.EventLive && ev.Generation == 1 })
}

// TestEditorAlone: predictions without an engine follow what is typed on top of
// code that cannot be loaded, and what changes on disk.
func TestEditorAlone(t *testing.T) {
	const register, broken = "(r *hotreload.RouteSink) {", "(r *hotreload.RouteSink, n int) {"
	dir := copyApp(t, "hello")
	e := startEditor(t, dir)
	e.Initialize(lsptest.Options{Root: dir, Settings: map[string]any{"autoStart": false}})
	e.Open("handlers/handlers.go")
	e.Edit("handlers/handlers.go", register, broken)
	at := func(line uint32) func(*lsptest.State) bool {
		return func(s *lsptest.State) bool {
			d, ok := s.Find("handlers/handlers.go", manifest.CodeRegister)
			return ok && d.Range.Start.Line == line
		}
	}
	line := uint32(strings.Count(e.Text("handlers/handlers.go")[:strings.Index(e.Text("handlers/handlers.go"), broken)], "\n"))
	e.Await("ANV003", at(line))

	e.Edit("handlers/handlers.go", `"fmt"`, "\"fmt\"\n\t_ \"nowhere.example/x\"")
	e.Save("handlers/handlers.go")
	e.Await("ANV003 a line below", at(line+1))
	e.Edit("handlers/handlers.go", "import (", "\n\nimport (")
	e.Await("ANV003 three lines below", at(line+3))
	e.Edit("handlers/handlers.go", broken, register)
	e.Await("no ANV003", func(s *lsptest.State) bool { return !s.Has("handlers/handlers.go", manifest.CodeRegister) })

	// Another program changes a file that nobody has open.
	e.Edit("handlers/handlers.go", "\n\t_ \"nowhere.example/x\"", "")
	e.Save("handlers/handlers.go")
	e.Await("the files to be watched", func(s *lsptest.State) bool { return s.Requests["client/registerCapability"] > 1 })
	e.Write("handlers/more.go", "package handlers\n\nvar more []string\n\nfunc remember(s string) { more = append(more, s) }\n")
	e.Notify("workspace/didChangeWatchedFiles", map[string]any{"changes": []any{map[string]any{"uri": e.URI("handlers/more.go"), "type": 1}}})
	e.Await("ANV007 in a file that is new on disk", func(s *lsptest.State) bool { return s.Has("handlers/more.go", manifest.CodePackageState) })
}

// TestEditorLifecycle: exit codes and answers at the wrong time.
func TestEditorLifecycle(t *testing.T) {
	t.Run("exit without shutdown", func(t *testing.T) {
		e := startEditor(t, t.TempDir(), "--stdio")
		e.Initialize(lsptest.Options{Root: e.dir})
		e.Notify("exit", nil)
		if code := e.wait(); code != 1 {
			t.Errorf("exit code %d", code)
		}
	})
	t.Run("shutdown", func(t *testing.T) {
		e := startEditor(t, t.TempDir())
		e.Initialize(lsptest.Options{Root: e.dir})
		e.Shutdown()
		if code := e.wait(); code != 0 {
			t.Errorf("exit code %d", code)
		}
	})
	t.Run("the client is gone", func(t *testing.T) {
		e := startEditor(t, t.TempDir())
		e.Initialize(lsptest.Options{Root: e.dir})
		e.stdin.Close()
		if code := e.wait(); code != 1 {
			t.Errorf("exit code %d", code)
		}
	})
}

// waits reports whether a change waits to be asked for.
func waits(st lspserver.Status) bool { return strings.Contains(st.Message, "waits") }

// answerer is a user who says what the test says.
func answerer(asked chan<- string, answers <-chan string) func(*protocol.ShowMessageRequestParams) string {
	return func(p *protocol.ShowMessageRequestParams) string {
		asked <- p.Message
		return <-answers
	}
}
