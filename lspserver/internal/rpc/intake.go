package rpc

import (
	"context"
	"sync"
)

// maxAhead bounds, in bytes, what is read before it can be handled: as much as a
// pipe holds, so that the end of a client is seen that left its last words there.
const maxAhead = 1 << 20

// frame is what the reading goroutine hands over.
type frame struct {
	data []byte
	err  error
}

// intake reads ahead of what is handled.
type intake struct {
	ended chan struct{} // closed when the stream has ended, whatever is still to be handled
	wake  chan struct{} // has a value if frames may have come
	room  chan struct{} // has a value if frames may have been taken

	mu     sync.Mutex // guards what follows
	frames []frame
	bytes  int
}

func newIntake() *intake {
	return &intake{ended: make(chan struct{}), wake: make(chan struct{}, 1), room: make(chan struct{}, 1)}
}

// read reads until the stream or ctx ends.
func (q *intake) read(ctx context.Context, in *Reader) {
	for {
		data, err := in.Next()
		last := err != nil && !isFrameError(err)
		if last {
			close(q.ended)
		}
		q.mu.Lock()
		q.frames = append(q.frames, frame{data, err})
		q.bytes += len(data)
		q.mu.Unlock()
		signal(q.wake)
		if last || !q.awaitRoom(ctx) {
			return
		}
	}
}

// awaitRoom waits until there is room for another frame. It reports false if ctx
// ends before.
func (q *intake) awaitRoom(ctx context.Context) bool {
	for {
		q.mu.Lock()
		room := q.bytes < maxAhead && len(q.frames) < maxAhead/64 // those without data take room, too
		q.mu.Unlock()
		if room {
			return ctx.Err() == nil
		}
		select {
		case <-q.room:
		case <-ctx.Done():
			return false
		}
	}
}

// pop returns the next frame, if there is one.
func (q *intake) pop() (f frame, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.frames) == 0 {
		return f, false
	}
	f, q.frames[0] = q.frames[0], frame{}
	q.frames = q.frames[1:]
	q.bytes -= len(f.data)
	signal(q.room)
	if len(q.frames) > 0 {
		signal(q.wake)
	}
	return f, true
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
