// Package takeover lets one process take over the HTTP connections of another
// that serves the same listening socket, so that no request is lost.
//
// http.Server.Shutdown closes the connections that are idle. A client that
// sends its next request at that moment gets no answer and, unless the request
// may be repeated, reports an error. A Server passes such a connection on
// instead: its descriptor goes into a Queue, together with what was already read
// of the next request, and whoever accepts from the Queue serves it from there.
// Between two requests a connection of HTTP/1 has no other state.
//
//   - A connection that waits for a request, or has received a part of its head,
//     is passed on at once.
//   - One that answers a request is passed on after the answer, with requests
//     that were sent behind it.
//   - One that was hijacked belongs to its handler.
//   - One of HTTP/2 cannot be passed on: compression and settings belong to its
//     process. Its client is told to use another (GOAWAY). Requests that it sends
//     before it has read that are forwarded to the process that took over.
//   - Neither can one be where it is not known for sure where its next request
//     begins. Its next request is forwarded, and it is closed after the answer.
//
// Where the state of one process goes over to the other, too, no request may
// change it once it was read. Hold has new requests wait: they are not read, or
// if they were wait before their handlers. Quiesce waits for those that were begun.
// Leave then hands over what waits; Release has it answered after all.
//
// Where the two cannot run at once nobody is there to forward to: LeaveFirst hands
// over as Leave does, and what cannot be handed over is answered here. Cease waits
// for the end of that, so the state is read after it.
//
// conn tells how it is known where a request begins.
package takeover

import (
	"context"
	"errors"
	"net"
	"net/http"
	"sync"
	"time"
)

// passTimeout bounds how long a connection waits for room in the queue.
const passTimeout = 5 * time.Second

// Server serves HTTP on listening sockets that others accept on, too, and ends
// without losing a request. All methods are safe for concurrent use.
type Server struct {
	http  *http.Server
	queue *Queue                 // nil: connections cannot be passed on
	put   func(p passedOn) error // into queue; nil without
	// Patience is how long a request may be on its way on a connection that
	// cannot be passed on: one that was accepted, or that does HTTP/2. Browsers
	// open connections before they need them; those must not keep an old process
	// alive. The default is 1 s. It must be set before Serve.
	Patience time.Duration

	// forward forwards to whoever took over; nil if nobody does before this process
	// has ended. It is set before any connection leaves.
	forward http.Handler

	mu        sync.Mutex // guards what follows
	listeners []net.Listener
	address   net.Addr      // of the first listener
	ended     bool          // Leave or Shutdown was called
	passing   bool          // to a successor
	held      chan struct{} // requests wait until it is closed; nil: they need not
	handed    bool          // Leave was called while requests waited, or Cease: none is answered here any more
	running   map[*conn]int // requests in their handlers; but not those that were hijacked
	leftAt    time.Time
	open      map[*conn]struct{}  // connections that are not hijacked
	awaited   map[*conn]time.Time // those whose request has not reached its handler, and since when

	serving sync.WaitGroup
	changed chan struct{} // tells that open or awaited has fewer
}

// connKey is the key of a connection in the contexts of its requests.
type connKey struct{}

// NewServer takes over a server that does not serve yet, and wraps its Handler
// and its hooks ConnState and ConnContext. These see the connections that the
// listeners returned. Connections are passed on into queue, which may be nil.
func NewServer(server *http.Server, queue *Queue) *Server {
	s := &Server{
		http: server, queue: queue, Patience: time.Second,
		open: map[*conn]struct{}{}, awaited: map[*conn]time.Time{}, running: map[*conn]int{}, changed: make(chan struct{}, 1),
	}
	if queue != nil {
		s.put = queue.put
	}
	handler, connState, connContext := server.Handler, server.ConnState, server.ConnContext
	if handler == nil {
		handler = http.DefaultServeMux
	}
	server.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, ok := r.Context().Value(connKey{}).(*conn)
		if ok {
			s.arrived(c)
			if c.passed.Load() { // net/http takes the beginning of a preface of HTTP/2 for a request
				return
			}
		}
		entry := s.enter(r.Context(), c)
		switch entry {
		case entryGone:
			return
		case entryStays:
			defer s.exit(c)
		}
		forward := ok && c.begin(r)
		if forward && r.ProtoMajor == 1 { // the connection cannot be passed on
			w.Header().Set("Connection", "close")
		}
		switch {
		case entry == entryLate:
			s.late(w, r)
		case forward && s.forward != nil:
			s.forward.ServeHTTP(w, r)
		default:
			handler.ServeHTTP(w, r)
		}
	})
	server.ConnContext = func(ctx context.Context, nc net.Conn) context.Context {
		c, _ := nc.(*conn)
		if connContext != nil {
			ctx = connContext(ctx, bare(nc))
		}
		return context.WithValue(ctx, connKey{}, c)
	}
	server.ConnState = func(nc net.Conn, state http.ConnState) {
		if c, ok := nc.(*conn); ok {
			s.follow(c, state)
		}
		if connState != nil {
			connState(bare(nc), state)
		}
	}
	return s
}

// bare returns the connection that a listener returned.
func bare(nc net.Conn) net.Conn {
	if c, ok := nc.(*conn); ok {
		return c.raw
	}
	return nc
}

// follow takes up the next state of a connection.
func (s *Server) follow(c *conn, state http.ConnState) {
	c.enter(state)
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case state == http.StateNew || state == http.StateActive || s.passing && c.lingers():
		s.awaited[c] = time.Now()
		return
	case state == http.StateHijacked || state == http.StateClosed:
		delete(s.open, c)
		delete(s.running, c)
	}
	delete(s.awaited, c)
	s.change()
}

// arrived notes that a request on c has reached its handler.
func (s *Server) arrived(c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.awaited, c)
	s.change()
}

// entry says what becomes of a request.
type entry int

const (
	entryStays entry = iota // it is handled here
	entryLate               // whoever took over has to handle it
	entryGone               // its client is gone
)

// enter waits until a request may be handled.
func (s *Server) enter(ctx context.Context, c *conn) entry {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.held != nil {
		held := s.held
		s.mu.Unlock()
		select {
		case <-held:
		case <-ctx.Done():
		}
		s.mu.Lock()
		if s.held == held {
			return entryGone
		}
	}
	if s.handed {
		return entryLate
	}
	s.running[c]++
	return entryStays
}

// late answers a request that must not be handled here.
func (s *Server) late(w http.ResponseWriter, r *http.Request) {
	if s.forward != nil {
		s.forward.ServeHTTP(w, r)
		return
	}
	w.Header().Set("Retry-After", "1")
	http.Error(w, "the process is being replaced", http.StatusServiceUnavailable)
}

// exit notes that a request was handled.
func (s *Server) exit(c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.running[c]--; s.running[c] <= 0 {
		delete(s.running, c)
	}
	s.change()
}

// Hold has new requests wait, until Release or Leave. It does not wait for those
// that were begun: Quiesce does.
func (s *Server) Hold() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended || s.held != nil {
		return
	}
	s.held = make(chan struct{})
	for c := range s.open {
		c.hold(s.held)
	}
}

// Quiesce returns when the requests that were begun are answered, or ctx ends. It
// returns how many were not. Connections that were hijacked do not count. It must
// not be called concurrently with Shutdown.
func (s *Server) Quiesce(ctx context.Context) (running int) {
	for {
		if running = s.handling(); running == 0 {
			s.change() // there may be another caller
			return 0
		}
		select {
		case <-s.changed:
		case <-ctx.Done():
			s.change() // as above
			return s.handling()
		}
	}
}

func (s *Server) handling() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.count()
}

// count is handling. s.mu is held.
func (s *Server) count() (n int) {
	for _, requests := range s.running {
		n += requests
	}
	return n
}

// Release ends Hold: what waited is answered here.
func (s *Server) Release() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.release()
}

// release is Release. s.mu is held.
func (s *Server) release() {
	if s.held != nil {
		close(s.held)
		s.held = nil
	}
}

func (s *Server) change() {
	select {
	case s.changed <- struct{}{}:
	default: // has been told
	}
}

// Serve serves the connections of l, and the first time those of the queue, and
// closes l at the end. Like that of http.Server it always returns an error, which
// is http.ErrServerClosed after Leave or Shutdown. It may be called for several
// listeners: the first is the one whose address is the same in all processes.
func (s *Server) Serve(l net.Listener) error {
	t, ok := s.begin(l)
	if !ok {
		return errors.Join(http.ErrServerClosed, l.Close())
	}
	if t != nil {
		go func() {
			defer s.serving.Done()
			_ = s.http.Serve(t) // ends with t
		}()
		go func() {
			defer s.serving.Done()
			t.run()
		}()
	}
	err := s.http.Serve(listener{l, s})
	s.serving.Done()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended && errors.Is(err, net.ErrClosed) {
		return http.ErrServerClosed
	}
	return err
}

// begin takes up a listener, and the first time returns that of the queue.
func (s *Server) begin(l net.Listener) (r *receiver, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		return nil, false
	}
	first := s.address == nil
	s.listeners = append(s.listeners, l)
	s.serving.Add(1)
	if !first {
		return nil, true
	}
	s.address = l.Addr()
	if s.queue != nil {
		r = newReceiver(s, l.Addr())
		s.listeners = append(s.listeners, r)
		s.serving.Add(2)
	}
	return r, true
}

// listener follows the connections that it accepts.
type listener struct {
	net.Listener
	s *Server
}

func (l listener) Accept() (net.Conn, error) {
	nc, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return l.s.admit(passedOn{Conn: nc}), nil
}

// admit takes up a connection.
func (s *Server) admit(p passedOn) *conn {
	c := &conn{raw: p.Conn, put: s.put, idle: true, ahead: p.begun, used: p.kept, parked: p.kept}
	s.mu.Lock()
	defer s.mu.Unlock()
	c.held = s.held
	s.open[c] = struct{}{}
	return c
}

// dismiss closes a connection that the http.Server has not seen.
func (s *Server) dismiss(c *conn) {
	_ = c.Close()
	s.follow(c, http.StateClosed)
}

// Leave stops accepting. With a successor it hands over: when it returns,
// whoever connects, and whoever sends a request on a connection that was kept,
// gets to the others that accept from the listener and the queue. Requests that
// have arrived go on. Without a successor, or without a queue, connections that
// are idle are closed.
func (s *Server) Leave(successor bool) error { return s.stop(successor && s.put != nil, true) }

// LeaveFirst is Leave for a successor that does not accept before this process has
// ended. Requests on connections that cannot be passed on are answered here, until
// Cease.
func (s *Server) LeaveFirst() error { return s.stop(s.put != nil, false) }

// Cease comes after LeaveFirst. It returns when no request is answered or on its
// way any more, or ctx ends, and how many were left. Those that come all the same
// are refused from then on.
func (s *Server) Cease(ctx context.Context) (running int) {
	s.await(ctx)
	for {
		running, over := s.cease(ctx.Err() != nil)
		if over {
			return running
		}
		select {
		case <-s.changed:
		case <-ctx.Done():
		}
	}
}

// cease has requests refused if none is running, or late.
func (s *Server) cease(late bool) (running int, over bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	running = s.count()
	s.handed = running == 0 || late
	return running, s.handed
}

// stop stops accepting. beside: whoever takes over accepts already.
func (s *Server) stop(pass, beside bool) error {
	first, err := s.closeListeners(pass)
	s.serving.Wait() // from now on every accepted connection is known
	switch {
	case !first:
	case !pass:
		s.Release()
		s.http.SetKeepAlivesEnabled(false)
		s.closeResting()
	default:
		s.passAll(beside)
	}
	return err
}

// closeListeners reports whether it is the first to be called.
func (s *Server) closeListeners(pass bool) (first bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if first = !s.ended; first {
		s.ended, s.passing, s.leftAt = true, pass, time.Now()
		if pass && s.queue != nil {
			s.queue.limit(s.leftAt.Add(passTimeout))
		}
	}
	var errs []error
	for _, l := range s.listeners {
		errs = append(errs, l.Close())
	}
	s.listeners = nil
	return first, errors.Join(errs...)
}

// passes reports whether connections are being passed on.
func (s *Server) passes() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.passing
}

// passAll has every connection passed on as soon as that is possible.
func (s *Server) passAll(beside bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.address != nil && beside {
		s.forward = newForwarder(s.address, s.http.ErrorLog)
	}
	for c := range s.open {
		delete(s.awaited, c)
		if c.leave(); c.lingers() {
			s.awaited[c] = s.leftAt
		}
	}
	s.handed = s.held != nil && beside
	s.release()
}

// closeResting closes the connections that http.Server does not know, because no
// request has come since they were passed on.
func (s *Server) closeResting() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.open {
		if c.isParked() {
			_ = c.Close()
		}
	}
}

// Shutdown stops accepting and returns when every request is answered and every
// connection is closed. After Leave, that includes being passed on. If ctx ends
// before that its error is returned, and requests may still be running: Close of
// the http.Server cuts them off.
func (s *Server) Shutdown(ctx context.Context) error {
	err := s.stop(false, false)
	s.await(ctx)
	return errors.Join(err, s.http.Shutdown(ctx))
}

// await returns when http.Server.Shutdown loses nothing any more: no request is
// on its way, and no connection is to be passed on. It closes connections that
// have been waited for for too long.
func (s *Server) await(ctx context.Context) {
	for {
		left, over := s.left(time.Now())
		if over {
			return
		}
		timer := time.NewTimer(left)
		select {
		case <-s.changed:
		case <-timer.C:
		case <-ctx.Done():
		}
		timer.Stop()
		if ctx.Err() != nil {
			return
		}
	}
}

// left closes the connections that took too long, and returns when to look
// again at the latest, unless the wait is over.
func (s *Server) left(now time.Time) (left time.Duration, over bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	left, over = passTimeout, true
	wait := func(until time.Time) bool {
		d := until.Sub(now)
		if d > 0 {
			left, over = min(left, d), false
		}
		return d > 0
	}
	for c, since := range s.awaited {
		if s.passing && since.Before(s.leftAt) { // nobody waits for this process any more
			since = s.leftAt
		}
		if !wait(since.Add(s.Patience)) {
			_ = c.Close() // its state will follow
		}
	}
	if !s.passing {
		return left, over
	}
	for c := range s.open {
		if c.isHTTP2() { // its client may not have read yet that it should use another
			wait(s.leftAt.Add(s.Patience))
		} else {
			over = false
		}
	}
	return left, over
}
