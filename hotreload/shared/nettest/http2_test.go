package nettest

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
)

// Frames of HTTP/2.
const (
	headers  = 1
	settings = 4
	ping     = 6
	goAway   = 7

	flagAck        = 1
	flagEndStream  = 1
	flagEndHeaders = 4
)

func frame(kind, flags byte, stream uint32, payload string) []byte {
	head := binary.BigEndian.AppendUint32(nil, uint32(len(payload))<<8|uint32(kind))
	return append(binary.BigEndian.AppendUint32(append(head, flags), stream), payload...)
}

// peer is a server that does no more than the tests need.
type peer struct {
	net.Listener
	t        *testing.T
	client   *http.Client
	requests atomic.Int64
	answers  atomic.Bool // requests; otherwise the connection is closed at the first
	last     atomic.Pointer[net.TCPConn]
	pong     chan struct{}
}

func newPeer(t *testing.T) *peer {
	t.Helper()
	l, err := net.Listen("tcp", Reserve(t))
	if err != nil {
		t.Fatal(err)
	}
	p := &peer{Listener: l, t: t, client: &http.Client{Transport: HTTP2()}, pong: make(chan struct{}, 1)}
	p.answers.Store(true)
	t.Cleanup(func() {
		p.client.CloseIdleConnections()
		_ = l.Close()
	})
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			p.last.Store(c.(*net.TCPConn))
			go p.serve(c)
		}
	}()
	return p
}

func (p *peer) serve(c net.Conn) {
	defer c.Close()
	in := bufio.NewReader(c)
	const preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
	if _, err := in.Discard(len(preface)); err != nil {
		return
	}
	_, _ = c.Write(frame(settings, 0, 0, ""))
	for head := make([]byte, 9); ; {
		if _, err := io.ReadFull(in, head); err != nil {
			return
		}
		start, kind, flags := binary.BigEndian.Uint32(head), head[3], head[4]
		if _, err := in.Discard(int(start >> 8)); err != nil {
			return
		}
		switch {
		case kind == headers:
			p.requests.Add(1)
			if !p.answers.Load() {
				return
			}
			const ok = "\x88" // :status 200, as HPACK has it
			_, _ = c.Write(frame(headers, flagEndHeaders|flagEndStream, binary.BigEndian.Uint32(head[5:]), ok))
		case kind == settings && flags&flagAck == 0:
			_, _ = c.Write(frame(settings, flagAck, 0, ""))
		case kind == ping && flags&flagAck != 0:
			p.pong <- struct{}{}
		}
	}
}

// dismiss asks the client to leave its connection, and returns when it has taken
// that up.
func (p *peer) dismiss() {
	c := p.last.Load()
	_, _ = c.Write(frame(goAway, 0, 0, "\x7f\xff\xff\xff\x00\x00\x00\x00"))
	_, _ = c.Write(frame(ping, 0, 0, "12345678"))
	<-p.pong
}

// post sends a body that cannot be sent twice. Chosen is called whenever a
// connection has been chosen for it.
func (p *peer) post(chosen func()) error {
	p.t.Helper()
	trace := &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { chosen() }}
	ctx := httptrace.WithClientTrace(p.t.Context(), trace)
	body := io.LimitReader(strings.NewReader("hello"), 5)
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+p.Addr().String(), body)
	if err != nil {
		p.t.Fatal(err)
	}
	res, err := p.client.Do(req)
	if err != nil {
		return err
	}
	return res.Body.Close()
}

// once calls f the first time.
func once(f func()) func() {
	var called atomic.Bool
	return func() {
		if !called.Swap(true) {
			f()
		}
	}
}

func TestHTTP2SendsWhatWasNotSent(t *testing.T) {
	p := newPeer(t)
	if err := p.post(func() {}); err != nil {
		t.Fatal(err)
	}
	if err := p.post(once(p.dismiss)); err != nil {
		t.Errorf("the client was asked to leave before it sent anything: %v", err)
	}
	if n := p.requests.Load(); n != 2 {
		t.Errorf("%d requests were sent", n)
	}
}

func TestHTTP2SendsNothingTwice(t *testing.T) {
	p := newPeer(t)
	p.answers.Store(false)
	if err := p.post(func() {}); err == nil {
		t.Error("it was answered")
	}
	if n := p.requests.Load(); n != 1 {
		t.Errorf("%d requests were sent", n)
	}
}

// TestHTTP2DoesNotWaitForAServer: a dial that is refused is no reason to try again.
func TestHTTP2DoesNotWaitForAServer(t *testing.T) {
	p := newPeer(t)
	if err := p.post(func() {}); err != nil {
		t.Fatal(err)
	}
	err := p.post(once(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
		p.dismiss()
	}))
	if !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("got %v", err)
	}
}
