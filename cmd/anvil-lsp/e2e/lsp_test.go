package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"go.lsp.dev/protocol"

	"github.com/anvilforge/anvil-lsp/hotreload/control"
	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/internal/testkit/harness"
	"github.com/anvilforge/anvil-lsp/lspserver"
	"github.com/anvilforge/anvil-lsp/lspserver/lsptest"
)

// TestEditorStory is the main story: a warning before the save, a save that is
// a hot swap, one that needs a restart, and a compile error.
func TestEditorStory(t *testing.T) {
	e := harness.OpenEditor(t, harness.CopyApp(t, "blog"), nil)
	e.Open("handlers/pages.go")
	e.Open("handlers/feed.go")

	// Before the save: a warning, with where it is registered, for this version.
	e.Edit("handlers/pages.go", harness.ShowPost, harness.ShowPostBroken)
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
	e.Edit("handlers/pages.go", harness.ShowPostBroken, harness.ShowPost)
	e.Await("the warning to go", func(s *lsptest.State) bool { return !s.Has("handlers/pages.go", manifest.CodeSignature) })

	// A save that is a hot swap.
	e.Edit("handlers/feed.go", "Text: m.Text", `Text: "<" + m.Text`)
	e.Save("handlers/feed.go")
	e.Await("generation 2", func(s *lsptest.State) bool { return s.Live(2) && s.Ended("gen 2 live") })

	// One that needs a restart: the warning is gone with it.
	e.Edit("handlers/pages.go", harness.ShowPost, harness.ShowPostBroken)
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
func checkProgress(t *testing.T, e *harness.Editor) {
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
	dir := harness.CopyApp(t, "hello")
	answers := make(chan string, 1)
	e := harness.StartEditor(t, dir)
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
	e := harness.OpenEditor(t, harness.CopyApp(t, "hello"), map[string]any{"onSave": "manual"})
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
	dir := harness.CopyApp(t, "hello")
	e := harness.StartEditor(t, dir, "--stdio")
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
	dir := harness.CopyApp(t, "hello")
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
		e := harness.StartEditor(t, dir)
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
		e.End()
		nothing()
	}

	// A word that is none.
	e := harness.StartEditor(t, dir)
	e.Initialize(lsptest.Options{Root: dir, Init: map[string]any{"trusted": "true"}})
	e.Await("a session", func(s *lsptest.State) bool { return s.Only().State == lspserver.StateOff && s.Only().Message != "" })
	e.Look(func(s *lsptest.State) {
		if asks(s) {
			t.Error("asked though the client has said something")
		}
	})
	e.End()
	nothing()

	// The user says yes, and is not asked again.
	answer := make(chan string)
	e = harness.StartEditor(t, dir)
	e.Initialize(lsptest.Options{Root: dir, Untold: true, Answer: func(*protocol.ShowMessageRequestParams) string { return <-answer }})
	e.Await("the question", asks)
	nothing()
	answer <- "Run"
	e.Await("live", func(s *lsptest.State) bool { return s.Live(1) })
	if _, err := os.Stat(ran); err != nil {
		t.Error("what the user has allowed did not run")
	}
	e.End()
	e = harness.StartEditor(t, dir)
	e.Initialize(lsptest.Options{Root: dir, Untold: true})
	e.Await("live", func(s *lsptest.State) bool { return s.Live(1) })
	e.Look(func(s *lsptest.State) {
		if asks(s) {
			t.Error("asked again")
		}
	})

	// Taken back in a terminal: with the next save it ends.
	if out, err := exec.Command(harness.Binary(t), "trust", "--forget", dir).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	e.Open("handlers/handlers.go")
	e.Save("handlers/handlers.go")
	e.Await("the end of what was allowed", func(s *lsptest.State) bool { return s.Only().State == lspserver.StateOff })
	if out, err := exec.Command(harness.Binary(t), "trust", dir).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	e.Save("handlers/handlers.go")
	e.Await("live again", func(s *lsptest.State) bool { return s.Live(1) })
}

// TestEditorBeforeLive: what the source says is shown while the live server is
// still being linked and started.
func TestEditorBeforeLive(t *testing.T) {
	dir := harness.CopyApp(t, "hello")
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
	e := harness.StartEditor(t, dir)
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
	dir := harness.CopyApp(t, "hello")
	s := harness.Start(t, dir)
	e := harness.StartEditor(t, dir)
	e.Initialize(lsptest.Options{Root: dir})
	e.Await("the editor to be attached", func(st *lsptest.State) bool { return st.Only().Attached && st.Live(1) })
	e.Open("handlers/handlers.go")
	source := e.Text("handlers/handlers.go")

	// The same events in both; predictions in the editor, too.
	e.Replace("handlers/handlers.go", strings.Replace(source, "func AnvilRegisterRoutes(r *hotreload.RouteSink)", "func AnvilRegisterRoutes(r *hotreload.RouteSink, n int)", 1))
	e.Await("ANV003 before the save", func(st *lsptest.State) bool { return st.Has("handlers/handlers.go", manifest.CodeRegister) })
	e.Replace("handlers/handlers.go", source+"\nfunc init() { println(\"\\x1b[31msaid by generation 2\") }\n")
	e.Save("handlers/handlers.go")
	s.Wait(control.EventLive)
	e.Await("generation 2 in the editor", func(st *lsptest.State) bool {
		return st.Live(2) && st.Only().URL == s.URL && !st.Has("handlers/handlers.go", manifest.CodeRegister)
	})

	// What the application prints, too, though it is the terminal's.
	const said = "\x1b[31msaid by generation 2\n"
	harness.Until(t, "the output in the terminal", func() bool { return strings.Contains(s.Stderr.String(), said) })
	var log struct {
		Text string `json:"text"`
	}
	e.Must("anvil/log", map[string]any{"lines": 1}, &log)
	if log.Text != said {
		t.Errorf("the log in the editor ends with %q", log.Text)
	}

	// The terminal ends: the editor goes on.
	_ = s.Cmd.Process.Signal(syscall.SIGTERM)
	<-s.Exited
	e.Await("the editor to take over", func(st *lsptest.State) bool { return !st.Only().Attached && st.Live(1) && st.Only().Generation == 1 })
	e.Replace("handlers/handlers.go", source+"\nvar _ = 2\n")
	e.Save("handlers/handlers.go")
	e.Await("a save of its own", func(st *lsptest.State) bool { return st.Live(2) })

	// A terminal beside the editor, and the editor ends.
	second := harness.Launch(t, dir)
	second.WaitFor("events of the editor's engine", func(ev control.Event) bool { return ev.URL != "" })
	e.Replace("handlers/handlers.go", source+"\nfunc init() { println(\"said by generation 3\") }\n")
	e.Save("handlers/handlers.go")
	harness.Until(t, "the output in the terminal", func() bool { return strings.Contains(second.Stderr.String(), "said by generation 3\n") })
	e.End()
	second.WaitFor("the terminal to take over", func(ev control.Event) bool { return ev.Kind == control.EventLive && ev.Generation == 1 })
}

// TestEditorAlone: predictions without an engine follow what is typed on top of
// code that cannot be loaded, and what changes on disk.
func TestEditorAlone(t *testing.T) {
	const register, broken = "(r *hotreload.RouteSink) {", "(r *hotreload.RouteSink, n int) {"
	dir := harness.CopyApp(t, "hello")
	e := harness.StartEditor(t, dir)
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
		e := harness.StartEditor(t, t.TempDir(), "--stdio")
		e.Initialize(lsptest.Options{Root: e.Dir})
		e.Notify("exit", nil)
		if code := e.Wait(); code != 1 {
			t.Errorf("exit code %d", code)
		}
	})
	t.Run("shutdown", func(t *testing.T) {
		e := harness.StartEditor(t, t.TempDir())
		e.Initialize(lsptest.Options{Root: e.Dir})
		e.Shutdown()
		if code := e.Wait(); code != 0 {
			t.Errorf("exit code %d", code)
		}
	})
	t.Run("the client is gone", func(t *testing.T) {
		e := harness.StartEditor(t, t.TempDir())
		e.Initialize(lsptest.Options{Root: e.Dir})
		e.Stdin.Close()
		if code := e.Wait(); code != 1 {
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

// TestEditorLarge: in two hundred packages everything is found, and a keystroke
// in one of them is answered.
func TestEditorLarge(t *testing.T) {
	e := harness.OpenEditor(t, harness.MakeLarge(t), nil)
	e.Look(func(s *lsptest.State) {
		if n := len(s.Messages); n > 0 {
			t.Errorf("messages: %q", s.Messages)
		}
	})
	if status, body := e.Get("/p119/"); status != 200 || strings.Count(body, "p11") != 10 {
		t.Errorf("%d %s", status, body)
	}
	const file = "handlers/p119/p119.go"
	e.Open(file)
	e.Edit(file, harness.LargeHandler, harness.LargeHandlerBroken)
	e.Await("ANV001", func(s *lsptest.State) bool { return s.Has(file, manifest.CodeSignature) })
}
