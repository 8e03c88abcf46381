package launch

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/anvilforge/anvil-lsp/hotreload/shared/nettest"
	"github.com/anvilforge/anvil-lsp/internal/testkit"
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

// diedInBackground begins the last line of a process that ended by itself although
// it may have accepted a request.
const diedInBackground = "background:"

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
		l, err := net.Listen("tcp", name)
		if err != nil {
			fmt.Println("pprof:", err)
		}
		taken = append(taken, l)
		return nil
	case "background": // go log.Fatal(http.ListenAndServe), of which the end may be late, not the beginning
		l, err := net.Listen("tcp", name)
		taken = append(taken, l)
		if err != nil {
			go func() {
				fmt.Fprintln(os.Stderr, diedInBackground, err)
				os.Exit(1)
			}()
		}
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

func TestRealRestartsOfWhatHasSomething(t *testing.T) {
	for name, test := range map[string]struct {
		takes func(t *testing.T, dir string) string
		want  string // conflict, without the directory
	}{
		"a port of the program's own":       {func(t *testing.T, _ string) string { return "tcp=" + freePort(t, "tcp") }, "listen on 127.0.0.1:"},
		"two ports":                         {func(t *testing.T, _ string) string { return "tcp=" + nettest.Reserve(t) + " tcp=" + nettest.Reserve(t) }, "listen on 127.0.0.1:"},
		"a port that may have been chosen":  {func(t *testing.T, _ string) string { return "tcp=" + nettest.Reserve(t) }, "listen on 127.0.0.1:"},
		"a port in the background":          {func(t *testing.T, _ string) string { return "background=" + nettest.Reserve(t) }, "listen on 127.0.0.1:"},
		"a port that it can do without":     {func(t *testing.T, _ string) string { return "careless=" + nettest.Reserve(t) }, "listen on 127.0.0.1:"},
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
			// Children take their time, and so does an end in the background, after which
			// another process is live.
			settled := func() (pid int) {
				t.Helper()
				testkit.Until(t, time.Minute, "it has what it takes", func() bool {
					st, err := r.s.Status(t.Context())
					pid = st.PID
					if strings.HasPrefix(test.want, "have made") {
						return err == nil
					}
					return err == nil && len(r.s.system.holds(&child{pid: pid}).list) > 0
				})
				return pid
			}
			r.replace(1)
			first := settled()
			failures, stop := r.ask()
			begun := time.Now()
			r.replace(2)
			t.Logf("after %v", time.Since(begun))
			select {
			case e := <-r.events:
				if alone, ok := e.(NoOverlap); !ok || !strings.Contains(alone.Conflict, test.want) {
					t.Errorf("event %+v, want a conflict with %q", e, test.want)
				}
			case <-time.After(time.Minute):
				t.Fatal("no word about it")
			}
			second := settled()
			if first == second {
				t.Error("nothing was started")
			}
			r.serves(2, "")
			third := r.replace(3) // without a start in vain, and without a word
			stop()
			if alive(first) || alive(second) {
				t.Error("processes overlap")
			}
			r.stop()
			if alive(third.PID) {
				t.Error("a process was left behind")
			}
			r.checkFailures(failures())
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
		testkit.Until(t, time.Minute, "the load goes on", func() bool { return l.requests.Load() > before+20 })
	}
	total := l.end()
	if failed := l.failed.Load(); failed > 0 {
		t.Errorf("%d of %d requests failed", failed, total)
	}
}

// checkFailures checks that no request failed but what a process had accepted that
// then ended by itself: of requests that follow one another that is one a process.
func (r *real) checkFailures(failures []error) {
	r.Helper()
	ends := strings.Count(r.stderr.String(), diedInBackground)
	if len(failures) > ends {
		r.Errorf("%d requests failed, and %d processes ended by themselves", len(failures), ends)
	}
	for _, err := range failures {
		if !errors.Is(err, io.EOF) && !errors.Is(err, syscall.ECONNRESET) {
			r.Errorf("a request was not accepted: %v", err)
		}
	}
}

// ask keeps asking the application, one request after the other, with a new
// connection each time, until stop is called; then failures returns why there was
// no answer.
func (r *real) ask() (failures func() []error, stop func()) {
	var failed []error
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
				failed = append(failed, err)
				continue
			}
			resp.Body.Close()
		}
	})
	stop = sync.OnceFunc(func() { close(ended); asking.Wait() })
	r.Cleanup(stop)
	return func() []error { return failed }, stop
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
			want := fmt.Sprintf("%s, which process %d (", path, os.Getpid())
			// The process may not have come to the lock yet when its time is over.
			for limit := 500 * time.Millisecond; ; limit *= 2 {
				r := newReal(t, "serve", func(o *Options) {
					o.Env = append(o.Env, envTakes+"="+verb+"="+path)
					o.ReadyTimeout = limit
				})
				_, err := r.s.Replace(t.Context(), r.image)
				r.stop()
				if !errors.Is(err, ErrNotReady) {
					t.Fatalf("Replace: %v", err)
				}
				if strings.Contains(err.Error(), want) {
					return
				}
				if limit > time.Minute {
					t.Fatalf("Replace: %v, want %q in it", err, want)
				}
			}
		})
	}
}

func TestRealWhatWasStartedEndsToo(t *testing.T) {
	for name, test := range map[string]struct {
		end   func(r *real, pid int)
		again bool // another process has started by then
	}{
		"restart": {func(r *real, _ int) { r.replace(2) }, true},
		"stop":    {func(r *real, _ int) { r.stop() }, false},
		"crash":   {func(r *real, pid int) { kill(r.T, pid); r.untilRestarted() }, true},
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
			test.end(r, st.PID)
			if test.again { // the Cleanup has to know the number
				testkit.Until(t, time.Minute, "the next process starts its own", func() bool { return pidIn(t, dir+"/detached") != detached })
			}
			testkit.Until(t, time.Minute, "the child ends", func() bool { return !runs(child) })
			if !runs(detached) {
				t.Error("what has left the group was ended")
			}
		})
	}
}

// pidIn waits for a file with the number of a process.
func pidIn(t *testing.T, path string) (pid int) {
	t.Helper()
	testkit.Until(t, time.Minute, path, func() bool {
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

func TestParseLock(t *testing.T) {
	for line, want := range map[string]kernelLock{
		"1: FLOCK  ADVISORY  WRITE 15752 fe:00:9978482 0 EOF":    {id: "1:", flock: true, write: true, pid: 15752, file: "fe:00:9978482"},
		"2: -> FLOCK  ADVISORY  WRITE 15801 fe:00:9978482 0 EOF": {id: "2:", flock: true, write: true, waiting: true, pid: 15801, file: "fe:00:9978482"},
		"7:   -> POSIX  ADVISORY  READ 3 fe:00:1 0 9":            {id: "7:", waiting: true, pid: 3, file: "fe:00:1"},
		"\t1: OFDLCK ADVISORY  WRITE -1 08:01:12 0 EOF":          {id: "1:", write: true, pid: -1, file: "08:01:12"},
		"3: LEASE  ACTIVE    WRITE 3 fe:00:1 0 EOF":              {},
		"":      {},
		"1: ->": {},
		"1: POSIX ADVISORY WRITE x fe:00:1 0 EOF": {},
	} {
		if got, ok := parseLock(line); ok != (want != kernelLock{}) || ok && got != want {
			t.Errorf("%q: %+v, %v", line, got, ok)
		}
	}
}
