package lspserver

import (
	"context"
	"errors"
	"maps"
	"path/filepath"
	"slices"
	"time"

	"go.lsp.dev/protocol"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/hotreload/shared/regular"
	"github.com/anvilforge/anvil-lsp/internal/build"
	"github.com/anvilforge/anvil-lsp/internal/engine"
	"github.com/anvilforge/anvil-lsp/lspserver/internal/view"
)

// predictor is what an *engine.Predictor does; see there.
type predictor interface {
	Predict(ctx context.Context, buffers map[string][]byte) (*engine.Prediction, error)
	Loads(ctx context.Context) error
	Refresh(ctx context.Context, files []string) error
	Dirs(ctx context.Context) []string
	Links(ctx context.Context) map[string][]string
}

// changed has the buffers looked at when typing rests. What is being computed
// about an older text is given up.
func (f *session) changed() {
	f.mu.Lock()
	if f.cancelPrediction != nil {
		f.cancelPrediction()
	}
	f.mu.Unlock()
	f.signal()
}

// saved has the engine look at a file: where it is, the file system may send no
// events. Without one, the predictor looks again.
func (f *session) saved(path string) {
	if !f.Covers(path) {
		return
	}
	f.mu.Lock()
	if f.own && f.link == nil {
		f.stale.files = append(f.stale.files, path)
	}
	l := f.link
	f.mu.Unlock()
	if l != nil {
		l.Recheck(path)
	}
	f.retry()
}

// hurry has the buffers looked at now: what they are compared with changed.
func (f *session) hurry() {
	f.urgent.Store(true)
	f.signal()
}

func (f *session) signal() {
	select {
	case f.dirty <- struct{}{}:
	default:
	}
}

// predictLoop looks at the buffers, as long as the session lives. It has no
// timer while nothing changes.
func (f *session) predictLoop() {
	for f.awaitChange() && f.debounce() {
		f.predict()
	}
}

// debounce waits until typing rests. It reports false if the session ended.
func (f *session) debounce() bool {
	delay := f.getSettings().Delay()
	if f.urgent.Swap(false) || delay == 0 {
		return true
	}
	timer := time.NewTimer(delay)
	defer timer.Stop()
	for {
		select {
		case <-f.ctx.Done():
			return false
		case <-timer.C:
			return true
		case <-f.dirty:
			if f.urgent.Swap(false) {
				return true
			}
			timer.Reset(delay)
		}
	}
}

// predict looks at the buffers as they are now and publishes what there is to
// say.
func (f *session) predict() {
	ctx, cancel := context.WithCancel(f.ctx)
	defer cancel()
	f.mu.Lock()
	f.cancelPrediction = cancel
	o := f.predictor
	f.mu.Unlock()
	docs := f.s.docs.Latest()
	if o != nil && f.trusted.Load() {
		f.predictFrom(ctx, o, docs)
	}
	if ctx.Err() != nil {
		return // there is something newer
	}
	f.publish(docs)
	f.loadHeld(ctx, o)
}

// predictFrom asks the predictor and keeps its answer, unless ctx ends before.
func (f *session) predictFrom(ctx context.Context, o predictor, docs *view.DocumentSet) {
	f.refresh(ctx, o)
	docs = docs.WithoutStale() // of the others the disk counts
	buffers, versions, clean := map[string][]byte{}, map[string]int32{}, true
	for path, doc := range docs.ByPath {
		if path == doc.Real && path != doc.Path {
			continue // the go command has it by another name only
		}
		if f.Covers(path) {
			buffers[path], versions[path] = doc.Text, doc.Version
			clean = clean && !doc.Dirty()
		}
	}
	// Without an answer there is no prediction either: the last one is about
	// another text.
	prediction, err := o.Predict(ctx, buffers)
	dirs := map[string]bool{}
	for _, d := range o.Dirs(ctx) {
		dirs[d] = true
	}
	links := o.Links(ctx)
	if ctx.Err() != nil {
		return
	}
	if err != nil && !errors.Is(err, engine.ErrNotPredictable) {
		f.s.logf(protocol.MessageTypeWarning, "%s: no predictions: %v", f.dir, err)
	}
	renamed := false
	f.set(func() {
		if f.predictor == o {
			f.prediction, f.versions, f.basis, f.clean = prediction, versions, docs, clean
			if f.own && prediction != nil && f.live == nil {
				f.live = prediction.Live
			}
		}
		if len(dirs) > 0 && !maps.Equal(f.dirs, dirs) {
			f.dirs, renamed = dirs, true
		}
		if len(dirs) > 0 && !maps.EqualFunc(f.links, links, slices.Equal) {
			f.links, renamed = links, true
		}
	})
	if renamed {
		f.s.rename()
	}
}

// refresh brings a predictor without an engine up to date with what changed on
// disk. If the code there cannot be loaded the predictor stays as it was, which is
// good enough for what is typed on top of it, and the go command is not asked
// again before something else changes on disk.
func (f *session) refresh(ctx context.Context, o predictor) {
	f.mu.Lock()
	stale := f.stale
	if !f.own || f.predictor != o || stale.empty() || ctx.Err() != nil {
		f.mu.Unlock()
		return
	}
	stale.merge(f.refused)
	f.stale, f.refused = fileList{}, fileList{}
	f.mu.Unlock()
	files := stale.files
	if stale.all {
		files = nil
	}
	// Not ended by the next keystroke: it takes as long as the go command.
	err := o.Refresh(f.ctx, files)
	if err == nil {
		return
	}
	if _, ok := errors.AsType[*build.Failure](err); !ok && f.ctx.Err() == nil {
		f.s.logf(protocol.MessageTypeWarning, "%s: no predictions: %v", f.dir, err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.predictor == o {
		f.refused.merge(stale)
	}
}

// hasErrors reports whether something keeps the code of a prediction from going
// live.
func hasErrors(fc *engine.Prediction) bool {
	return slices.ContainsFunc(fc.Diagnostics, func(d manifest.Diagnostic) bool {
		return d.Severity == manifest.SeverityError
	})
}

// loadHeld takes up what waits because saves wait for code without errors. What
// counts is the code on disk, which is what will be built, and not the buffers.
func (f *session) loadHeld(ctx context.Context, o predictor) {
	f.mu.Lock()
	l, h, generation := f.link, f.held, f.status.Generation
	names := f.status.Held
	ready := f.getSettings().OnSave == view.SaveNoErrors && h.waits && !h.checked && !f.paused && l != nil
	f.mu.Unlock()
	if !ready {
		return
	}
	sound := true // while nothing serves, nothing can be spoiled
	if generation > 0 {
		var err error
		if sound, err = f.sound(ctx, o, names); err != nil {
			return // asked again with the next prediction
		}
	}
	f.mu.Lock()
	current := f.held == h
	f.held.checked = f.held.checked || current
	f.mu.Unlock()
	if current && sound {
		f.s.goWork(func() { _, _ = l.Apply(f.ctx) }) // its event says how it went
	}
}

// heldSaves is what waits to be asked for.
type heldSaves struct {
	waits   bool
	batch   int  // counts what arrived
	checked bool // it is known whether it has errors
}

// arrived notes that something more waits, or that nothing does.
func (h *heldSaves) arrived(waits bool) { *h = heldSaves{waits: waits, batch: h.batch + 1} }

// sound reports whether the code on disk has no errors. names are the files that
// wait, relative to the application's directory. The error says why that cannot
// be told.
func (f *session) sound(ctx context.Context, o predictor, names []string) (bool, error) {
	if o == nil {
		return false, engine.ErrNotPredictable
	}
	disk := map[string][]byte{} // a file may be new
	for _, name := range names {
		path := filepath.Join(f.dir, filepath.FromSlash(name))
		if data, err := regular.Read(path, regular.MaxSource); err == nil && filepath.Ext(path) == ".go" {
			disk[path] = data
		}
	}
	fc, err := o.Predict(ctx, disk)
	if err != nil || hasErrors(fc) {
		return false, err
	}
	if len(fc.Report.Missing) == 0 {
		return true, nil
	}
	// Not ended by the next keystroke: it takes as long as the go command.
	err = o.Loads(f.ctx)
	if _, bad := errors.AsType[*build.Failure](err); bad {
		return false, nil
	}
	return err == nil, err
}
