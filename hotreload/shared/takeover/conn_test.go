package takeover

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

const (
	request = "GET / HTTP/1.1\r\nHost: x\r\n\r\n"
	slow    = "GET /slow HTTP/1.1\r\nHost: x\r\n\r\n"
	next    = "GET /next HTTP/1.1\r\nHost: x\r\n\r\n"
	upload  = "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n"
	chunked = "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
)

// passing begins to record what is passed on.
func (h *handing) passing() {
	h.put = func(p passedOn) error {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.passed = append(h.passed, p)
		return nil
	}
}

func (h *handing) allPassed() []passedOn {
	synctest.Wait()
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.passed
}

// reader collects what the server answers on a connection.
type reader struct {
	text bytes.Buffer
	done chan struct{}
}

func (h *handing) read(c net.Conn) *reader {
	r := &reader{done: make(chan struct{})}
	go func() {
		defer close(r.done)
		_, _ = io.Copy(&r.text, c)
	}()
	return r
}

func (h *handing) send(c net.Conn, text string) {
	h.Helper()
	_ = c.SetWriteDeadline(time.Now().Add(time.Minute))
	if _, err := io.WriteString(c, text); err != nil {
		h.Errorf("sending %q: %v", text, err)
	}
	synctest.Wait()
}

// TestWhatIsPassedOn takes connections in every state from a server, as clients
// of HTTP/1 see them.
func TestWhatIsPassedOn(t *testing.T) {
	long := "GET / HTTP/1.1\r\nHost: x\r\nX: " + strings.Repeat("x", maxReplay)
	for _, test := range []struct {
		name    string
		before  []string // is sent, piece by piece
		after   []string // is sent after the server began to leave
		answers int      // come from this server
		later   bool     // it is passed on only when those have come
		none    bool     // it cannot be passed on
		begun   string
		kept    bool
	}{
		{name: "new"},
		{name: "half a head", before: []string{"GET / HT"}, begun: "GET / HT"},
		{name: "a head in pieces", before: []string{"GE", "T / HTTP/1.1\r\n", "Host: x\r", "\n"}, begun: "GET / HTTP/1.1\r\nHost: x\r\n"},
		{name: "half a preface of HTTP/2", before: []string{preface[:20]}, begun: preface[:20]},
		{name: "idle", before: []string{request}, answers: 1, kept: true},
		{name: "idle after many", before: []string{request, upload + "0123456789", chunked + "0\r\n\r\n", request}, answers: 4, kept: true},
		{name: "idle after bare line feeds", before: []string{"GET / HTTP/1.1\nHost: x\n\n"}, answers: 1, kept: true},
		{name: "idle, then half a head", before: []string{request, "POST / H"}, answers: 1, begun: "POST / H"},
		{name: "idle, then one byte", before: []string{request, "P"}, answers: 1, begun: "P"},
		{name: "pipelined, complete and half", before: []string{request + request + "GET"}, answers: 2, begun: "GET"},
		{name: "idle after a body", before: []string{upload + "01234", "56789"}, answers: 1, kept: true},
		{name: "a line end behind a body", before: []string{upload + "0123456789\r\n"}, answers: 1, kept: true},
		{name: "a body, then half a head", before: []string{upload + "0123456789GET"}, answers: 1, begun: "GET"},
		{name: "idle after chunks", before: []string{chunked + "5\r\n01234\r\n", "5;x=y\r\n56", "789\r", "\n0\r\n\r\n"}, answers: 1, kept: true},
		{name: "chunks and a trailer, then half a head", before: []string{chunked + "A\r\n0123456789\r\n0\r\nA: b\r\nC: d\r\n\r\nGET"}, answers: 1, begun: "GET"},
		{name: "answering", before: []string{slow}, answers: 1, later: true, kept: true},
		{name: "answering, and the next was sent", before: []string{slow + next + "GET"}, answers: 1, later: true, begun: next + "GET"},
		{name: "answering, and the next begins", before: []string{slow}, after: []string{"G"}, answers: 1, later: true, begun: "G"},
		{name: "half a body", before: []string{upload + "01234"}, after: []string{"56", "789"}, answers: 1, kept: true},
		{name: "half the chunks", before: []string{chunked + "a\r\n01234"}, after: []string{"56789\r\n0\r\n", "\r\n" + next}, answers: 1, begun: next},
		{name: "no body yet", before: []string{upload}, after: []string{"0123456789"}, answers: 1, kept: true},
		{name: "continue", before: []string{strings.Replace(upload, "\r\n\r\n", "\r\nExpect: 100-continue\r\n\r\n", 1)}, after: []string{"0123456789"}, answers: 1, kept: true},
		{name: "close", before: []string{strings.Replace(slow, "\r\n\r\n", "\r\nConnection: close\r\n\r\n", 1)}, answers: 1, none: true},
		{name: "a head that is too long", before: []string{long}, none: true},
		{name: "a request that has no handler", before: []string{"OPTIONS * HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}"}, none: true},
	} {
		t.Run(test.name, func(t *testing.T) {
			handOver(t, func(h *handing) {
				h.passing()
				c := h.connect()
				answers := h.read(c)
				for _, text := range test.before {
					h.send(c, text)
				}
				if err := h.Leave(true); err != nil {
					t.Error(err)
				}
				if passed := h.allPassed(); test.later && len(passed) > 0 {
					t.Errorf("passed on before the answer: %+v", passed)
				}
				for _, text := range test.after {
					h.send(c, text)
				}
				if err := h.Shutdown(h.Context()); err != nil {
					t.Errorf("Shutdown: %v", err)
				}
				<-answers.done
				text := answers.text.String()
				if n := strings.Count(text, "hello"); n != test.answers || strings.Contains(text, "400") {
					t.Errorf("%d answers, want %d: %q", n, test.answers, text)
				}
				passed := h.allPassed()
				if test.none {
					if len(passed) > 0 {
						t.Errorf("passed on: %+v", passed)
					}
					return
				}
				if len(passed) != 1 || string(passed[0].begun) != test.begun || passed[0].kept != test.kept {
					t.Fatalf("passed on: %+v, want %q, kept %v", passed, test.begun, test.kept)
				}
			})
		})
	}
}

// TestHijackedConnectionStaysWithItsHandler: it is the one of the listener, which
// handlers may assert to be a
// *net.TCPConn, or to have a descriptor.
func TestHijackedConnectionStaysWithItsHandler(t *testing.T) {
	for name, ahead := range map[string]string{"nothing read ahead": "", "something read ahead": "some"} {
		t.Run(name, func(t *testing.T) {
			handOver(t, func(h *handing) {
				h.passing()
				c := h.connect()
				answer := h.read(c)
				h.send(c, strings.Replace(request, "/", "/hijack", 1)+ahead)
				if raw := <-h.hijacked; raw == nil || isConn(raw) {
					t.Errorf("the handler got a %T", raw)
				}
				if err := h.Leave(true); err != nil {
					t.Error(err)
				}
				if err := h.Shutdown(h.Context()); err != nil {
					t.Errorf("Shutdown: %v", err)
				}
				h.send(c, "thing!")
				<-answer.done
				if got, want := answer.text.String(), "hijacked "+ahead+"thing!"; got != want || len(h.allPassed()) > 0 {
					t.Errorf("got %q, want %q", got, want)
				}
			})
		})
	}
}

func isConn(c net.Conn) bool { _, ok := c.(*conn); return ok }

// TestHTTP2IsAskedToLeave: the frame comes between two others, and never first.
func TestHTTP2IsAskedToLeave(t *testing.T) {
	handOver(t, func(h *handing) {
		h.passing()
		c := h.connect()
		answer := h.read(c)
		h.send(c, preface+"\x00\x00\x00\x04\x00\x00\x00\x00\x00") // and empty SETTINGS
		if err := h.Leave(true); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		if got := answer.text.Bytes(); !bytes.HasSuffix(got, goAway) || len(got) <= len(goAway) || got[3] != 4 {
			t.Errorf("the server sent %q", got)
		}
		if err := h.Shutdown(h.Context()); err != nil {
			t.Errorf("Shutdown: %v", err)
		}
		<-answer.done
		if got := answer.text.Bytes(); bytes.Count(got, goAway) != 1 || len(h.allPassed()) > 0 {
			t.Errorf("the server sent %q", got)
		}
	})
}

func TestFrames(t *testing.T) {
	stream := "\x00\x00\x00\x04\x00\x00\x00\x00\x00" + "\x00\x00\x03\x00\x00\x00\x00\x00\x01abc" + "\x00\x01\x00\x00\x00\x00\x00\x00\x01" + strings.Repeat("x", 256)
	ends := map[int]bool{9: true, 9 + 12: true, len(stream): true}
	for size := 1; size <= len(stream); size++ {
		var f frames
		for at := 0; at < len(stream); at += size {
			to := min(at+size, len(stream))
			f.advance([]byte(stream[at:to]))
			if f.between() != ends[to] {
				t.Fatalf("in pieces of %d: between frames after %d bytes: %v", size, to, f.between())
			}
		}
	}
	var f frames
	if f.between() {
		t.Error("between frames before the first")
	}
}

// TestChunksEndWhereNetHTTPSaysSo compares with the reader of net/http.
func TestChunksEndWhereNetHTTPSaysSo(t *testing.T) {
	for _, body := range []string{
		"0\r\n\r\n",
		"1\r\na\r\n0\r\n\r\n",
		"00a \r\n0123456789\r\n000\r\n\r\n",
		"A;name=\"value\"\r\n0123456789\r\n0;last\r\nTrailer: 1\r\nOther: 2\r\n\r\n",
		"2\r\n\r\n\r\n2\r\n0\r\r\n0\r\n\r\n",
	} {
		all := body + next
		for size := 1; size <= len(all); size++ {
			var c chunks
			n := 0
			for at := 0; at < len(all) && c.state != chunkOver; at += size {
				some, ok := c.scan([]byte(all[at:min(at+size, len(all))]))
				if !ok {
					t.Fatalf("%q is no body", body)
				}
				n += some
			}
			if n != len(body) {
				t.Fatalf("%q in pieces of %d: %d bytes, want %d", body, size, n, len(body))
			}
		}
		r := bufio.NewReader(strings.NewReader(chunked + all))
		req, err := http.ReadRequest(r)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, req.Body); err != nil {
			t.Fatalf("%q: %v", body, err)
		}
		if rest, err := io.ReadAll(r); err != nil || string(rest) != next {
			t.Errorf("net/http leaves %q of %q, %v", rest, all, err)
		}
	}
	for _, body := range []string{"x\r\n", "\r\n", "1\r\nab\r\n", "1234567890abcdef\r\n"} {
		var c chunks
		if _, ok := c.scan([]byte(body)); ok {
			t.Errorf("%q is taken for a chunked body", body)
		}
	}
}

// TestLeaveFirst: as long as nobody is there who takes over, what cannot be passed
// on is answered here, and in the end refused at once.
func TestLeaveFirst(t *testing.T) {
	either(t, func(h *handing) {
		h.passing()
		h.Patience = time.Minute // outlasts the test
		long := "GET / HTTP/1.1\r\nHost: x\r\nX: " + strings.Repeat("x", maxReplay)
		busy, early, late := h.connect(), h.connect(), h.connect()
		answered := make(chan bool, 1)
		go func() {
			ok, _ := h.ask(busy, "/slow")
			answered <- ok
		}()
		for _, c := range []net.Conn{early, late} {
			h.send(c, long)
		}
		if err := h.LeaveFirst(); err != nil {
			h.Error(err)
		}
		ctx, cancel := context.WithTimeout(h.Context(), 3*time.Second)
		defer cancel()
		left := make(chan int)
		go func() { left <- h.Cease(ctx) }()
		synctest.Wait()
		status := func(c net.Conn) (int, string) {
			h.send(c, "\r\n\r\n")
			resp, err := http.ReadResponse(bufio.NewReader(c), nil)
			if err != nil {
				h.Fatal(err)
			}
			if _, err := io.Copy(io.Discard, resp.Body); err != nil {
				h.Error(err)
			}
			return resp.StatusCode, resp.Header.Get("Retry-After")
		}
		if code, _ := status(early); code != http.StatusOK {
			h.Errorf("while it waits: %d", code)
		}
		if n := <-left; n != 1 {
			h.Errorf("%d requests were left, want 1", n)
		}
		if code, again := status(late); code != http.StatusServiceUnavailable || again != "1" {
			h.Errorf("after that: %d, to be sent again after %q s", code, again)
		}
		if !<-answered { // it has its time
			h.Error("a request that takes longer was not answered")
		}
	})
}

// TestLeaveFirstPassesOn: what can be passed on is, and HTTP/2 is asked to leave.
// Cease returns when there is nothing left.
func TestLeaveFirstPassesOn(t *testing.T) {
	handOver(t, func(h *handing) {
		h.passing()
		kept, busy, other := h.connect(), h.connect(), h.connect()
		for c, text := range map[net.Conn]string{kept: request, busy: slow, other: preface + "\x00\x00\x00\x04\x00\x00\x00\x00\x00"} {
			h.read(c)
			h.send(c, text)
		}
		begun := time.Now()
		h.Hold() // for another process, which has given up
		if err := h.LeaveFirst(); err != nil {
			h.Error(err)
		}
		if n := h.Cease(h.Context()); n != 0 {
			h.Errorf("%d requests were left", n)
		}
		if took := time.Since(begun); took != 10*time.Second { // as long as the slow one takes
			h.Errorf("it took %v", took)
		}
		if n := len(h.allPassed()); n != 2 {
			h.Errorf("%d connections were passed on, want 2", n)
		}
	})
}
