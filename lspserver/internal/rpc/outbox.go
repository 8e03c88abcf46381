package rpc

import (
	"context"
	"sync"
)

// maxLoose is how many notifications without a key wait to be sent.
const maxLoose = 512

// entry is one message that waits to be sent.
type entry struct {
	key     string                 // replaced by a newer one of the same key, unless empty
	loose   bool                   // may be dropped
	message func() ([]byte, error) // nil: dropped
	sent    func()                 // called when it was sent, or will not be; may be nil
}

// outbox is what waits to be sent. It is bounded: see the package comment.
type outbox struct {
	wake chan struct{} // has a value if something may wait

	mu      sync.Mutex // guards what follows
	queue   []*entry
	keyed   map[string]*entry
	loose   int
	dropped int
	closed  bool
}

func newOutbox() *outbox {
	return &outbox{wake: make(chan struct{}, 1), keyed: map[string]*entry{}}
}

// put adds a message. It does not wait.
func (o *outbox) put(e *entry) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed {
		if e.sent != nil {
			e.sent()
		}
		return
	}
	if e.key != "" {
		if old := o.keyed[e.key]; old != nil {
			old.message = e.message // in its place: what waits longest goes first
			return
		}
		o.keyed[e.key] = e
	}
	if e.loose {
		if o.loose == maxLoose {
			o.dropOldest()
		}
		o.loose++
	}
	o.queue = append(o.queue, e)
	o.signal()
}

func (o *outbox) signal() {
	select {
	case o.wake <- struct{}{}:
	default:
	}
}

func (o *outbox) dropOldest() {
	for i, e := range o.queue {
		if e.loose {
			o.queue = append(o.queue[:i], o.queue[i+1:]...)
			o.loose--
			o.dropped++
			return
		}
	}
}

// pop returns the next message, and how many were dropped before it. It waits
// for one until ctx ends or the outbox is closed and empty.
func (o *outbox) pop(ctx context.Context) (e *entry, dropped int, ok bool) {
	for {
		o.mu.Lock()
		if len(o.queue) > 0 {
			e, o.queue[0] = o.queue[0], nil
			o.queue = o.queue[1:]
			if e.key != "" {
				delete(o.keyed, e.key)
			}
			if e.loose {
				o.loose--
			}
			dropped, o.dropped = o.dropped, 0
			o.mu.Unlock()
			return e, dropped, true
		}
		closed := o.closed
		o.mu.Unlock()
		if closed {
			return nil, 0, false
		}
		select {
		case <-o.wake:
		case <-ctx.Done():
			return nil, 0, false
		}
	}
}

// close has take return what is there, and put refuse everything.
func (o *outbox) close() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.closed = true
	o.signal()
}

// abandon drops what is there.
func (o *outbox) abandon() {
	o.mu.Lock()
	queue := o.queue
	o.queue, o.keyed, o.closed, o.loose = nil, map[string]*entry{}, true, 0
	o.signal()
	o.mu.Unlock()
	for _, e := range queue {
		if e.sent != nil {
			e.sent()
		}
	}
}
