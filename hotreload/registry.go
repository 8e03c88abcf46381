package hotreload

import (
	"cmp"
	"fmt"
	"slices"
	"sync/atomic"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
)

// RegistryGeneration is an index that each generation fills again, for whatever it
// registers besides routes: handlers of WebSocket messages, jobs, components. It lives
// in a host package or in the Container. Hot code fills it with
// [RegistryGeneration.Add], and lookups find the entries of the live generation.
//
// It is safe for concurrent use, and lookups take no lock.
type RegistryGeneration[K comparable, V any] struct {
	index index
}

// index is the part of a registry that does not depend on its types. Code that is not
// generic is not compiled again into each hot package that uses it.
type index struct {
	name    string
	current atomic.Pointer[indexSnapshot]
}

// indexSnapshot is what one generation registered; it does not change.
type indexSnapshot struct {
	generation int
	entries    any   // map[K]V; nil if there are none
	keys       []any // sorted
}

// NewRegistry returns an empty registry. The name appears in diagnostics and in
// the manifest.
func NewRegistry[K comparable, V any](name string) *RegistryGeneration[K, V] {
	g := &RegistryGeneration[K, V]{}
	g.index.name = name
	g.index.clear(0)
	return g
}

// Get returns what the live generation registered under key.
func (g *RegistryGeneration[K, V]) Get(key K) (V, bool) {
	entries, _ := g.index.current.Load().entries.(map[K]V)
	v, ok := entries[key]
	return v, ok
}

// Keys returns the keys of the live generation, sorted by their text.
func (g *RegistryGeneration[K, V]) Keys() []K {
	var keys []K
	for _, key := range g.index.current.Load().keys {
		keys = append(keys, key.(K))
	}
	return keys
}

// Generation returns the number of the generation that the entries belong to; 0
// before the first one.
func (g *RegistryGeneration[K, V]) Generation() int { return g.index.current.Load().generation }

// Add registers value under key with the generation that r belongs to. When that
// generation goes live all its entries appear at once, and those of the generation
// before disappear, whether they were added again or not. The same key twice in one
// generation is a mistake, reported at both lines.
func (g *RegistryGeneration[K, V]) Add(r *RouteSink, key K, value V) {
	r.register(&g.index, key, r.reg.callerPosition(), func(entries any) any {
		m, _ := entries.(map[K]V)
		if m == nil {
			m = map[K]V{}
		}
		m[key] = value
		return m
	})
}

// register has add put something into the entries of an index.
func (s *RouteSink) register(to *index, key any, at manifest.Position, add func(entries any) any) {
	s.reg.edit("RegistryGeneration.Add", at, func() {
		draft := s.reg.stage(to)
		if first, ok := draft.positions[key]; ok {
			d := manifest.Diagnose(manifest.CodeRegistration, at, "%s: %v is registered twice", to.name, key)
			d.Related = []manifest.Related{{Position: first, Message: "first registered here"}}
			s.reg.faults = append(s.reg.faults, d)
			return
		}
		draft.entries = add(draft.entries)
		draft.positions[key] = at
	})
}

// indexDraft is what a generation registered in one index.
type indexDraft struct {
	index     *index
	entries   any // map[K]V
	positions map[any]manifest.Position
}

// stage returns the draft of an index, an empty one the first time. The
// registration is locked.
func (reg *registration) stage(to *index) *indexDraft {
	for _, known := range reg.indexes {
		if known.index == to {
			return known
		}
	}
	fresh := &indexDraft{index: to, positions: map[any]manifest.Position{}}
	reg.indexes = append(reg.indexes, fresh)
	return fresh
}

func (d *indexDraft) commit(generation int) {
	d.index.current.Store(&indexSnapshot{generation, d.entries, d.keys()})
}

// names returns the entries as the manifest lists them.
func (d *indexDraft) names() []string {
	var names []string
	for _, key := range d.keys() {
		names = append(names, fmt.Sprintf("%s:%v", d.index.name, key))
	}
	return names
}

// keys returns the keys, sorted by their text.
func (d *indexDraft) keys() []any {
	keys, texts := make([]any, 0, len(d.positions)), make(map[any]string, len(d.positions))
	for key := range d.positions {
		keys, texts[key] = append(keys, key), fmt.Sprint(key)
	}
	slices.SortFunc(keys, func(a, b any) int { return cmp.Compare(texts[a], texts[b]) })
	return keys
}

// clear empties the index for a generation that registered nothing in it.
func (x *index) clear(generation int) { x.current.Store(&indexSnapshot{generation: generation}) }
