package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"runtime/debug"
	"strings"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"

	"github.com/anvilforge/anvil-lsp/hotreload/control"
	"github.com/anvilforge/anvil-lsp/hotreload/control/transport"
	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/internal/build"
	"github.com/anvilforge/anvil-lsp/internal/engine"
	"github.com/anvilforge/anvil-lsp/internal/launch"
)

var (
	live   = control.Event{Kind: control.EventLive, Generation: 1, URL: "http://127.0.0.1:8080", Routes: []manifest.Route{{Method: "GET", Pattern: "/", Handler: "h.home"}}}
	asking = control.Event{Kind: control.EventAsking, Generation: 3, Rung: manifest.RungWarmRestart}
	kept   = control.Event{Kind: control.EventKept, Diagnostics: []manifest.Diagnostic{manifest.Diagnose(manifest.CodeCompile, manifest.Position{File: "/x/a.go", Line: 3}, "undefined: fo")}}
)

// TestFlags checks what reaches the engine, and what is refused.
func TestFlags(t *testing.T) {
	for _, tt := range []struct {
		args string
		code int
		want engine.Options // with Dir and Cwd relative to the working directory
		says string         // on standard error
	}{
		{args: "--serve --once", want: engine.Options{Dir: "."}},
		{args: "--serve --once shop", want: engine.Options{Dir: "shop"}},
		{args: "--once shop --serve --addr :0 --main cmd/x --tags a,b --race --debug", want: engine.Options{
			Dir: "shop", Addr: ":0", Main: "cmd/x", Tags: []string{"a", "b"}, Race: true, Debug: true}},
		{args: "--serve --once -- -db x --serve", want: engine.Options{Dir: ".", Args: []string{"-db", "x", "--serve"}}},
		{args: "--serve --once shop -- y", want: engine.Options{Dir: "shop", Args: []string{"y"}}},
		{args: "--serve --once --on-break ask --verbose", want: engine.Options{Dir: ".", OnBreak: engine.BreakAsk}},
		{args: "--serve --once --on-break=keep", want: engine.Options{Dir: ".", OnBreak: engine.BreakKeep}},
		{args: "--serve --once --on-break swap", want: engine.Options{Dir: ".", OnBreak: engine.BreakSwap}},
		{args: "--serve --once --on-break restart", want: engine.Options{Dir: ".", OnBreak: engine.BreakRestart}},
		{args: "--serve --once --start-timeout 2m", want: engine.Options{Dir: ".", StartTimeout: 2 * time.Minute}},
		{args: "--serve --once --cwd shop/../data", want: engine.Options{Dir: ".", Cwd: "data"}},
		{args: "--serve shop --cwd nowhere", code: 2, says: "--cwd nowhere: "},
		{args: "--serve shop --cwd data/file", code: 2, says: "--cwd data/file: it is not a directory"},
		{args: "--serve --start-timeout 0s", code: 2, says: "--start-timeout 0s: it is a duration of a second or more"},
		{args: "--serve --start-timeout 90", code: 2, says: "90"},
		{args: "--serve --on-break never", code: 2, says: "--on-break never: it is restart, ask, keep or swap"},
		{args: "--serve a b", code: 2, says: `unexpected argument "b"`},
		{args: "--serve --addr 8080", code: 2, says: "an address looks like"},
		{args: "--serve --port 1", code: 2, says: "unknown flag: --port"},
		{args: "--addr :0 --race", code: 2, says: "--addr, --race: only with --serve"},
		{args: "shop", code: 2, says: "anvil-lsp --serve shop"},
		{args: "rotues", code: 2, says: "did you mean routes?"},
		{args: "version x", code: 2, says: `unexpected argument "x"`},
		{args: "init", code: 2, says: "init needs the DIR"},
		{args: "init a b", code: 2, says: `unexpected argument "b"`},
		{args: "ctl reboot", code: 2, says: `unknown command "reboot"`},
		{args: "ctl rebload", code: 2, says: "did you mean reload?"},
		{args: "ctl log -n -3", code: 2, says: "must not be negative"},
		{args: "ctl rollback 0", code: 2, says: "numbered from 1"},
		{args: "ctl rollback 1 2", code: 2, says: `unexpected argument "2"`},
		{args: "routes --color", code: 2, says: "unknown flag"},
	} {
		t.Run(tt.args, func(t *testing.T) {
			p := newProgram(t, newFake(live))
			if err := os.CopyFS(p.dir, fstest.MapFS{"data/file": {}}); err != nil {
				t.Fatal(err)
			}
			if code := p.run(t.Context(), strings.Fields(tt.args)); code != tt.code || !strings.Contains(p.stderr.String(), tt.says) {
				t.Errorf("exit code %d, want %d; standard error %q, want %q in it", code, tt.code, p.stderr, tt.says)
			}
			if tt.code == exitUsage {
				if !strings.Contains(p.stderr.String(), "--help' for usage") || p.options.Dir != "" {
					t.Errorf("standard error %q, engine made with %+v", p.stderr, p.options)
				}
				return
			}
			got := p.options
			if got.Stdout == nil || got.Stderr == nil || got.Version == "" || got.CacheDir == "" {
				t.Errorf("streams, version or cache missing in %+v", got)
			}
			got.Stdout, got.Stderr, got.Version, got.CacheDir = nil, nil, "", ""
			if tt.want.StartTimeout == 0 {
				tt.want.StartTimeout = 30 * time.Second
			}
			got.Dir, _ = filepath.Rel(p.dir, got.Dir)
			if got.Cwd != "" {
				got.Cwd, _ = filepath.Rel(p.dir, got.Cwd)
			}
			if len(got.Tags) == 0 {
				got.Tags = nil
			}
			if len(got.Args) == 0 {
				got.Args = nil
			}
			if !reflect.DeepEqual(got, tt.want) {
				t.Errorf("engine made with\n%+v, want\n%+v", got, tt.want)
			}
		})
	}
}

func TestHelp(t *testing.T) {
	for _, args := range [][]string{{"--help"}, {"help"}} {
		p := newProgram(t, nil)
		if code := p.run(t.Context(), args); code != exitOK || !strings.Contains(p.stdout.String(), "--serve [DIR]") || p.stderr.String() != "" {
			t.Errorf("%q: exit code %d\n%s\n%s", args, code, p.stdout, p.stderr)
		}
	}
}

func TestOnce(t *testing.T) {
	for _, tt := range []struct {
		name   string
		fake   *fakeEngine
		code   int
		stdout string
		stderr string
	}{
		{"live", newFake(control.Event{Kind: control.EventBuilding}, live), exitOK, "h.home", ""},
		{"refused", newFake(kept), exitFailure, "undefined: fo [ANV009]", ""},
		{"crashed", newFake(control.Event{Kind: control.EventExited, Message: "exit status 3"}), exitFailure, "exit status 3", ""},
		{"broken", &fakeEngine{events: transport.NewStream[control.Event](), err: errors.New("file watcher: no luck")}, exitFailure, "stopped", "no luck"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := newProgram(t, tt.fake)
			code := p.run(t.Context(), []string{"--serve", "--once"})
			if code != tt.code || !strings.Contains(p.stdout.String(), tt.stdout) || !strings.Contains(p.stderr.String(), tt.stderr) || tt.stderr == "" && p.stderr.String() != "" {
				t.Errorf("exit code %d\n%s\n%s", code, p.stdout, p.stderr)
			}
		})
	}
}

// TestInterrupt: the first interrupt ends --serve in good order.
func TestInterrupt(t *testing.T) {
	p := newProgram(t, newFake(live))
	ctx, interrupt := context.WithCancel(t.Context())
	code := make(chan int)
	go func() { code <- p.run(ctx, []string{"--serve"}) }()
	waitFor(t, p.stdout, "h.home")
	interrupt()
	if got := <-code; got != exitOK {
		t.Errorf("exit code %d", got)
	}
	waitFor(t, p.stdout, "stopping; once more ends it at once\n")
	if out := p.stdout.String(); !strings.Contains(out, "stopped\n") {
		t.Errorf("printed %s", out)
	}
}

// TestInterruptedOnce: what did not go live is no success.
func TestInterruptedOnce(t *testing.T) {
	p := newProgram(t, newFake())
	ctx, interrupt := context.WithCancel(t.Context())
	code := make(chan int)
	go func() { code <- p.run(ctx, []string{"--serve", "--once"}) }()
	waitFor(t, p.stdout, "http://127.0.0.1:8080")
	interrupt()
	if got := <-code; got != exitFailure {
		t.Errorf("exit code %d", got)
	}
}

func TestServeJSON(t *testing.T) {
	fake := newFake(live)
	p := newProgram(t, fake)
	fake.script, fake.during = nil, func() {
		fmt.Fprint(p.options.Stdout, "from the application, ")
		fmt.Fprint(p.options.Stderr, "in two streams\n")
		fake.events.Publish(live)
	}
	if code := p.run(t.Context(), []string{"--serve", "--once", "--json"}); code != exitOK {
		t.Errorf("exit code %d", code)
	}
	var kinds []control.EventKind
	for line := range strings.Lines(p.stdout.String()) {
		var ev control.Event
		if err := json.Unmarshal([]byte(line), &ev); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		kinds = append(kinds, ev.Kind)
	}
	if want := []control.EventKind{control.EventStarting, control.EventLive, control.EventStopped}; !reflect.DeepEqual(kinds, want) {
		t.Errorf("events %q, want %q", kinds, want)
	}
	if got := p.stderr.String(); got != "from the application, in two streams\n" {
		t.Errorf("standard error %q", got)
	}
}

// TestSetUpErrors: what keeps an engine from being made is one clear message.
func TestSetUpErrors(t *testing.T) {
	for _, tt := range []struct {
		err  error
		code int
	}{
		{fmt.Errorf("%w: no go command in PATH", build.ErrSetup), exitFailure},
		{fmt.Errorf("%w: 127.0.0.1:80 is taken", launch.ErrAddrInUse), exitFailure},
		{fmt.Errorf("listening on 0.0.0.0:80: %w", launch.ErrNotLoopback), exitUsage},
	} {
		p := newProgram(t, nil)
		p.newEngine = func(context.Context, engine.Options) (server, error) { return nil, tt.err }
		code := p.run(t.Context(), []string{"--serve"})
		if want := "anvil-lsp: " + tt.err.Error() + "\n"; code != tt.code || !strings.HasPrefix(p.stderr.String(), want) || p.stdout.String() != "" {
			t.Errorf("exit code %d, want %d; standard error %q, want %q", code, tt.code, p.stderr, want)
		}
	}
}

// inUse has the program find the lock taken.
func (p *testProgram) inUse() {
	p.newEngine = func(context.Context, engine.Options) (server, error) {
		return nil, fmt.Errorf("%w: %s", engine.ErrInUse, p.dir)
	}
}

func TestAttach(t *testing.T) {
	p := newProgram(t, nil)
	p.inUse()
	r := serveRemote(t, p.dir)
	swapped := control.Event{Kind: control.EventLive, Generation: 4, Rung: manifest.RungHotSwap}
	r.streams <- []*control.Event{&swapped} // and cut off
	r.streams <- []*control.Event{&kept, {Kind: control.EventStopped, Message: control.StoppedOnRequest}}
	if code := p.run(t.Context(), []string{"--serve", "--race", "--verbose", "--", "-v"}); code != exitOK {
		t.Errorf("exit code %d, %s", code, p.stderr)
	}
	for _, want := range []string{"--race, -- -v: ignored", "attached to the anvil-lsp with process id 4711", "live  generation 3", "gen 4  hot swap", "undefined: fo", "stopped"} {
		if !strings.Contains(p.stdout.String(), want) {
			t.Errorf("%q was not printed, but\n%s", want, p.stdout)
		}
	}
}

func TestAttachDetach(t *testing.T) {
	p := newProgram(t, nil)
	p.inUse()
	r := serveRemote(t, p.dir)
	r.streams <- []*control.Event{&live, nil}
	ctx, interrupt := context.WithCancel(t.Context())
	code := make(chan int)
	go func() { code <- p.run(ctx, []string{"--serve", "--json"}) }()
	waitFor(t, p.stdout, `"event":"live"`)
	interrupt()
	if got := <-code; got != exitOK || !strings.Contains(p.stderr.String(), "detached; the application goes on") || !strings.Contains(p.stderr.String(), "process id 4711") {
		t.Errorf("exit code %d, standard error %s", got, p.stderr)
	}
	if n := strings.Count(p.stdout.String(), "\n"); n != 1 {
		t.Errorf("printed %s", p.stdout)
	}
}

// TestTakeOver: an engine that is killed does not say so.
func TestTakeOver(t *testing.T) {
	p := newProgram(t, nil)
	p.inUse()
	taken := p.newEngine
	var free atomic.Bool
	p.newEngine = func(ctx context.Context, o engine.Options) (server, error) {
		if free.Load() {
			return newFake(live), nil
		}
		return taken(ctx, o)
	}
	r := serveRemote(t, p.dir)
	code := make(chan int)
	r.streams <- []*control.Event{&live, nil}
	ctx, interrupt := context.WithCancel(t.Context())
	go func() { code <- p.run(ctx, []string{"--serve"}) }()
	waitFor(t, p.stdout, "gen 1  live")
	free.Store(true)
	r.stop()
	waitFor(t, p.stdout, "goes on in its place")
	interrupt()
	if got := <-code; got != exitOK {
		t.Errorf("exit code %d, %s %s", got, p.stdout, p.stderr)
	}
}

// TestAttachLost: without a chance to take over the user is told.
func TestAttachLost(t *testing.T) {
	p := newProgram(t, nil)
	p.inUse()
	p.patience = time.Millisecond
	r := serveRemote(t, p.dir)
	r.streams <- []*control.Event{&live, nil}
	code := make(chan int)
	go func() { code <- p.run(t.Context(), []string{"--serve"}) }()
	waitFor(t, p.stdout, "gen 1  live")
	r.stop()
	if got := <-code; got != exitFailure || !strings.Contains(p.stderr.String(), "and does not answer") {
		t.Errorf("exit code %d, standard error %s", got, p.stderr)
	}
}

func TestAttachOnce(t *testing.T) {
	for ev, want := range map[*control.Event]int{&live: exitOK, &kept: exitFailure} {
		p := newProgram(t, nil)
		p.inUse()
		r := serveRemote(t, p.dir)
		r.answer(control.PathReload, http.StatusOK, ev)
		if code := p.run(t.Context(), []string{"--serve", "--once", "--json"}); code != want || !strings.Contains(p.stdout.String(), string(ev.Kind)) {
			t.Errorf("%s: exit code %d, want %d\n%s", ev.Kind, code, want, p.stdout)
		}
	}
}

// TestLockHolderEnds: the lock may be that of an engine that is ending.
func TestLockHolderEnds(t *testing.T) {
	p := newProgram(t, nil)
	attempts := 0
	p.newEngine = func(context.Context, engine.Options) (server, error) {
		if attempts++; attempts < 3 {
			return nil, engine.ErrInUse
		}
		return newFake(live), nil
	}
	if code := p.run(t.Context(), []string{"--serve", "--once"}); code != exitOK || attempts != 3 {
		t.Errorf("exit code %d after %d attempts, %s", code, attempts, p.stderr)
	}
}

func TestLockHolderSilent(t *testing.T) {
	p := newProgram(t, nil)
	p.inUse()
	p.patience = time.Millisecond
	if code := p.run(t.Context(), []string{"--serve"}); code != exitFailure || !strings.Contains(p.stderr.String(), "and does not answer") {
		t.Errorf("exit code %d, %s", code, p.stderr)
	}
}

func TestCtl(t *testing.T) {
	for _, tt := range []struct {
		args   string
		path   string
		status int
		answer any
		code   int
		body   string
		out    string // on either stream
	}{
		{"ctl status", "", 0, nil, exitOK, "", "live  generation 3"},
		{"ctl status --json", "", 0, nil, exitOK, "", `"pid": 4711`},
		{"ctl reload", control.PathReload, 200, live, exitOK, "", "gen 1  live"},
		{"ctl reload --json", control.PathReload, 200, live, exitOK, "", `"event":"live"`},
		{"ctl reload", control.PathReload, 200, asking, exitFailure, "", "to restart now: anvil-lsp ctl restart"},
		{"ctl restart", control.PathRestart, 200, kept, exitFailure, `{}`, "undefined: fo"},
		{"ctl restart --fresh", control.PathRestart, 200, live, exitOK, `{"fresh":true}`, "gen 1  live"},
		{"ctl rollback", control.PathRollback, 200, live, exitOK, `{"generation":0}`, "gen 1"},
		{"ctl rollback 2", control.PathRollback, 200, live, exitOK, `{"generation":2}`, "gen 1"},
		{"ctl rollback 9", control.PathRollback, 404, &control.Problem{Title: "no such generation", Detail: "there are 1, 2"}, exitFailure, `{"generation":9}`, "no such generation: there are 1, 2"},
	} {
		t.Run(tt.args, func(t *testing.T) {
			p := newProgram(t, nil)
			r := serveRemote(t, p.dir)
			if tt.path != "" {
				r.answer(tt.path, tt.status, tt.answer)
			}
			p.dir = filepath.Join(p.dir, "below", "it") // need not exist
			code := p.run(t.Context(), strings.Fields(tt.args))
			if out := p.stdout.String() + p.stderr.String(); code != tt.code || !strings.Contains(out, tt.out) {
				t.Errorf("exit code %d, want %d\n%s", code, tt.code, out)
			}
			if tt.path != "" {
				if got, want := <-r.posted, tt.path+" "+tt.body; got != want {
					t.Errorf("posted %q, want %q", got, want)
				}
			}
			if strings.Contains(p.stdout.String(), "h.home") && !strings.Contains(tt.args, "--json") {
				t.Errorf("one event comes with a table of routes:\n%s", p.stdout)
			}
		})
	}
}

func TestCtlStop(t *testing.T) {
	p := newProgram(t, nil)
	r := serveRemote(t, p.dir)
	s := *r.status.Load()
	s.PID = os.Getpid() // a process that does not end
	r.status.Store(&s)
	r.HandleFunc("POST "+control.PathStop, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "0") // the answer is whole before the server ends
		w.WriteHeader(http.StatusAccepted)
		_ = http.NewResponseController(w).Flush()
		go r.stop()
	})
	if code := p.run(t.Context(), []string{"ctl", "stop"}); code != exitOK {
		t.Errorf("exit code %d, %s", code, p.stderr)
	}
	if _, err := os.Stat(engine.SocketPath(p.dir)); err == nil {
		t.Error("did not wait for the end")
	}
}

func TestNotRunning(t *testing.T) {
	for _, args := range []string{"ctl status", "ctl reload", "ctl stop", "ctl log", "ctl log -f", "ctl status --dir nowhere", "routes"} {
		p := newProgram(t, nil)
		code := p.run(t.Context(), strings.Fields(args))
		if code != exitFailure || !strings.Contains(p.stderr.String(), "no anvil-lsp is running in "+p.dir) || p.stdout.String() != "" {
			t.Errorf("%s: exit code %d, %s", args, code, p.stderr)
		}
	}
}

func TestRoutes(t *testing.T) {
	p := newProgram(t, nil)
	m := &manifest.Manifest{Format: manifest.FormatVersion, Generation: 7, Routes: []manifest.Route{
		{Method: "GET", Pattern: "/posts/{id}", Handler: "handlers.ShowPost", Signature: "func(*hotreload.Ctx) error",
			Position: manifest.Position{File: filepath.Join(p.dir, "handlers", "posts.go"), Line: 12}},
	}}
	check := func(code int, stdout, stderr string, args ...string) {
		t.Helper()
		p.stdout.Reset()
		p.stderr.Reset()
		if got := p.run(t.Context(), append([]string{"routes"}, args...)); got != code || !strings.Contains(p.stdout.String(), stdout) || !strings.Contains(p.stderr.String(), stderr) {
			t.Errorf("exit code %d, want %d\n%s\n%s", got, code, p.stdout, p.stderr)
		}
	}
	file := filepath.Join(p.dir, engine.OutDir, "manifest.json")
	writeManifest(t, m, file)
	check(exitOK, "/posts/{id}  handlers.ShowPost  func(*hotreload.Ctx) error  handlers/posts.go:12  7\n", "routes of generation 7, live at ")
	check(exitOK, `"running": false`, "", "--json")
	check(exitOK, "handlers.ShowPost", "", p.dir)
	if err := os.WriteFile(file, []byte("{"), 0o666); err != nil {
		t.Fatal(err)
	}
	check(exitFailure, "", "unusable manifest")

	r := serveRemote(t, p.dir)
	check(exitFailure, "", "no routes are live")
	s := *r.status.Load()
	s.Live = &control.LiveStatus{Generation: 8, Manifest: m, Stats: []control.RouteStats{
		{Method: "GET", Pattern: "/posts/{id}", Requests: 12, Errors: 1, P50: control.Duration(1810 * time.Microsecond), LastStatus: 200},
	}}
	r.status.Store(&s)
	check(exitOK, "handlers/posts.go:12  8           12        1       0     1.8 ms  200\n", "")
	if p.stderr.String() != "" {
		t.Errorf("of a running engine: %s", p.stderr)
	}
	check(exitOK, `"running": true`, "", "--json")
	check(exitOK, `"p50_ms": 1.81`, "", "--json")
}

func TestInvocation(t *testing.T) {
	checkout := t.TempDir()
	if err := os.MkdirAll(filepath.Join(checkout, "cmd", "anvil-lsp"), 0o777); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ arg0, dir, want string }{
		{"anvil-lsp", "/", "anvil-lsp"},
		{"./anvil-lsp", "/", "./anvil-lsp"},
		{"/usr/local/bin/anvil-lsp", "/", "anvil-lsp"},
		{"/tmp/go-build123/b001/exe/anvil-lsp", checkout, "go run ./cmd/anvil-lsp"},
		{"/tmp/go-build123/b001/exe/anvil-lsp", filepath.Join(checkout, "cmd"), "go run github.com/anvilforge/anvil-lsp/cmd/anvil-lsp"},
	} {
		if got := invocation(tt.arg0, tt.dir); got != tt.want {
			t.Errorf("invocation(%q, %q) = %q, want %q", tt.arg0, tt.dir, got, tt.want)
		}
	}
}

func TestVersionFrom(t *testing.T) {
	v := versionFrom(&debug.BuildInfo{Main: debug.Module{Version: "v1.2.3"}, Settings: []debug.BuildSetting{
		{Key: "vcs.revision", Value: "0123456789abcdef"}, {Key: "vcs.time", Value: "2026-03-14T12:00:00Z"}, {Key: "vcs.modified", Value: "true"},
	}})
	v.Go, v.Platform = "go1.26", "linux/amd64"
	if got, want := v.String(), "anvil-lsp v1.2.3 go1.26 linux/amd64 revision 0123456789ab of 2026-03-14T12:00:00Z, modified"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := versionFrom(nil).Version; got != "(devel)" {
		t.Errorf("without build information: %q", got)
	}
}

// TestCtlStopKilled: an engine that is killed while it stops leaves its socket.
func TestCtlStopKilled(t *testing.T) {
	p := newProgram(t, nil)
	r := serveRemote(t, p.dir)
	gone := exec.CommandContext(t.Context(), "true")
	if err := gone.Run(); err != nil {
		t.Fatal(err)
	}
	s := *r.status.Load()
	s.PID = gone.Process.Pid
	r.status.Store(&s)
	r.answer(control.PathStop, http.StatusAccepted, nil)
	if code := p.run(t.Context(), []string{"ctl", "stop"}); code != exitOK {
		t.Errorf("exit code %d, %s", code, p.stderr)
	}
}

// TestCtlLog: what the application has printed, as it was printed, and what it
// prints until its engine ends.
func TestCtlLog(t *testing.T) {
	const printed = "one\ntwo \x1b[31mred\xff\n"
	for args, want := range map[string]string{
		"ctl log":                printed,
		"ctl log -n 1":           "two \x1b[31mred\xff\n",
		"ctl log --lines 0":      "",
		"ctl log --json -n 1":    `{"line":"two \u001b[31mred\ufffd"}` + "\n",
		"ctl log --lines=9 -f=0": printed,
	} {
		p := newProgram(t, nil)
		r, l := serveRemote(t, p.dir), engine.NewLog()
		r.Handle("GET "+control.PathLog, l)
		fmt.Fprint(l, printed)
		if code := p.run(t.Context(), strings.Fields(args)); code != exitOK || p.stdout.String() != want {
			t.Errorf("%s: exit code %d, printed %q, want %q, %s", args, code, p.stdout, want, p.stderr)
		}
	}
	p := newProgram(t, nil)
	r, l := serveRemote(t, p.dir), engine.NewLog()
	r.Handle("GET "+control.PathLog, l)
	fmt.Fprint(l, printed)
	code := make(chan int)
	go func() { code <- p.run(t.Context(), []string{"ctl", "log", "-f", "-n", "1"}) }()
	waitFor(t, p.stdout, "red")
	fmt.Fprint(l, "and on")
	waitFor(t, p.stdout, "and on")
	r.stop()
	if got := <-code; got != exitOK || p.stdout.String() != "two \x1b[31mred\xff\nand on" {
		t.Errorf("exit code %d, printed %q, %s", got, p.stdout, p.stderr)
	}

	old := newProgram(t, nil)
	serveRemote(t, old.dir)
	if code := old.run(t.Context(), []string{"ctl", "log"}); code != exitFailure || !strings.Contains(old.stderr.String(), "is too old") {
		t.Errorf("of an earlier version: exit code %d, %s", code, old.stderr)
	}
}

// TestAttachLog: a terminal that is attached shows what the application prints
// from then on.
func TestAttachLog(t *testing.T) {
	for _, flag := range []string{"--verbose", "--json"} {
		p := newProgram(t, nil)
		p.inUse()
		r := serveRemote(t, p.dir)
		r.HandleFunc("GET "+control.PathLog, func(w http.ResponseWriter, r *http.Request) {
			if lines, follow, err := control.ReadLogQuery(r); lines != 0 || !follow || err != nil {
				t.Errorf("asked for %d lines, follow %t, %v", lines, follow, err)
			}
			fmt.Fprint(w, "said \x1b[31mred\n")
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
		})
		r.streams <- []*control.Event{&live, nil}
		ctx, interrupt := context.WithCancel(t.Context())
		code := make(chan int)
		go func() { code <- p.run(ctx, []string{"--serve", flag}) }()
		printed, other := p.stdout, p.stderr
		if flag == "--json" { // which has standard output for itself
			printed, other = other, printed
		}
		waitFor(t, printed, "said \x1b[31mred\n")
		interrupt()
		if got := <-code; got != exitOK || strings.Contains(other.String(), "red") {
			t.Errorf("%s: exit code %d, standard output %q, standard error %q", flag, got, p.stdout, p.stderr)
		}
	}
}
