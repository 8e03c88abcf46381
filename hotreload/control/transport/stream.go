package transport

import (
	"context"
	"encoding/json"
	"net/http"
	"sync"
	"time"
)

const (
	// streamBuffer is how many events a reader may be behind.
	streamBuffer = 256
	// heartbeat keeps a quiet stream visibly alive, and finds readers that
	// went away without a word.
	heartbeat = 15 * time.Second
	// cutOff is how long a reader that is cut off, or whose stream was closed,
	// has to take what is buffered for it.
	cutOff = 2 * time.Second
)

// Stream hands what one side publishes to any number of readers, in this
// process or over HTTP. Publishing never waits: a reader that falls more than
// 256 events behind is cut off, sees the end of its stream, and can subscribe
// again after it has asked for the current state. All methods are safe for
// concurrent use.
type Stream[T any] struct {
	mu      sync.Mutex
	readers map[*reader[T]]struct{} // nil once closed; guarded by mu
	retain  func(T) bool            // nil: none is retained
	await   bool
	last    []T // what the next reader begins with; guarded by mu
}

type reader[T any] struct {
	events chan T
	// cut, if there is one, runs when the stream ends this reader. It is called
	// with Stream.mu held, and never after drop has returned.
	cut func()
}

// NewStream returns a stream without readers.
func NewStream[T any]() *Stream[T] {
	return &Stream[T]{readers: map[*reader[T]]struct{}{}}
}

// Retain has every later reader begin with the last event that keep held for, so
// that it knows how things stand. It must be called before the first Publish.
func (s *Stream[T]) Retain(keep func(T) bool) { s.retain = keep }

// Await has what is published while there is no reader wait for the next one, 256
// events at most: a stream for one reader, who may not be there yet, or comes again.
// It must be called before the first Publish, and not with Retain.
func (s *Stream[T]) Await() { s.await = true }

// Publish hands v to every reader and returns how many there were, or for how many
// it waits. After Close it does nothing.
func (s *Stream[T]) Publish(v T) (readers int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.await && s.readers != nil && len(s.readers) == 0 && len(s.last) < streamBuffer {
		s.last = append(s.last, v)
		return 1
	}
	if s.retain != nil && s.retain(v) {
		s.last = []T{v}
	}
	for r := range s.readers {
		select {
		case r.events <- v:
			readers++
		default:
			s.end(r)
		}
	}
	return readers
}

// Subscribe returns the events published from now on. The channel is closed
// when ctx ends, when the stream is closed, or when the reader is more than
// 256 events behind.
func (s *Stream[T]) Subscribe(ctx context.Context) <-chan T {
	r := &reader[T]{events: make(chan T, streamBuffer)}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.add(r) {
		stop := context.AfterFunc(ctx, func() { s.drop(r) })
		r.cut = func() { stop() }
	}
	return r.events
}

// Close ends every reader. What was published before is still delivered.
func (s *Stream[T]) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for r := range s.readers {
		s.end(r)
	}
	s.readers = nil
}

// ServeHTTP streams the events published from now on as server-sent events,
// each one JSON value. "From now on" includes everything that is published
// after the client has seen the headers of the answer.
func (s *Stream[T]) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	rc := http.NewResponseController(w)
	_ = rc.SetWriteDeadline(time.Time{}) // a stream outlives the server's WriteTimeout
	r := &reader[T]{
		events: make(chan T, streamBuffer),
		// The handler may be blocked in a write to the reader that is cut off.
		cut: func() { _ = rc.SetWriteDeadline(time.Now().Add(cutOff)) },
	}
	s.mu.Lock()
	s.add(r)
	s.mu.Unlock()
	defer s.drop(r)

	w.Header().Set("Content-Type", typeEvents)
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Connection", "close") // write deadlines must not outlive this response
	w.WriteHeader(http.StatusOK)
	if rc.Flush() != nil {
		return
	}
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	for {
		message := []byte(":\n\n")
		select {
		case <-req.Context().Done():
			return
		case <-beat.C:
		case v, ok := <-r.events:
			if !ok {
				return
			}
			data, err := json.Marshal(v)
			if err != nil {
				return // a programming error; the reader sees the stream end
			}
			message = appendEvent(message[:0], data)
		}
		if _, err := w.Write(message); err != nil || rc.Flush() != nil {
			return
		}
	}
}

// add reports false, and ends the reader, if the stream is closed. The caller
// holds mu.
func (s *Stream[T]) add(r *reader[T]) bool {
	if s.readers == nil {
		close(r.events)
		return false
	}
	s.readers[r] = struct{}{}
	for _, v := range s.last {
		r.events <- v // buffered, and r is new
	}
	if s.await {
		s.last = nil
	}
	return true
}

// drop ends a reader that does not want any more.
func (s *Stream[T]) drop(r *reader[T]) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.readers[r]; ok {
		r.cut = nil
		s.end(r)
	}
}

// end closes and forgets a reader. The caller holds mu.
func (s *Stream[T]) end(r *reader[T]) {
	close(r.events)
	delete(s.readers, r)
	if r.cut != nil {
		r.cut()
	}
}
