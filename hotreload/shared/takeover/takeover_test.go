//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package takeover

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/anvilforge/anvil-lsp/hotreload/shared/nettest"
)

// serving is a process, as far as this package is concerned.
type serving struct {
	*Server
	t      *testing.T
	served chan error
}

// succession are servers that serve one socket, one after the other.
type succession struct {
	t       *testing.T
	tcp     *net.TCPListener
	queue   *Queue
	entered chan struct{} // tells that a request has reached /wait
	release chan struct{} // lets those go on
	parsed  func()        // called when a head was parsed; may be nil
}

func newSuccession(t *testing.T) *succession {
	t.Helper()
	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	queue, err := NewQueue()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(tcp.Close(), queue.Close()); err != nil {
			t.Error(err)
		}
	})
	return &succession{t: t, tcp: tcp.(*net.TCPListener), queue: queue, entered: make(chan struct{}, 10), release: make(chan struct{})}
}

// file returns a copy of a descriptor.
func (s *succession) file(f func() (*os.File, error)) *os.File {
	s.t.Helper()
	file, err := f()
	if err != nil {
		s.t.Fatal(err)
	}
	return file
}

// start starts a server that answers with its name, its protocol and the body.
func (s *succession) start(name string) *serving {
	s.t.Helper()
	file := s.file(s.tcp.File)
	l, err := net.FileListener(file)
	if err := errors.Join(err, file.Close()); err != nil {
		s.t.Fatal(err)
	}
	queue, err := OpenQueue(s.file(s.queue.out.File), s.file(s.queue.in.File))
	if err != nil {
		s.t.Fatal(err)
	}
	server := &http.Server{
		// Connections that are kept must outlast it.
		ReadHeaderTimeout: time.Minute, IdleTimeout: time.Hour, Protocols: new(http.Protocols),
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/wait" {
				fmt.Fprintf(w, "%s begins, ", name)
				if r.ContentLength <= 0 { // otherwise HTTP/1 would read the body first
					_ = http.NewResponseController(w).Flush()
				}
				s.entered <- struct{}{}
				<-s.release
			}
			body, err := io.ReadAll(r.Body)
			if err != nil {
				s.t.Errorf("%s reads a body: %v", name, err)
			}
			fmt.Fprintf(w, "%s %s %s?%s for %s %s", name, r.Proto, r.URL.Path, r.URL.RawQuery, r.Host, body)
		}),
	}
	server.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateActive && s.parsed != nil {
			s.parsed()
		}
	}
	server.Protocols.SetHTTP1(true)
	server.Protocols.SetUnencryptedHTTP2(true)
	p := &serving{Server: NewServer(server, queue), t: s.t, served: make(chan error, 1)}
	go func() { p.served <- p.Serve(l) }()
	s.t.Cleanup(func() {
		p.end()
		_ = queue.Close()
	})
	return p
}

func (p *serving) leave() {
	p.t.Helper()
	if err := p.Leave(true); err != nil {
		p.t.Errorf("Leave: %v", err)
	}
}

// end waits until every connection is passed on or closed.
func (p *serving) end() {
	p.t.Helper()
	if err := p.Shutdown(p.t.Context()); err != nil && p.t.Context().Err() == nil {
		p.t.Errorf("Shutdown: %v", err)
	}
}

// client is a connection that sends nothing twice.
type client struct {
	net.Conn
	t       *testing.T
	answers *bufio.Reader
}

func (s *succession) connect() *client {
	s.t.Helper()
	c, err := net.Dial("tcp", s.tcp.Addr().String())
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { c.Close() })
	return &client{c, s.t, bufio.NewReader(c)}
}

func (c *client) send(text string) {
	c.t.Helper()
	if _, err := io.WriteString(c, text); err != nil {
		c.t.Fatalf("sending %q: %v", text, err)
	}
}

// answer returns the next one, and checks that the connection is kept.
func (c *client) answer() string {
	c.t.Helper()
	resp, err := http.ReadResponse(c.answers, nil)
	if err != nil {
		c.t.Fatalf("no answer: %v", err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		c.t.Fatalf("half an answer: %v", err)
	}
	if resp.Close {
		c.t.Errorf("the connection is closed after %q", body)
	}
	return strings.TrimSpace(string(body))
}

func (c *client) expect(want string) {
	c.t.Helper()
	if got := c.answer(); got != want {
		c.t.Errorf("got %q, want %q", got, want)
	}
}

// TestTakeOver has three servers follow one another, and connections in every
// state between them.
func TestTakeOver(t *testing.T) {
	s := newSuccession(t)
	one := s.start("one")
	silent, kept, half, busy, busyPipe, uploading := s.connect(), s.connect(), s.connect(), s.connect(), s.connect(), s.connect()
	kept.send(request)
	kept.expect("one HTTP/1.1 /? for x")
	half.send(request)
	half.expect("one HTTP/1.1 /? for x")
	half.send("POST /half?a;b HTTP/1.1\r\nHo")
	wait := strings.Replace(request, "/", "/wait", 1)
	busy.send(wait)
	busyPipe.send(wait + next + "GET /las")
	uploading.send("POST /wait HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n01234")
	for range 3 {
		<-s.entered
	}
	one.leave()
	two := s.start("two")
	silent.send(request)
	silent.expect("two HTTP/1.1 /? for x")
	kept.send(chunked + "3\r\nabc\r\n0\r\n\r\n")
	kept.expect("two HTTP/1.1 /? for x abc")
	half.send("st: x\r\nContent-Length: 2\r\n\r\nhi")
	half.expect("two HTTP/1.1 /half?a;b for x hi")
	two.leave() // while the first still answers
	two.end()
	s.start("three")
	uploading.send("56789" + request)
	close(s.release)
	busy.expect("one begins, one HTTP/1.1 /wait? for x")
	busyPipe.expect("one begins, one HTTP/1.1 /wait? for x")
	uploading.expect("one begins, one HTTP/1.1 /wait? for x 0123456789")
	one.end()
	busyPipe.expect("three HTTP/1.1 /next? for x")
	busyPipe.send("t HTTP/1.1\r\nHost: x\r\n\r\n")
	busyPipe.expect("three HTTP/1.1 /last? for x")
	uploading.expect("three HTTP/1.1 /? for x")
	for _, c := range []*client{silent, kept, half, busy} {
		c.send(next)
		c.expect("three HTTP/1.1 /next? for x")
	}
}

// TestKeptConnectionsWaitInTheQueue: nobody needs to serve when they are passed
// on, and more than one process may pass them on.
func TestKeptConnectionsWaitInTheQueue(t *testing.T) {
	s := newSuccession(t)
	var clients []*client
	for _, name := range []string{"one", "two"} {
		p := s.start(name)
		for range 20 {
			c := s.connect()
			c.send(request)
			c.expect(name + " HTTP/1.1 /? for x")
			clients = append(clients, c)
		}
		p.leave()
		p.end()
	}
	for _, c := range clients {
		c.send(next)
	}
	s.start("three")
	for _, c := range clients {
		c.expect("three HTTP/1.1 /next? for x")
	}
}

// TestHTTP2IsForwarded: the client has not read yet that it should connect anew.
func TestHTTP2IsForwarded(t *testing.T) {
	s := newSuccession(t)
	one := s.start("one")
	one.Patience = time.Minute // outlasts the test
	client := &http.Client{Transport: nettest.HTTP2()}
	defer client.CloseIdleConnections()
	post := func() string {
		resp, err := client.Post("http://"+s.tcp.Addr().String()+"/wait", "text/plain", io.LimitReader(strings.NewReader("body"), 4))
		if err != nil {
			t.Error(err)
			return ""
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Error(err)
		}
		return string(body)
	}
	answers := make(chan string)
	go func() { answers <- post() }()
	<-s.entered
	one.leave()
	s.start("two")
	// A request reaches the handler of the first server although it has left.
	one.mu.Lock()
	var c *conn
	for other := range one.open {
		if other.isHTTP2() {
			c = other
		}
	}
	one.mu.Unlock()
	if c == nil {
		t.Fatal("there is no connection of HTTP/2")
	}
	late := httptest.NewRequestWithContext(context.WithValue(t.Context(), connKey{}, c), "PUT", "http://x/late", strings.NewReader("body"))
	late.ProtoMajor, late.ProtoMinor, late.Proto = 2, 0, "HTTP/2.0"
	record := httptest.NewRecorder()
	one.http.Handler.ServeHTTP(record, late)
	if got, want := record.Body.String(), "two HTTP/2.0 /late? for x body"; got != want || record.Header().Get("Connection") != "" {
		t.Errorf("a late request: %q, want %q", got, want)
	}
	go func() { answers <- post() }() // on this connection or another
	<-s.entered
	close(s.release)
	got := []string{<-answers, <-answers}
	host := s.tcp.Addr().String()
	want := func(name string) string {
		return fmt.Sprintf("%s begins, %s HTTP/2.0 /wait? for %s body", name, name, host)
	}
	if !(got[0] == want("one") && got[1] == want("two") || got[0] == want("two") && got[1] == want("one")) {
		t.Errorf("answers %q", got)
	}
	client.CloseIdleConnections()
}

// TestOpaqueConnectionIsForwardedAndClosed: a head that is too long to be passed
// on.
func TestOpaqueConnectionIsForwardedAndClosed(t *testing.T) {
	s := newSuccession(t)
	one := s.start("one")
	one.Patience = time.Minute
	c := s.connect()
	head := "GET /long?q HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: me\r\nX: " + strings.Repeat("x", maxReplay)
	c.send(head)
	for read := false; !read; { // the server has read it
		one.mu.Lock()
		for o := range one.open {
			o.mu.Lock()
			read = o.long
			o.mu.Unlock()
		}
		one.mu.Unlock()
		time.Sleep(time.Millisecond)
	}
	one.leave()
	s.start("two")
	c.send("\r\n\r\n")
	resp, err := http.ReadResponse(c.answers, nil)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil || string(bytes.TrimSpace(body)) != "two HTTP/1.1 /long?q for x" || !resp.Close {
		t.Errorf("%q, %v, close %v", body, err, resp.Close)
	}
}

// BenchmarkServer compares a server whose connections can be passed on with one
// whose cannot, on one connection.
func BenchmarkServer(b *testing.B) {
	file, err := os.CreateTemp(b.TempDir(), "")
	if err != nil {
		b.Fatal(err)
	}
	defer file.Close()
	if err := file.Truncate(1 << 20); err != nil {
		b.Fatal(err)
	}
	for name, text := range map[string]string{"get": request, "post": upload + "0123456789", "file": "GET /file HTTP/1.1\r\nHost: x\r\n\r\n"} {
		for _, wrapped := range []bool{false, true} {
			b.Run(fmt.Sprintf("%s/wrapped=%v", name, wrapped), func(b *testing.B) {
				server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if r.URL.Path == "/file" {
						http.ServeFile(w, r, file.Name())
						return
					}
					_, _ = io.WriteString(w, "hello")
				})}
				l, err := net.Listen("tcp", "127.0.0.1:0")
				if err != nil {
					b.Fatal(err)
				}
				serve := server.Serve
				if wrapped {
					serve = NewServer(server, nil).Serve
				}
				go serve(l)
				defer server.Close()
				c, err := net.Dial("tcp", l.Addr().String())
				if err != nil {
					b.Fatal(err)
				}
				defer c.Close()
				answers := bufio.NewReader(c)
				for b.Loop() {
					if _, err := io.WriteString(c, text); err != nil {
						b.Fatal(err)
					}
					resp, err := http.ReadResponse(answers, nil)
					if err != nil {
						b.Fatal(err)
					}
					if _, err := io.Copy(io.Discard, resp.Body); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
