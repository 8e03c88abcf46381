package engine

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
)

func TestGroupStopsAtTheFirstError(t *testing.T) {
	ctx, stop := context.WithCancelCause(t.Context())
	defer stop(nil)
	g := newGroup(stop)
	broken := errors.New("broken")
	g.run(ctx, "one", func(ctx context.Context) error {
		<-ctx.Done()
		return nil
	})
	g.run(ctx, "two", func(ctx context.Context) error {
		<-ctx.Done()
		return fmt.Errorf("waiting: %w", ctx.Err())
	})
	g.run(ctx, "three", func(context.Context) error { return broken })
	err := g.wait()
	if !errors.Is(err, broken) || err.Error() != "three: broken" {
		t.Errorf("error %v, want that of the third alone", err)
	}
	if !errors.Is(context.Cause(ctx), broken) {
		t.Errorf("cause %v, want the error", context.Cause(ctx))
	}
}

func TestGroupReportsErrorsOfTheEnd(t *testing.T) {
	ctx, stop := context.WithCancelCause(t.Context())
	g := newGroup(stop)
	g.run(ctx, "one", func(ctx context.Context) error {
		<-ctx.Done()
		return errors.New("no orderly end")
	})
	g.run(ctx, "two", func(ctx context.Context) error {
		<-ctx.Done()
		return ctx.Err()
	})
	stop(nil)
	if err := g.wait(); err == nil || !strings.HasPrefix(err.Error(), "one: no orderly end") || strings.Contains(err.Error(), "two") {
		t.Errorf("error %v, want that of the first", err)
	}
}
