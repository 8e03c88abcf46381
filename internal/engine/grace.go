package engine

import (
	"context"
	"path/filepath"
	"slices"
	"time"

	"github.com/anvilforge/anvil-lsp/hotreload/control"
	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/internal/build"
	"github.com/anvilforge/anvil-lsp/internal/watch"
)

// grace is how long something is given that is probably over in a moment, before it counts: a
// bundler has removed what it is about to write again, a generator has emptied its file, a checker
// has put a copy next to the source. What ends it earlier is the next change, which cancels the
// task. graceNotice is when the user is told.
const (
	grace       = 2 * time.Second
	graceNotice = time.Second
)

// await waits for something else to happen. The error says that it did.
func (t *task) await(ctx context.Context, what string) error {
	if t.force.kind != requestNone {
		return nil // the user does not wait
	}
	said := time.NewTimer(graceNotice)
	defer said.Stop()
	over := time.NewTimer(grace)
	defer over.Stop()
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-over.C:
			return nil
		case <-said.C:
			t.publish(waiting(t.cause(), what))
		}
	}
}

// awaitEmbedded waits where nothing is wrong but that what is embedded was removed just now.
func (t *task) awaitEmbedded(ctx context.Context, g *build.Graph) error {
	if t.snap == nil || g == nil || g.Unmatched() == "" || !t.snap.Removed(t.files) {
		return nil
	}
	return t.await(ctx, "files for the embed pattern "+g.Unmatched()+", which were removed just now")
}

// awaitFiles waits where a file of the change is hardly meant to stay as it is.
func (t *task) awaitFiles(ctx context.Context) error {
	if file, what := t.builder.Unfinished(t.snap, t.files); file != "" {
		return t.await(ctx, t.opts.relative([]string{file})[0]+", which "+what)
	}
	return nil
}

// nameCopies has findings about a copy that a tool left say so.
func nameCopies(ds []manifest.Diagnostic) []manifest.Diagnostic {
	ds = slices.Clone(ds)
	for i, d := range ds {
		places := []manifest.Position{d.Position}
		for _, r := range d.Related {
			places = append(places, r.Position)
		}
		for _, at := range places {
			if watch.Copy(at.File) {
				ds[i].Message += "; " + filepath.Base(at.File) +
					" looks like a copy left by a checker or a merge tool; go build compiles it too"
				break
			}
		}
	}
	return ds
}

// waiting says that a change waits for something that passes by itself.
func waiting(cause []string, what string) control.Event {
	return control.Event{Kind: control.EventWaiting, Cause: cause, Message: "the change waits for " + what}
}
