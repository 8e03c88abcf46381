package e2e

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/anvilforge/anvil-lsp/hotreload/control"
	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/internal/testkit/harness"
)

// TestMistakes makes every mistake that code can have. Each time the last good
// generation keeps serving, the event says what and where, and once the
// mistake is mended the next save goes live.
func TestMistakes(t *testing.T) {
	s := harness.Start(t, harness.CopyApp(t, "hello"))
	const file = "handlers/handlers.go"
	original := s.Read(file)
	mod := s.Read("go.mod")
	register := "func AnvilRegisterRoutes(r *hotreload.RouteSink) {"
	if !strings.Contains(original, register) {
		t.Fatalf("%s does not contain %q", file, register)
	}
	replace := func(old, new string) func() {
		return func() { s.Save(file, strings.Replace(original, old, new, 1)) }
	}
	tests := []struct {
		name    string
		mistake func()
		code    manifest.Code
		at      string // file:line prefix
		message string
	}{
		{"syntax error", replace(register, register+"\n\tif {\n"), manifest.CodeCompile, file + ":", "syntax error"},
		{"type error", replace(register, register+"\n\tvar _ int = \"one\"\n"), manifest.CodeCompile, file + ":", "cannot use"},
		{"deleted handlers file", func() {
			if err := os.Remove(s.Path(file)); err != nil {
				t.Fatal(err)
			}
		}, manifest.CodeRegister, "handlers/extra.go:1", "must export"},
		{"panic in init", replace(register, "func init() { panic(\"no init\") }\n\n"+register), manifest.CodeRegistration, file + ":", "no init"},
		{"panic in registration", replace(register, register+"\n\tpanic(\"no routes\")\n"), manifest.CodeRegistration, file + ":", "no routes"},
		{"registration that fails", replace(register, register+"\n\tr.Fail(errFail)\n"), manifest.CodeRegistration, file + ":", "not today"},
		{"endless loop in registration", replace(register, register+"\n\tfor {\n\t\tr.Generation()\n\t}\n"), manifest.CodeRegistration, file + ":", ""},
		{"wrong signature", replace(register, "func AnvilRegisterRoutes(r *hotreload.RouteSink, _ int) {"), manifest.CodeRegister, file + ":", "func(*hotreload.RouteSink, int)"},
		{"renamed", replace("func AnvilRegisterRoutes", "func AnvilRegisterRouts"), manifest.CodeRegister, "handlers/extra.go:1", "must export"},
		{"duplicate route", replace(register, register+"\n\tr.Get(\"/twice\", twice)\n\tr.Get(\"/twice\", twice)\n"), manifest.CodeRoute, file + ":", "/twice"},
		{"bad pattern", replace(register, register+"\n\tr.Get(\"/{id\", twice)\n"), manifest.CodeRoute, file + ":", "/{id"},
		{"unsupported handler", replace(register, register+"\n\tr.Get(\"/odd\", 42)\n"), manifest.CodeHandlerKind, file + ":", "int"},
		{"go.mod half typed", func() { s.Save("go.mod", mod+"\nrequire (\n\tgithub.com/\n") }, manifest.CodeModuleChanged, "go.mod:", ""},
	}
	s.Save("handlers/extra.go", "package handlers\n\nimport (\n\t\"errors\"\n\t\"net/http\"\n)\n\nvar errFail = errors.New(\"not today\")\n\nfunc twice(http.ResponseWriter, *http.Request) {}\n")
	s.Wait(control.EventLive)
	for n, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s.T = t
			tt.mistake()
			ev := s.Wait(control.EventKept)
			if len(ev.Diagnostics) == 0 {
				t.Fatalf("kept without a diagnostic: %s", ev.Message)
			}
			d := ev.Diagnostics[0]
			at, _ := filepath.Rel(s.Dir, d.Position.String())
			if d.Code != tt.code || !strings.HasPrefix(at, tt.at) || !strings.Contains(d.Message, tt.message) {
				t.Errorf("%s: %s\nwant %s at %s, with %q", at, d, tt.code, tt.at, tt.message)
			}
			s.Get("/time") // the last good generation serves
			mended := fmt.Sprintf("// mended %d\n%s", n, original)
			if s.Read("go.mod") != mod {
				s.Save("go.mod", mod)
				s.Wait(control.EventUnchanged)
			}
			s.Save(file, mended)
			if ev := s.Wait(control.EventLive); ev.Rung != manifest.RungHotSwap {
				t.Errorf("after the mistake was mended: rung %q because of %v", ev.Rung, ev.Diagnostics)
			}
			s.Get("/time")
		})
	}
	s.T = t
}

// TestBrokenFromTheStart: the engine answers in the application's place until
// it builds.
func TestBrokenFromTheStart(t *testing.T) {
	dir := harness.CopyApp(t, "hello")
	file := filepath.Join(dir, "handlers/handlers.go")
	good, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, append(good, "\nvar x int = nil\n"...), 0o666); err != nil {
		t.Fatal(err)
	}
	s := harness.Launch(t, dir)
	s.Wait(control.EventKept)
	if status, body := s.Try("/"); status != 503 || !strings.Contains(body, "nil") || !strings.Contains(body, "handlers.go") {
		t.Errorf("the page in the application's place: %d %s", status, body)
	}
	s.Save("handlers/handlers.go", string(good))
	s.Wait(control.EventLive)
	s.Get("/")
}

// TestCrash: a process that ends by itself comes back with the generation that
// it served.
func TestCrash(t *testing.T) {
	s := harness.Start(t, harness.CopyApp(t, "hello"))
	s.Edit("handlers/handlers.go", "func AnvilRegisterRoutes(r *hotreload.RouteSink) {",
		"func AnvilRegisterRoutes(r *hotreload.RouteSink) {\n\tr.Get(\"/crash\", func(w http.ResponseWriter, r *http.Request) {\n\t\tgo panic(\"the end\")\n\t\tselect {}\n\t})\n")
	gen := s.Wait(control.EventLive).Generation
	pid := s.Live().Live.PID
	if res, err := s.Client.Get(s.URL + "/crash"); err == nil {
		res.Body.Close()
	}
	ev := s.WaitFor("exit", func(ev control.Event) bool { return ev.Kind == control.EventExited })
	if len(ev.Diagnostics) == 0 || ev.Diagnostics[0].Code != manifest.CodeLiveServer || !strings.Contains(ev.Diagnostics[0].Message, "the end") || ev.Diagnostics[0].File != s.Path("handlers/handlers.go") {
		t.Errorf("exit: %v", ev.Diagnostics)
	}
	s.WaitFor("recovery", func(ev control.Event) bool { return ev.Kind == control.EventRecovered })
	harness.Until(t, "the application answers again", func() bool { code, _ := s.Try("/time"); return code == 200 })
	st := s.Live()
	if st.Live.PID == pid || st.Generation != gen || st.Counts.Crashes != 1 {
		t.Errorf("after the crash: %+v", st)
	}
	// And an exit while a plugin is loaded does not come back.
	good := s.Read("handlers/handlers.go")
	s.Save("handlers/handlers.go", good+"\nfunc init() { os.Exit(3) }\n")
	s.Save("handlers/handlers.go", strings.Replace(good, "import (", "import (\n\t\"os\"", 1)+"\nfunc init() { os.Exit(3) }\n")
	s.WaitFor("a generation that ends the process is not kept", func(ev control.Event) bool {
		return ev.Kind == control.EventKept && len(ev.Diagnostics) > 0 && ev.Diagnostics[0].Code == manifest.CodeLiveServer
	})
	harness.Until(t, "the last good generation serves", func() bool { code, _ := s.Try("/time"); return code == 200 })
	s.Save("handlers/handlers.go", good+"\n// mended\n")
	s.WaitFor("live", func(ev control.Event) bool { return ev.Kind == control.EventLive && ev.Generation > gen })
}

// TestBurst: a branch switch that touches 300 files is one build, and so are
// the files that an editor leaves around a save.
func TestBurst(t *testing.T) {
	dir := harness.CopyApp(t, "hello")
	lock := filepath.Join(dir, ".git", "index.lock") // git holds it meanwhile
	if err := os.MkdirAll(filepath.Dir(lock), 0o777); err != nil {
		t.Fatal(err)
	}
	s := harness.Start(t, dir)
	release := holdLock(t, lock)
	for n := range 300 {
		s.Save(fmt.Sprintf("handlers/burst%03d.go", n), fmt.Sprintf("package handlers\n\nconst burst%03d = %d\n", n, n))
	}
	release()
	expectBuilds(s, "300 files", 1)
	file := s.Path("handlers/burst000.go")
	for _, name := range []string{"handlers/4913", "handlers/burst000.go~", "handlers/.burst000.go.swp"} {
		if err := os.WriteFile(s.Path(name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s.Save("handlers/burst000.go", "package handlers\n\nconst burst000 = 1000\n")
	if err := os.Chmod(file, 0o644); err != nil {
		t.Fatal(err)
	}
	expectBuilds(s, "a save with vim's files", 1)
	if err := os.Chtimes(file, time.Now(), time.Now()); err != nil {
		t.Fatal(err)
	}
	s.Save("handlers/burst000.go", s.Read("handlers/burst000.go"))
	s.Wait(control.EventUnchanged)
}

// holdLock makes the lock of git. Until it is released it changes all the time, so
// that nobody takes it for one left behind, however slow the machine is.
func holdLock(t *testing.T, lock string) (release func()) {
	t.Helper()
	if err := os.WriteFile(lock, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	released := make(chan struct{})
	var holding sync.WaitGroup
	holding.Go(func() {
		ticks := time.NewTicker(100 * time.Millisecond)
		defer ticks.Stop()
		for {
			select {
			case <-released:
				if err := os.Remove(lock); err != nil {
					t.Error(err)
				}
				return
			case now := <-ticks.C:
				if err := os.Chtimes(lock, now, now); err != nil {
					t.Error(err)
				}
			}
		}
	})
	release = sync.OnceFunc(func() { close(released); holding.Wait() })
	t.Cleanup(release)
	return release
}

// expectBuilds waits for a live generation and checks how many builds led to
// it.
func expectBuilds(s *harness.Server, what string, want int) {
	s.T.Helper()
	got := 0
	s.WaitFor("live after "+what, func(ev control.Event) bool {
		if ev.Kind == control.EventBuilding {
			got++
		}
		return ev.Kind == control.EventLive
	})
	if got != want {
		s.T.Errorf("%s: %d builds, want %d", what, got, want)
	}
}

// TestEnd: SIGTERM leaves no process, socket or scratch file, and what a killed
// engine leaves does not hinder the next.
func TestEnd(t *testing.T) {
	dir := harness.CopyApp(t, "hello")
	s := harness.Start(t, dir)
	pid := s.Live().Live.PID
	if err := s.Cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	<-s.Exited
	if s.Err != nil {
		t.Errorf("ended with %v", s.Err)
	}
	if harness.Alive(pid) {
		t.Error("the live server outlived the engine")
	}
	var left []string
	for _, pattern := range []string{".anvil/*.sock", ".anvil/run", ".anvil/tmp", ".anvil/gen", ".anvil/host", ".anvil/work"} {
		names, _ := filepath.Glob(filepath.Join(dir, pattern))
		left = append(left, names...)
	}
	if len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}

	s = harness.Start(t, dir)
	pid = s.Live().Live.PID
	if err := s.Cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	<-s.Exited
	harness.Until(t, "the live server of a killed engine ends", func() bool { return !harness.Alive(pid) })
	s = harness.Start(t, dir)
	s.Get("/time")
}

// TestSecond: a second engine in the same directory shows what the first does.
func TestSecond(t *testing.T) {
	s := harness.Start(t, harness.CopyApp(t, "hello"))
	second := harness.Launch(t, s.Dir)
	attached := second.WaitFor("events of the first", func(ev control.Event) bool { return ev.URL != "" })
	if attached.URL != s.URL {
		t.Errorf("the second shows %s, the first serves %s", attached.URL, s.URL)
	}
	s.Edit("handlers/handlers.go", "package handlers", "// changed\npackage handlers")
	first := s.Wait(control.EventLive)
	same := second.WaitFor("the same generation", func(ev control.Event) bool {
		return ev.Kind == control.EventLive && ev.Generation == first.Generation
	})
	if same.Total != first.Total {
		t.Errorf("the second shows %v, the first %v", same, first)
	}
	second.Stop()
	s.Get("/time")
}

// TestSecondProgram: another program of the same directory is refused from the
// start, not only when the first one is live.
func TestSecondProgram(t *testing.T) {
	dir := harness.CopyApp(t, "hello")
	for _, name := range []string{"api", "admin"} {
		if err := os.MkdirAll(filepath.Join(dir, "cmd", name), 0o777); err != nil {
			t.Fatal(err)
		}
		// It is looked for, and never ends to be built.
		if err := os.WriteFile(filepath.Join(dir, "cmd", name, "main.go"), []byte("package main\n\nfunc main() {}\n"), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	first := harness.Launch(t, dir, "--main", "./cmd/api")
	first.WaitFor("the start", func(ev control.Event) bool { return ev.Kind == control.EventStarting })
	for _, main := range []string{"./cmd/admin", "example.com/hello/cmd/admin", "."} {
		var stderr bytes.Buffer
		ctx, cancel := context.WithTimeout(t.Context(), harness.Patience)
		second := exec.CommandContext(ctx, harness.Binary(t), "--serve", dir, "--main", main)
		second.Stderr = &stderr
		want := fmt.Sprintf("(process id %d) runs ./cmd/api, and a directory has one application at a time", first.Cmd.Process.Pid)
		if err := second.Run(); second.ProcessState.ExitCode() != 1 || !strings.Contains(stderr.String(), want) {
			t.Errorf("--main %s: %v, %s", main, err, stderr.String())
		}
		cancel()
	}
}

// TestRollback goes back and forth between generations of one process.
func TestRollback(t *testing.T) {
	s := harness.Start(t, harness.CopyApp(t, "hello"))
	s.Edit("handlers/handlers.go", "func AnvilRegisterRoutes(r *hotreload.RouteSink) {",
		"func AnvilRegisterRoutes(r *hotreload.RouteSink) {\n\tr.Get(\"/new\", func(w http.ResponseWriter, r *http.Request) {})\n")
	s.Wait(control.EventLive)
	s.Get("/new")
	out, err := exec.Command(harness.Binary(t), "ctl", "rollback", "--dir", s.Dir).CombinedOutput()
	if err != nil {
		t.Fatalf("ctl rollback: %v\n%s", err, out)
	}
	if ev := s.Wait(control.EventRolledBack); ev.Generation != 1 {
		t.Errorf("rolled back to %d", ev.Generation)
	}
	if status, _ := s.Try("/new"); status != 404 {
		t.Errorf("a route of the later generation answers %d", status)
	}
	s.Get("/time")
	out, err = exec.Command(harness.Binary(t), "ctl", "reload", "--dir", s.Dir).CombinedOutput()
	if err != nil {
		t.Fatalf("ctl reload: %v\n%s", err, out)
	}
	s.Wait(control.EventLive)
	s.Get("/new")
}

// TestRefused: what the machine refuses is said in one message.
func TestRefused(t *testing.T) {
	run := func(dir string, args ...string) (string, int) {
		cmd := exec.Command(harness.Binary(t), append([]string{"--serve", dir, "--once"}, args...)...)
		out, err := cmd.CombinedOutput()
		if err != nil && cmd.ProcessState == nil {
			t.Fatal(err)
		}
		return string(out), cmd.ProcessState.ExitCode()
	}
	s := harness.Start(t, harness.CopyApp(t, "hello"))
	taken := strings.TrimPrefix(s.URL, "http://")
	dir := harness.CopyApp(t, "hello")
	if out, code := run(dir, "--addr", taken); code != 1 || !strings.Contains(out, taken) || !strings.Contains(out, "in use") {
		t.Errorf("port taken: exit %d\n%s", code, out)
	}
	if out, code := run(dir, "--addr", "0.0.0.0:0"); code != 2 || !strings.Contains(out, "loopback") {
		t.Errorf("every interface: exit %d\n%s", code, out)
	}
	if err := os.RemoveAll(filepath.Join(dir, ".anvil")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, ".anvil"), nil, 0o444); err != nil {
		t.Fatal(err)
	}
	if out, code := run(dir, "--addr", "127.0.0.1:0"); code != 1 || !strings.Contains(out, filepath.Join(dir, ".anvil")) {
		t.Errorf(".anvil not writable: exit %d\n%s", code, out)
	}
	if out, code := run(t.TempDir(), "--addr", "127.0.0.1:0"); code != 1 || !strings.Contains(out, "init") {
		t.Errorf("an empty directory: exit %d\n%s", code, out)
	}
}

// TestRefusedButRun: code whose packages were initialised and which did not go
// live leaves what it has started. It is said, and so is that a restart may help.
func TestRefusedButRun(t *testing.T) {
	dir := harness.CopyApp(t, "hello")
	s := &harness.Server{T: t, Dir: dir} // to write files
	s.Save("names/names.go", "package names\n\nvar taken = map[string]bool{}\n\n// Followed by no check from source.\nvar takers = []func(string){take}\n\nfunc Take(name string) {\n\tfor _, take := range takers {\n\t\ttake(name)\n\t}\n}\n\nfunc take(name string) {\n\tif taken[name] {\n\t\tpanic(\"taken: \" + name)\n\t}\n\ttaken[name] = true\n}\n")
	s.Edit("main.go", `"example.com/hello/visits"`, "_ \"example.com/hello/names\"\n\t\"example.com/hello/visits\"")
	s = harness.Start(t, dir)
	file := s.Read("handlers/handlers.go")
	s.Save("handlers/start.go", "package handlers\n\nimport \"time\"\n\nfunc init() {\n\tfor range 2 {\n\t\tgo func() { <-time.After(time.Hour) }()\n\t}\n}\n")
	s.Edit("handlers/handlers.go", `r.Get("/time", now)`, "r.Get(\"/time\", now)\n\tr.Fail(http.ErrNotSupported)")
	left := func() control.Event {
		return s.WaitFor("a refusal of what registers", func(ev control.Event) bool {
			return ev.Kind == control.EventKept && len(ev.Diagnostics) > 0 && ev.Diagnostics[0].Code == manifest.CodeRegistration
		})
	}
	ev := left()
	const says = "; what its packages have started goes on until the live server restarts: 2 goroutines"
	if !strings.HasSuffix(ev.Diagnostics[0].Message, says) || ev.Message != "" {
		t.Errorf("got %q %v", ev.Message, ev.Diagnostics)
	}
	if refused := s.Live().Live.Refused; len(refused) != 1 || refused[0].Goroutines != 2 {
		t.Errorf("status: %+v", refused)
	}
	if err := os.Remove(s.Path("handlers/start.go")); err != nil {
		t.Fatal(err)
	}
	s.Save("handlers/handlers.go", file)
	s.WaitFor("the old code", func(ev control.Event) bool { return ev.Kind == control.EventUnchanged || ev.Kind == control.EventLive })
	s.Save("handlers/take.go", "package handlers\n\nimport \"example.com/hello/names\"\n\nvar _ = func() bool { names.Take(\"a\"); return true }()\n")
	s.WaitFor("the name to be taken", func(ev control.Event) bool { return ev.Kind == control.EventLive })
	s.Edit("handlers/handlers.go", "Hello!", "Welcome!")
	ev = s.WaitFor("the second time", func(ev control.Event) bool { return ev.Kind == control.EventKept || ev.Kind == control.EventLive })
	if ev.Kind == control.EventLive || !strings.Contains(ev.Message, "restart to apply the change") {
		t.Errorf("got %s %q %v", ev.Kind, ev.Message, ev.Diagnostics)
	}
}
