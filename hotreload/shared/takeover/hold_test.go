//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package takeover

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"strings"
	"sync"
	"testing"
	"time"
)

// holds begins to hold, and returns a channel for how many requests were left.
func (p *serving) holds(ctx context.Context) <-chan int {
	p.Hold()
	left := make(chan int, 1)
	go func() { left <- p.Quiesce(ctx) }()
	return left
}

// TestHold: what comes while a server holds is answered by the one that takes
// over, whatever its connection is like; what was begun is waited for.
func TestHold(t *testing.T) {
	s := newSuccession(t)
	one := s.start("one")
	kept, half, pipelined, busy, late := s.connect(), s.connect(), s.connect(), s.connect(), s.connect()
	for _, c := range []*client{kept, half} {
		c.send(request)
		c.expect("one HTTP/1.1 /? for x")
	}
	half.send("POST /half HTTP/1.1\r\nHo")
	wait := strings.Replace(request, "/", "/wait", 1)
	busy.send(wait)
	pipelined.send(wait + next)
	late.send("POST /late HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n") // its head ends later
	<-s.entered
	<-s.entered
	left := one.holds(t.Context())
	kept.send(chunked + "3\r\nabc\r\n0\r\n\r\n")
	half.send("st: x\r\nContent-Length: 2\r\n\r\nhi")
	late.send("\r\nhi")
	fresh := s.connect()
	fresh.send(request)
	select {
	case n := <-left:
		t.Errorf("it did not wait: %d", n)
	default:
	}
	close(s.release)
	if n := <-left; n != 0 {
		t.Errorf("%d requests were left", n)
	}
	busy.expect("one begins, one HTTP/1.1 /wait? for x")
	pipelined.expect("one begins, one HTTP/1.1 /wait? for x")
	s.start("two")
	one.leave()
	kept.expect("two HTTP/1.1 /? for x abc")
	half.expect("two HTTP/1.1 /half? for x hi")
	late.expect("two HTTP/1.1 /late? for x hi")
	fresh.expect("two HTTP/1.1 /? for x")
	pipelined.expect("two HTTP/1.1 /next? for x")
	one.end()
	busy.send(next)
	busy.expect("two HTTP/1.1 /next? for x")
}

// TestHoldOfParsedRequest: a request whose head was parsed when its server began to
// hold is answered by the one that takes over, and its connection is kept.
func TestHoldOfParsedRequest(t *testing.T) {
	s := newSuccession(t)
	parsed, goOn := make(chan struct{}, 10), make(chan struct{})
	s.parsed = func() {
		parsed <- struct{}{}
		<-goOn
	}
	one := s.start("one")
	var clients []*client
	for _, text := range []string{request, chunked + "3\r\nabc\r\n0\r\n\r\n", request + next, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nh"} {
		c := s.connect()
		c.send(text)
		clients = append(clients, c)
		<-parsed
	}
	if n := <-one.holds(t.Context()); n != 0 {
		t.Errorf("%d requests were left", n)
	}
	close(goOn)
	s.start("two")
	one.leave()
	clients[0].expect("two HTTP/1.1 /? for x")
	clients[1].expect("two HTTP/1.1 /? for x abc")
	clients[2].expect("two HTTP/1.1 /? for x")
	clients[2].expect("two HTTP/1.1 /next? for x")
	clients[3].send("i")
	clients[3].expect("two HTTP/1.1 /? for x hi")
	one.end()
	for _, c := range clients {
		c.send(next)
		c.expect("two HTTP/1.1 /next? for x")
	}
}

// TestHoldOfHTTP2: a request that is in the middle of its connection is forwarded.
func TestHoldOfHTTP2(t *testing.T) {
	s := newSuccession(t)
	one := s.start("one")
	transport := &http.Transport{Protocols: new(http.Protocols)}
	transport.Protocols.SetUnencryptedHTTP2(true)
	t.Cleanup(transport.CloseIdleConnections)
	get := func() (string, error) {
		res, err := (&http.Client{Transport: transport}).Get("http://" + s.tcp.Addr().String() + "/")
		if err != nil {
			return "", err
		}
		defer res.Body.Close()
		body, err := io.ReadAll(res.Body)
		return string(body), err
	}
	if _, err := get(); err != nil {
		t.Fatal(err)
	}
	if n := <-one.holds(t.Context()); n != 0 {
		t.Errorf("%d requests were left", n)
	}
	answer := make(chan string, 1)
	go func() {
		body, err := get()
		if err != nil {
			t.Error(err)
		}
		answer <- body
	}()
	s.start("two")
	one.leave()
	if got := <-answer; !strings.HasPrefix(got, "two HTTP/2.0 / ") && !strings.HasPrefix(got, "two HTTP/2.0 /? ") {
		t.Errorf("answered %q", got)
	}
}

// TestForwardingOfMany: requests of one connection are forwarded side by side. Their
// bodies cannot be sent twice.
func TestForwardingOfMany(t *testing.T) {
	s := newSuccession(t)
	one := s.start("one")
	transport := &http.Transport{Protocols: new(http.Protocols)}
	transport.Protocols.SetUnencryptedHTTP2(true)
	t.Cleanup(transport.CloseIdleConnections)
	var posting sync.WaitGroup
	const many = 200
	sent := make(chan struct{}, many+1)
	trace := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{WroteRequest: func(httptrace.WroteRequestInfo) { sent <- struct{}{} }})
	post := func() {
		req, err := http.NewRequestWithContext(trace, http.MethodPost, "http://"+s.tcp.Addr().String()+"/", io.LimitReader(strings.NewReader("hi"), 2))
		if err != nil {
			t.Error(err)
			return
		}
		res, err := transport.RoundTrip(req)
		if err != nil {
			t.Error(err)
			return
		}
		defer res.Body.Close()
		if body, err := io.ReadAll(res.Body); err != nil || res.StatusCode != http.StatusOK || !strings.HasSuffix(strings.TrimSpace(string(body)), " hi") {
			t.Errorf("answered %s %q, %v", res.Status, body, err)
		}
	}
	post()
	<-sent
	one.holds(t.Context())
	for range many {
		posting.Go(post)
	}
	for range many {
		<-sent
	}
	s.start("two")
	one.leave()
	posting.Wait()
}

// TestGate: what waits on a connection that cannot be passed on is forwarded.
func TestGate(t *testing.T) {
	s := newSuccession(t)
	one := s.start("one")
	other := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/hijack" {
			c, _, err := http.NewResponseController(w).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			defer c.Close()
			s.entered <- struct{}{}
			<-s.release
			return
		}
		io.WriteString(w, "alone")
	}))
	one.Gate(other.Config)
	other.StartTLS()
	defer other.Close()
	get := func() (string, error) {
		res, err := other.Client().Get(other.URL + "/")
		if err != nil {
			return "", err
		}
		defer res.Body.Close()
		body, err := io.ReadAll(res.Body)
		return string(body), err
	}
	if got, err := get(); got != "alone" || err != nil {
		t.Errorf("at first: %q, %v", got, err)
	}
	go func() {
		res, err := other.Client().Get(other.URL + "/hijack")
		if err == nil {
			res.Body.Close()
		}
	}()
	<-s.entered
	defer close(s.release)
	for _, want := range []string{"alone", "two HTTP/1.1 /? for " + other.Listener.Addr().String()} {
		if n := <-one.holds(t.Context()); n != 0 { // a connection that was hijacked does not count
			t.Errorf("%d requests were left", n)
		}
		answer := make(chan string, 1)
		go func() {
			got, err := get()
			if err != nil {
				t.Error(err)
			}
			answer <- got
		}()
		if want == "alone" {
			one.Release()
		} else {
			s.start("two")
			one.leave()
		}
		if got := strings.TrimSpace(<-answer); got != want {
			t.Errorf("answered %q, want %q", got, want)
		}
	}
}

// TestRelease: if nobody takes over, what has waited is answered after all, and
// what is not done in time is told.
func TestRelease(t *testing.T) {
	s := newSuccession(t)
	one := s.start("one")
	kept, busy := s.connect(), s.connect()
	kept.send(request)
	kept.expect("one HTTP/1.1 /? for x")
	busy.send(strings.Replace(request, "/", "/wait", 1))
	<-s.entered
	ctx, cancel := context.WithCancel(t.Context())
	left := one.holds(ctx)
	kept.send(next)
	fresh := s.connect()
	fresh.send(request)
	cancel()
	if n := <-left; n != 1 {
		t.Errorf("%d requests were left, want 1", n)
	}
	one.Release()
	kept.expect("one HTTP/1.1 /next? for x")
	fresh.expect("one HTTP/1.1 /? for x")
	close(s.release)
	busy.expect("one begins, one HTTP/1.1 /wait? for x")
	// And once more, with an end.
	if n := <-one.holds(t.Context()); n != 0 {
		t.Errorf("%d requests were left", n)
	}
	kept.send(next)
	s.start("two")
	one.leave()
	kept.expect("two HTTP/1.1 /next? for x")
}

// TestHoldThenEnd: without a successor what has waited is answered.
func TestHoldThenEnd(t *testing.T) {
	s := newSuccession(t)
	one := s.start("one")
	c := s.connect()
	if n := <-one.holds(t.Context()); n != 0 {
		t.Errorf("%d requests were left", n)
	}
	c.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi")
	one.awaitAhead()
	go one.end()
	resp, err := http.ReadResponse(c.answers, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if body, err := io.ReadAll(resp.Body); err != nil || !strings.HasPrefix(string(body), "one") {
		t.Errorf("answered %q, %v", body, err)
	}
}

// awaitAhead waits until something was read that has to wait.
func (p *serving) awaitAhead() {
	for {
		p.mu.Lock()
		for c := range p.open {
			c.mu.Lock()
			ahead := len(c.ahead)
			c.mu.Unlock()
			if ahead > 0 {
				p.mu.Unlock()
				return
			}
		}
		p.mu.Unlock()
		time.Sleep(time.Millisecond)
	}
}
