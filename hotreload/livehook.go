package hotreload

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// liveHook runs Options.Live.
type liveHook struct {
	live func(context.Context) // nil: nothing
	once sync.Once
	ctx  context.Context // ends when it is to end
	stop context.CancelFunc
	done chan struct{} // closed when it has returned, or when it never will be called
}

func newLiveHook(ctx context.Context, live func(context.Context)) *liveHook {
	h := &liveHook{live: live, done: make(chan struct{})}
	h.ctx, h.stop = context.WithCancel(ctx)
	return h
}

// begin calls it, the first time.
func (h *liveHook) begin() {
	h.once.Do(func() {
		if h.live == nil {
			close(h.done)
			return
		}
		go func() {
			defer close(h.done)
			h.live(h.ctx)
		}()
	})
}

// end waits until it has returned, and no longer than limit.
func (h *liveHook) end(limit time.Duration) error {
	h.stop()
	h.once.Do(func() { close(h.done) }) // it was never begun
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-h.done:
		return nil
	case <-timer.C:
		return fmt.Errorf("hotreload: Options.Live was still running %v after its context had ended", limit)
	}
}
