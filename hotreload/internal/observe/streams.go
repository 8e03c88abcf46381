//go:build anvilhot

package observe

import "sync"

// Streams are the streams of events that are being sent. They end only when
// somebody ends them: the process cannot wait for that as it waits for other
// answers, and their readers come again by themselves, to the process that takes
// over.
type Streams struct {
	mu     sync.Mutex
	open   map[*Watch]struct{} // guarded by mu
	ending bool                // guarded by mu; until resume
}

// begin takes a request up whose answer is a stream.
func (s *Streams) begin(w *Watch) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ending {
		w.cancel()
		return
	}
	if s.open == nil {
		s.open = map[*Watch]struct{}{}
	}
	s.open[w] = struct{}{}
}

// leave forgets a request that is over.
func (s *Streams) leave(w *Watch) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.open, w)
}

// End cancels the contexts of the requests, also of those to come.
func (s *Streams) End() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ending = true
	for w := range s.open {
		w.cancel()
	}
}

// Resume undoes end for the requests to come.
func (s *Streams) Resume() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ending = false
}
