//go:build anvilhot

package hotreload

import "sync"

// streams are the streams of events that are being sent. They end only when
// somebody ends them: the process cannot wait for that as it waits for other
// answers, and their readers come again by themselves, to the process that takes
// over.
type streams struct {
	mu     sync.Mutex
	open   map[*requestWatch]struct{} // guarded by mu
	ending bool                       // guarded by mu; until resume
}

// begin takes a request up whose answer is a stream.
func (s *streams) begin(w *requestWatch) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ending {
		w.cancel()
		return
	}
	if s.open == nil {
		s.open = map[*requestWatch]struct{}{}
	}
	s.open[w] = struct{}{}
}

// leave forgets a request that is over.
func (s *streams) leave(w *requestWatch) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.open, w)
}

// end cancels the contexts of the requests, also of those to come.
func (s *streams) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ending = true
	for w := range s.open {
		w.cancel()
	}
}

// resume undoes end for the requests to come.
func (s *streams) resume() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ending = false
}
