package hotreload

import (
	"fmt"
	"reflect"
	"sync"

	"github.com/anvilforge/anvil-lsp/hotreload/internal/migrate"
	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/hotreload/manifest/symbol"
)

// State is a value that outlives generations. It is safe for concurrent use;
// what the value refers to (the elements of a map or slice, the target of a
// pointer) is safe only inside Update.
type State[T any] struct {
	stateBase
	value T
}

// stateBase is what is the same for states of any types. What is not generic is
// not compiled with every save into each package that has a state.
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

// Update calls fn with the value for it to change; nobody else reads or writes
// it meanwhile. fn must not use the same State.
func (s *State[T]) Update(fn func(*T)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	fn(&s.value)
}

// StateOf returns the value that is kept under key, and makes it with initial
// the first time. initial must not ask for the same key.
//
// If T is a predeclared type, a type of a host package, or made of such types,
// it is the same type in every generation, and they all share one value.
//
// A type of a hot package is another type in each generation that rebuilt the
// package, and each such generation has a value of its own: a copy of the one
// before, made when the generation asks for it.
//
//   - If the structure of the type is the same the copy is, too.
//   - If it changed, the value is migrated: structs field by field by name,
//     slices, maps and arrays element by element; a field that is of another
//     basic type is converted if its value survives that. Fields that get
//     nothing from the old value are what initial makes them, or zero inside of
//     elements. [WithMigration] does it by hand.
//   - If nothing can be taken over, initial makes the value.
//
// A change of structure, and everything that was dropped, is reported with the
// result of the load (ANV005).
//
// # What is copied and what is shared
//
// Structs, arrays, slices and maps are copied at any depth, with unexported
// fields, and so is what pointers to hot types lead to. What was shared within
// the old value, a pointer into a slice or a cycle for instance, is shared in
// the same way within the new one. Pointers, channels and functions of types
// that are the same in both generations (a *sql.DB, a chan int) are kept, and
// nobody looks at what is behind them; a function that is kept goes on running
// the code that it was made by. Channels and functions whose types mention hot
// types cannot be taken over and are dropped. Locks and wait groups start
// unused. A hot value in an interface becomes a value of the new type of the
// same name if that is part of T or named with [WithType]; otherwise it stays what
// it is, and that is reported.
//
// The copy is made under the key's lock: whoever changes what the value refers
// to outside of [State.Update] races with it. The old value stays as it is. A
// generation that still answers requests, and one that is rolled back to, works
// on its own value, and what it writes after the copy was made is not seen by
// newer generations. A generation that is refused takes its copy with it.
//
// # Across a restart
//
// The process that a warm restart starts has the value as well, taken over by the
// same rules, host types included. What is bound to its process (channels,
// functions, connections) is what initial makes it; if it is inside of an element,
// where nothing makes it, the state starts again. A [Carrier] writes and reads
// itself; [Transient] keeps a state from going along. In production there are no
// such restarts.
//
// Asking for one key by two types in the same generation panics.
func StateOf[T any](c *Container, key string, initial func() T, options ...StateOption) *State[T] {
	create := func(mu *sync.RWMutex) stateValue {
		s := &State[T]{stateBase: stateBase{mu: mu}}
		return stateValue{stateBase: &s.stateBase, state: s, pointer: &s.value}
	}
	return stateOf(c, key, reflect.TypeFor[T](), create, func(p any) { *p.(*T) = initial() }, options).(*State[T])
}

// stateOf is StateOf for states of any type. create makes one without a value,
// initial its value. It returns a *State.
func stateOf(c *Container, key string, typ reflect.Type, create func(*sync.RWMutex) stateValue, initial func(pointer any), options []StateOption) any {
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
			panic(fmt.Sprintf("hotreload: state %q is a %s, but its migration is a %s", key, symbol.NameOf(typ), chosen.hookType))
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
