package hotreload

import (
	"reflect"
	"sync"
)

// copier makes one value from another as planned. First it looks at all of the
// old value to find what memory it is made of, then it makes new memory and
// fills it. It follows references with lists of its own rather than by
// recursion, so that no value is too deep. It is for one goroutine.
type copier struct {
	*planner
	losses *losses
	step   func() // called every now and then; need not return

	memory
	locks    lockSet
	maps     []*mapCopy
	mapOf    map[mapKey]*mapCopy
	syncMaps map[uintptr]*syncMapCopy

	tasks []task
	steps uint
	// loose: what is looked at is a temporary copy.
	loose bool
}

// task is something that is done after what is being done: to look at a value,
// to fill one, or to store one that is filled.
type task struct {
	dst, src reflect.Value
	plan     *plan // nil: store
	site     *site
}

type mapKey struct {
	addr uintptr
	plan *plan
}

type mapCopy struct {
	from, to reflect.Value
	plan     *plan
	site     *site
}

// syncMapCopy is what was in a sync.Map when it was looked at.
type syncMapCopy struct {
	entries [][2]any
	to      []*sync.Map
	site    *site
}

var typeAny = reflect.TypeFor[any]()

func newCopier(plans *planner, lost *losses, step func()) *copier {
	return &copier{
		planner: plans, losses: lost, step: step,
		memory: memory{seen: map[blockKey]*block{}}, locks: lockSet{held: map[uintptr]func(){}},
		mapOf: map[mapKey]*mapCopy{}, syncMaps: map[uintptr]*syncMapCopy{},
	}
}

// run fills dst with src; both are variables. Parts that get nothing stay as
// they are. It reports false, having changed nothing, if a lock inside of src
// could not be had and anyway is not set.
func (c *copier) run(dst, src reflect.Value, p *plan, at *site, anyway bool) bool {
	c.locks.ignore = anyway
	defer c.locks.unlock()
	if p.do == doRefer && !dst.IsNil() { // as below
		dst, p = dst.Elem(), p.elem
	}
	c.add(&block{addr: src.UnsafeAddr(), of: p, count: 1, single: true, from: src, to: dst, site: at})
	if !c.discover() {
		return false
	}
	if p.do == doPointer && !src.IsNil() && !dst.IsNil() {
		// Fields that get nothing are what they are in dst.
		if b := c.seen[blockKey{src.Pointer(), p.elem, 1, true}]; b != nil {
			b.to = dst.Elem()
		}
	}
	c.settle()
	for _, m := range c.maps {
		m.to = reflect.MakeMapWithSize(m.plan.to, m.from.Len())
	}
	for b := range c.copied() {
		c.fillBlock(b)
	}
	for _, m := range c.maps {
		c.fillMap(m)
	}
	for _, m := range c.syncMaps {
		c.fillSyncMap(m)
	}
	for _, b := range c.apart {
		c.losses.add(keptApart, *b.site, b.of.from, nil)
	}
	return true
}

func (c *copier) tick() {
	if c.steps++; c.steps%4096 == 0 {
		c.step()
	}
}

// discover looks at everything. It reports false if a lock could not be had.
func (c *copier) discover() bool {
	blocks, maps := 0, 0
	for {
		switch {
		case blocks < len(c.blocks):
			b := c.blocks[blocks]
			blocks++
			for i := 0; i < b.count && !b.of.flat; i++ {
				c.tick()
				if !c.look(b.old(i), b.of, b.site) {
					return false
				}
				c.lookLoose()
			}
		case maps < len(c.maps):
			m := c.maps[maps]
			maps++
			c.lookMap(m)
		default:
			return true
		}
	}
}

// look finds what a value refers to. Interfaces become tasks.
func (c *copier) look(v reflect.Value, p *plan, at *site) bool {
	if p.flat {
		return true
	}
	switch p.do {
	case doFields:
		for _, i := range p.locks {
			if !c.loose && !c.locks.lock(open(v.Field(i))) {
				return false
			}
		}
		for i := range p.fields {
			f := &p.fields[i]
			if !f.plan.flat && !c.look(open(v.Field(f.from)), f.plan, &f.site) {
				return false
			}
		}
	case doElements:
		for i := range min(p.from.Len(), p.to.Len()) {
			if !c.look(v.Index(i), p.elem, at) {
				return false
			}
		}
	case doPointer:
		c.lookPointer(v, p.elem, at)
	case doRefer:
		return c.look(v, p.elem, at)
	case doFollow:
		return v.IsNil() || c.look(v.Elem(), p.elem, at)
	case doAtomicPointer:
		c.lookPointer(loadAtomic(v), p.elem.elem, at)
	case doSlice:
		if v.Len() > 0 {
			// Not v itself, which is a variable that may get another value.
			c.add(&block{addr: v.Pointer(), of: p.elem, count: v.Len(), from: v.Slice(0, v.Len()), site: at})
		}
	case doMap:
		key := mapKey{v.Pointer(), p}
		if !v.IsNil() && c.mapOf[key] == nil {
			c.mapOf[key] = &mapCopy{from: reflect.ValueOf(v.Interface()), plan: p, site: at}
			c.maps = append(c.maps, c.mapOf[key])
		}
	case doSyncMap:
		c.lookSyncMap(v, at)
	case doBox:
		c.lookBoxed(v, p, at)
	}
	return true
}

func (c *copier) lookPointer(v reflect.Value, of *plan, at *site) {
	if !v.IsNil() {
		c.add(&block{addr: v.Pointer(), of: of, count: 1, single: true, from: v.Elem(), site: at})
	}
}

// loadAtomic reads an atomic.Pointer.
func loadAtomic(v reflect.Value) reflect.Value {
	return v.Addr().MethodByName("Load").Call(nil)[0]
}

func (c *copier) lookBoxed(v reflect.Value, p *plan, at *site) {
	if v.Kind() == reflect.Interface {
		if v.IsNil() {
			return
		}
		v = v.Elem()
	}
	if inner := c.box(v.Type(), p.to); !inner.flat {
		c.tasks = append(c.tasks, task{src: unboxed(v), plan: inner, site: at})
	}
}

// unboxed returns v as a variable.
func unboxed(v reflect.Value) reflect.Value {
	if v.CanAddr() {
		return v
	}
	variable := reflect.New(v.Type()).Elem()
	variable.Set(v)
	return variable
}

// lookLoose looks at the values in interfaces. A lock in one of them is that of
// a temporary copy and is left alone.
func (c *copier) lookLoose() {
	c.loose = true
	for len(c.tasks) > 0 {
		t := c.pop()
		c.tick()
		c.look(t.src, t.plan, t.site)
	}
	c.loose = false
}

func (c *copier) pop() task {
	last := len(c.tasks) - 1
	t := c.tasks[last]
	c.tasks[last] = task{}
	c.tasks = c.tasks[:last]
	return t
}

func (c *copier) lookMap(m *mapCopy) {
	if m.plan.key.flat && m.plan.elem.flat {
		return
	}
	key, elem := reflect.New(m.plan.key.from).Elem(), reflect.New(m.plan.elem.from).Elem()
	for entries := m.from.MapRange(); entries.Next(); c.tick() {
		key.SetIterKey(entries)
		elem.SetIterValue(entries)
		c.loose = true
		c.look(key, m.plan.key, m.site)
		c.look(elem, m.plan.elem, m.site)
		c.lookLoose()
	}
}

// lookSyncMap remembers the entries: others may change the map all the time.
func (c *copier) lookSyncMap(v reflect.Value, at *site) {
	if c.syncMaps[v.UnsafeAddr()] != nil {
		return
	}
	m := &syncMapCopy{site: at}
	c.syncMaps[v.UnsafeAddr()] = m
	v.Addr().Interface().(*sync.Map).Range(func(key, elem any) bool {
		m.entries = append(m.entries, [2]any{key, elem})
		return true
	})
	for i := range m.entries {
		for j := range m.entries[i] {
			c.lookBoxed(reflect.ValueOf(&m.entries[i][j]).Elem(), c.plan(typeAny, typeAny), at)
		}
	}
}
