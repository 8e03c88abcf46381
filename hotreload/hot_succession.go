//go:build anvilhot

package hotreload

import (
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/anvilforge/anvil-lsp/hotreload/control"
	"github.com/anvilforge/anvil-lsp/hotreload/control/transport"
)

// successions is what a process has to do with the state of those before and
// after it.
type successions struct {
	awaited chan []byte   // the state of the process before; nil: it is not waited for
	ended   chan struct{} // closed by end

	mu    sync.Mutex // guards what follows
	given bool       // the state of the process before came
	// asker is who asked for the state last. Requests wait for what becomes of it,
	// as long as it is greater than released: who that was is over.
	asker, released int64
}

func (s *successions) begin(awaits bool) {
	s.ended = make(chan struct{})
	if awaits {
		s.awaited = make(chan []byte, 1)
	}
}

// end no longer waits for the process before.
func (s *successions) end() { close(s.ended) }

func (s *successions) awaiting() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.awaited != nil && !s.given
}

// accept reports whether the state of the process before is wanted, the first time.
func (s *successions) accept() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	wanted := s.awaited != nil && !s.given
	s.given = true
	return wanted
}

// awaitState waits for the state of the process before, if there is one, and
// takes it up. It reports false if the end came first.
func (c *companion) awaitState() bool {
	if c.successions.awaited == nil {
		return true
	}
	select {
	case data := <-c.successions.awaited:
		notes := c.loader.state.container.restore(data)
		c.loader.mu.Lock()
		defer c.loader.mu.Unlock()
		c.loader.notes = notes
		return true
	case <-c.successions.ended:
		return false
	}
}

// handOver answers with the state. Requests wait from then on.
func (c *companion) handOver(w http.ResponseWriter, r *http.Request) {
	var req control.HandoverRequest
	if err := transport.ReadJSON(r, &req); err != nil {
		transport.WriteProblem(w, http.StatusBadRequest, err)
		return
	}
	container := c.loader.state.container
	if !container.carries() {
		transport.WriteRaw(w, nil)
		return
	}
	if !c.hold(req) {
		p := &control.Problem{Title: "released", Detail: "the state is not wanted any more"}
		transport.WriteProblem(w, http.StatusConflict, p)
		return
	}
	answering, cancel := context.WithTimeout(r.Context(), time.Duration(control.HandoverRequests))
	defer cancel()
	drain := c.server.Quiesce
	if req.Alone {
		drain = c.server.Cease
	}
	running := drain(answering)
	data, err := container.handOver(r.Context(), control.MaxState, running)
	if err != nil {
		transport.WriteProblem(w, http.StatusInternalServerError, err)
		return
	}
	transport.WriteRaw(w, data)
}

// release has requests be answered again.
func (c *companion) release(w http.ResponseWriter, r *http.Request) {
	var req control.ReleaseRequest
	if err := transport.ReadJSON(r, &req); err != nil {
		transport.WriteProblem(w, http.StatusBadRequest, err)
		return
	}
	c.goOn(req.ID)
	transport.WriteJSON(w, http.StatusOK, struct{}{})
}

// hold has requests wait for what becomes of the process that asks: here, or if
// this process ends first where that will accept them. It reports false if that
// was called off already: the two messages come on connections of their own, and
// the second may be read first.
func (c *companion) hold(req control.HandoverRequest) bool {
	s := &c.successions
	s.mu.Lock()
	defer s.mu.Unlock()
	if req.ID <= s.released {
		return false
	}
	s.asker = max(s.asker, req.ID)
	c.dev.streams.End() // or they would be waited for
	if req.Alone {
		_ = c.server.LeaveFirst() // an error here is one of the end, which reports it
	} else {
		c.server.Hold()
	}
	return true
}

// goOn undoes hold, unless somebody has asked since.
func (c *companion) goOn(id int64) {
	s := &c.successions
	s.mu.Lock()
	defer s.mu.Unlock()
	s.released = max(s.released, id)
	if s.asker > s.released {
		return
	}
	select {
	case <-c.drain: // it ends all the same
	default:
		c.dev.streams.Resume()
	}
	c.server.Release()
}

// restore takes the state of the process before.
func (c *companion) restore(w http.ResponseWriter, r *http.Request) {
	data, err := transport.ReadRaw(r, control.MaxHandover)
	switch {
	case err != nil:
		transport.WriteProblem(w, http.StatusBadRequest, err)
	case !c.successions.accept():
		p := &control.Problem{Title: "not awaited", Detail: "the process does not wait for any state"}
		transport.WriteProblem(w, http.StatusConflict, p)
	default:
		c.successions.awaited <- data // it has room for it
		transport.WriteJSON(w, http.StatusOK, struct{}{})
	}
}
