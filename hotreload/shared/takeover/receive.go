package takeover

import (
	"cmp"
	"net"
	"sync"
	"time"
)

// receiver is the listener of a Server for the connections of its queue.
type receiver struct {
	s     *Server
	addr  net.Addr
	conns chan *conn
	over  chan struct{} // closed by Close
	close sync.Once
}

func newReceiver(s *Server, addr net.Addr) *receiver {
	return &receiver{s: s, addr: addr, conns: make(chan *conn), over: make(chan struct{})}
}

// run receives connections from the queue until Close. Those that wait for their
// next request are parked until it comes: net/http would treat them as new ones,
// which have less time.
func (r *receiver) run() {
	buffer := make([]byte, maxMessage)
	for {
		p, err := r.s.queue.receive(buffer)
		if err != nil {
			return
		}
		c := r.s.admit(p)
		if p.kept {
			go r.park(c)
		} else {
			r.serve(c)
		}
	}
}

// park waits for a request, or for c to be passed on.
func (r *receiver) park(c *conn) {
	if idle := cmp.Or(r.s.http.IdleTimeout, r.s.http.ReadTimeout); idle > 0 { // as net/http has it
		_ = c.SetReadDeadline(time.Now().Add(idle))
	}
	if c.park() != nil {
		r.s.dismiss(c)
		return
	}
	r.serve(c)
}

// serve gives c to the server, or passes it on, should that have ended.
func (r *receiver) serve(c *conn) {
	select {
	case r.conns <- c:
	case <-r.over:
		if r.s.passes() {
			c.passNow()
		}
		r.s.dismiss(c)
	}
}

func (r *receiver) Accept() (net.Conn, error) {
	select {
	case c := <-r.conns:
		return c, nil
	case <-r.over:
		return nil, net.ErrClosed
	}
}

func (r *receiver) Close() (err error) {
	r.close.Do(func() {
		close(r.over)
		err = r.s.queue.in.Close()
	})
	return err
}

func (r *receiver) Addr() net.Addr { return r.addr }
