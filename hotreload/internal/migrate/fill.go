package migrate

import (
	"reflect"
	"sync"
)

// fillBlock makes new memory what it should be.
func (c *Copier) fillBlock(b *Block) {
	if b.Of.plain && !b.Single {
		reflect.Copy(b.to, b.From)
		return
	}
	for i := range b.Count {
		c.Tick()
		c.fill(b.new(i), b.Old(i), b.Of, b.site)
		c.finish()
	}
}

// finish does the tasks that are left. The last one comes first, so what is in
// an interface is complete when it is stored.
func (c *Copier) finish() {
	for len(c.tasks) > 0 {
		t := c.pop()
		c.Tick()
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
func (c *Copier) fill(dst, src reflect.Value, p *Plan, at *Site) {
	if p.plain {
		dst.Set(src)
		return
	}
	switch p.Do {
	case DoNothing:
		if !src.IsZero() && !StartsUnused(p.From) {
			c.lose(p.Why, at, p)
		}
	case doAssign:
		dst.Set(src.Convert(p.To))
	case DoNumber:
		if !SetNumber(dst, src) {
			c.lose(LossRange, at, p)
		}
	case DoText:
		if !SetText(dst, src) {
			c.lose(LossRange, at, p)
		}
	case DoFields:
		c.fillFields(dst, src, p)
	case DoElements:
		c.fillArray(dst, src, p, at)
	case DoSlice:
		c.fillSlice(dst, src, p, at)
	case DoMap:
		dst.SetZero()
		if m := c.mapOf[MapKey{src.Pointer(), p}]; m != nil {
			dst.Set(m.to)
		}
	case DoPointer:
		c.fillPointer(dst, src, p, at)
	case DoRefer:
		to := reflect.New(p.Elem.To)
		c.fill(to.Elem(), src, p.Elem, at)
		dst.Set(to)
	case DoFollow:
		if !src.IsNil() {
			c.fill(dst, src.Elem(), p.Elem, at)
		}
	case doShare:
		c.fillShared(dst, src, at)
	case DoBox:
		c.fillBoxed(dst, src, p, at)
	case DoAtomicPointer:
		to := reflect.New(p.Elem.To).Elem()
		c.fillPointer(to, LoadAtomic(src), p.Elem, at)
		dst.Addr().MethodByName("Store").Call([]reflect.Value{to})
	case DoSyncMap:
		if m := c.SyncMaps[src.UnsafeAddr()]; m != nil {
			m.to = append(m.to, dst.Addr().Interface().(*sync.Map))
		}
	}
}

func (c *Copier) lose(kind LossKind, at *Site, p *Plan) { c.losses.Add(kind, *at, p.From, p.To) }

func (c *Copier) fillFields(dst, src reflect.Value, p *Plan) {
	for i := range p.Fields {
		f := &p.Fields[i]
		c.fill(Open(dst.Field(f.to)), Open(src.Field(f.from)), f.Plan, &f.site)
	}
	for _, f := range p.gone {
		if v := src.Field(f.index); !v.IsZero() && !StartsUnused(v.Type()) {
			c.losses.Add(LossGone, f.site, v.Type(), nil)
		}
	}
}

func (c *Copier) fillArray(dst, src reflect.Value, p *Plan, at *Site) {
	for i := range src.Len() {
		switch {
		case i < dst.Len():
			c.fill(dst.Index(i), src.Index(i), p.Elem, at)
		case !src.Index(i).IsZero():
			c.losses.Add(LossBeyond, *at, p.Elem.From, p.To)
		}
	}
}

func (c *Copier) fillSlice(dst, src reflect.Value, p *Plan, at *Site) {
	n := src.Len()
	switch {
	case src.IsNil():
		dst.SetZero()
	case n == 0 || p.Elem.From.Size() == 0:
		dst.Set(reflect.MakeSlice(p.To, n, n))
	default:
		v, ok := c.lookup(src.Pointer(), p.Elem, Elements(n, src.Cap()))
		c.put(dst, v, ok, at, p)
	}
}

func (c *Copier) fillPointer(dst, src reflect.Value, p *Plan, at *Site) {
	switch {
	case src.IsNil():
		dst.SetZero()
	case p.Elem.From.Size() == 0:
		dst.Set(reflect.New(p.Elem.To))
	default:
		v, ok := c.lookup(src.Pointer(), p.Elem, One)
		if ok {
			v = v.Addr()
		}
		c.put(dst, v, ok, at, p)
	}
}

// put sets a reference to what was found for it. If that is nothing, somebody
// changed the value meanwhile, without any of its locks.
func (c *Copier) put(dst, v reflect.Value, ok bool, at *Site, p *Plan) {
	if !ok {
		c.lose(LossMoved, at, p)
		return
	}
	dst.Set(v)
}

// fillShared keeps a pointer, unless it leads into what is copied.
func (c *Copier) fillShared(dst, src reflect.Value, at *Site) {
	dst.Set(src)
	t := src.Type().Elem()
	if src.IsNil() || t.Size() == 0 || c.Owner(src.Pointer()) == nil {
		return
	}
	if v, ok := c.lookup(src.Pointer(), c.Plan(t, t), One); ok {
		dst.Set(v.Addr())
	} else {
		c.losses.Add(keptInto, *at, src.Type(), nil)
	}
}

func (c *Copier) fillBoxed(dst, src reflect.Value, p *Plan, at *Site) {
	v := src
	if src.Kind() == reflect.Interface {
		if src.IsNil() {
			dst.SetZero()
			return
		}
		v = src.Elem()
	}
	switch inner := c.box(v.Type(), p.To); {
	case inner.Do == DoNothing:
		c.lose(inner.Why, at, inner)
	case inner.Do == doKeep:
		dst.Set(v)
		c.lose(keptType, at, inner)
	case inner.plain:
		dst.Set(v)
	default:
		now := reflect.New(inner.To).Elem()
		c.tasks = append(c.tasks, task{dst: dst, src: now}, task{dst: now, src: Unboxed(v), plan: inner, site: at})
	}
}

// fillMap makes the entries of a map. An entry whose key is impossible is left
// out.
func (c *Copier) fillMap(m *MapCopy) {
	p := m.Plan
	oldKey, oldElem := reflect.New(p.Key.From).Elem(), reflect.New(p.Elem.From).Elem()
	newKey, newElem := reflect.New(p.Key.To).Elem(), reflect.New(p.Elem.To).Elem()
	for entries := m.From.MapRange(); entries.Next(); c.Tick() {
		oldKey.SetIterKey(entries)
		oldElem.SetIterValue(entries)
		newKey.SetZero()
		newElem.SetZero()
		before := c.losses.WholeCount
		c.fill(newKey, oldKey, p.Key, m.site)
		c.finish()
		switch {
		case p.Key.plain:
		case c.losses.WholeCount != before:
			continue
		case !newKey.Comparable():
			c.losses.Add(LossType, *m.site, p.Key.From, p.Key.To)
			continue
		case m.to.MapIndex(newKey).IsValid():
			c.losses.Add(LossKey, *m.site, p.Elem.From, p.To)
			continue
		}
		c.fill(newElem, oldElem, p.Elem, m.site)
		c.finish()
		m.to.SetMapIndex(newKey, newElem)
	}
}

func (c *Copier) fillSyncMap(m *SyncMapCopy) {
	box := c.Plan(TypeAny, TypeAny)
	for _, entry := range m.Entries {
		c.Tick()
		var key, elem any
		before := c.losses.WholeCount
		c.fill(reflect.ValueOf(&key).Elem(), reflect.ValueOf(&entry[0]).Elem(), box, m.site)
		c.finish()
		if c.losses.WholeCount != before || !reflect.ValueOf(key).Comparable() {
			continue
		}
		c.fill(reflect.ValueOf(&elem).Elem(), reflect.ValueOf(&entry[1]).Elem(), box, m.site)
		c.finish()
		for _, to := range m.to {
			to.Store(key, elem)
		}
	}
}
