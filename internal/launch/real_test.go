//go:build unix

package launch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/anvilforge/anvil-lsp/hotreload/control"
	"github.com/anvilforge/anvil-lsp/hotreload/control/transport"
	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/hotreload/shared/nettest"
	"github.com/anvilforge/anvil-lsp/hotreload/shared/takeover"
	"github.com/anvilforge/anvil-lsp/internal/testkit"
)

// envChild makes the test binary a live server. Its value says how that
// behaves.
const envChild = "ANVIL_LAUNCH_TEST_CHILD"

func TestMain(m *testing.M) {
	if mode := os.Getenv(envChild); mode != "" {
		liveServer(mode)
		return
	}
	os.Exit(m.Run())
}

// liveServer is the smallest one that speaks the control protocol.
func liveServer(mode string) {
	switch mode {
	case "panic":
		crashHere()
	case "hang":
		time.Sleep(10 * time.Minute) // longer than any test, but not for ever
		return
	}
	generation, err := strconv.Atoi(os.Getenv(control.EnvGeneration))
	if err != nil {
		panic(err)
	}
	var live atomic.Int64
	live.Store(int64(generation))
	drain := make(chan struct{})
	go func() {
		_, _ = inherited(control.EnvAliveFD).Read(make([]byte, 1)) // until the engine is gone
		drain <- struct{}{}
	}()
	app := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		if r.URL.Path == "/dir" {
			dir, err := os.Getwd()
			fmt.Fprint(w, dir, " ", os.Getenv("PWD"), " ", os.Getenv(control.EnvDir), " ", err)
			return
		}
		fmt.Fprintf(w, "generation %d of %s in %s for %s", live.Load(), os.Getenv(control.EnvPlugin), os.Getenv("GREETING"), r.URL.Path)
	})}
	app.Protocols = new(http.Protocols)
	app.Protocols.SetHTTP1(true)
	app.Protocols.SetUnencryptedHTTP2(true)
	var queue *takeover.Queue
	if os.Getenv(control.EnvPassFD) != "" {
		if queue, err = takeover.OpenQueue(inherited(control.EnvPassFD), inherited(control.EnvReceiveFD)); err != nil {
			panic(err)
		}
	}
	serve := takeover.NewServer(app, queue)
	events := transport.NewStream[control.LiveEvent]()
	mux := http.NewServeMux()
	mux.Handle("GET "+control.PathEvents, events)
	mux.HandleFunc("GET "+control.PathStatus, func(w http.ResponseWriter, r *http.Request) {
		st := control.LiveStatus{PID: os.Getpid(), Ready: true, Generation: int(live.Load())}
		if mode == "broken" {
			st.Ready = false
			st.Diagnostics = []manifest.Diagnostic{manifest.Diagnose(manifest.CodeRoute, manifest.Position{}, "duplicate route")}
		}
		transport.WriteJSON(w, http.StatusOK, st)
	})
	mux.HandleFunc("POST "+control.PathLoad, func(w http.ResponseWriter, r *http.Request) {
		var req control.LoadRequest
		if err := transport.ReadJSON(r, &req); err != nil {
			transport.WriteProblem(w, http.StatusBadRequest, err)
			return
		}
		if req.Plugin == "crash.so" {
			go crashHere()
			select {}
		}
		live.Store(int64(req.Generation))
		events.Publish(control.LiveEvent{Kind: control.LiveSwapped, Generation: req.Generation})
		transport.WriteJSON(w, http.StatusOK, control.LoadResult{Outcome: control.OutcomeLive, Generation: req.Generation})
	})
	mux.HandleFunc("POST "+control.PathDrain, func(w http.ResponseWriter, r *http.Request) {
		var req control.DrainRequest
		err := transport.ReadJSON(r, &req)
		if req.Successor && req.Alone {
			err = errors.Join(err, serve.LeaveFirst())
		} else {
			err = errors.Join(err, serve.Leave(req.Successor))
		}
		if err != nil {
			panic(err)
		}
		w.WriteHeader(http.StatusAccepted)
		if mode != "stubborn" {
			drain <- struct{}{}
		}
	})
	controls, err := net.FileListener(inherited(control.EnvControlFD))
	if err != nil {
		panic(err)
	}
	if mode == "stubborn" {
		signal.Ignore(syscall.SIGTERM)
	}
	if mode != "broken" {
		listener, err := net.FileListener(inherited(control.EnvListenFD))
		if err != nil {
			panic(err)
		}
		go serve.Serve(listener)
	}
	messages := &http.Server{Handler: mux}
	go messages.Serve(controls)
	<-drain
	events.Close()
	if path := os.Getenv("PIDFILE"); path != "" {
		defer os.Remove(path)
	}
	if err := errors.Join(serve.Shutdown(context.Background()), messages.Shutdown(context.Background())); err != nil {
		panic(err)
	}
}

func crashHere() {
	var m map[string]int
	//lint:ignore SA5000 the panic is what is tested
	m["crash"]++
}

func inherited(env string) *os.File {
	fd, err := strconv.Atoi(os.Getenv(env))
	if err != nil {
		panic(err)
	}
	syscall.CloseOnExec(fd)
	return os.NewFile(uintptr(fd), env)
}

// real is a Supervisor of real processes.
type real struct {
	*testing.T
	s      *Supervisor
	socket *Socket
	o      Options
	image  Image
	events chan Event // but for those of kind Live
	stop   func()     // ends the supervisor, and waits for that
	stderr *testkit.Buffer
}

func newReal(t *testing.T, mode string, change func(*Options)) *real {
	t.Helper()
	socket, err := Listen(t.Context(), nettest.Reserve(t))
	if err != nil {
		t.Fatal(err)
	}
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	r := &real{T: t, socket: socket, image: Image{Executable: exe, Generation: 1}, events: make(chan Event, 100), stderr: &testkit.Buffer{}}
	r.o = Options{
		Socket: socket, Dir: dir, RunDir: filepath.Join(t.TempDir(), "run"),
		// The race detector would have every process sleep for a second at its end.
		Env:    []string{envChild + "=" + mode, "GREETING=hello", "GORACE=atexit_sleep_ms=0"},
		Stdout: io.Discard, Stderr: r.stderr,
		Front: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { http.Error(w, "front", http.StatusServiceUnavailable) }),
		// Nothing here waits for these on a machine that does its work.
		ReadyTimeout: time.Minute, DrainTimeout: time.Minute, KillTimeout: time.Minute, QueueTimeout: time.Minute,
	}
	if change != nil {
		change(&r.o)
	}
	r.s, err = NewSupervisor(r.o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- r.s.Run(ctx) }()
	go func() {
		defer close(r.events)
		for e := range r.s.Events() {
			if _, ok := e.(Live); !ok {
				r.events <- e
			}
		}
	}()
	r.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
		if entries, err := os.ReadDir(r.o.RunDir); err != nil || len(entries) > 0 {
			t.Errorf("left behind: %v, %v", entries, err)
		}
		if err := socket.Close(); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(r.stop)
	return r
}

func (r *real) replace(generation int) control.LiveStatus {
	r.Helper()
	r.image.Generation = generation
	st, err := r.s.Replace(r.Context(), r.image)
	if err != nil {
		r.Fatalf("Replace: %v", err)
	}
	return st
}

// untilRestarted waits until a process has been started again that had died.
func (r *real) untilRestarted() {
	for e := range r.events {
		if _, again := e.(Restarted); again {
			return
		}
	}
}

// get asks the application, with a connection of its own.
func (r *real) get(path string) (status int, body string) {
	r.Helper()
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Get(r.socket.URL() + path)
	if err != nil {
		r.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		r.Fatal(err)
	}
	return resp.StatusCode, strings.TrimSpace(string(data))
}

func (r *real) serves(generation int, plugin string) {
	r.Helper()
	want := fmt.Sprintf("generation %d of %s in hello for /x", generation, plugin)
	if status, body := r.get("/x"); status != 200 || body != want {
		r.Errorf("%d %q, want %q", status, body, want)
	}
}

func alive(pid int) bool { return syscall.Kill(pid, 0) == nil }

func TestRealLifeCycle(t *testing.T) {
	r := newReal(t, "serve", nil)
	if status, body := r.get("/"); status != 503 || body != "front" {
		t.Errorf("before the start: %d %s", status, body)
	}
	first := r.replace(1)
	r.serves(1, "")
	second := r.replace(2)
	r.serves(2, "")
	if first.PID == second.PID || first.Generation != 1 || second.Generation != 2 {
		t.Errorf("%+v, then %+v", first, second)
	}
	res, err := r.s.Load(t.Context(), control.LoadRequest{Generation: 3, Plugin: "g3.so"})
	if err != nil || res.Generation != 3 {
		t.Errorf("Load: %+v, %v", res, err)
	}
	if st, err := r.s.Status(t.Context()); err != nil || st.PID != second.PID || st.Generation != 3 {
		t.Errorf("Status: %+v, %v", st, err)
	}
	r.stop()
	if alive(first.PID) || alive(second.PID) {
		t.Error("a process was left behind")
	}
	for e := range r.events {
		t.Errorf("event %+v", e)
	}
	if _, err := net.Dial("tcp", r.socket.Addr().String()); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("the socket is still open: %v", err)
	}
}

func TestRealCrashIsReportedAndMended(t *testing.T) {
	r := newReal(t, "serve", nil)
	first := r.replace(1)
	if _, err := r.s.Load(t.Context(), control.LoadRequest{Generation: 2, Plugin: "g2.so"}); err != nil {
		t.Fatal(err)
	}
	_, err := r.s.Load(t.Context(), control.LoadRequest{Generation: 3, Plugin: "crash.so"})
	exit, ok := errors.AsType[*ExitError](err)
	if !ok {
		t.Fatalf("Load: %v", err)
	}
	d := exit.Exit.Diagnostic
	if d.Code != manifest.CodeLiveServer || d.Message != "the live server crashed: panic: assignment to entry in nil map" ||
		filepath.Base(d.File) != "real_test.go" || !strings.Contains(d.Detail, "crashHere") {
		t.Errorf("diagnostic %+v", d)
	}
	if exit.Exit.PID != first.PID || exit.Exit.State != "exit status 2" || !strings.Contains(exit.Exit.Output, "goroutine") {
		t.Errorf("exit %+v", exit.Exit)
	}
	if !strings.Contains(r.stderr.String(), "assignment to entry in nil map") {
		t.Errorf("stderr was not passed on: %q", r.stderr)
	}
	if e, ok := (<-r.events).(Exited); !ok || !e.DuringLoad || e.Generation != 2 || e.NextAttempt.IsZero() {
		t.Errorf("event %+v", e)
	}
	if e, ok := (<-r.events).(Restarted); !ok || e.Status.Generation != 2 || e.Status.PID == first.PID {
		t.Errorf("event %+v", e)
	}
	r.serves(2, "g2.so")
}

// TestRealWorkingDirectory: a process runs in the directory of its image, also
// after a load and a crash; without one, in the workspace.
func TestRealWorkingDirectory(t *testing.T) {
	r := newReal(t, "serve", nil)
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	runsIn := func(want string) {
		t.Helper()
		if _, got := r.get("/dir"); got != want+" "+want+" "+r.o.Dir+" <nil>" {
			t.Errorf("it runs in %s, want %s", got, want)
		}
	}
	r.replace(1)
	runsIn(r.o.Dir)
	r.image.Dir = dir
	st := r.replace(2)
	runsIn(dir)
	if _, err := r.s.Load(t.Context(), control.LoadRequest{Generation: 3, Plugin: "g3.so"}); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(st.PID, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	r.untilRestarted()
	runsIn(dir)
}

func TestRealStartThatFails(t *testing.T) {
	for mode, want := range map[string]string{
		"panic":  "assignment to entry in nil map",
		"broken": "duplicate route [ANV004]",
	} {
		t.Run(mode, func(t *testing.T) {
			r := newReal(t, mode, nil)
			_, err := r.s.Replace(t.Context(), r.image)
			start, ok := errors.AsType[*StartError](err)
			if !ok || !strings.Contains(err.Error(), want) || len(start.Diagnostics) != 1 {
				t.Errorf("Replace: %#v, want %q", err, want)
			}
			if mode == "panic" && (start.ExitState != "exit status 2" || filepath.Base(start.Diagnostics[0].File) != "real_test.go" ||
				!strings.Contains(start.Output, "crashHere")) {
				t.Errorf("%+v", start)
			}
			if status, _ := r.get("/"); status != 503 {
				t.Errorf("status %d, want that of the front", status)
			}
		})
	}
}

func TestRealMissingExecutable(t *testing.T) {
	r := newReal(t, "serve", nil)
	r.image.Executable = filepath.Join(t.TempDir(), "missing")
	if _, err := r.s.Replace(t.Context(), r.image); err == nil || !strings.Contains(err.Error(), "missing: no such file") {
		t.Errorf("Replace: %v", err)
	}
	// The socket of the process that was not started must not be left behind: r.stop looks.
}

func TestRealProcessThatHangs(t *testing.T) {
	r := newReal(t, "hang", func(o *Options) { o.ReadyTimeout = 200 * time.Millisecond })
	_, err := r.s.Replace(t.Context(), r.image)
	if !errors.Is(err, ErrNotReady) {
		t.Errorf("Replace: %v", err)
	}
}

func TestRealStubbornProcessIsKilled(t *testing.T) {
	r := newReal(t, "stubborn", func(o *Options) { o.DrainTimeout, o.KillTimeout = time.Millisecond, time.Millisecond })
	st := r.replace(1)
	r.stop()
	if alive(st.PID) {
		t.Error("it is still there")
	}
}

func TestRealProcessEndsWhenTheEngineIsGone(t *testing.T) {
	// The supervisor cannot be killed without the test, so the pipe is closed.
	socket, err := Listen(t.Context(), ":0")
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	listener, err := socket.file()
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	l, err := transport.ListenUnix(filepath.Join(t.TempDir(), "c.sock"))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	controls, err := dupFile(l, "control socket")
	if err != nil {
		t.Fatal(err)
	}
	defer controls.Close()
	alive, engine, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer alive.Close()
	u := &unixSystem{Options: Options{Env: []string{envChild + "=serve", "GORACE=atexit_sleep_ms=0"}}}
	cmd := exec.Command(exe)
	cmd.Env = u.environment(Image{Generation: 1}, false, false, 0, nil)
	cmd.ExtraFiles = []*os.File{listener, controls, alive}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if err := engine.Close(); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("it ended with %v", err)
	}
}

func TestRealStaleSocketsAreRemoved(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "live-7.sock")
	l, err := transport.ListenUnix(path)
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	note := filepath.Join(dir, "note")
	if err := os.WriteFile(note, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := NewSupervisor(Options{Socket: &Socket{}, RunDir: dir}); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Lstat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("stale socket: %v", err)
	}
	if _, err := os.Lstat(note); err != nil {
		t.Errorf("other file: %v", err)
	}
}

func TestRealRunDirWithALongPath(t *testing.T) {
	r := newReal(t, "serve", func(o *Options) {
		o.RunDir = filepath.Join(t.TempDir(), strings.Repeat("deep/", 30), "run")
	})
	r.replace(1)
	r.serves(1, "")
}

func kill(t *testing.T, pid int) {
	t.Helper()
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
}
