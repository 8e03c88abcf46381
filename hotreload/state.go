package hotreload

import (
	"fmt"
	"reflect"
	"sync"

	"github.com/anvilforge/anvil-lsp/hotreload/internal/migrate"
	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/hotreload/manifest/symbol"
)

// State is a value that outlives generations. It is safe for concurrent use. What
// the value refers to (elements of a map or slice, the target of a pointer) is safe
// only inside Update.
type State[T any] struct {
	stateBase
	value T
}

// stateBase is the part of a State that does not depend on its type. Code that is not
// generic is not compiled again into each hot package that uses it.
type stateBase struct {
	// mu belongs to the key rather than to this State: while a newer generation
	// copies the value nobody changes it.
	mu    *sync.RWMutex
	ready bool
}

// Get returns the value.
func (s *State[T]) Get() T {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.value
}

// Set replaces the value.
func (s *State[T]) Set(v T) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.value = v
}

// Update calls fn with the value, which fn may change. Nobody else reads or writes
// it meanwhile. fn must not use the same State.
func (s *State[T]) Update(fn func(*T)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	fn(&s.value)
}

// StateOf returns the value that is kept under key. The first time initial makes it;
// initial must not ask for the same key. Two types for one key in the same generation
// are a mistake, and StateOf panics.
//
// A predeclared type, a type of a host package, or one made of such types is the same
// type in every generation, and all generations share one value. A type of a hot
// package is another type in each generation that has rebuilt the package. Each such
// generation has a value of its own, a copy of the one before:
//
//   - If the structure of the type is the same, so is the value.
//   - If the structure has changed, the value is migrated: structs field by field, by
//     name; slices, maps and arrays element by element. A field of another basic type
//     is converted if that does not change its value. A field that gets nothing from
//     the old value is what initial makes it, or zero inside of elements.
//     [WithMigration] does all of it by hand.
//   - If nothing can be copied, initial makes the value.
//
// A change of structure, and everything that was dropped, is reported with the result
// of the load (ANV005).
//
// # What is copied and what is shared
//
// Structs, arrays, slices and maps are copied at any depth, with unexported fields,
// and so is what pointers to hot types lead to. What was shared within the old value,
// such as a pointer into a slice or a cycle, is shared in the same way within the new
// one. Pointers, channels and functions of types that are the same in both generations
// (a *sql.DB, a chan int) are kept as they are; such a function goes on running the
// code that made it. Channels and functions whose types mention hot types are dropped.
// Locks and wait groups start unused. A hot value in an interface becomes a value of
// the new type of the same name if that type is part of T or named by [WithType];
// otherwise it stays as it is, and that is reported.
//
// The copy is made under the key's lock, so changing what the value refers to outside
// of [State.Update] is a race. The old value does not change. A generation that still
// answers requests, or one that is rolled back to, works on its own value; newer
// generations do not see what it writes after the copy. If a generation is refused its
// copy is discarded.
//
// # Across a restart
//
// The process that a warm restart starts gets the value as well, by the same rules,
// host types included. What belongs to the old process (channels, functions,
// connections) is what initial makes it. Inside of an element nothing makes it, and
// the state starts again. A [Carrier] writes and reads itself; a state that is
// [Transient] does not come along. In production there are no such restarts.
func StateOf[T any](c *Container, key string, initial func() T, options ...StateOption) *State[T] {
	create := func(mu *sync.RWMutex) stateValue {
		s := &State[T]{stateBase: stateBase{mu: mu}}
		return stateValue{stateBase: &s.stateBase, state: s, pointer: &s.value}
	}
	return stateOf(c, key, reflect.TypeFor[T](), create, func(p any) { *p.(*T) = initial() }, options).(*State[T])
}

// stateOf is StateOf for states of any type. create makes one without a value,
// initial its value. It returns a *State.
func stateOf(c *Container, key string, typ reflect.Type, create func(*sync.RWMutex) stateValue,
	initial func(pointer any), options []StateOption) any {
	c.enter()
	var chosen stateOptions
	for _, option := range options {
		option(&chosen)
	}
	view := stateView{typ, chosen.holds}
	cell := c.cell(c.owner, key, view, chosen.transient, create)
	s := cell.value
	if s.made() {
		return s.state
	}
	cell.making.Lock()
	defer cell.making.Unlock()
	if s.made() {
		return s.state
	}
	// Nobody else has s yet. The value is made in its place, for it may refer to
	// itself.
	arrival := &migrate.Arrival{
		Key: key, Type: typ, Holds: view.holds, Value: s.variable(), Initial: func() { initial(s.pointer) },
		Hot: c.owner.hotPackages(), Step: c.owner.exitIfAbandoned,
		Note: func(d manifest.Diagnostic) {
			d.Position = c.owner.callerPosition()
			c.owner.note(d)
		},
	}
	if cell.previous != nil {
		arrival.Previous = cell.previous
	}
	if chosen.hook != nil {
		if chosen.makes != typ {
			panic(fmt.Sprintf("hotreload: state %q is a %s, but its migration is a %s",
				key, symbol.NameOf(typ), chosen.hookType))
		}
		arrival.Hook = func(old migrate.Old) { chosen.hook(s.pointer, OldValue{old}) }
	}
	if !arrival.Continue() && (chosen.transient || !c.inheritance.arrive(arrival)) {
		arrival.Initial()
	}
	s.setMade()
	cell.previous = nil
	if !c.owner.pending() {
		c.inheritance.forget(key)
	}
	return s.state
}

// made reports whether there is a value.
func (s *stateBase) made() bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.ready
}

func (s *stateBase) setMade() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ready = true
}
