package migrate

import (
	"cmp"
	"reflect"
	"slices"
)

// Block is memory that is copied: a variable that a pointer leads to, or the
// elements of a slice.
type Block struct {
	Addr, size uintptr
	Of         *Plan // of the variable, or of each element
	Count      int
	Single     bool          // a variable
	From, to   reflect.Value // the variable or the slice
	site       *Site
}

type blockKey struct {
	addr   uintptr
	of     *Plan
	count  int
	single bool
}

func (b *Block) key() blockKey { return blockKey{b.Addr, b.Of, b.Count, b.Single} }
func (b *Block) end() uintptr  { return b.Addr + b.size }

// Old returns a variable or element in its old form.
func (b *Block) Old(i int) reflect.Value { return b.element(b.From, i) }
func (b *Block) new(i int) reflect.Value { return b.element(b.to, i) }

func (b *Block) element(of reflect.Value, i int) reflect.Value {
	if b.Single {
		return of
	}
	return of.Index(i)
}

// memory is all that is copied. A pointer or a slice may lead into the middle of
// something else: then there is one copy of the memory, and the new pointer or
// slice leads into the middle of that.
type memory struct {
	blocks []*Block
	seen   map[blockKey]*Block
	// What follows is known when all blocks are.
	owners []*Block // by address; they do not overlap
	// apart are blocks within an owner that the new form has no place for: they
	// get a copy of their own.
	apart map[blockKey]*Block
}

// add has a block copied.
func (m *memory) add(b *Block) {
	b.size = b.Of.From.Size() * uintptr(b.Count)
	if b.size == 0 || m.seen[b.key()] != nil {
		return
	}
	m.seen[b.key()] = b
	m.blocks = append(m.blocks, b)
}

// allocate decides which blocks own their memory, and makes the new memory.
func (m *memory) allocate() {
	m.arrange()
	for b := range m.Copied() {
		b.make()
	}
}

// arrange decides which blocks own their memory.
func (m *memory) arrange() {
	slices.SortFunc(m.blocks, func(a, b *Block) int {
		// The outer one comes first.
		return cmp.Or(
			cmp.Compare(a.Addr, b.Addr), cmp.Compare(b.size, a.size),
			cmp.Compare(b.Of.height, a.Of.height), compareBool(a.Single, b.Single))
	})
	m.apart = map[blockKey]*Block{}
	var last *Block
	for _, b := range m.blocks {
		switch {
		case last == nil || b.Addr >= last.end():
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

// Copied yields the blocks that have new memory.
func (m *memory) Copied() func(yield func(*Block) bool) {
	return func(yield func(*Block) bool) {
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

func (b *Block) make() {
	switch {
	case b.to.IsValid():
	case b.Single:
		b.to = reflect.New(b.Of.To).Elem()
	default:
		b.to = reflect.MakeSlice(reflect.SliceOf(b.Of.To), b.Count, b.Count)
	}
}

// holds reports whether the new form of b has a place for that of inner.
func (b *Block) holds(inner *Block) bool {
	if inner.end() > b.end() {
		return false
	}
	_, ok := b.reach(inner.Addr, inner.Of, inner.span())
	return ok
}

// extend makes b, a slice, longer by another slice of the same array.
func (b *Block) extend(by *Block) bool {
	if b.Single || by.Single || b.Of != by.Of || (by.Addr-b.Addr)%b.Of.From.Size() != 0 {
		return false
	}
	count := int((by.end() - b.Addr) / b.Of.From.Size())
	if count <= b.Count || count > b.From.Cap() {
		return false
	}
	b.From, b.Count, b.size = b.From.Slice(0, count), count, by.end()-b.Addr
	return true
}

// Span is what a pointer or slice leads to: the variable at an address, or a
// number of elements from there on.
type Span struct {
	Count, Capacity int
	Single          bool
}

// One is what a pointer leads to.
var One = Span{1, 1, true}

// Elements is what a slice of that length and capacity leads to.
func Elements(n, capacity int) Span { return Span{n, capacity, false} }

func (b *Block) span() Span { return Span{b.Count, b.Count, b.Single} }

// lookup returns the new form of what is at an old address: a variable or a
// slice.
func (m *memory) lookup(addr uintptr, of *Plan, s Span) (reflect.Value, bool) {
	b := m.Owner(addr)
	if b == nil {
		return reflect.Value{}, false
	}
	if v, ok := b.reach(addr, of, s); ok {
		return v, true
	}
	if b := m.ApartAt(addr, of, s); b != nil {
		return b.to, true
	}
	return reflect.Value{}, false
}

// ApartAt returns the block that has a copy of its own, nil if there is none.
func (m *memory) ApartAt(addr uintptr, of *Plan, s Span) *Block {
	return m.apart[blockKey{addr, of, s.Count, s.Single}]
}

// Owner returns the block that an address is in, nil if there is none.
func (m *memory) Owner(addr uintptr) *Block {
	compare := func(b *Block, addr uintptr) int { return cmp.Compare(b.Addr, addr) }
	i, exact := slices.BinarySearchFunc(m.owners, addr, compare)
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
func (b *Block) reach(addr uintptr, of *Plan, s Span) (reflect.Value, bool) {
	offset, size := addr-b.Addr, b.Of.From.Size()
	i := int(offset / size)
	offset %= size
	if !s.Single && !b.Single && of == b.Of && offset == 0 {
		return cut(b.to, i, b.Count, s)
	}
	var v reflect.Value
	if b.to.IsValid() {
		v = b.new(i)
	}
	return b.Of.reach(v, offset, of, s)
}

// reach follows an offset within the old form into the new one.
func (p *Plan) reach(v reflect.Value, offset uintptr, of *Plan, s Span) (reflect.Value, bool) {
	if s.Single && offset == 0 && p == of {
		return v, true
	}
	switch p.Do {
	case DoFields:
		for i := range p.Fields {
			f := &p.Fields[i]
			if offset < f.Offset || offset >= f.Offset+f.Size {
				continue
			}
			if v.IsValid() {
				v = Open(v.Field(f.to))
			}
			return f.Plan.reach(v, offset-f.Offset, of, s)
		}
	case DoElements:
		size := p.Elem.From.Size()
		i, count := int(offset/size), min(p.From.Len(), p.To.Len())
		switch {
		case i >= count:
		case !s.Single && of == p.Elem && offset%size == 0:
			return cut(v, i, count, s)
		default:
			if v.IsValid() {
				v = v.Index(i)
			}
			return p.Elem.reach(v, offset%size, of, s)
		}
	}
	return reflect.Value{}, false
}

// cut returns a part of the new form, a slice or an array, from element i on.
func cut(v reflect.Value, i, count int, s Span) (reflect.Value, bool) {
	if i+s.Count > count {
		return reflect.Value{}, false
	}
	if v.IsValid() {
		v = v.Slice3(i, i+s.Count, min(i+s.Capacity, count))
	}
	return v, true
}
