package takeover

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// maxReplay bounds what was read of the next request and goes along with a
// connection, in bytes.
const maxReplay = 16 << 10

// errPassed is why a connection that was passed on cannot be used any more. As
// an error of reading it makes net/http close the connection without a word.
var errPassed = &net.OpError{Op: "read", Net: "tcp", Err: errors.New("the connection was passed on to another process")}

// phase says what is read from a connection.
type phase int

const (
	phaseHead   phase = iota // the head of a request, or nothing yet
	phaseParsed              // its handler is about to be called, and says how long the body is
	phaseLength              // a body of known length
	phaseChunks              // a chunked body
	phaseAnswer              // a request was read; what comes now belongs to the next
	phaseOpaque              // it is not known, or HTTP/2, or hijacked
)

// conn is a connection that can be passed on. It knows where the next request
// begins, which http.Server does not tell, by never giving it more than it needs:
// what lies behind the head of a request, or behind its body, waits here. So
// what the server has read in advance is known: the beginning of a head, while
// that is not complete, or a byte of the next request, which it reads to notice
// that a client goes away. Where the server turns out to have read otherwise, the
// connection becomes opaque, and works as if conn were not there.
type conn struct {
	raw net.Conn
	put func(p passedOn) error

	http2  atomic.Bool
	passed atomic.Bool

	mu      sync.Mutex // guards what follows; it is not held while reading
	phase   phase
	leaving bool            // it is to be passed on
	held    <-chan struct{} // no further request is given to the server until it is closed; may be nil
	idle    bool            // no request is being answered
	parked  bool            // the server does not know it, because no request has come
	used    bool            // it had a request before
	ahead   []byte          // read, but not given to the server
	begun   []byte          // given to the server, of the next request
	long    bool            // begun is not complete: there was more than maxReplay
	forward bool            // the request arrived too late
	head    head
	left    int64 // of a body of known length
	chunks  chunks

	writing sync.Mutex // of HTTP/2; guards what follows
	frames  frames
	closing bool // goAway is to be written
}

func (c *conn) isHTTP2() bool { return c.http2.Load() }

// enter takes up a state that the server tells.
func (c *conn) enter(state http.ConnState) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.idle = state == http.StateNew || state == http.StateIdle
	switch {
	case state == http.StateHijacked:
		c.phase = phaseOpaque
	case c.phase == phaseOpaque:
	case state == http.StateActive: // the head was parsed
		if c.phase != phaseHead || !c.head.ended {
			c.phase = phaseOpaque
			return
		}
		c.forward = c.leaving && c.long
		c.phase, c.used, c.begun, c.long = phaseParsed, true, c.begun[:0], false
	case state == http.StateIdle: // the answer was sent
		if c.phase != phaseAnswer {
			c.phase = phaseOpaque
			return
		}
		c.phase, c.forward = phaseHead, false
	}
}

// begin takes up a request that is about to be handled. It reports whether that
// must be forwarded.
func (c *conn) begin(r *http.Request) (forward bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.phase == phaseOpaque:
		return c.leaving
	case c.phase != phaseParsed || r.ContentLength != 0 && len(c.begun) > 0:
		c.phase = phaseOpaque
	case r.ContentLength > 0:
		c.phase, c.left = phaseLength, r.ContentLength
	case r.ContentLength < 0:
		c.phase, c.chunks = phaseChunks, chunks{}
	default:
		c.phase = phaseAnswer
	}
	return c.forward
}

// leave has the connection passed on as soon as that is possible.
func (c *conn) leave() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.leaving = true
	switch {
	case c.http2.Load():
		go c.sendGoAway()
	case c.departs():
		_ = c.raw.SetReadDeadline(time.Unix(1, 0)) // wakes the reader
	}
}

// lingers reports whether the connection cannot be passed on although it waits
// for a request.
func (c *conn) lingers() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.leaving && c.idle && !c.http2.Load() && (c.phase == phaseOpaque || c.long)
}

func (c *conn) isParked() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.parked
}

// park waits until something of a request comes, which the server will read
// first. The error is errPassed, or one of reading.
func (c *conn) park() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	defer func() { c.parked = false }()
	if c.departs() {
		return c.pass()
	}
	var buffer [512]byte
	n, err := c.readRaw(buffer[:])
	c.ahead = append(c.ahead, buffer[:n]...)
	switch {
	case c.departs() && (n > 0 || errors.Is(err, os.ErrDeadlineExceeded)):
		return c.pass()
	case n > 0:
		return nil
	}
	return err
}

// passNow passes on a connection that the server does not read.
func (c *conn) passNow() {
	c.mu.Lock()
	defer c.mu.Unlock()
	_ = c.pass() // it says only that
}

// hold has no further request given to the server until release is closed.
func (c *conn) hold(release <-chan struct{}) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.held = release
}

// isHeld reports whether what is read belongs to a request that has to wait. c.mu
// is held.
func (c *conn) isHeld() bool {
	if c.held == nil || c.phase != phaseHead || c.long {
		return false
	}
	select {
	case <-c.held:
		return false
	default:
		return true
	}
}

// awaitRelease waits while something was read that has to wait.
func (c *conn) awaitRelease() {
	for len(c.ahead) > 0 && c.isHeld() {
		held := c.held
		c.mu.Unlock()
		<-held
		c.mu.Lock()
	}
}

// departs reports whether the connection is to be passed on now. c.mu is held.
func (c *conn) departs() bool { return c.leaving && c.phase == phaseHead && !c.long }

// Read gives the server as much as belongs to the request that it reads.
func (c *conn) Read(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for {
		if n, err, again := c.read(p); !again {
			return n, err
		}
	}
}

// read is Read once. What it has read may have to wait; then it is to be called
// again.
func (c *conn) read(p []byte) (_ int, _ error, again bool) {
	c.awaitRelease()
	if c.passed.Load() {
		return 0, errPassed, false
	}
	if c.departs() {
		return 0, c.pass(), false
	}
	if len(c.ahead) > 0 {
		n := c.give(p[:copy(p, c.ahead)])
		if c.ahead = c.ahead[n:]; len(c.ahead) == 0 {
			c.ahead = nil
		}
		return n, nil, false
	}
	if c.phase == phaseLength && int64(len(p)) > c.left {
		p = p[:c.left]
	}
	n, err := c.readRaw(p)
	switch {
	case c.departs() && (n > 0 || errors.Is(err, os.ErrDeadlineExceeded)):
		c.ahead = append(c.ahead, p[:n]...)
		return 0, c.pass(), false
	case n == 0:
		return 0, err, false
	case c.isHeld():
		c.ahead = append(c.ahead, p[:n]...)
		return 0, nil, true
	}
	given := c.give(p[:n])
	if given < n {
		c.ahead = append(c.ahead, p[given:n]...)
		err = nil // it will come again
	}
	return given, err, false
}

func (c *conn) readRaw(p []byte) (int, error) {
	c.mu.Unlock()
	defer c.mu.Lock()
	return c.raw.Read(p)
}

// give follows what the server gets, and returns how much of b that is.
func (c *conn) give(b []byte) (n int) {
	switch c.phase {
	case phaseHead, phaseParsed, phaseAnswer:
		n, _ = c.head.scan(b)
		c.note(b[:n])
	case phaseLength:
		n = int(min(c.left, int64(len(b))))
		if c.left -= int64(n); c.left == 0 {
			c.phase = phaseAnswer
		}
	case phaseChunks:
		var ok bool
		if n, ok = c.chunks.scan(b); !ok {
			c.phase = phaseOpaque
			return len(b)
		}
		if c.chunks.state == chunkOver {
			c.phase = phaseAnswer
		}
	case phaseOpaque:
		n = len(b)
	}
	return n
}

// note keeps what is read of the next request.
func (c *conn) note(b []byte) {
	if c.long = c.long || len(c.begun)+len(b) > maxReplay; c.long {
		return
	}
	c.begun = append(c.begun, b...)
	if !c.used && string(c.begun) == preface {
		c.phase, c.begun = phaseOpaque, nil
		c.http2.Store(true)
	}
}

// pass passes the connection on, with what was read of its next request. The
// error is always one, for the server to close it here.
func (c *conn) pass() error {
	replay := append(bytes.Clone(c.begun), c.ahead...)
	if c.used { // a line end that some clients send behind a body is nothing to pass on
		replay = bytes.TrimLeft(replay, "\r\n")
	}
	p := passedOn{Conn: c.raw, begun: replay, kept: c.used && len(replay) == 0}
	c.passed.Store(true)
	c.mu.Unlock() // there may be no room in the queue
	defer c.mu.Lock()
	_ = c.put(p) // if it fails the connection is closed, as without a queue
	return errPassed
}

// Write writes, and for HTTP/2 follows the frames.
func (c *conn) Write(p []byte) (int, error) {
	switch {
	case c.passed.Load():
		return 0, net.ErrClosed
	case !c.http2.Load():
		return c.raw.Write(p)
	}
	c.writing.Lock()
	defer c.writing.Unlock()
	n, err := c.raw.Write(p)
	c.frames.advance(p[:n])
	if err == nil {
		c.writeGoAway()
	}
	return n, err
}

// sendGoAway asks the client not to send requests on this connection any more.
func (c *conn) sendGoAway() {
	c.writing.Lock()
	defer c.writing.Unlock()
	c.closing = true
	c.writeGoAway()
}

// writeGoAway writes goAway once, when it may be. c.writing is held.
func (c *conn) writeGoAway() {
	if c.closing && c.frames.between() {
		c.closing = false
		_, _ = c.raw.Write(goAway) // the server will see the error, too
	}
}

// ReadFrom lets the system copy a file to the client.
func (c *conn) ReadFrom(r io.Reader) (int64, error) {
	if from, ok := c.raw.(io.ReaderFrom); ok && !c.http2.Load() && !c.passed.Load() {
		return from.ReadFrom(r)
	}
	return io.Copy(struct{ io.Writer }{c}, r)
}

// CloseWrite tells the client that nothing follows.
func (c *conn) CloseWrite() error {
	closer, ok := c.raw.(interface{ CloseWrite() error })
	if !ok || c.passed.Load() { // it is open elsewhere
		return nil
	}
	return closer.CloseWrite()
}

// SyscallConn gives access to the descriptor.
func (c *conn) SyscallConn() (syscall.RawConn, error) {
	if raw, ok := c.raw.(syscall.Conn); ok {
		return raw.SyscallConn()
	}
	return nil, errors.ErrUnsupported
}

// Hijacked returns the connection as the listener returned it, for the handler
// that has hijacked it, with r as what it is to be read through. What was read
// ahead is in the buffer of r afterwards, as it would be without conn.
func (c *conn) Hijacked(r *bufio.Reader) net.Conn {
	c.mu.Lock()
	ahead := len(c.ahead)
	c.mu.Unlock()
	if ahead > 0 {
		_, _ = r.Peek(min(r.Buffered()+ahead, r.Size()))
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.ahead) > 0 { // more than the buffer takes: it must be read through c
		return c
	}
	return c.raw
}

// Close closes the connection in this process. One that was passed on stays
// open.
func (c *conn) Close() error { return c.raw.Close() }

// LocalAddr returns the address of this end.
func (c *conn) LocalAddr() net.Addr { return c.raw.LocalAddr() }

// RemoteAddr returns the address of the client.
func (c *conn) RemoteAddr() net.Addr { return c.raw.RemoteAddr() }

// SetDeadline sets both deadlines.
func (c *conn) SetDeadline(t time.Time) error {
	return errors.Join(c.SetReadDeadline(t), c.SetWriteDeadline(t))
}

// SetReadDeadline sets when reading ends, unless it is to end now.
func (c *conn) SetReadDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.departs() {
		return nil
	}
	return c.raw.SetReadDeadline(t)
}

// SetWriteDeadline sets when writing ends.
func (c *conn) SetWriteDeadline(t time.Time) error { return c.raw.SetWriteDeadline(t) }
