package launch

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// envTakes says what the test binary takes before it is a live server, as a list
// of verb and name: what main of an application may do.
const envTakes = "ANVIL_LAUNCH_TEST_TAKES"

func init() {
	for _, word := range strings.Fields(os.Getenv(envTakes)) {
		verb, name, _ := strings.Cut(word, "=")
		if err := take(verb, name); err != nil {
			fmt.Fprintln(os.Stderr, "main:", err)
			os.Exit(1)
		}
	}
}

// taken keeps what was taken.
var taken []any

func take(verb, name string) error {
	switch verb {
	case "tcp":
		l, err := net.Listen("tcp", name)
		taken = append(taken, l)
		return err
	case "udp":
		l, err := net.ListenPacket("udp", name)
		taken = append(taken, l)
		return err
	case "unix":
		l, err := net.Listen("unix", name)
		os.Setenv("PIDFILE", name) // removed at the end
		taken = append(taken, l)
		return err
	case "careless": // go http.ListenAndServe, as with pprof
		_, err := net.Listen("tcp", name)
		if err != nil {
			fmt.Println("pprof:", err)
		}
		return nil
	case "background": // go log.Fatal(http.ListenAndServe)
		go func() {
			if _, err := net.Listen("tcp", name); err != nil {
				fmt.Fprintln(os.Stderr, err)
				os.Exit(1)
			}
		}()
		return nil
	case "pidfile":
		f, err := os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
		if err != nil {
			return err
		}
		fmt.Fprintln(f, os.Getpid())
		os.Setenv("PIDFILE", name) // removed at the end
		return f.Close()
	case "child":
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), envChild+"=hang", envTakes+"="+name)
		cmd.Stderr = os.Stderr
		return cmd.Start()
	case "detached":
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), envChild+"=hang", envTakes+"="+name)
		cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
		return cmd.Start()
	case "note": // says who it is
		return os.WriteFile(name, []byte(strconv.Itoa(os.Getpid())), 0o600)
	}
	f, err := os.OpenFile(name, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	taken = append(taken, f)
	switch verb {
	case "flock":
		return syscall.Flock(int(f.Fd()), syscall.LOCK_EX)
	case "tryflock":
		return syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	case "pollflock":
		for {
			err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
			if !errors.Is(err, syscall.EWOULDBLOCK) {
				return err
			}
			time.Sleep(10 * time.Millisecond)
		}
	case "lateposix":
		time.Sleep(time.Second)
		fallthrough
	case "posix":
		return syscall.FcntlFlock(f.Fd(), syscall.F_SETLKW, &syscall.Flock_t{Type: syscall.F_WRLCK})
	case "pollposix":
		for {
			err := syscall.FcntlFlock(f.Fd(), syscall.F_SETLK, &syscall.Flock_t{Type: syscall.F_WRLCK})
			if !errors.Is(err, syscall.EAGAIN) && !errors.Is(err, syscall.EACCES) {
				return err
			}
			time.Sleep(10 * time.Millisecond)
		}
	}
	return fmt.Errorf("%s: what is that?", verb)
}

// freePort returns an address that nobody listens on now, outside of the ports
// that the system chooses from.
func freePort(t *testing.T, network string) string {
	t.Helper()
	low, _ := chosenPorts()
	for port := 20000 + os.Getpid()%5000; port < low; port++ {
		addr := fmt.Sprintf("127.0.0.1:%d", port)
		if network == "udp" {
			if l, err := net.ListenPacket(network, addr); err == nil {
				l.Close()
				return addr
			}
		} else if l, err := net.Listen(network, addr); err == nil {
			l.Close()
			return addr
		}
	}
	t.Fatal("no free port")
	return ""
}

// chosenPort returns one that the system has chosen.
func chosenPort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func TestRealRestartsOfWhatHasSomething(t *testing.T) {
	for name, test := range map[string]struct {
		takes func(t *testing.T, dir string) string
		want  string // conflict, without the directory
	}{
		"a port of the program's own":       {func(t *testing.T, _ string) string { return "tcp=" + freePort(t, "tcp") }, "listen on 127.0.0.1:"},
		"two ports":                         {func(t *testing.T, _ string) string { return "tcp=" + chosenPort(t) + " tcp=" + chosenPort(t) }, "listen on 127.0.0.1:"},
		"a port that may have been chosen":  {func(t *testing.T, _ string) string { return "tcp=" + chosenPort(t) }, "listen on 127.0.0.1:"},
		"a port in the background":          {func(t *testing.T, _ string) string { return "background=" + chosenPort(t) }, "listen on 127.0.0.1:"},
		"a port that it can do without":     {func(t *testing.T, _ string) string { return "careless=" + chosenPort(t) }, "listen on 127.0.0.1:"},
		"a port of a child":                 {func(t *testing.T, _ string) string { return "child=tcp=" + freePort(t, "tcp") }, "listen on 127.0.0.1:"},
		"a UDP port":                        {func(t *testing.T, _ string) string { return "udp=" + freePort(t, "udp") }, "(UDP)"},
		"a socket":                          {func(_ *testing.T, dir string) string { return "unix=" + dir + "/s" }, "/s"},
		"flock":                             {func(_ *testing.T, dir string) string { return "flock=" + dir + "/app.db" }, "lock "},
		"flock that is tried":               {func(_ *testing.T, dir string) string { return "tryflock=" + dir + "/app.db" }, "lock "},
		"flock that is tried again":         {func(_ *testing.T, dir string) string { return "pollflock=" + dir + "/app.db" }, "lock "},
		"fcntl":                             {func(_ *testing.T, dir string) string { return "posix=" + dir + "/app.db" }, "lock "},
		"fcntl that is tried again":         {func(_ *testing.T, dir string) string { return "pollposix=" + dir + "/app.db" }, "lock "},
		"fcntl a second after the start":    {func(_ *testing.T, dir string) string { return "lateposix=" + dir + "/app.db" }, "lock "},
		"a file that must not be there yet": {func(_ *testing.T, dir string) string { return "pidfile=" + dir + "/app.pid" }, "have made "},
	} {
		t.Run(name, func(t *testing.T) {
			r := newReal(t, "serve", func(o *Options) {
				o.Env = append(o.Env, envTakes+"="+test.takes(t, t.TempDir()))
			})
			first := r.replace(1)
			settled := func(pid int) { // children take their time
				t.Helper()
				eventually(t, "it has what it takes", func() bool {
					return len(r.s.system.holds(&child{pid: pid}).list) > 0 || strings.HasPrefix(test.want, "have made")
				})
			}
			settled(first.PID)
			failed, stop := r.ask()
			begun := time.Now()
			second := r.replace(2)
			t.Logf("after %v", time.Since(begun))
			select {
			case e := <-r.events:
				if alone, ok := e.(Alone); !ok || !strings.Contains(alone.Conflict, test.want) {
					t.Errorf("event %+v, want a conflict with %q", e, test.want)
				}
			case <-time.After(time.Minute):
				t.Fatal("no word about it")
			}
			if first.PID == second.PID {
				t.Error("nothing was started")
			}
			r.serves(2, "")
			settled(second.PID)
			third := r.replace(3) // without a start in vain, and without a word
			stop()
			if n := failed(); n > 0 {
				t.Errorf("%d requests failed", n)
			}
			if alive(first.PID) || alive(second.PID) {
				t.Error("processes overlap")
			}
			r.stop()
			if alive(third.PID) {
				t.Error("a process was left behind")
			}
			for e := range r.events {
				if _, restarted := e.(Restarted); !restarted { // after an end in the background
					t.Errorf("event %+v", e)
				}
			}
		})
	}
}

// TestNoRequestFailsDuringRestartsWithoutOverlap: nobody is there to forward to.
func TestNoRequestFailsDuringRestartsWithoutOverlap(t *testing.T) {
	r := newReal(t, "serve", func(o *Options) { o.Env = append(o.Env, envTakes+"=tcp="+freePort(t, "tcp")) })
	r.replace(1)
	l := startLoad(r)
	const last = 6
	for g := 2; g <= last; g++ {
		before := l.requests.Load()
		r.replace(g)
		r.serves(g, "")
		eventually(t, "the load goes on", func() bool { return l.requests.Load() > before+20 })
	}
	total := l.end()
	if failed := l.failed.Load(); failed > 0 {
		t.Errorf("%d of %d requests failed", failed, total)
	}
}

// ask keeps asking the application, with a new connection each time, until stop
// is called; failed returns how often there was no answer.
func (r *real) ask() (failed func() int64, stop func()) {
	var n atomic.Int64
	ended := make(chan struct{})
	var asking sync.WaitGroup
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	asking.Go(func() {
		for {
			select {
			case <-ended:
				return
			case <-time.After(5 * time.Millisecond):
			}
			resp, err := client.Get(r.socket.URL() + "/x")
			if err != nil {
				r.Log(err)
				n.Add(1)
				continue
			}
			resp.Body.Close()
		}
	})
	return n.Load, func() { close(ended); asking.Wait() }
}

func TestRealPortOfAStranger(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	r := newReal(t, "serve", func(o *Options) { o.Env = append(o.Env, envTakes+"=tcp="+l.Addr().String()) })
	_, err = r.s.Replace(t.Context(), r.image)
	want := fmt.Sprintf("%s is taken by process %d (", l.Addr(), os.Getpid())
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("Replace: %v, want %q in it", err, want)
	}
}

func TestRealLockOfAStranger(t *testing.T) {
	for _, verb := range []string{"flock", "pollflock"} {
		t.Run(verb, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "app.db")
			f, err := os.Create(path)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
				t.Fatal(err)
			}
			r := newReal(t, "serve", func(o *Options) {
				o.Env = append(o.Env, envTakes+"="+verb+"="+path)
				o.ReadyTimeout = 500 * time.Millisecond
			})
			_, err = r.s.Replace(t.Context(), r.image)
			want := fmt.Sprintf("%s, which process %d (", path, os.Getpid())
			if !errors.Is(err, ErrNotReady) || !strings.Contains(err.Error(), want) {
				t.Errorf("Replace: %v, want %q in it", err, want)
			}
		})
	}
}

func TestRealWhatWasStartedEndsToo(t *testing.T) {
	for name, end := range map[string]func(r *real, pid int){
		"restart": func(r *real, _ int) { r.replace(2) },
		"stop":    func(r *real, _ int) { r.stop() },
		"crash":   func(r *real, pid int) { kill(r.T, pid) },
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			r := newReal(t, "serve", func(o *Options) {
				o.Env = append(o.Env, envTakes+"=child=note="+dir+"/child detached=note="+dir+"/detached")
			})
			st := r.replace(1)
			child, detached := pidIn(t, dir+"/child"), pidIn(t, dir+"/detached")
			t.Cleanup(func() { // what the next process has started as well
				r.stop()
				kill(t, detached)
				if last := pidIn(t, dir+"/detached"); last != detached {
					kill(t, last)
				}
			})
			end(r, st.PID)
			eventually(t, "the child ends", func() bool { return !runs(child) })
			if !runs(detached) {
				t.Error("what has left the group was ended")
			}
		})
	}
}

// pidIn waits for a file with the number of a process.
func pidIn(t *testing.T, path string) (pid int) {
	t.Helper()
	eventually(t, path, func() bool {
		data, err := os.ReadFile(path)
		n, errNumber := strconv.Atoi(string(data))
		pid = n
		return err == nil && errNumber == nil
	})
	return pid
}

// runs reports whether a process runs; one that nobody has waited for does not.
func runs(pid int) bool {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err == nil && !strings.Contains(string(data), ") Z ")
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("in vain: %s", what)
		}
	}
}

func TestParseLock(t *testing.T) {
	for line, want := range map[string]heldLock{
		"1: FLOCK  ADVISORY  WRITE 15752 fe:00:9978482 0 EOF":    {id: "1:", flock: true, write: true, pid: 15752, file: "fe:00:9978482"},
		"2: -> FLOCK  ADVISORY  WRITE 15801 fe:00:9978482 0 EOF": {id: "2:", flock: true, write: true, waiting: true, pid: 15801, file: "fe:00:9978482"},
		"7:   -> POSIX  ADVISORY  READ 3 fe:00:1 0 9":            {id: "7:", waiting: true, pid: 3, file: "fe:00:1"},
		"\t1: OFDLCK ADVISORY  WRITE -1 08:01:12 0 EOF":          {id: "1:", write: true, pid: -1, file: "08:01:12"},
		"3: LEASE  ACTIVE    WRITE 3 fe:00:1 0 EOF":              {},
		"":      {},
		"1: ->": {},
		"1: POSIX ADVISORY WRITE x fe:00:1 0 EOF": {},
	} {
		if got, ok := parseLock(line); ok != (want != heldLock{}) || ok && got != want {
			t.Errorf("%q: %+v, %v", line, got, ok)
		}
	}
}
