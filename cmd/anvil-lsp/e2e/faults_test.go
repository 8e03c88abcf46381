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
)

// TestMistakes makes every mistake that code can have. Each time the last good
// generation keeps serving, the event says what and where, and once the
// mistake is mended the next save goes live.
func TestMistakes(t *testing.T) {
	s := start(t, copyApp(t, "hello"))
	const file = "handlers/handlers.go"
	original := s.read(file)
	mod := s.read("go.mod")
	register := "func AnvilRegisterRoutes(r *hotreload.RouteSink) {"
	if !strings.Contains(original, register) {
		t.Fatalf("%s does not contain %q", file, register)
	}
	replace := func(old, new string) func() {
		return func() { s.save(file, strings.Replace(original, old, new, 1)) }
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
			if err := os.Remove(s.path(file)); err != nil {
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
		{"go.mod half typed", func() { s.save("go.mod", mod+"\nrequire (\n\tgithub.com/\n") }, manifest.CodeModuleChanged, "go.mod:", ""},
	}
	s.save("handlers/extra.go", "package handlers\n\nimport (\n\t\"errors\"\n\t\"net/http\"\n)\n\nvar errFail = errors.New(\"not today\")\n\nfunc twice(http.ResponseWriter, *http.Request) {}\n")
	s.wait(control.EventLive)
	for n, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s.t = t
			tt.mistake()
			ev := s.wait(control.EventKept)
			if len(ev.Diagnostics) == 0 {
				t.Fatalf("kept without a diagnostic: %s", ev.Message)
			}
			d := ev.Diagnostics[0]
			at, _ := filepath.Rel(s.dir, d.Position.String())
			if d.Code != tt.code || !strings.HasPrefix(at, tt.at) || !strings.Contains(d.Message, tt.message) {
				t.Errorf("%s: %s\nwant %s at %s, with %q", at, d, tt.code, tt.at, tt.message)
			}
			s.get("/time") // the last good generation serves
			mended := fmt.Sprintf("// mended %d\n%s", n, original)
			if s.read("go.mod") != mod {
				s.save("go.mod", mod)
				s.wait(control.EventUnchanged)
			}
			s.save(file, mended)
			if ev := s.wait(control.EventLive); ev.Rung != manifest.RungHotSwap {
				t.Errorf("after the mistake was mended: rung %q because of %v", ev.Rung, ev.Diagnostics)
			}
			s.get("/time")
		})
	}
	s.t = t
}

// TestBrokenFromTheStart: the engine answers in the application's place until
// it builds.
func TestBrokenFromTheStart(t *testing.T) {
	dir := copyApp(t, "hello")
	file := filepath.Join(dir, "handlers/handlers.go")
	good, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, append(good, "\nvar x int = nil\n"...), 0o666); err != nil {
		t.Fatal(err)
	}
	s := launch(t, dir)
	s.wait(control.EventKept)
	if status, body := s.try("/"); status != 503 || !strings.Contains(body, "nil") || !strings.Contains(body, "handlers.go") {
		t.Errorf("the page in the application's place: %d %s", status, body)
	}
	s.save("handlers/handlers.go", string(good))
	s.wait(control.EventLive)
	s.get("/")
}

// TestCrash: a process that ends by itself comes back with the generation that
// it served.
func TestCrash(t *testing.T) {
	s := start(t, copyApp(t, "hello"))
	s.edit("handlers/handlers.go", "func AnvilRegisterRoutes(r *hotreload.RouteSink) {",
		"func AnvilRegisterRoutes(r *hotreload.RouteSink) {\n\tr.Get(\"/crash\", func(w http.ResponseWriter, r *http.Request) {\n\t\tgo panic(\"the end\")\n\t\tselect {}\n\t})\n")
	gen := s.wait(control.EventLive).Generation
	pid := s.live().Live.PID
	if res, err := s.client.Get(s.URL + "/crash"); err == nil {
		res.Body.Close()
	}
	ev := s.waitFor("exit", func(ev control.Event) bool { return ev.Kind == control.EventExited })
	if len(ev.Diagnostics) == 0 || ev.Diagnostics[0].Code != manifest.CodeLiveServer || !strings.Contains(ev.Diagnostics[0].Message, "the end") || ev.Diagnostics[0].File != s.path("handlers/handlers.go") {
		t.Errorf("exit: %v", ev.Diagnostics)
	}
	s.waitFor("recovery", func(ev control.Event) bool { return ev.Kind == control.EventRecovered })
	until(t, "the application answers again", func() bool { code, _ := s.try("/time"); return code == 200 })
	st := s.live()
	if st.Live.PID == pid || st.Generation != gen || st.Counts.Crashes != 1 {
		t.Errorf("after the crash: %+v", st)
	}
	// And an exit while a plugin is loaded does not come back.
	good := s.read("handlers/handlers.go")
	s.save("handlers/handlers.go", good+"\nfunc init() { os.Exit(3) }\n")
	s.save("handlers/handlers.go", strings.Replace(good, "import (", "import (\n\t\"os\"", 1)+"\nfunc init() { os.Exit(3) }\n")
	s.waitFor("a generation that ends the process is not kept", func(ev control.Event) bool {
		return ev.Kind == control.EventKept && len(ev.Diagnostics) > 0 && ev.Diagnostics[0].Code == manifest.CodeLiveServer
	})
	until(t, "the last good generation serves", func() bool { code, _ := s.try("/time"); return code == 200 })
	s.save("handlers/handlers.go", good+"\n// mended\n")
	s.waitFor("live", func(ev control.Event) bool { return ev.Kind == control.EventLive && ev.Generation > gen })
}

// TestBurst: a branch switch that touches 300 files is one build, and so are
// the files that an editor leaves around a save.
func TestBurst(t *testing.T) {
	dir := copyApp(t, "hello")
	lock := filepath.Join(dir, ".git", "index.lock") // git holds it meanwhile
	if err := os.MkdirAll(filepath.Dir(lock), 0o777); err != nil {
		t.Fatal(err)
	}
	s := start(t, dir)
	release := holdLock(t, lock)
	for n := range 300 {
		s.save(fmt.Sprintf("handlers/burst%03d.go", n), fmt.Sprintf("package handlers\n\nconst burst%03d = %d\n", n, n))
	}
	release()
	s.expectBuilds("300 files", 1)
	file := s.path("handlers/burst000.go")
	for _, name := range []string{"handlers/4913", "handlers/burst000.go~", "handlers/.burst000.go.swp"} {
		if err := os.WriteFile(s.path(name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s.save("handlers/burst000.go", "package handlers\n\nconst burst000 = 1000\n")
	if err := os.Chmod(file, 0o644); err != nil {
		t.Fatal(err)
	}
	s.expectBuilds("a save with vim's files", 1)
	if err := os.Chtimes(file, time.Now(), time.Now()); err != nil {
		t.Fatal(err)
	}
	s.save("handlers/burst000.go", s.read("handlers/burst000.go"))
	s.wait(control.EventUnchanged)
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
func (s *server) expectBuilds(what string, want int) {
	s.t.Helper()
	got := 0
	s.waitFor("live after "+what, func(ev control.Event) bool {
		if ev.Kind == control.EventBuilding {
			got++
		}
		return ev.Kind == control.EventLive
	})
	if got != want {
		s.t.Errorf("%s: %d builds, want %d", what, got, want)
	}
}

// TestEnd: SIGTERM leaves no process, socket or scratch file, and what a killed
// engine leaves does not hinder the next.
func TestEnd(t *testing.T) {
	dir := copyApp(t, "hello")
	s := start(t, dir)
	pid := s.live().Live.PID
	if err := s.cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	<-s.exited
	if s.err != nil {
		t.Errorf("ended with %v", s.err)
	}
	if alive(pid) {
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

	s = start(t, dir)
	pid = s.live().Live.PID
	if err := s.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	<-s.exited
	until(t, "the live server of a killed engine ends", func() bool { return !alive(pid) })
	s = start(t, dir)
	s.get("/time")
}

// TestSecond: a second engine in the same directory shows what the first does.
func TestSecond(t *testing.T) {
	s := start(t, copyApp(t, "hello"))
	second := launch(t, s.dir)
	attached := second.waitFor("events of the first", func(ev control.Event) bool { return ev.URL != "" })
	if attached.URL != s.URL {
		t.Errorf("the second shows %s, the first serves %s", attached.URL, s.URL)
	}
	s.edit("handlers/handlers.go", "package handlers", "// changed\npackage handlers")
	first := s.wait(control.EventLive)
	same := second.waitFor("the same generation", func(ev control.Event) bool {
		return ev.Kind == control.EventLive && ev.Generation == first.Generation
	})
	if same.Total != first.Total {
		t.Errorf("the second shows %v, the first %v", same, first)
	}
	second.stop()
	s.get("/time")
}

// TestSecondProgram: another program of the same directory is refused from the
// start, not only when the first one is live.
func TestSecondProgram(t *testing.T) {
	dir := copyApp(t, "hello")
	for _, name := range []string{"api", "admin"} {
		if err := os.MkdirAll(filepath.Join(dir, "cmd", name), 0o777); err != nil {
			t.Fatal(err)
		}
		// It is looked for, and never ends to be built.
		if err := os.WriteFile(filepath.Join(dir, "cmd", name, "main.go"), []byte("package main\n\nfunc main() {}\n"), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	first := launch(t, dir, "--main", "./cmd/api")
	first.waitFor("the start", func(ev control.Event) bool { return ev.Kind == control.EventStarting })
	for _, main := range []string{"./cmd/admin", "example.com/hello/cmd/admin", "."} {
		var stderr bytes.Buffer
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		second := exec.CommandContext(ctx, binary, "--serve", dir, "--main", main)
		second.Stderr = &stderr
		want := fmt.Sprintf("(process id %d) runs ./cmd/api, and a directory has one application at a time", first.cmd.Process.Pid)
		if err := second.Run(); second.ProcessState.ExitCode() != 1 || !strings.Contains(stderr.String(), want) {
			t.Errorf("--main %s: %v, %s", main, err, stderr.String())
		}
		cancel()
	}
}

// TestRollback goes back and forth between generations of one process.
func TestRollback(t *testing.T) {
	s := start(t, copyApp(t, "hello"))
	s.edit("handlers/handlers.go", "func AnvilRegisterRoutes(r *hotreload.RouteSink) {",
		"func AnvilRegisterRoutes(r *hotreload.RouteSink) {\n\tr.Get(\"/new\", func(w http.ResponseWriter, r *http.Request) {})\n")
	s.wait(control.EventLive)
	s.get("/new")
	out, err := exec.Command(binary, "ctl", "rollback", "--dir", s.dir).CombinedOutput()
	if err != nil {
		t.Fatalf("ctl rollback: %v\n%s", err, out)
	}
	if ev := s.wait(control.EventRolledBack); ev.Generation != 1 {
		t.Errorf("rolled back to %d", ev.Generation)
	}
	if status, _ := s.try("/new"); status != 404 {
		t.Errorf("a route of the later generation answers %d", status)
	}
	s.get("/time")
	out, err = exec.Command(binary, "ctl", "reload", "--dir", s.dir).CombinedOutput()
	if err != nil {
		t.Fatalf("ctl reload: %v\n%s", err, out)
	}
	s.wait(control.EventLive)
	s.get("/new")
}

// TestRefused: what the machine refuses is said in one message.
func TestRefused(t *testing.T) {
	run := func(dir string, args ...string) (string, int) {
		cmd := exec.Command(binary, append([]string{"--serve", dir, "--once"}, args...)...)
		out, err := cmd.CombinedOutput()
		if err != nil && cmd.ProcessState == nil {
			t.Fatal(err)
		}
		return string(out), cmd.ProcessState.ExitCode()
	}
	s := start(t, copyApp(t, "hello"))
	taken := strings.TrimPrefix(s.URL, "http://")
	dir := copyApp(t, "hello")
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
	dir := copyApp(t, "hello")
	s := &server{t: t, dir: dir} // to write files
	s.save("names/names.go", "package names\n\nvar taken = map[string]bool{}\n\n// Followed by no check from source.\nvar takers = []func(string){take}\n\nfunc Take(name string) {\n\tfor _, take := range takers {\n\t\ttake(name)\n\t}\n}\n\nfunc take(name string) {\n\tif taken[name] {\n\t\tpanic(\"taken: \" + name)\n\t}\n\ttaken[name] = true\n}\n")
	s.edit("main.go", `"example.com/hello/visits"`, "_ \"example.com/hello/names\"\n\t\"example.com/hello/visits\"")
	s = start(t, dir)
	file := s.read("handlers/handlers.go")
	s.save("handlers/start.go", "package handlers\n\nimport \"time\"\n\nfunc init() {\n\tfor range 2 {\n\t\tgo func() { <-time.After(time.Hour) }()\n\t}\n}\n")
	s.edit("handlers/handlers.go", `r.Get("/time", now)`, "r.Get(\"/time\", now)\n\tr.Fail(http.ErrNotSupported)")
	left := func() control.Event {
		return s.waitFor("a refusal of what registers", func(ev control.Event) bool {
			return ev.Kind == control.EventKept && len(ev.Diagnostics) > 0 && ev.Diagnostics[0].Code == manifest.CodeRegistration
		})
	}
	ev := left()
	const says = "; what its packages have started goes on until the live server restarts: 2 goroutines"
	if !strings.HasSuffix(ev.Diagnostics[0].Message, says) || ev.Message != "" {
		t.Errorf("got %q %v", ev.Message, ev.Diagnostics)
	}
	if refused := s.live().Live.Refused; len(refused) != 1 || refused[0].Goroutines != 2 {
		t.Errorf("status: %+v", refused)
	}
	if err := os.Remove(s.path("handlers/start.go")); err != nil {
		t.Fatal(err)
	}
	s.save("handlers/handlers.go", file)
	s.waitFor("the old code", func(ev control.Event) bool { return ev.Kind == control.EventUnchanged || ev.Kind == control.EventLive })
	s.save("handlers/take.go", "package handlers\n\nimport \"example.com/hello/names\"\n\nvar _ = func() bool { names.Take(\"a\"); return true }()\n")
	s.waitFor("the name to be taken", func(ev control.Event) bool { return ev.Kind == control.EventLive })
	s.edit("handlers/handlers.go", "Hello!", "Welcome!")
	ev = s.waitFor("the second time", func(ev control.Event) bool { return ev.Kind == control.EventKept || ev.Kind == control.EventLive })
	if ev.Kind == control.EventLive || !strings.Contains(ev.Message, "restart to apply the change") {
		t.Errorf("got %s %q %v", ev.Kind, ev.Message, ev.Diagnostics)
	}
}
