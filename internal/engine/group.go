package engine

import (
	"context"
	"errors"
	"fmt"
	"sync"
)

// group runs the parts of an engine. The first that fails stops the others.
type group struct {
	stop context.CancelCauseFunc
	wg   sync.WaitGroup

	mu   sync.Mutex // guards errs
	errs []error
}

func newGroup(stop context.CancelCauseFunc) *group { return &group{stop: stop} }

func (g *group) run(ctx context.Context, name string, f func(context.Context) error) {
	g.wg.Go(func() {
		err := f(ctx)
		if err == nil || ctx.Err() != nil && errors.Is(err, ctx.Err()) {
			return
		}
		err = fmt.Errorf("%s: %w", name, err)
		g.mu.Lock()
		defer g.mu.Unlock()
		g.errs = append(g.errs, err)
		g.stop(err)
	})
}

func (g *group) wait() error {
	g.wg.Wait()
	g.mu.Lock()
	defer g.mu.Unlock()
	return errors.Join(g.errs...)
}
