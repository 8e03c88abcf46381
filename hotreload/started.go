package hotreload

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// started is what Options.Live does.
type started struct {
	live func(context.Context) // nil: nothing
	once sync.Once
	ctx  context.Context // ends when it is to end
	stop context.CancelFunc
	done chan struct{} // closed when it has returned, or when it never will be called
}

func newStarted(ctx context.Context, live func(context.Context)) *started {
	s := &started{live: live, done: make(chan struct{})}
	s.ctx, s.stop = context.WithCancel(ctx)
	return s
}

// begin calls it, the first time.
func (s *started) begin() {
	s.once.Do(func() {
		if s.live == nil {
			close(s.done)
			return
		}
		go func() {
			defer close(s.done)
			s.live(s.ctx)
		}()
	})
}

// end waits until it has returned, and no longer than limit.
func (s *started) end(limit time.Duration) error {
	s.stop()
	s.once.Do(func() { close(s.done) }) // it was never begun
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-s.done:
		return nil
	case <-timer.C:
		return fmt.Errorf("hotreload: Options.Live was still running %v after its context had ended", limit)
	}
}
