//go:build anvilhot

package hotreload

import (
	"context"
	"maps"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/anvilforge/anvil-lsp/hotreload/control"
	"github.com/anvilforge/anvil-lsp/hotreload/internal/image"
	"github.com/anvilforge/anvil-lsp/hotreload/internal/migrate"
	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/hotreload/shared/plural"
)

// inheritance is what came from the process before, by key, until somebody asks
// for it. Its lock may be held with that of contents.
type inheritance struct {
	mu     sync.Mutex // guards states
	states map[string]image.State
}

func (h *inheritance) get(key string) (image.State, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	s, ok := h.states[key]
	return s, ok
}

func (h *inheritance) forget(key string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.states, key)
}

func (h *inheritance) all() []image.State {
	h.mu.Lock()
	defer h.mu.Unlock()
	var all []image.State
	for _, s := range h.states {
		all = append(all, s)
	}
	return all
}

// arrive makes a value from the one that came from the process before. It reports
// false if there is none.
func (h *inheritance) arrive(a *migrate.Arrival) bool {
	s, ok := h.get(a.Key)
	if ok {
		image.Arrive(a, s)
	}
	return ok
}

// carries reports whether there is anything that could go along.
func (c *contents) carries() bool {
	for _, t := range *c.things.Load() {
		if image.CarrierIn(reflect.ValueOf(t.value).Elem()) != nil {
			return true
		}
	}
	return len(c.inheritance.all()) > 0 || len(c.newestStates()) > 0
}

// keptState is the newest value of a key.
type keptState struct {
	key  string
	cell *stateCell
}

// newestStates returns what is kept, by key.
func (c *contents) newestStates() (all []keptState) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for key, slot := range c.slots {
		for _, cell := range slices.Backward(slot.cells) {
			if cell.owner != nil {
				continue
			}
			if !cell.transient {
				all = append(all, keptState{key, cell})
			}
			break // what is older does not come back in its place
		}
	}
	slices.SortFunc(all, func(a, b keptState) int { return strings.Compare(a.key, b.key) })
	return all
}

// handOver writes the state for the next process, of at most limit bytes. All of
// it is written at the same time, so that what takes too long costs nothing else.
// running is how many requests are still being answered.
func (c *contents) handOver(ctx context.Context, limit int, running int) ([]byte, error) {
	h := image.Handover{Running: running}
	var writing sync.WaitGroup
	carriers := map[string]image.Carrier{}
	for key, t := range *c.things.Load() {
		if carrier := image.CarrierIn(reflect.ValueOf(t.value).Elem()); carrier != nil {
			carriers[key.String()] = carrier
		}
	}
	h.Things = make([]image.Thing, len(carriers))
	for i, name := range slices.Sorted(maps.Keys(carriers)) {
		writing.Go(func() { h.Things[i] = image.WriteThing(ctx, name, carriers[name]) })
	}
	states := c.newestStates()
	h.States = make([]image.State, len(states))
	for i, s := range states {
		writing.Go(func() { h.States[i] = image.WriteState(ctx, s.key, s.cell, limit) })
	}
	writing.Wait()
	h.States = slices.DeleteFunc(h.States, func(s image.State) bool { return s.Key == "" })
	// Nobody has asked for these since they came from the process before.
	for _, s := range c.inheritance.all() {
		if !slices.ContainsFunc(h.States, func(own image.State) bool { return own.Key == s.Key }) {
			h.States = append(h.States, s)
		}
	}
	slices.SortFunc(h.States, func(a, b image.State) int { return strings.Compare(a.Key, b.Key) })
	return h.Encode(limit)
}

// restore takes up the state of the process before: Carriers that were provided
// read theirs, and what is kept waits to be asked for. It returns what there is
// to say. Without data there was no state.
func (c *contents) restore(data []byte) (notes []manifest.Diagnostic) {
	note := func(at manifest.Position, format string, args ...any) {
		notes = append(notes, manifest.Diagnose(manifest.CodeStateShape, at, format, args...))
	}
	if len(data) == 0 {
		return nil
	}
	h, err := image.Decode(data)
	if err != nil {
		note(manifest.Position{}, "the state of the process before cannot be read, and all state starts again: "+
			"another version of anvil-lsp wrote it, or it is damaged")
		return notes
	}
	if h.Running > 0 {
		note(manifest.Position{}, "%s of the process before went on for longer than %v: "+
			"what they change after that is not part of the state that was taken over",
			plural.Of(h.Running, "request"), time.Duration(control.HandoverRequests))
	}
	things := map[string]thing{}
	for key, t := range *c.things.Load() {
		things[key.String()] = t
	}
	for _, t := range h.Things {
		is, ok := things[t.Name]
		switch {
		case !ok:
			note(manifest.Position{}, "%s starts again: nobody provides it any more", t.Name)
		case t.Failed != "":
			note(is.position, "%s starts empty: %s", t.Name, t.Failed)
		default:
			carrier := image.CarrierIn(reflect.ValueOf(is.value).Elem())
			if carrier == nil {
				note(is.position, "%s starts again: it is no hotreload.Carrier any more", t.Name)
			} else if err := image.Unmarshal(carrier, t.Data); err != nil {
				note(is.position, "%s starts empty: UnmarshalState: %v", t.Name, err)
			}
		}
	}
	states := map[string]image.State{}
	for _, s := range h.States {
		states[s.Key] = s
	}
	for _, s := range c.newestStates() {
		if _, ok := states[s.key]; ok {
			delete(states, s.key)
			note(manifest.Position{}, "state %q starts again: main asked for it before hotreload.LiveServer", s.key)
		}
	}
	c.inheritance.mu.Lock()
	defer c.inheritance.mu.Unlock()
	c.inheritance.states = states
	return notes
}
