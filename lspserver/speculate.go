package lspserver

import (
	"slices"
	"time"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/internal/engine"
	"github.com/anvilforge/anvil-lsp/lspserver/internal/enginelink"
)

// aheadDelay is for how long nobody may type before the save that follows is
// prepared: long enough that a person who types on keeps the processor.
const aheadDelay = 250 * time.Millisecond

// awaitChange waits until there is something to predict. While nobody types,
// what a save would load is built ahead; there is no timer otherwise. It reports
// false if the session ended.
func (f *session) awaitChange() bool {
	var rests <-chan time.Time
	if len(f.speculative()) > 0 {
		timer := time.NewTimer(aheadDelay)
		defer timer.Stop()
		rests = timer.C
	}
	for {
		select {
		case <-f.ctx.Done():
			return false
		case <-f.dirty:
			return true
		case <-rests:
			rests = nil
			f.mu.Lock()
			own, ok := f.link.(enginelink.Own)
			f.mu.Unlock()
			if buffers := f.speculative(); ok && len(buffers) > 0 {
				own.Speculate(buffers)
			}
		}
	}
}

// loadsCode reports whether a save would bring something into the live server, or
// start another, without asking.
func (f *session) loadsCode(prediction *engine.Prediction) bool {
	switch prediction.Rung {
	case manifest.RungHotSwap:
		return true
	case manifest.RungWarmRestart:
		return f.decide(prediction.Diagnostics) == engine.BreakRestart &&
			slices.ContainsFunc(prediction.Diagnostics,
				func(d manifest.Diagnostic) bool { return d.Code == manifest.CodeHostChanged })
	}
	return false
}

// speculative returns the unsaved buffers of the newest prediction, if saving them would
// swap in code that an engine of this process can build. What it cannot build
// ahead, the engine leaves alone.
func (f *session) speculative() map[string][]byte {
	if !f.getSettings().BuildAhead {
		return nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	_, own := f.link.(enginelink.Own)
	if !own || f.paused || f.clean || f.prediction == nil || hasErrors(f.prediction) || !f.loadsCode(f.prediction) {
		return nil
	}
	buffers := map[string][]byte{}
	for path, doc := range f.s.docs.Latest().ByPath {
		if _, covered := f.versions[path]; !covered {
			continue
		}
		if doc.Version != f.versions[path] {
			return nil // something newer is still to be looked at
		}
		if doc.Dirty() {
			buffers[path] = doc.Text
		}
	}
	return buffers
}
