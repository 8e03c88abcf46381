package hotreload

import (
	"reflect"
	"slices"
	"sync"
)

// stateValue is a *State[T] of any T.
type stateValue struct {
	*stateBase
	state   any // *State[T]
	pointer any // *T, to its value
}

// variable returns the variable with the value.
func (s stateValue) variable() reflect.Value { return reflect.ValueOf(s.pointer).Elem() }

// read calls fn with the value, if there is one, while nobody changes it.
func (s stateValue) read(fn func(reflect.Value)) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.ready {
		fn(s.variable())
	}
	return s.ready
}

// stateSlot is what is kept under one key.
type stateSlot struct {
	mu sync.RWMutex // guards the values
	// cells holds a value for each view. The last one without an owner is the
	// newest.
	cells []*stateCell
}

// stateCell is the value as the generations with the same view of it know it.
type stateCell struct {
	stateView
	value stateValue
	// transient: it ends with its process. The generation that is live says so, or
	// main if that made the cell. Guarded by contents.mu.
	transient bool
	ofMain    bool
	// making is held while the first value is made, which runs user code. It
	// is never waited for with the key's lock held.
	making sync.Mutex
	// previous is the cell whose value this one continues, until it has one of
	// its own; nil if there is none. Guarded by making.
	previous *stateCell
	// owner is the generation that made the cell, until it goes live. Guarded
	// by contents.mu.
	owner *registration
}

// stateView is how a generation sees a kept value. Generations with equal views
// share the value.
type stateView struct {
	typ   reflect.Type
	holds []reflect.Type // see WithType
}

// Type is the type of the value, for the migration.
func (v stateView) Type() reflect.Type { return v.typ }

func (v stateView) equal(other stateView) bool {
	return v.typ == other.typ && slices.Equal(v.holds, other.holds)
}

// maxCells bounds how many generations of one key are remembered.
const maxCells = 8

// cell returns the cell for a key and view, a new one with what create returns if
// need be.
func (c *contents) cell(owner *registration, key string, view stateView, transient bool,
	create func(*sync.RWMutex) stateValue) *stateCell {
	c.mu.Lock()
	defer c.mu.Unlock()
	owner.exitIfAbandoned() // or the cell would stay: dropStates is over
	if known := owner.knownState(key, view.typ); known != nil {
		return known
	}
	slot := c.slots[key]
	if slot == nil {
		slot = &stateSlot{}
		c.slots[key] = slot
	}
	var cell, previous *stateCell
	for _, known := range slot.cells {
		switch {
		case known.owner != nil: // of a generation that may be refused
		case known.equal(view):
			cell = known
		default:
			previous = known
		}
	}
	if cell == nil {
		cell = &stateCell{
			stateView: view, value: create(&slot.mu), previous: previous, transient: transient, ofMain: owner == nil,
		}
		slot.add(cell, owner)
	} else if owner.is(live) {
		slot.renew(cell) // after a rollback, by one that asks for it only now
		cell.setTransient(transient)
	}
	owner.rememberState(key, askedState{cell, transient})
	return cell
}

// Read calls fn with the value, if there is one, while it cannot change.
func (c *stateCell) Read(fn func(reflect.Value)) bool { return c.value.read(fn) }

// setTransient takes up what the generation says that is live.
func (c *stateCell) setTransient(transient bool) {
	if !c.ofMain {
		c.transient = transient
	}
}

func (s *stateSlot) add(cell *stateCell, owner *registration) {
	at := len(s.cells)
	switch {
	case owner.pending():
		cell.owner = owner
	case owner.is(retired):
		at = 0
	}
	s.cells = slices.Insert(s.cells, at, cell)
	if len(s.cells) > maxCells {
		s.cells = slices.Delete(s.cells, 0, 1)
	}
}

// renew makes a cell the newest one.
func (s *stateSlot) renew(cell *stateCell) {
	if i := slices.Index(s.cells, cell); i >= 0 {
		s.cells = append(slices.Delete(s.cells, i, i+1), cell)
	}
}

// commitStates makes the cells that a generation asked for the newest ones.
func (c *contents) commitStates(owner *registration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for key, asked := range owner.knownStates() {
		slot := c.slots[key]
		if slot == nil {
			continue
		}
		asked.cell.owner = nil
		asked.cell.setTransient(asked.transient)
		slot.renew(asked.cell)
		c.inheritance.forget(key)
	}
}

// dropStates forgets the cells that a refused generation made.
func (c *contents) dropStates(owner *registration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for key := range owner.knownStates() {
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
