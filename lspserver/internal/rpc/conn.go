package rpc

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"runtime/debug"
	"strconv"
	"sync"
	"time"

	"go.lsp.dev/jsonrpc2"
	"go.lsp.dev/protocol"
)

// Limits of a connection.
const (
	maxRequests = 128 // of the client that wait for their answer, or for its being read
	maxCalls    = 64  // of the server that wait for their answer
)

// farewell is how long the last messages may take to be read.
const farewell = 2 * time.Second

// ErrBusy reports that the client does not answer: too many calls wait for it.
var ErrBusy = errors.New("the client does not answer")

// ErrClosed reports a call on a connection that has ended.
var ErrClosed = errors.New("the connection has ended")

// Handler is what a connection's messages are for. Both methods are called from
// one goroutine, in the order in which the messages arrived, and should not take
// long.
type Handler interface {
	// Notify takes a notification.
	Notify(method string, params json.RawMessage)
	// Request takes a request and returns what computes its answer, which runs
	// beside everything else. ctx ends when the client cancels the request or the
	// connection ends.
	Request(ctx context.Context, method string, params json.RawMessage) func() (any, error)
}

// Conn is a connection to a client.
type Conn struct {
	in      *Reader
	ahead   *intake
	out     io.Writer
	box     *outbox
	slots   chan struct{}
	stopped chan struct{} // closed by Stop
	stop    sync.Once

	mu      sync.Mutex // guards what follows
	running map[string]context.CancelFunc
	calls   map[string]chan envelope
	lastID  int
	quiet   bool // nothing is said any more but answers
}

// NewConn returns a connection over two streams.
func NewConn(in io.Reader, out io.Writer) *Conn {
	return &Conn{
		in: NewReader(in), ahead: newIntake(), out: out, box: newOutbox(), slots: make(chan struct{}, maxRequests),
		stopped: make(chan struct{}),
		running: map[string]context.CancelFunc{}, calls: map[string]chan envelope{},
	}
}

// Run reads and handles messages until the stream ends, Stop is called or ctx
// ends; then it sends what waits to be sent, if that does not take long. The
// error is one of the streams; the end of what is read is none.
//
// A read that is under way when Run returns is not interrupted: close the
// stream for that.
func (c *Conn) Run(ctx context.Context, h Handler) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	written := make(chan error, 1)
	writing, stopWriting := context.WithCancel(context.WithoutCancel(ctx))
	defer stopWriting()
	go func() {
		err := c.write(writing)
		if err != nil {
			cancel(fmt.Errorf("writing to the client: %w", err))
		}
		written <- err
	}()
	var wg sync.WaitGroup
	err := c.read(ctx, h, &wg)
	cancel(ErrClosed)
	c.hangUp()
	timeout := time.AfterFunc(farewell, func() { // requests that are slow to end, or a client that does not read
		c.box.abandon()
		stopWriting()
	})
	defer timeout.Stop()
	finished := make(chan struct{})
	go func() { wg.Wait(); c.box.close(); close(finished) }()
	select {
	case <-finished:
	case <-writing.Done():
	}
	select {
	case werr := <-written:
		if err == nil {
			err = werr
		}
	case <-writing.Done(): // in the middle of a write that is not read
	}
	return err
}

// Stop ends Run.
func (c *Conn) Stop() { c.stop.Do(func() { close(c.stopped) }) }

func (c *Conn) read(ctx context.Context, h Handler, wg *sync.WaitGroup) error {
	reading, stop := context.WithCancel(ctx)
	defer stop()
	go c.ahead.read(reading, c.in)
	for {
		select {
		case <-ctx.Done():
			return ignoreEnd(context.Cause(ctx))
		case <-c.stopped:
			return nil
		case <-c.ahead.wake:
			f, ok := c.ahead.pop()
			if !ok {
				continue
			}
			if bad, ok := errors.AsType[*FrameError](f.err); ok {
				c.fault(jsonrpc2.NewError(jsonrpc2.ParseError, bad.Reason))
				continue
			}
			if f.err != nil {
				if errors.Is(f.err, ErrTooLong) {
					c.fault(jsonrpc2.NewError(jsonrpc2.ParseError, f.err.Error()))
				}
				return ignoreEnd(f.err)
			}
			if !c.dispatch(ctx, h, f.data, wg) {
				return ignoreEnd(context.Cause(ctx))
			}
		}
		select {
		case <-c.stopped:
			return nil
		default:
		}
	}
}

func ignoreEnd(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.ErrClosedPipe) ||
		errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// dispatch handles one message. It reports false if ctx ended.
func (c *Conn) dispatch(ctx context.Context, h Handler, data []byte, wg *sync.WaitGroup) bool {
	m, fault := parse(data)
	switch {
	case fault != nil:
		if m.Method == nil || m.ID != nil {
			return c.refuse(ctx, m.ID, fault)
		}
		return true
	case m.Method == nil:
		c.answered(m)
		return true
	case m.ID == nil:
		if *m.Method == string(protocol.MethodCancelRequest) {
			c.cancelRequest(m.Params)
			return true
		}
		protect(func() (any, error) { h.Notify(*m.Method, m.Params); return nil, nil })
		return true
	}
	if !c.acquire(ctx) {
		return false
	}
	id := string(m.ID)
	reqCtx, cancel := context.WithCancel(ctx)
	c.mu.Lock()
	_, twice := c.running[id]
	if !twice {
		c.running[id] = cancel
	}
	c.mu.Unlock()
	if twice {
		cancel()
		c.respond(m.ID, nil, jsonrpc2.Errorf(jsonrpc2.InvalidRequest, "a request with the id %s is still being answered", id))
		return true
	}
	var compute func() (any, error)
	if _, err := protect(func() (any, error) {
		compute = h.Request(reqCtx, *m.Method, m.Params)
		return nil, nil
	}); err != nil {
		compute = func() (any, error) { return nil, err }
	}
	wg.Go(func() {
		defer cancel()
		result, err := protect(compute)
		if reqCtx.Err() != nil && err != nil {
			err = protocol.ErrRequestCancelled
		}
		c.mu.Lock()
		delete(c.running, id)
		c.mu.Unlock()
		c.respond(m.ID, result, err)
	})
	return true
}

// acquire waits for a place among the requests. It reports false if the
// connection ends before there is one. A client that has closed its end and does
// not read either is gone.
func (c *Conn) acquire(ctx context.Context) bool {
	var gone <-chan time.Time
	for ended := c.ahead.ended; ; {
		select {
		case c.slots <- struct{}{}:
			return true
		case <-ended:
			timer := time.NewTimer(farewell)
			defer timer.Stop()
			ended, gone = nil, timer.C
		case <-gone:
			return false
		case <-c.stopped:
			return false
		case <-ctx.Done():
			return false
		}
	}
}

// protect turns a panic into an error: a fault in one answer does not end the
// server.
func protect(fn func() (any, error)) (result any, err error) {
	defer func() {
		if v := recover(); v != nil {
			result, err = nil, jsonrpc2.Errorf(jsonrpc2.InternalError, "anvil-lsp is at fault: %v\n%s", v, debug.Stack())
		}
	}()
	return fn()
}

// cancelRequest ends the context of a request that is being answered.
func (c *Conn) cancelRequest(params json.RawMessage) {
	var p struct {
		ID json.RawMessage `json:"id"`
	}
	if json.Unmarshal(params, &p) != nil {
		return
	}
	c.mu.Lock()
	cancel := c.running[string(p.ID)]
	c.mu.Unlock()
	if cancel != nil {
		cancel()
	}
}

// refuse answers what is no request. It takes a place among the requests, so
// that a flood of mistakes waits for its answers to be read.
func (c *Conn) refuse(ctx context.Context, id json.RawMessage, err *jsonrpc2.Error) bool {
	if !c.acquire(ctx) {
		return false
	}
	c.respond(id, nil, err)
	return true
}

// fault reports bytes that are no message.
func (c *Conn) fault(err *jsonrpc2.Error) {
	c.box.put(&entry{loose: true, message: func() ([]byte, error) { return encode(envelope{ID: null, Error: err}) }})
}

// respond answers a request that holds a slot.
func (c *Conn) respond(id json.RawMessage, result any, err error) {
	c.box.put(&entry{sent: func() { <-c.slots }, message: func() ([]byte, error) {
		m := envelope{ID: id}
		if err == nil {
			m.Result, err = raw(result)
		}
		if err != nil {
			m.Result, m.Error = nil, wireError(err)
		}
		return encode(m)
	}})
}

// Quiet ends all calls, and has nothing sent from now on but answers.
func (c *Conn) Quiet() {
	c.mu.Lock()
	c.quiet = true
	c.mu.Unlock()
	c.hangUp()
}

func (c *Conn) isQuiet() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.quiet
}

// Notify sends a notification. If very many wait the oldest is dropped.
func (c *Conn) Notify(method string, params any) {
	if c.isQuiet() {
		return
	}
	c.box.put(&entry{loose: true, message: notification(method, params)})
}

// NotifyLatest sends a notification in place of one with the same method and
// key that still waits to be sent.
func (c *Conn) NotifyLatest(method, key string, params any) {
	if c.isQuiet() {
		return
	}
	c.box.put(&entry{key: method + " " + key, message: notification(method, params)})
}

// notification encodes when it is sent: what is replaced costs nothing.
func notification(method string, params any) func() ([]byte, error) {
	return func() ([]byte, error) {
		data, err := raw(params)
		if err != nil {
			return nil, err
		}
		return encode(envelope{Method: &method, Params: data})
	}
}

// Call sends a request and waits for the answer, which is read into result
// unless that is nil. The error is a *jsonrpc2.Error if the client sent one,
// ErrBusy if it leaves too many calls without an answer, ErrClosed after the
// end, and that of ctx.
func (c *Conn) Call(ctx context.Context, method string, params, result any) error {
	data, err := raw(params)
	if err != nil {
		return err
	}
	if params == nil {
		data = nil
	}
	reply := make(chan envelope, 1)
	c.mu.Lock()
	switch {
	case c.calls == nil:
		c.mu.Unlock()
		return ErrClosed
	case len(c.calls) >= maxCalls:
		c.mu.Unlock()
		return ErrBusy
	}
	c.lastID++
	id := strconv.Itoa(c.lastID)
	c.calls[id] = reply
	c.mu.Unlock()
	c.box.put(&entry{message: func() ([]byte, error) {
		return encode(envelope{ID: json.RawMessage(id), Method: &method, Params: data})
	}})
	select {
	case m, ok := <-reply:
		switch {
		case !ok:
			return ErrClosed
		case m.Error != nil:
			return m.Error
		case result == nil:
			return nil
		}
		if err := protocol.Unmarshal(m.Result, result); err != nil {
			return fmt.Errorf("the client's answer to %s: %w", method, err)
		}
		return nil
	case <-ctx.Done():
		// The call keeps its place until it is answered, so that a client that
		// answers nothing is not asked without end.
		c.Notify(string(protocol.MethodCancelRequest), json.RawMessage(`{"id":`+id+`}`))
		return context.Cause(ctx)
	}
}

// answered hands an answer of the client to the call that waits for it.
func (c *Conn) answered(m envelope) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if reply := c.calls[string(m.ID)]; reply != nil {
		delete(c.calls, string(m.ID))
		reply <- m
	}
}

// hangUp ends all calls.
func (c *Conn) hangUp() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, reply := range c.calls {
		close(reply)
	}
	c.calls = nil
}

// write sends what waits until the outbox is closed.
func (c *Conn) write(ctx context.Context) error {
	defer c.box.abandon()
	for {
		e, dropped, ok := c.box.pop(ctx)
		if !ok {
			return nil
		}
		if dropped > 0 {
			text := fmt.Sprintf("%d messages were dropped: the client did not read them", dropped)
			if data, err := notification(string(protocol.MethodWindowLogMessage),
				&protocol.LogMessageParams{Type: protocol.MessageTypeWarning, Message: text})(); err == nil {
				if err := writeFrame(c.out, data); err != nil {
					return err
				}
			}
		}
		data, err := e.message()
		if err == nil {
			err = writeFrame(c.out, data)
		} else {
			err = writeUnsendable(c.out, err)
		}
		if e.sent != nil {
			e.sent()
		}
		if err != nil {
			return err
		}
	}
}

// writeUnsendable tells the log of a message that could not be encoded, which
// is a fault of ours.
func writeUnsendable(w io.Writer, cause error) error {
	data, err := notification(string(protocol.MethodWindowLogMessage),
		&protocol.LogMessageParams{Type: protocol.MessageTypeError, Message: cause.Error()})()
	if err != nil {
		return err
	}
	return writeFrame(w, data)
}
