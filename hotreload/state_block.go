package hotreload

import (
	"cmp"
	"reflect"
	"slices"
)

// block is memory that is copied: a variable that a pointer leads to, or the
// elements of a slice.
type block struct {
	addr, size uintptr
	of         *plan // of the variable, or of each element
	count      int
	single     bool          // a variable
	from, to   reflect.Value // the variable or the slice
	site       *site
}

type blockKey struct {
	addr   uintptr
	of     *plan
	count  int
	single bool
}

func (b *block) key() blockKey { return blockKey{b.addr, b.of, b.count, b.single} }
func (b *block) end() uintptr  { return b.addr + b.size }

func (b *block) old(i int) reflect.Value { return b.element(b.from, i) }
func (b *block) new(i int) reflect.Value { return b.element(b.to, i) }

func (b *block) element(of reflect.Value, i int) reflect.Value {
	if b.single {
		return of
	}
	return of.Index(i)
}

// memory is all that is copied. A pointer or a slice may lead into the middle of
// something else: then there is one copy of the memory, and the new pointer or
// slice leads into the middle of that.
type memory struct {
	blocks []*block
	seen   map[blockKey]*block
	// What follows is known when all blocks are.
	owners []*block // by address; they do not overlap
	// apart are blocks within an owner that the new form has no place for: they
	// get a copy of their own.
	apart map[blockKey]*block
}

// add has a block copied.
func (m *memory) add(b *block) {
	b.size = b.of.from.Size() * uintptr(b.count)
	if b.size == 0 || m.seen[b.key()] != nil {
		return
	}
	m.seen[b.key()] = b
	m.blocks = append(m.blocks, b)
}

// settle decides which blocks own their memory, and makes the new memory.
func (m *memory) settle() {
	m.arrange()
	for b := range m.copied() {
		b.make()
	}
}

// arrange decides which blocks own their memory.
func (m *memory) arrange() {
	slices.SortFunc(m.blocks, func(a, b *block) int {
		// The outer one comes first.
		return cmp.Or(cmp.Compare(a.addr, b.addr), cmp.Compare(b.size, a.size), cmp.Compare(b.of.height, a.of.height), compareBool(a.single, b.single))
	})
	m.apart = map[blockKey]*block{}
	var last *block
	for _, b := range m.blocks {
		switch {
		case last == nil || b.addr >= last.end():
			m.owners = append(m.owners, b)
			last = b
		case last.holds(b) || last.extend(b):
		default:
			m.apart[b.key()] = b
		}
	}
	m.seen = nil
}

func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}

// copied yields the blocks that have new memory.
func (m *memory) copied() func(yield func(*block) bool) {
	return func(yield func(*block) bool) {
		for _, b := range m.owners {
			if !yield(b) {
				return
			}
		}
		for _, b := range m.apart {
			if !yield(b) {
				return
			}
		}
	}
}

func (b *block) make() {
	switch {
	case b.to.IsValid():
	case b.single:
		b.to = reflect.New(b.of.to).Elem()
	default:
		b.to = reflect.MakeSlice(reflect.SliceOf(b.of.to), b.count, b.count)
	}
}

// holds reports whether the new form of b has a place for that of inner.
func (b *block) holds(inner *block) bool {
	if inner.end() > b.end() {
		return false
	}
	_, ok := b.reach(inner.addr, inner.of, inner.span())
	return ok
}

// extend makes b, a slice, longer by another slice of the same array.
func (b *block) extend(by *block) bool {
	if b.single || by.single || b.of != by.of || (by.addr-b.addr)%b.of.from.Size() != 0 {
		return false
	}
	count := int((by.end() - b.addr) / b.of.from.Size())
	if count <= b.count || count > b.from.Cap() {
		return false
	}
	b.from, b.count, b.size = b.from.Slice(0, count), count, by.end()-b.addr
	return true
}

// span is what a pointer or slice leads to: the variable at an address, or a
// number of elements from there on.
type span struct {
	count, capacity int
	single          bool
}

func (b *block) span() span { return span{b.count, b.count, b.single} }

// lookup returns the new form of what is at an old address: a variable or a
// slice.
func (m *memory) lookup(addr uintptr, of *plan, s span) (reflect.Value, bool) {
	b := m.owner(addr)
	if b == nil {
		return reflect.Value{}, false
	}
	if v, ok := b.reach(addr, of, s); ok {
		return v, true
	}
	if b := m.apart[blockKey{addr, of, s.count, s.single}]; b != nil {
		return b.to, true
	}
	return reflect.Value{}, false
}

// owner returns the block that an address is in, nil if there is none.
func (m *memory) owner(addr uintptr) *block {
	i, exact := slices.BinarySearchFunc(m.owners, addr, func(b *block, addr uintptr) int { return cmp.Compare(b.addr, addr) })
	if !exact {
		i--
	}
	if i < 0 || addr >= m.owners[i].end() {
		return nil
	}
	return m.owners[i]
}

// reach is lookup within a block. As long as there is no new memory it only
// tells whether there will be a place.
func (b *block) reach(addr uintptr, of *plan, s span) (reflect.Value, bool) {
	offset, size := addr-b.addr, b.of.from.Size()
	i := int(offset / size)
	offset %= size
	if !s.single && !b.single && of == b.of && offset == 0 {
		return cut(b.to, i, b.count, s)
	}
	var v reflect.Value
	if b.to.IsValid() {
		v = b.new(i)
	}
	return b.of.reach(v, offset, of, s)
}

// reach follows an offset within the old form into the new one.
func (p *plan) reach(v reflect.Value, offset uintptr, of *plan, s span) (reflect.Value, bool) {
	if s.single && offset == 0 && p == of {
		return v, true
	}
	switch p.do {
	case doFields:
		for i := range p.fields {
			f := &p.fields[i]
			if offset < f.offset || offset >= f.offset+f.size {
				continue
			}
			if v.IsValid() {
				v = open(v.Field(f.to))
			}
			return f.plan.reach(v, offset-f.offset, of, s)
		}
	case doElements:
		size := p.elem.from.Size()
		i, count := int(offset/size), min(p.from.Len(), p.to.Len())
		switch {
		case i >= count:
		case !s.single && of == p.elem && offset%size == 0:
			return cut(v, i, count, s)
		default:
			if v.IsValid() {
				v = v.Index(i)
			}
			return p.elem.reach(v, offset%size, of, s)
		}
	}
	return reflect.Value{}, false
}

// cut returns a part of the new form, a slice or an array, from element i on.
func cut(v reflect.Value, i, count int, s span) (reflect.Value, bool) {
	if i+s.count > count {
		return reflect.Value{}, false
	}
	if v.IsValid() {
		v = v.Slice3(i, i+s.count, min(i+s.capacity, count))
	}
	return v, true
}
