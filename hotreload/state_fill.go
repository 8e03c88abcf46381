package hotreload

import (
	"reflect"
	"sync"
)

// fillBlock makes new memory what it should be.
func (c *copier) fillBlock(b *block) {
	if b.of.plain && !b.single {
		reflect.Copy(b.to, b.from)
		return
	}
	for i := range b.count {
		c.tick()
		c.fill(b.new(i), b.old(i), b.of, b.site)
		c.finish()
	}
}

// finish does the tasks that are left. The last one comes first, so what is in
// an interface is complete when it is stored.
func (c *copier) finish() {
	for len(c.tasks) > 0 {
		t := c.pop()
		c.tick()
		if t.plan == nil {
			t.dst.Set(t.src)
		} else {
			c.fill(t.dst, t.src, t.plan, t.site)
		}
	}
}

// fill sets dst, a variable, to the new form of src, which is one, too.
// References get the memory that they lead to, which may not be filled yet;
// interfaces become tasks. What is not possible is left as it is.
func (c *copier) fill(dst, src reflect.Value, p *plan, at *site) {
	if p.plain {
		dst.Set(src)
		return
	}
	switch p.do {
	case doNothing:
		if !src.IsZero() && !startsUnused(p.from) {
			c.lose(p.why, at, p)
		}
	case doAssign:
		dst.Set(src.Convert(p.to))
	case doNumber:
		if !setNumber(dst, src) {
			c.lose(lossRange, at, p)
		}
	case doText:
		if !setText(dst, src) {
			c.lose(lossRange, at, p)
		}
	case doFields:
		c.fillFields(dst, src, p)
	case doElements:
		c.fillArray(dst, src, p, at)
	case doSlice:
		c.fillSlice(dst, src, p, at)
	case doMap:
		dst.SetZero()
		if m := c.mapOf[mapKey{src.Pointer(), p}]; m != nil {
			dst.Set(m.to)
		}
	case doPointer:
		c.fillPointer(dst, src, p, at)
	case doRefer:
		to := reflect.New(p.elem.to)
		c.fill(to.Elem(), src, p.elem, at)
		dst.Set(to)
	case doFollow:
		if !src.IsNil() {
			c.fill(dst, src.Elem(), p.elem, at)
		}
	case doShare:
		c.fillShared(dst, src, at)
	case doBox:
		c.fillBoxed(dst, src, p, at)
	case doAtomicPointer:
		to := reflect.New(p.elem.to).Elem()
		c.fillPointer(to, loadAtomic(src), p.elem, at)
		dst.Addr().MethodByName("Store").Call([]reflect.Value{to})
	case doSyncMap:
		if m := c.syncMaps[src.UnsafeAddr()]; m != nil {
			m.to = append(m.to, dst.Addr().Interface().(*sync.Map))
		}
	}
}

func (c *copier) lose(kind lossKind, at *site, p *plan) { c.losses.add(kind, *at, p.from, p.to) }

func (c *copier) fillFields(dst, src reflect.Value, p *plan) {
	for i := range p.fields {
		f := &p.fields[i]
		c.fill(open(dst.Field(f.to)), open(src.Field(f.from)), f.plan, &f.site)
	}
	for _, f := range p.gone {
		if v := src.Field(f.index); !v.IsZero() && !startsUnused(v.Type()) {
			c.losses.add(lossGone, f.site, v.Type(), nil)
		}
	}
}

func (c *copier) fillArray(dst, src reflect.Value, p *plan, at *site) {
	for i := range src.Len() {
		switch {
		case i < dst.Len():
			c.fill(dst.Index(i), src.Index(i), p.elem, at)
		case !src.Index(i).IsZero():
			c.losses.add(lossBeyond, *at, p.elem.from, p.to)
		}
	}
}

func (c *copier) fillSlice(dst, src reflect.Value, p *plan, at *site) {
	n := src.Len()
	switch {
	case src.IsNil():
		dst.SetZero()
	case n == 0 || p.elem.from.Size() == 0:
		dst.Set(reflect.MakeSlice(p.to, n, n))
	default:
		v, ok := c.lookup(src.Pointer(), p.elem, span{n, src.Cap(), false})
		c.put(dst, v, ok, at, p)
	}
}

func (c *copier) fillPointer(dst, src reflect.Value, p *plan, at *site) {
	switch {
	case src.IsNil():
		dst.SetZero()
	case p.elem.from.Size() == 0:
		dst.Set(reflect.New(p.elem.to))
	default:
		v, ok := c.lookup(src.Pointer(), p.elem, span{1, 1, true})
		if ok {
			v = v.Addr()
		}
		c.put(dst, v, ok, at, p)
	}
}

// put sets a reference to what was found for it. If that is nothing, somebody
// changed the value meanwhile, without any of its locks.
func (c *copier) put(dst, v reflect.Value, ok bool, at *site, p *plan) {
	if !ok {
		c.lose(lossMoved, at, p)
		return
	}
	dst.Set(v)
}

// fillShared keeps a pointer, unless it leads into what is copied.
func (c *copier) fillShared(dst, src reflect.Value, at *site) {
	dst.Set(src)
	t := src.Type().Elem()
	if src.IsNil() || t.Size() == 0 || c.owner(src.Pointer()) == nil {
		return
	}
	if v, ok := c.lookup(src.Pointer(), c.plan(t, t), span{1, 1, true}); ok {
		dst.Set(v.Addr())
	} else {
		c.losses.add(keptInto, *at, src.Type(), nil)
	}
}

func (c *copier) fillBoxed(dst, src reflect.Value, p *plan, at *site) {
	v := src
	if src.Kind() == reflect.Interface {
		if src.IsNil() {
			dst.SetZero()
			return
		}
		v = src.Elem()
	}
	switch inner := c.box(v.Type(), p.to); {
	case inner.do == doNothing:
		c.lose(inner.why, at, inner)
	case inner.do == doKeep:
		dst.Set(v)
		c.lose(keptType, at, inner)
	case inner.plain:
		dst.Set(v)
	default:
		now := reflect.New(inner.to).Elem()
		c.tasks = append(c.tasks, task{dst: dst, src: now}, task{dst: now, src: unboxed(v), plan: inner, site: at})
	}
}

// fillMap makes the entries of a map. An entry whose key is impossible is left
// out.
func (c *copier) fillMap(m *mapCopy) {
	p := m.plan
	oldKey, oldElem := reflect.New(p.key.from).Elem(), reflect.New(p.elem.from).Elem()
	newKey, newElem := reflect.New(p.key.to).Elem(), reflect.New(p.elem.to).Elem()
	for entries := m.from.MapRange(); entries.Next(); c.tick() {
		oldKey.SetIterKey(entries)
		oldElem.SetIterValue(entries)
		newKey.SetZero()
		newElem.SetZero()
		before := c.losses.whole
		c.fill(newKey, oldKey, p.key, m.site)
		c.finish()
		switch {
		case p.key.plain:
		case c.losses.whole != before:
			continue
		case !newKey.Comparable():
			c.losses.add(lossType, *m.site, p.key.from, p.key.to)
			continue
		case m.to.MapIndex(newKey).IsValid():
			c.losses.add(lossKey, *m.site, p.elem.from, p.to)
			continue
		}
		c.fill(newElem, oldElem, p.elem, m.site)
		c.finish()
		m.to.SetMapIndex(newKey, newElem)
	}
}

func (c *copier) fillSyncMap(m *syncMapCopy) {
	box := c.plan(typeAny, typeAny)
	for _, entry := range m.entries {
		c.tick()
		var key, elem any
		before := c.losses.whole
		c.fill(reflect.ValueOf(&key).Elem(), reflect.ValueOf(&entry[0]).Elem(), box, m.site)
		c.finish()
		if c.losses.whole != before || !reflect.ValueOf(key).Comparable() {
			continue
		}
		c.fill(reflect.ValueOf(&elem).Elem(), reflect.ValueOf(&entry[1]).Elem(), box, m.site)
		c.finish()
		for _, to := range m.to {
			to.Store(key, elem)
		}
	}
}
