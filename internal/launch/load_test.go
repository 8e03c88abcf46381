//go:build unix

package launch

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/anvilforge/anvil-lsp/hotreload/shared/nettest"
)

// load sends requests all the time, in every way that must not fail. None that
// was sent is repeated: what must not happen is that one goes without an answer.
type load struct {
	*real
	stop     chan struct{}
	wg       sync.WaitGroup
	requests atomic.Int64
	failed   atomic.Int64
}

func startLoad(r *real) *load {
	l := &load{real: r, stop: make(chan struct{})}
	for _, gap := range []time.Duration{0, 5 * time.Millisecond, 50 * time.Millisecond} {
		l.forever(l.kept(gap, "GET /kept HTTP/1.1\r\nHost: x\r\n\r\n", 1))
		l.forever(l.kept(gap, "POST /kept HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello", 1))
		l.forever(l.kept(gap, "POST /kept HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", 1))
		l.forever(l.kept(gap, strings.Repeat("GET /kept HTTP/1.1\r\nHost: x\r\n\r\n", 5), 5))
	}
	l.forever(l.newConnection)
	l.forever(l.http2())
	return l
}

// end stops the load and returns how many requests were answered.
func (l *load) end() int64 {
	close(l.stop)
	l.wg.Wait()
	return l.requests.Load()
}

func (l *load) forever(request func() error) {
	l.wg.Go(func() {
		for {
			select {
			case <-l.stop:
				return
			default:
			}
			if err := request(); err != nil && l.failed.Add(1) < 10 {
				l.Error(err)
			}
			l.requests.Add(1)
		}
	})
}

// kept sends a text of n requests on one connection, again and again. It
// connects anew only when the server has said that it closes the connection.
func (l *load) kept(gap time.Duration, text string, n int) func() error {
	var conn net.Conn
	var answers *bufio.Reader
	return func() (err error) {
		if conn == nil {
			if conn, err = net.Dial("tcp", l.socket.Addr().String()); err != nil {
				return err
			}
			answers = bufio.NewReader(conn)
		}
		defer func() {
			if err != nil {
				conn = nil
			}
			time.Sleep(gap) // between requests, as a client has it
		}()
		if _, err := io.WriteString(conn, text); err != nil {
			return err
		}
		for range n {
			resp, err := http.ReadResponse(answers, nil)
			if err := answered(resp, err, "/kept"); err != nil {
				return fmt.Errorf("a kept connection, %v between requests: %w", gap, err)
			}
			if resp.Close {
				return errors.New("a kept connection was closed")
			}
		}
		return nil
	}
}

// http2 posts a body that cannot be sent again, on a connection of HTTP/2.
func (l *load) http2() func() error {
	client := &http.Client{Transport: nettest.HTTP2()}
	l.Cleanup(client.CloseIdleConnections)
	return func() error {
		resp, err := client.Post(l.socket.URL()+"/posted", "text/plain", io.LimitReader(strings.NewReader("hello"), 5))
		return answered(resp, err, "/posted")
	}
}

// newConnection posts on a connection of its own.
func (l *load) newConnection() error {
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Post(l.socket.URL()+"/posted", "text/plain", strings.NewReader(strings.Repeat("x", 10_000)))
	return answered(resp, err, "/posted")
}

func answered(resp *http.Response, err error, path string) error {
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if resp.StatusCode != 200 || !strings.HasPrefix(string(body), "generation ") || !strings.HasSuffix(string(body), " for "+path) {
		return fmt.Errorf("%s: %s %q", path, resp.Status, body)
	}
	return nil
}

// late is a connection whose request is sent only when the process that may
// have accepted it has been told to end.
func (l *load) late() (send func() error) {
	conn, err := net.Dial("tcp", l.socket.Addr().String())
	return func() error {
		if err != nil {
			return err
		}
		defer conn.Close()
		if _, err := io.WriteString(conn, "GET /late HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"); err != nil {
			return err
		}
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		return answered(resp, err, "/late")
	}
}

func TestNoRequestFailsDuringWarmRestarts(t *testing.T) {
	r := newReal(t, "serve", nil)
	r.replace(1)
	l := startLoad(r)
	for g := 2; g <= 21; g++ {
		before := l.requests.Load()
		var late []func() error
		for range 5 {
			late = append(late, l.late())
		}
		r.replace(g)
		for _, send := range late {
			if err := send(); err != nil {
				t.Errorf("late request in generation %d: %v", g, err)
			}
		}
		r.serves(g, "")
		for l.requests.Load() < before+20 { // the load goes on
			if err := l.newConnection(); err != nil {
				t.Fatal(err)
			}
		}
	}
	total := l.end()
	if failed := l.failed.Load(); failed > 0 {
		t.Errorf("%d of %d requests failed", failed, total)
	}
	t.Logf("%d requests through 20 warm restarts", total)
}

func TestFrontHandsOverToTheLiveServer(t *testing.T) {
	r := newReal(t, "serve", nil)
	// A kept connection to the front, and one that has not been used yet.
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	get := func() string {
		resp, err := client.Get(r.socket.URL() + "/page?a=b")
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return fmt.Sprint(resp.StatusCode, " ", strings.TrimSpace(string(body)))
	}
	if got := get(); got != "503 front" {
		t.Errorf("before the start: %s", got)
	}
	unused, err := net.Dial("tcp", r.socket.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer unused.Close()
	if got := get(); got != "503 front" { // by now the front has accepted the other one
		t.Errorf("before the start: %s", got)
	}
	r.replace(1)
	if got := get(); !strings.HasPrefix(got, "200 generation 1 ") {
		t.Errorf("after the start: %s", got)
	}
	if _, err := io.WriteString(unused, "GET /page?a=b HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(unused), nil)
	if err := answered(resp, err, "/page"); err != nil || resp.Close {
		t.Errorf("%v, close %v; want an answer of the live server", err, resp.Close)
	}
}

func TestFrontAnswersWhileTheLiveServerIsDown(t *testing.T) {
	r := newReal(t, "serve", func(o *Options) { o.Backoff.GiveUp = 1 })
	st := r.replace(1)
	r.image.Executable = "/missing" // not what is started again
	kill(t, st.PID)
	if e, ok := (<-r.events).(Exited); !ok || e.Exit.State != "signal: killed" {
		t.Errorf("event %+v", e)
	}
	if e, ok := (<-r.events).(Restarted); !ok {
		t.Errorf("event %+v", e)
	}
	r.serves(1, "")
}
