package migrate

import (
	"reflect"
	"sync"
)

// Copier makes one value from another as planned. First it looks at all of the
// old value to find what memory it is made of, then it makes new memory and
// fills it. It follows references with lists of its own rather than by
// recursion, so that no value is too deep. It is for one goroutine.
type Copier struct {
	*Planner
	losses *Losses
	step   func() // called every now and then; need not return

	memory
	locks    lockSet
	Maps     []*MapCopy
	mapOf    map[MapKey]*MapCopy
	SyncMaps map[uintptr]*SyncMapCopy

	tasks []task
	steps uint
	// loose: what is looked at is a temporary copy.
	loose bool
}

// task is something that is done after what is being done: to look at a value,
// to fill one, or to store one that is filled.
type task struct {
	dst, src reflect.Value
	plan     *Plan // nil: store
	site     *Site
}

// MapKey tells maps apart, and the forms that one map is to have.
type MapKey struct {
	Addr uintptr
	Plan *Plan
}

// MapCopy is a map and its new form.
type MapCopy struct {
	From, to reflect.Value
	Plan     *Plan
	site     *Site
}

// Key tells the map from others.
func (m *MapCopy) Key() MapKey { return MapKey{m.From.Pointer(), m.Plan} }

// SyncMapCopy is what was in a sync.Map when it was looked at.
type SyncMapCopy struct {
	Entries [][2]any
	to      []*sync.Map
	site    *Site
}

// TypeAny is the type of an empty interface.
var TypeAny = reflect.TypeFor[any]()

// NewCopier returns a Copier that follows plans and counts in lost what it cannot do.
func NewCopier(plans *Planner, lost *Losses, step func()) *Copier {
	return &Copier{
		Planner: plans, losses: lost, step: step,
		memory: memory{seen: map[blockKey]*Block{}}, locks: lockSet{unlocks: map[uintptr]func(){}},
		mapOf: map[MapKey]*MapCopy{}, SyncMaps: map[uintptr]*SyncMapCopy{},
	}
}

// Run fills dst with src; both are variables. Parts that get nothing stay as
// they are. It reports false, having changed nothing, if a lock inside of src
// could not be had and anyway is not set.
func (c *Copier) Run(dst, src reflect.Value, p *Plan, at *Site, anyway bool) bool {
	c.locks.ignore = anyway
	defer c.locks.unlock()
	if p.Do == DoRefer && !dst.IsNil() { // as below
		dst, p = dst.Elem(), p.Elem
	}
	c.add(&Block{Addr: src.UnsafeAddr(), Of: p, Count: 1, Single: true, From: src, to: dst, site: at})
	if !c.discover() {
		return false
	}
	if p.Do == DoPointer && !src.IsNil() && !dst.IsNil() {
		// Fields that get nothing are what they are in dst.
		if b := c.seen[blockKey{src.Pointer(), p.Elem, 1, true}]; b != nil {
			b.to = dst.Elem()
		}
	}
	c.allocate()
	for _, m := range c.Maps {
		m.to = reflect.MakeMapWithSize(m.Plan.To, m.From.Len())
	}
	for b := range c.Copied() {
		c.fillBlock(b)
	}
	for _, m := range c.Maps {
		c.fillMap(m)
	}
	for _, m := range c.SyncMaps {
		c.fillSyncMap(m)
	}
	for _, b := range c.apart {
		c.losses.Add(KeptApart, *b.site, b.Of.From, nil)
	}
	return true
}

// Survey finds the memory that v, a variable, is made of, for whoever copies it by
// other means. It reports false if a lock inside of v could not be had and anyway is
// not set. Unlock has to be called in either case.
func (c *Copier) Survey(v reflect.Value, p *Plan, anyway bool) bool {
	c.locks.ignore = anyway
	c.add(&Block{Addr: v.UnsafeAddr(), Of: p, Count: 1, Single: true, From: v, site: &Site{}})
	if !c.discover() {
		return false
	}
	c.arrange()
	return true
}

// Unlock releases the locks inside of the value.
func (c *Copier) Unlock() { c.locks.unlock() }

func (c *Copier) Tick() {
	if c.steps++; c.steps%4096 == 0 {
		c.step()
	}
}

// discover looks at everything. It reports false if a lock could not be had.
func (c *Copier) discover() bool {
	blocks, maps := 0, 0
	for {
		switch {
		case blocks < len(c.blocks):
			b := c.blocks[blocks]
			blocks++
			for i := 0; i < b.Count && !b.Of.flat; i++ {
				c.Tick()
				if !c.look(b.Old(i), b.Of, b.site) {
					return false
				}
				c.lookLoose()
			}
		case maps < len(c.Maps):
			m := c.Maps[maps]
			maps++
			c.lookMap(m)
		default:
			return true
		}
	}
}

// look finds what a value refers to. Interfaces become tasks.
func (c *Copier) look(v reflect.Value, p *Plan, at *Site) bool {
	if p.flat {
		return true
	}
	switch p.Do {
	case DoFields:
		for _, i := range p.locks {
			if !c.loose && !c.locks.lock(Open(v.Field(i))) {
				return false
			}
		}
		for i := range p.Fields {
			f := &p.Fields[i]
			if !f.Plan.flat && !c.look(Open(v.Field(f.from)), f.Plan, &f.site) {
				return false
			}
		}
	case DoElements:
		for i := range min(p.From.Len(), p.To.Len()) {
			if !c.look(v.Index(i), p.Elem, at) {
				return false
			}
		}
	case DoPointer:
		c.lookPointer(v, p.Elem, at)
	case DoRefer:
		return c.look(v, p.Elem, at)
	case DoFollow:
		return v.IsNil() || c.look(v.Elem(), p.Elem, at)
	case DoAtomicPointer:
		c.lookPointer(LoadAtomic(v), p.Elem.Elem, at)
	case DoSlice:
		if v.Len() > 0 {
			// Not v itself, which is a variable that may get another value.
			c.add(&Block{Addr: v.Pointer(), Of: p.Elem, Count: v.Len(), From: v.Slice(0, v.Len()), site: at})
		}
	case DoMap:
		key := MapKey{v.Pointer(), p}
		if !v.IsNil() && c.mapOf[key] == nil {
			c.mapOf[key] = &MapCopy{From: reflect.ValueOf(v.Interface()), Plan: p, site: at}
			c.Maps = append(c.Maps, c.mapOf[key])
		}
	case DoSyncMap:
		c.lookSyncMap(v, at)
	case DoBox:
		c.lookBoxed(v, p, at)
	}
	return true
}

func (c *Copier) lookPointer(v reflect.Value, of *Plan, at *Site) {
	if !v.IsNil() {
		c.add(&Block{Addr: v.Pointer(), Of: of, Count: 1, Single: true, From: v.Elem(), site: at})
	}
}

// LoadAtomic reads an atomic.Pointer.
func LoadAtomic(v reflect.Value) reflect.Value {
	return v.Addr().MethodByName("Load").Call(nil)[0]
}

func (c *Copier) lookBoxed(v reflect.Value, p *Plan, at *Site) {
	if v.Kind() == reflect.Interface {
		if v.IsNil() {
			return
		}
		v = v.Elem()
	}
	if inner := c.box(v.Type(), p.To); !inner.flat {
		c.tasks = append(c.tasks, task{src: Unboxed(v), plan: inner, site: at})
	}
}

// Unboxed returns v as a variable.
func Unboxed(v reflect.Value) reflect.Value {
	if v.CanAddr() {
		return v
	}
	variable := reflect.New(v.Type()).Elem()
	variable.Set(v)
	return variable
}

// lookLoose looks at the values in interfaces. A lock in one of them is that of
// a temporary copy and is left alone.
func (c *Copier) lookLoose() {
	c.loose = true
	for len(c.tasks) > 0 {
		t := c.pop()
		c.Tick()
		c.look(t.src, t.plan, t.site)
	}
	c.loose = false
}

func (c *Copier) pop() task {
	last := len(c.tasks) - 1
	t := c.tasks[last]
	c.tasks[last] = task{}
	c.tasks = c.tasks[:last]
	return t
}

func (c *Copier) lookMap(m *MapCopy) {
	if m.Plan.Key.flat && m.Plan.Elem.flat {
		return
	}
	key, elem := reflect.New(m.Plan.Key.From).Elem(), reflect.New(m.Plan.Elem.From).Elem()
	for entries := m.From.MapRange(); entries.Next(); c.Tick() {
		key.SetIterKey(entries)
		elem.SetIterValue(entries)
		c.loose = true
		c.look(key, m.Plan.Key, m.site)
		c.look(elem, m.Plan.Elem, m.site)
		c.lookLoose()
	}
}

// lookSyncMap remembers the entries: others may change the map all the time.
func (c *Copier) lookSyncMap(v reflect.Value, at *Site) {
	if c.SyncMaps[v.UnsafeAddr()] != nil {
		return
	}
	m := &SyncMapCopy{site: at}
	c.SyncMaps[v.UnsafeAddr()] = m
	v.Addr().Interface().(*sync.Map).Range(func(key, elem any) bool {
		m.Entries = append(m.Entries, [2]any{key, elem})
		return true
	})
	for i := range m.Entries {
		for j := range m.Entries[i] {
			c.lookBoxed(reflect.ValueOf(&m.Entries[i][j]).Elem(), c.Plan(TypeAny, TypeAny), at)
		}
	}
}
