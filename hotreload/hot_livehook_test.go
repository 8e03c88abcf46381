//go:build anvilhot

package hotreload

import (
	"context"
	"testing"

	"github.com/anvilforge/anvil-lsp/hotreload/control"
	"github.com/anvilforge/anvil-lsp/hotreload/internal/process"
)

// TestLiveUnderAnEngine: once for the process, however many generations there are,
// and over as soon as the engine asks for the end, while requests go on.
func TestLiveUnderAnEngine(t *testing.T) {
	calls := 0
	live, ended := make(chan struct{}), make(chan struct{})
	started, finish := make(chan struct{}), make(chan struct{})
	e := startUnder(t, t.Context(), Options{
		Register: func(r *RouteSink) {
			r.Get("/", text("ok"))
			r.Get("/slow", func(c *Ctx) error {
				close(started)
				<-finish
				return c.Text(0, "slow")
			})
		},
		Live: func(ctx context.Context) {
			calls++
			close(live)
			<-ctx.Done()
			close(ended)
		},
	}, &process.Environment{})
	<-live
	var result control.LoadResult
	if err := e.Post(t.Context(), control.PathRollback, control.RollbackRequest{Generation: 1}, &result); err != nil {
		t.Fatal(err)
	}
	answer := make(chan string, 1)
	go func() { answer <- get(t, e.url+"/slow") }()
	<-started
	if err := e.Post(t.Context(), control.PathDrain, struct{}{}, nil); err != nil {
		t.Fatal(err)
	}
	<-ended
	close(finish)
	if got := <-answer; got != "200 slow" {
		t.Errorf("the slow request got %q", got)
	}
	if err := receive(t, e.ended); err != nil || calls != 1 {
		t.Errorf("ended with %v, called %d times", err, calls)
	}
}
