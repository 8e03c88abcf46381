package hotreload

import (
	"reflect"
	"slices"
	"sync"

	"github.com/anvilforge/anvil-lsp/manifest"
)

// State is a value that outlives generations. It is safe for concurrent use;
// what the value refers to (the elements of a map or slice, the target of a
// pointer) is safe only inside Update.
type State[T any] struct {
	// mu belongs to the key rather than to this State: if two generations know
	// the value by different types, they still exclude each other.
	mu    *sync.RWMutex
	value T
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
// T is best a type of a host package or a predeclared one: the value is then
// simply the same for every generation. A type of a hot package is another type
// in each generation. If its structure did not change the value is carried
// over; otherwise it starts again from initial and a diagnostic (ANV005) says
// so. An older generation that is still answering, or is rolled back to, finds
// the value as it left it.
//
// Asking for one key by two types in the same generation panics.
func StateOf[T any](c *Container, key string, initial func() T) *State[T] {
	c.enter()
	cell, previous := c.cell(c.owner, key, reflect.TypeFor[T](), func(mu *sync.RWMutex) stateValue { return &State[T]{mu: mu} })
	s := cell.value.(*State[T])
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ready {
		return s
	}
	if carried, ok := carryOver(previous, cell.typ); ok {
		s.value = carried.Interface().(T)
	} else {
		s.value = initial()
		if previous != nil {
			c.owner.note(manifest.Diagnose(manifest.CodeStateShape, callerPosition(),
				"state %q starts again: the structure of its type %s changed", key, typeName(cell.typ)))
		}
	}
	s.ready = true
	return s
}

// carryOver turns the value of an older generation into the type that a newer
// one knows it by. Only types of identical structure are taken so far.
// Migration by shape, field by field, belongs here. The key's lock is held.
func carryOver(from *stateCell, to reflect.Type) (reflect.Value, bool) {
	if from == nil {
		return reflect.Value{}, false
	}
	v, ready := from.value.current()
	if !ready || v.Kind() != to.Kind() || !v.CanConvert(to) {
		return reflect.Value{}, false
	}
	return v.Convert(to), true
}

// stateValue is a *State of any type.
type stateValue interface {
	// current returns the value if it was made. The key's lock is held.
	current() (v reflect.Value, ready bool)
}

func (s *State[T]) current() (reflect.Value, bool) {
	return reflect.ValueOf(&s.value).Elem(), s.ready
}

// stateSlot is what is kept under one key.
type stateSlot struct {
	mu sync.RWMutex // guards the values
	// cells holds the value by each type that it is known by. The last one
	// without an owner is the newest.
	cells []*stateCell
}

type stateCell struct {
	typ   reflect.Type
	value stateValue
	// owner is the generation that made the cell, until it goes live.
	owner *registration
}

// maxCells bounds how many generations of one key are remembered.
const maxCells = 8

// cell returns the cell for a key and type. If it is new, previous is the one
// whose value it continues, or nil.
func (c *contents) cell(owner *registration, key string, typ reflect.Type, create func(*sync.RWMutex) stateValue) (cell, previous *stateCell) {
	c.mu.Lock()
	defer c.mu.Unlock()
	slot := c.slots[key]
	if slot == nil {
		slot = &stateSlot{}
		c.slots[key] = slot
	}
	for _, known := range slot.cells {
		if known.owner == nil || known.owner == owner {
			if known.typ == typ {
				cell = known
			} else {
				previous = known
			}
		}
	}
	owner.touchState(key, typ)
	if cell != nil {
		return cell, previous
	}
	cell = &stateCell{typ: typ, value: create(&slot.mu)}
	switch {
	case owner.pending():
		cell.owner = owner
		slot.cells = append(slot.cells, cell)
	case owner.is(retired):
		slot.cells = slices.Insert(slot.cells, 0, cell)
	default:
		slot.cells = append(slot.cells, cell)
	}
	if len(slot.cells) > maxCells {
		slot.cells = slices.Delete(slot.cells, 0, 1)
	}
	return cell, previous
}

// commitStates makes the cells that a generation asked for the newest ones.
func (c *contents) commitStates(owner *registration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for key, typ := range owner.stateTypes() {
		slot := c.slots[key]
		i := slices.IndexFunc(slot.cells, func(cell *stateCell) bool {
			return cell.typ == typ && (cell.owner == nil || cell.owner == owner)
		})
		if i >= 0 {
			cell := slot.cells[i]
			cell.owner = nil
			slot.cells = append(slices.Delete(slot.cells, i, i+1), cell)
		}
	}
}

// dropStates forgets the cells that a refused generation made.
func (c *contents) dropStates(owner *registration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for key := range owner.stateTypes() {
		slot := c.slots[key]
		if slot == nil {
			continue
		}
		slot.cells = slices.DeleteFunc(slot.cells, func(cell *stateCell) bool { return cell.owner == owner })
		if len(slot.cells) == 0 {
			delete(c.slots, key)
		}
	}
}
