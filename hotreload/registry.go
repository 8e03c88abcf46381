package hotreload

import (
	"cmp"

	"fmt"
	"maps"
	"slices"
	"sync/atomic"

	"github.com/anvilforge/anvil-lsp/manifest"
)

// RegistryGeneration is an index that each generation fills anew, for whatever
// a generation registers beside routes: handlers of WebSocket messages, jobs,
// components. It lives in a host package or in the Container; hot code fills it
// with [Register], and whoever looks something up always finds the live
// generation's.
//
// It is safe for concurrent use, and looking up takes no lock.
type RegistryGeneration[K comparable, V any] struct {
	name    string
	current atomic.Pointer[registrySet[K, V]]
}

// registrySet is what one generation registered; it does not change.
type registrySet[K comparable, V any] struct {
	generation int
	entries    map[K]V
	keys       []K
}

// NewRegistry returns an empty registry. The name appears in diagnostics and in
// the manifest.
func NewRegistry[K comparable, V any](name string) *RegistryGeneration[K, V] {
	g := &RegistryGeneration[K, V]{name: name}
	g.current.Store(&registrySet[K, V]{})
	return g
}

// Get returns what the live generation registered under key.
func (g *RegistryGeneration[K, V]) Get(key K) (V, bool) {
	v, ok := g.current.Load().entries[key]
	return v, ok
}

// Keys returns the keys of the live generation, sorted by their text.
func (g *RegistryGeneration[K, V]) Keys() []K { return slices.Clone(g.current.Load().keys) }

// Generation returns the number of the generation that the entries belong to; 0
// before the first one.
func (g *RegistryGeneration[K, V]) Generation() int { return g.current.Load().generation }

// Register has g hold value under key as soon as the generation of s goes live.
// All entries of the generation appear at once, and those of the one before
// disappear, also the ones that are not registered again. The same key twice
// in one generation is a mistake, reported at both lines.
func Register[K comparable, V any](s *RouteSink, g *RegistryGeneration[K, V], key K, value V) {
	at := callerPosition()
	s.reg.edit("Register", at, func() {
		staged := stageIndex(s.reg, g)
		if first, ok := staged.positions[key]; ok {
			d := manifest.Diagnose(manifest.CodeRegistration, at, "%s: %v is registered twice", g.name, key)
			d.Related = []manifest.Related{{Position: first, Message: "first registered here"}}
			s.reg.faults = append(s.reg.faults, d)
			return
		}
		staged.entries[key] = value
		staged.positions[key] = at
	})
}

// index is a RegistryGeneration of any types.
type index interface {
	// clear empties it for a generation that registered nothing in it.
	clear(generation int)
}

// stagedIndex is what a generation registered in one index.
type stagedIndex interface {
	index() index
	commit(generation int)
	names() []string
}

type staged[K comparable, V any] struct {
	registry  *RegistryGeneration[K, V]
	entries   map[K]V
	positions map[K]manifest.Position
}

// stageIndex returns the staged entries for g, an empty set the first time. The
// registration is locked.
func stageIndex[K comparable, V any](reg *registration, g *RegistryGeneration[K, V]) *staged[K, V] {
	for _, known := range reg.indexes {
		if known.index() == index(g) {
			return known.(*staged[K, V])
		}
	}
	fresh := &staged[K, V]{g, map[K]V{}, map[K]manifest.Position{}}
	reg.indexes = append(reg.indexes, fresh)
	return fresh
}

func (s *staged[K, V]) index() index { return s.registry }

func (s *staged[K, V]) commit(generation int) {
	s.registry.current.Store(&registrySet[K, V]{generation, s.entries, sortedKeys(s.entries)})
}

func (s *staged[K, V]) names() []string {
	var names []string
	for _, key := range sortedKeys(s.entries) {
		names = append(names, fmt.Sprintf("%s:%v", s.registry.name, key))
	}
	return names
}

func (g *RegistryGeneration[K, V]) clear(generation int) {
	g.current.Store(&registrySet[K, V]{generation: generation})
}

func sortedKeys[K comparable, V any](m map[K]V) []K {
	return slices.SortedFunc(maps.Keys(m), func(a, b K) int {
		return cmp.Compare(fmt.Sprint(a), fmt.Sprint(b))
	})
}
