package engine

import (
	"context"

	"github.com/anvilforge/anvil-lsp/hotreload/control"
	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/internal/build"
)

// hostBuild is an executable that is built while it is still being predicted whether it is needed:
// its packages are compiled, and no more.
type hostBuild struct {
	cancel  context.CancelFunc
	needed  chan struct{} // closed when it is
	reasons []manifest.Diagnostic
	done    chan struct{}
	res     *build.Result
	graph   *build.Graph
	err     error
}

// buildHost starts to build the executable of a plan. It goes on to the link when it is needed.
func (t *task) buildHost(ctx context.Context, plan *build.Plan) *hostBuild {
	ctx, cancel := context.WithCancel(ctx)
	h := &hostBuild{cancel: cancel, needed: make(chan struct{}), done: make(chan struct{})}
	stages := t.stages(nil)
	stages.Compiled = func(s *build.Snapshot) {
		select {
		case <-h.needed:
			t.compiled(s, h.reasons)
		case <-ctx.Done():
		}
	}
	go func() {
		defer close(h.done)
		h.res, h.graph, h.err = t.builder.Rehost(ctx, plan, t.generation, t.progress, stages)
	}()
	return h
}

// wait lets it go on, for reasons that are published, and returns what comes of it.
func (h *hostBuild) wait(reasons []manifest.Diagnostic) (*build.Result, *build.Graph, error) {
	h.reasons = reasons
	close(h.needed)
	<-h.done
	h.cancel()
	return h.res, h.graph, h.err
}

// abandon ends the build; h may be nil.
func (h *hostBuild) abandon() {
	if h != nil {
		h.cancel()
		<-h.done
	}
}

// host builds the executable. While the code cannot be loaded the watcher follows whatever may mend
// that.
func (t *task) host(ctx context.Context, generation int, reasons []manifest.Diagnostic) (*build.Result, error) {
	return whileBroken(ctx, t, func() (*build.Result, *build.Graph, error) {
		if h := t.hostBuild; h != nil {
			t.hostBuild = nil
			return h.wait(reasons)
		}
		stages := t.stages(reasons)
		if p := t.planned; p != nil && p.Watch().Main() == t.main {
			return t.builder.Rehost(ctx, p, generation, t.progress, stages)
		}
		return t.builder.Host(ctx, t.main, generation, t.progress, stages)
	})
}

// stages are what is done as soon as a build has come as far.
func (t *task) stages(reasons []manifest.Diagnostic) build.Stages {
	return build.Stages{
		Listed:   func(s *build.Snapshot) { t.watchGraph(s) },
		Compiled: func(s *build.Snapshot) { t.compiled(s, reasons) },
	}
}

// progress tells what a long build is doing.
func (t *task) progress(message string) {
	t.publish(control.Event{Kind: control.EventProgress, Message: message})
}
