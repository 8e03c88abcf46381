package e2e

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/anvilforge/anvil-lsp/hotreload/control"
	"github.com/anvilforge/anvil-lsp/hotreload/shared/nettest"
	"github.com/anvilforge/anvil-lsp/internal/testkit/harness"
)

// kept is a connection that is used for one request after the other. What is
// sent is sent once: what is tested is that nothing sent goes without an answer.
type kept struct {
	net.Conn
	answers *bufio.Reader
}

func connect(addr string) (*kept, error) {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		return nil, err
	}
	return &kept{c, bufio.NewReader(c)}, nil
}

// answer returns the process that has answered, and what. The answer must not
// close the connection.
func (k *kept) answer() (pid int, body string, err error) {
	res, err := http.ReadResponse(k.answers, nil)
	if err != nil {
		return 0, "", fmt.Errorf("no answer: %w", err)
	}
	defer res.Body.Close()
	data, err := io.ReadAll(res.Body)
	if err != nil {
		return 0, "", fmt.Errorf("half an answer: %w", err)
	}
	number, body, _ := strings.Cut(string(data), " ")
	pid, err = strconv.Atoi(number)
	switch {
	case err != nil || res.StatusCode != http.StatusOK:
		return 0, "", fmt.Errorf("answered with %s %q", res.Status, data)
	case res.Close:
		return 0, "", errors.New("the connection was closed")
	}
	return pid, body, nil
}

const (
	keptGet     = "GET /kept HTTP/1.1\r\nHost: x\r\n\r\n"
	keptPost    = "POST /kept HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello"
	keptChunked = "POST /kept HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n"
	keptSlow    = "GET /kept/slow HTTP/1.1\r\nHost: x\r\n\r\n"
)

// keptLoad are clients that keep their connections, and check every answer.
type keptLoad struct {
	*harness.Server
	addr  string
	stop  chan struct{}
	wg    sync.WaitGroup
	count atomic.Int64
}

// run sends again and again, with a gap, until the load ends.
func (l *keptLoad) run(name string, gap time.Duration, send func() error) {
	l.wg.Go(func() {
		for {
			if err := send(); err != nil {
				l.T.Errorf("%s with %v between requests: %v", name, gap, err)
				return
			}
			l.count.Add(1)
			select {
			case <-l.stop:
				return
			case <-time.After(gap):
			}
		}
	})
}

// keep sends text, which is n requests, on one connection.
func (l *keptLoad) keep(name, text, want string, n int, gap time.Duration) {
	l.T.Helper()
	c, err := connect(l.addr)
	if err != nil {
		l.T.Fatal(err)
	}
	l.T.Cleanup(func() { c.Close() })
	l.run(name, gap, func() error {
		if _, err := io.WriteString(c, text); err != nil {
			return err
		}
		for range n {
			if _, body, err := c.answer(); err != nil || body != want {
				return fmt.Errorf("answer %q: %w", body, err)
			}
		}
		return nil
	})
}

// http2 posts bodies that cannot be sent again on a connection of HTTP/2.
func (l *keptLoad) http2(gap time.Duration) {
	client := &http.Client{Transport: nettest.HTTP2()}
	l.T.Cleanup(client.CloseIdleConnections)
	l.run("HTTP/2", gap, func() error {
		res, err := client.Post("http://"+l.addr+"/kept", "text/plain", io.LimitReader(strings.NewReader("hello"), 5))
		if err != nil {
			return err
		}
		defer res.Body.Close()
		body, err := io.ReadAll(res.Body)
		if err != nil || !strings.HasSuffix(string(body), " hello") {
			return fmt.Errorf("answer %s %q: %w", res.Status, body, err)
		}
		return nil
	})
}

// TestRestartsKeepConnections: a warm restart loses no request on connections
// that are open, and what is sent when it is announced is answered by the new
// process.
func TestRestartsKeepConnections(t *testing.T) {
	dir := harness.CopyApp(t, "blog")
	change := func(name, old, new string) {
		path := filepath.Join(dir, filepath.FromSlash(name))
		data, err := os.ReadFile(path)
		if err != nil || !strings.Contains(string(data), old) {
			t.Fatalf("%s does not contain %q: %v", name, old, err)
		}
		if err := os.WriteFile(path, []byte(strings.Replace(string(data), old, new, 1)), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	change("main.go", "ReadHeaderTimeout: 10 * time.Second}", "ReadHeaderTimeout: time.Hour, Protocols: protocols()}") // a build may take longer than 10 s
	change("main.go", "func newSessions(", `func protocols() *http.Protocols {
	p := new(http.Protocols)
	p.SetHTTP1(true)
	p.SetUnencryptedHTTP2(true)
	return p
}

func newSessions(`)
	change("handlers/routes.go", "	site := r.With", `	r.Handle("/kept", http.HandlerFunc(kept))
	r.Get("/kept/slow", slow)

	site := r.With`)
	if err := os.WriteFile(filepath.Join(dir, "handlers", "kept.go"), []byte(`package handlers

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"time"
)

func kept(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	fmt.Fprintf(w, "%d %s", os.Getpid(), body)
	if err != nil {
		fmt.Fprint(w, err)
	}
}

func slow(w http.ResponseWriter, r *http.Request) {
	fmt.Fprintf(w, "%d begin", os.Getpid())
	for range 20 {
		_ = http.NewResponseController(w).Flush()
		time.Sleep(100 * time.Millisecond)
	}
	fmt.Fprint(w, " end")
}
`), 0o666); err != nil {
		t.Fatal(err)
	}
	s := harness.Start(t, dir)
	l := &keptLoad{Server: s, addr: strings.TrimPrefix(s.URL, "http://"), stop: make(chan struct{})}
	for _, gap := range []time.Duration{0, 5 * time.Millisecond, 50 * time.Millisecond} {
		l.keep("GET", keptGet, "", 1, gap)
		l.keep("POST", keptPost, "hello", 1, gap)
		l.keep("POST in chunks", keptChunked, "hello", 1, gap)
		l.keep("five at once", strings.Repeat(keptGet, 5), "", 5, gap)
		l.http2(gap)
	}
	open := func(send string) *kept {
		t.Helper()
		c, err := connect(l.addr)
		if err == nil {
			_, err = io.WriteString(c, send)
		}
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		return c
	}
	restarts, source := countOf(t, "ANVIL_RESTARTS", 3), s.Read("store/views.go")
	for n := range restarts {
		old := askWho(s).PID
		silent, idle, half, upload := open(""), open(keptPost), open(keptGet[:20]), open(keptPost[:len(keptPost)-3])
		behind := open(keptSlow + keptPost)
		if pid, _, err := idle.answer(); err != nil || pid != old {
			t.Fatalf("before: process %d, want %d: %v", pid, old, err)
		}
		s.Save("store/views.go", fmt.Sprintf("%s\nvar added = %d\n", source, n))
		waitEvent(s, control.EventRestarting)
		late := open(keptSlow) // is answered while the processes change
		s.Wait(control.EventLive)
		now := askWho(s).PID
		if now == old {
			t.Fatal("the process is the same after a restart")
		}
		for _, test := range []struct {
			name string
			c    *kept
			send string
			want string
			by   []int
		}{
			{"silent", silent, keptPost, "hello", []int{now}},
			{"idle", idle, keptChunked, "hello", []int{now}},
			{"half a head", half, keptGet[20:], "", []int{now}},
			{"half a body", upload, keptPost[len(keptPost)-3:], "hello", []int{old}},
			{"an answer under way", behind, "", "begin end", []int{old}},
			{"the request behind it", behind, "", "hello", []int{now, old}}, // it may have been read by then
			{"an answer that began late", late, "", "begin end", []int{now, old}},
			{"after half a body", upload, keptGet, "", []int{now}},
			{"after all that", behind, keptGet, "", []int{now}},
		} {
			if _, err := io.WriteString(test.c, test.send); err != nil {
				t.Errorf("restart %d: %s: %v", n, test.name, err)
			}
			pid, body, err := test.c.answer()
			by := false
			for _, p := range test.by {
				by = by || p == pid
			}
			if err != nil || body != test.want || !by {
				t.Errorf("restart %d: %s: process %d answered %q, %v; want %v and %q (old %d, new %d)", n, test.name, pid, body, err, test.by, test.want, old, now)
			}
		}
	}
	close(l.stop)
	l.wg.Wait()
	if l.count.Load() < int64(restarts) {
		t.Error("the load sent nothing")
	}
	t.Logf("%d restarts, %d rounds on kept connections", restarts, l.count.Load())
}
