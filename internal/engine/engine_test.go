package engine

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/anvilforge/anvil-lsp/hotreload/control"
	"github.com/anvilforge/anvil-lsp/internal/launch"
	"github.com/anvilforge/anvil-lsp/internal/watch"
)

// taken binds a port of the system's choice until the test ends.
func taken(t *testing.T) netip.AddrPort {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l.Addr().(*net.TCPAddr).AddrPort()
}

// listenOn binds the address that an engine was asked to serve on.
func listenOn(t *testing.T, addr string) (*launch.Socket, error) {
	e := &Engine{opts: Options{Addr: addr}}
	err := e.listen(t.Context())
	return e.socket, err
}

func TestListenMovesOnFromATakenPort(t *testing.T) {
	first := taken(t)
	s, err := listenFrom(t.Context(), int(first.Port()))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	addr := s.Addr().(*net.TCPAddr).AddrPort()
	if addr.Port() <= first.Port() || addr.Port() >= first.Port()+20 || addr.Addr() != first.Addr() {
		t.Errorf("listens on %s, want one of the ports above %s", addr, first)
	}
}

func TestListenTakesAnExplicitPortAsItIs(t *testing.T) {
	addr := taken(t)
	if s, err := listenOn(t, addr.String()); !errors.Is(err, launch.ErrAddrInUse) || s != nil {
		t.Errorf("%v, %v; want ErrAddrInUse", s, err)
	}
	s, err := listenOn(t, "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

func TestListenElsewhere(t *testing.T) {
	if _, err := listenOn(t, "0.0.0.0:0"); !errors.Is(err, launch.ErrNotLoopback) {
		t.Errorf("error %v, want ErrNotLoopback", err)
	}
	// An error that another port does not mend ends the search.
	if _, err := listenFrom(t.Context(), 1<<16); err == nil || errors.Is(err, launch.ErrAddrInUse) {
		t.Errorf("error %v", err)
	}
}

func TestNewRefusesWhatIsNoDirectory(t *testing.T) {
	dir := t.TempDir()
	missing := filepath.Join(dir, "missing")
	if _, err := New(t.Context(), Options{Dir: missing}); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), missing) {
		t.Errorf("error %v, want one that names %s", err, missing)
	}
	file := writeFile(t, "package main", dir, "main.go")
	if _, err := New(t.Context(), Options{Dir: file}); err == nil || !strings.Contains(err.Error(), "is not a directory") {
		t.Errorf("error %v", err)
	}
	if got := names(t, dir); len(got) != 1 {
		t.Errorf("it wrote: %v", got)
	}
}

// TestNewGivesBackWhatItTook: also if it fails half way, and if Run never comes.
func TestNewGivesBackWhatItTook(t *testing.T) {
	dir := t.TempDir()
	if _, err := New(t.Context(), Options{Dir: dir, Addr: taken(t).String()}); !errors.Is(err, launch.ErrAddrInUse) || errors.Is(err, net.ErrClosed) {
		t.Errorf("error %v, want ErrAddrInUse", err)
	}
	e, err := New(t.Context(), Options{Dir: dir, Addr: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := New(t.Context(), Options{Dir: dir, Addr: "127.0.0.1:0"}); !errors.Is(err, ErrInUse) {
		t.Errorf("error %v, want ErrInUse", err)
	}
	events := e.Events().Subscribe(t.Context())
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	for ev := range events { // ends
		t.Errorf("event %s", ev.Kind)
	}
	if _, open := <-e.watcher.Batches(); open {
		t.Error("the watcher is still there")
	}
	if err := e.socket.Close(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("the address was still bound: %v", err)
	}
	if got, want := strings.Join(names(t, dir, OutDir), " "), ".gitignore lock"; got != want {
		t.Errorf("left %s, want %s", got, want)
	}
}

// TestStatusTellsMain: what is to be built is known before anything is live, as
// soon as it is found.
func TestStatusTellsMain(t *testing.T) {
	const serves = "package main\n\nimport \"github.com/anvilforge/anvil-lsp/hotreload\"\n\nfunc main() { hotreload.LiveServer(nil, nil) }\n"
	for _, tt := range []struct {
		name, main  string
		dirs        []string // of programs that serve
		want, later string   // later: when api serves, too
	}{
		{"the only one", "", []string{"web"}, "./web", "./web"},
		{"the directory's", "", []string{".", "web"}, ".", "."},
		{"named", "web", []string{"web", "admin"}, "./web", "./web"},
		{"named by its path", "example.com/app/web", []string{"web", "admin"}, "example.com/app/web", "example.com/app/web"},
		{"several", "", []string{"web", "admin"}, "", ""},
		{"none yet", "", nil, "", "./api"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			writeFile(t, "module example.com/app\n\ngo 1.26\n", dir, "go.mod")
			for _, d := range tt.dirs {
				writeFile(t, serves, dir, d, "main.go")
			}
			e, err := New(t.Context(), Options{Dir: dir, Main: tt.main, Addr: "127.0.0.1:0"})
			if err != nil {
				t.Fatal(err)
			}
			defer e.Close()
			if e.status.Main != tt.want {
				t.Errorf("before the first build: %q, want %q", e.status.Main, tt.want)
			}
			if tt.main == "" {
				writeFile(t, serves, dir, "api", "main.go")
			}
			l := newLoop(e)
			l.now(func(first *task) outcome { return first.start(t.Context(), nil) }) // does not compile
			if e.status.Main != tt.later {
				t.Errorf("after the first build: %q, want %q", e.status.Main, tt.later)
			}
			if tt.main != "" || tt.later == "" {
				return
			}
			// It is moved before anything was live.
			if err := os.RemoveAll(filepath.Join(dir, tt.later, "main.go")); err != nil {
				t.Fatal(err)
			}
			writeFile(t, serves, dir, "moved", "main.go")
			for _, other := range []string{"web", "api"} {
				if err := os.RemoveAll(filepath.Join(dir, other)); err != nil {
					t.Fatal(err)
				}
			}
			l.now(func(second *task) outcome { return second.start(t.Context(), nil) })
			if e.status.Main != "./moved" {
				t.Errorf("after it was moved: %q", e.status.Main)
			}
		})
	}
}

// TestAddressUnread: where the source does not tell the address, the user hears once where that is, and
// how to choose one.
func TestAddressUnread(t *testing.T) {
	const program = "package main\n\nimport \"github.com/anvilforge/anvil-lsp/hotreload\"\n\n" +
		"func main() { hotreload.LiveServer(nil, hotreload.Options{\n\tAddr: %s,\n}) }\n"
	for addr, want := range map[string]string{
		`cfg.Addr`:         "cmd/api/main.go:6:2: cannot read the address from the source; serving on %s (--addr sets another)",
		`"127.0.0.1:8080"`: "",
	} {
		dir := t.TempDir()
		writeFile(t, "module example.com/app\n\ngo 1.26\n", dir, "go.mod")
		writeFile(t, fmt.Sprintf(program, addr), dir, "cmd", "api", "main.go")
		e, err := New(t.Context(), Options{Dir: dir})
		if err != nil {
			t.Fatal(err)
		}
		if want != "" {
			want = fmt.Sprintf(want, e.socket.Addr())
		}
		if note := e.mainAddr.note; note != want && (want != "" || strings.Contains(note, "source")) {
			t.Errorf("%s: %q, want %q", addr, note, want)
		}
		if err := e.Close(); err != nil {
			t.Error(err)
		}
		if e, err = New(t.Context(), Options{Dir: dir, Addr: "127.0.0.1:0"}); err != nil {
			t.Fatal(err)
		}
		if e.mainAddr.note != "" {
			t.Errorf("with --addr: %q", e.mainAddr.note)
		}
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestFollowAfterTheEnd: a task that is told to end when the watcher is, and goes
// on for a moment, complains of nothing.
func TestFollowAfterTheEnd(t *testing.T) {
	e := newTestEngine(t)
	var err error
	if e.watcher, err = watch.New(watch.Options{}); err != nil {
		t.Fatal(err)
	}
	ended, end := context.WithCancel(t.Context())
	end()
	if err := e.watcher.Run(ended); err != nil {
		t.Fatal(err)
	}
	events := e.events.Subscribe(t.Context())
	e.follow(graphSet(e.opts.Dir, nil, nil))
	e.publish(control.Event{Kind: control.EventStopped})
	if ev := <-events; ev.Kind != control.EventStopped {
		t.Errorf("%s: %s", ev.Kind, ev.Message)
	}
}

func TestColorsReachTheApplication(t *testing.T) {
	for name, test := range map[string]struct {
		color bool
		env   map[string]string
		want  string
	}{
		"terminal":           {true, nil, "FORCE_COLOR=1 CLICOLOR_FORCE=1"},
		"no terminal":        {false, nil, ""},
		"not wanted":         {true, map[string]string{"NO_COLOR": "1"}, ""},
		"empty says nothing": {true, map[string]string{"NO_COLOR": ""}, "FORCE_COLOR=1 CLICOLOR_FORCE=1"},
		"the user's choice":  {true, map[string]string{"FORCE_COLOR": "0"}, "CLICOLOR_FORCE=1"},
	} {
		t.Run(name, func(t *testing.T) {
			lookup := func(k string) (string, bool) { v, ok := test.env[k]; return v, ok }
			if got := strings.Join(colorEnv(test.color, lookup), " "); got != test.want {
				t.Errorf("%q, want %q", got, test.want)
			}
		})
	}
}
