package takeover

import (
	"cmp"
	"net"
	"sync"
	"time"
)

// taking is the listener of a Server for the connections of its queue.
type taking struct {
	s     *Server
	addr  net.Addr
	conns chan *conn
	over  chan struct{} // closed by Close
	close sync.Once
}

func newTaking(s *Server, addr net.Addr) *taking {
	return &taking{s: s, addr: addr, conns: make(chan *conn), over: make(chan struct{})}
}

// run takes connections from the queue until Close. Those that wait for their
// next request rest until it comes: net/http would take them for new ones, which
// have less time.
func (t *taking) run() {
	buffer := make([]byte, maxMessage)
	for {
		p, err := t.s.queue.take(buffer)
		if err != nil {
			return
		}
		c := t.s.admit(p)
		if p.kept {
			go t.rest(c)
		} else {
			t.serve(c)
		}
	}
}

// rest waits for a request, or for c to be passed on.
func (t *taking) rest(c *conn) {
	if idle := cmp.Or(t.s.http.IdleTimeout, t.s.http.ReadTimeout); idle > 0 { // as net/http has it
		_ = c.SetReadDeadline(time.Now().Add(idle))
	}
	if c.rest() != nil {
		t.s.dismiss(c)
		return
	}
	t.serve(c)
}

// serve gives c to the server, or passes it on, should that have ended.
func (t *taking) serve(c *conn) {
	select {
	case t.conns <- c:
	case <-t.over:
		if t.s.passes() {
			c.passNow()
		}
		t.s.dismiss(c)
	}
}

func (t *taking) Accept() (net.Conn, error) {
	select {
	case c := <-t.conns:
		return c, nil
	case <-t.over:
		return nil, net.ErrClosed
	}
}

func (t *taking) Close() (err error) {
	t.close.Do(func() {
		close(t.over)
		err = t.s.queue.in.Close()
	})
	return err
}

func (t *taking) Addr() net.Addr { return t.addr }
