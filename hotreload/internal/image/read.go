package image

import (
	"fmt"
	"reflect"

	"github.com/anvilforge/anvil-lsp/hotreload/internal/migrate"
)

// imageReader makes a value of an image. As a copier does, it first looks at all
// that the value is made of, and then fills new memory. It is for one goroutine.
type imageReader struct {
	*fitter
	lost *migrate.Losses
	// bound are losses of things that are bound to the old process, and of what has
	// no known type, where nothing would make them anew.
	bound *migrate.Losses
	step  func() // called every now and then; need not return
	steps uint

	blocks     map[blockAt]*newBlock
	blockOrder []*newBlock
	byObject   map[int][]*newBlock // those of an object
	maps       map[fitAt]*newMap
	mapOrder   []*newMap
	boxes      map[fitAt]*newBox
	boxOrder   []*newBox
	todo       []func()
	insideRefs []insideRef // into the middle of objects

	where  migrate.Site // of the value
	root   *newBlock
	fresh  bool // what is looked at is part of the value itself, which initial makes
	box    int  // that is being looked at; -1
	budget uintptr
}

// maxMemory bounds what is made of one image, in bytes.
const maxMemory = 1 << 30

type fitAt struct {
	object int
	fit    *fit
}

// blockAt is a whole object, or if apart is set the part of one from a word on.
type blockAt struct {
	fitAt
	apart       bool
	word, count int
}

// newBlock is new memory: count values of a type.
type newBlock struct {
	at    spot
	fit   *fit
	count int
	words int           // of each
	to    reflect.Value // a slice
	site  migrate.Site
	root  bool
	apart bool
}

type newMap struct {
	object int
	fit    *fit
	to     reflect.Value   // not valid: a sync.Map
	syncs  []reflect.Value // sync.Maps
	site   migrate.Site
}

type newBox struct {
	object int
	fit    *fit
	value  reflect.Value
	site   migrate.Site
}

type insideRef struct {
	at   spot
	fit  *fit
	span migrate.Span
	site migrate.Site
}

func newImageReader(f *fitter, lost *migrate.Losses, step func()) *imageReader {
	return &imageReader{
		fitter: f, lost: lost, bound: migrate.NewLosses(), step: step, box: -1, budget: maxMemory,
		blocks: map[blockAt]*newBlock{}, byObject: map[int][]*newBlock{},
		maps: map[fitAt]*newMap{}, boxes: map[fitAt]*newBox{},
	}
}

func (r *imageReader) tick() {
	if r.steps++; r.steps%4096 == 0 {
		r.step()
	}
}

// guarded calls f, which may come upon something that is no image.
func guarded(f func()) (err error) {
	defer func() {
		if v := recover(); v != nil {
			if s, ok := v.(stop); ok {
				err = s.err
				return
			}
			err = fmt.Errorf("%w: %v", errImage, v)
		}
	}()
	f()
	return nil
}

// discover looks at the value at a place, and at all that it refers to.
func (r *imageReader) discover(at spot, p *fit) {
	if p.do == migrate.DoRefer { // as in fillRoot
		p = p.elem
	}
	r.fresh = true
	if o := r.img.Objects[at.object]; at.word == 0 && o.Count == 1 && o.Type == p.from && !o.Packed {
		r.root = &newBlock{at: at, fit: p, count: 1, words: r.img.sizes[p.from], root: true, site: r.where}
		key := blockAt{fitAt: fitAt{at.object, p}}
		r.blocks[key], r.byObject[at.object] = r.root, []*newBlock{r.root}
		r.blockOrder = append(r.blockOrder, r.root)
	}
	r.look(at, p, &r.where)
	if p.do == migrate.DoPointer {
		if target, ok := r.img.target(r.img.word(at), r.img.word(at.plus(1)), p.elem.from, 1); ok {
			if b := r.blocks[blockAt{fitAt: fitAt{target.object, p.elem}}]; b != nil && b.count == 1 {
				b.root = true // initial makes one
			}
		}
	}
	r.fresh = false
	for len(r.todo) > 0 || len(r.insideRefs) > 0 {
		if len(r.todo) > 0 {
			next := r.todo[0]
			r.todo = r.todo[1:]
			next()
			continue
		}
		ref := r.insideRefs[0]
		r.insideRefs = r.insideRefs[1:]
		if !r.reached(ref.at, ref.fit, ref.span) {
			key := blockAt{fitAt{ref.at.object, ref.fit}, true, ref.at.word, ref.span.Count}
			if r.blocks[key] == nil {
				r.add(key, &newBlock{at: ref.at, fit: ref.fit, count: ref.span.Count, site: ref.site, apart: true})
			}
		}
	}
}

func (r *imageReader) add(key blockAt, b *newBlock) {
	b.words = r.img.sizes[b.fit.from]
	r.blocks[key] = b
	r.blockOrder = append(r.blockOrder, b)
	if !b.apart {
		r.byObject[key.object] = append(r.byObject[key.object], b)
	}
	r.todo = append(r.todo, func() {
		r.fresh = b.root
		for i := range b.count {
			r.tick()
			if b.words == 0 && i > 0 {
				break
			}
			r.look(b.at.plus(i*b.words), b.fit, &b.site)
		}
		r.fresh = false
	})
}

// look finds what a value refers to.
func (r *imageReader) look(at spot, p *fit, where *migrate.Site) {
	switch p.do {
	case migrate.DoNothing:
		if p.why.IsBound() && !r.fresh && !r.img.empty(at, p.from) {
			r.bound.Add(p.why, *where, &r.img.Types[p.from], p.to)
		}
	case doUnmarshal:
		if r.img.word(at) == textFailed && !r.fresh {
			r.bound.Add(migrate.LossMarshal, *where, &r.img.Types[p.from], p.to)
		}
	case migrate.DoFields:
		for i := range p.fields {
			f := &p.fields[i]
			r.look(at.plus(f.word), f.fit, &f.site)
		}
	case migrate.DoElements:
		size := r.img.sizes[p.elem.from]
		for i := range min(r.img.Types[p.from].Len, p.to.Len()) {
			r.look(at.plus(i*size), p.elem, where)
		}
	case migrate.DoPointer, migrate.DoAtomicPointer:
		r.refer(r.img.word(at), r.img.word(at.plus(1)), p.elem, migrate.One, where)
	case migrate.DoSlice:
		if n := int(r.img.word(at.plus(2))); n > 0 {
			r.refer(r.img.word(at), r.img.word(at.plus(1)), p.elem, migrate.Elements(n, int(r.img.word(at.plus(3)))), where)
		}
	case migrate.DoRefer:
		r.look(at, p.elem, where)
	case migrate.DoFollow:
		if target, ok := r.follow(at, p); ok {
			r.look(target, p.elem, where)
		}
	case migrate.DoMap:
		r.lookMap(at, p, where)
	case migrate.DoSyncMap:
		if i, ok := r.img.object(r.img.word(at), objectSyncMap); ok {
			r.lookEntries(i, r.syncFit(), where)
		}
	case migrate.DoBox:
		r.lookBox(at, p, where)
	}
}

// follow returns where a pointer leads to.
func (r *imageReader) follow(at spot, p *fit) (spot, bool) {
	return r.img.target(r.img.word(at), r.img.word(at.plus(1)), p.elem.from, 1)
}

func (r *imageReader) refer(ref, offset uint64, p *fit, s migrate.Span, where *migrate.Site) {
	at, ok := r.img.target(ref, offset, p.from, s.Count)
	if !ok {
		return
	}
	o, size := r.img.Objects[at.object], r.img.sizes[p.from]
	if size == 0 && s.Count > maxZero {
		panic(stop{errImage})
	}
	if o.Type != p.from || size > 0 && at.word%size != 0 {
		r.insideRefs = append(r.insideRefs, insideRef{at, p, s, *where})
		return
	}
	if key := (blockAt{fitAt: fitAt{at.object, p}}); r.blocks[key] == nil {
		r.add(key, &newBlock{at: spot{at.object, 0}, fit: p, count: o.Count, site: *where})
	}
}

func (r *imageReader) lookMap(at spot, p *fit, where *migrate.Site) {
	i, ok := r.img.object(r.img.word(at), objectMap)
	if ok && r.img.Objects[i].Type == p.from {
		r.lookEntries(i, p, where)
	}
}

// syncFit is the fit of the entries of a sync.Map, which are in interfaces.
func (r *imageReader) syncFit() *fit {
	known := r.fits[fitPair{-1, migrate.TypeSyncMap}]
	if known == nil {
		box := &fit{from: -1, to: migrate.TypeAny, do: migrate.DoBox}
		known = &fit{from: -1, to: migrate.TypeSyncMap, do: migrate.DoSyncMap, key: box, elem: box}
		r.fits[fitPair{-1, migrate.TypeSyncMap}] = known
	}
	return known
}

func (r *imageReader) lookEntries(object int, p *fit, where *migrate.Site) {
	if r.maps[fitAt{object, p}] != nil {
		return
	}
	m := &newMap{object: object, fit: p, site: *where}
	r.maps[fitAt{object, p}] = m
	r.mapOrder = append(r.mapOrder, m)
	r.todo = append(r.todo, func() {
		for key, elem := range r.entries(m) {
			r.look(key, p.key, &m.site)
			r.look(elem, p.elem, &m.site)
		}
	})
}

func (r *imageReader) entries(m *newMap) func(yield func(key, elem spot) bool) {
	return func(yield func(key, elem spot) bool) {
		o := r.img.Objects[m.object]
		size, first := r.img.entry(o), 1
		if o.Kind == objectMap {
			first = r.img.sizes[r.img.Types[o.Type].Key]
		}
		for i := range o.Count {
			r.tick()
			if !yield(spot{m.object, i * size}, spot{m.object, i*size + first}) || size == 0 {
				return
			}
		}
	}
}

// inner returns the fit of a value that is to be put into an interface, and where
// it is; nil if there is none. A box is the number of its object, or else -1.
func (r *imageReader) inner(at spot, p *fit) (inner *fit, where spot, box int, why migrate.LossKind) {
	from, where, box := p.from, at, -1
	if from < 0 || r.img.Types[from].Class == classInterface {
		i, ok := r.img.object(r.img.word(at), objectBox)
		if !ok {
			return nil, spot{}, -1, 0
		}
		from, where, box = r.img.Objects[i].Type, spot{i, 0}, i
	}
	switch now := r.newType(from); {
	case r.img.Types[from].Class == classLive:
		return &fit{from: from, to: p.to, why: migrate.LossProcess}, where, box, migrate.LossProcess
	case now == nil:
		return &fit{from: from, to: p.to, why: migrate.LossUnknown}, where, box, migrate.LossUnknown
	case !now.Implements(p.to):
		return &fit{from: from, to: p.to, why: migrate.LossMethods}, where, box, migrate.LossMethods
	default:
		return r.fit(from, now), where, box, 0
	}
}

func (r *imageReader) lookBox(at spot, p *fit, where *migrate.Site) {
	inner, to, box, _ := r.inner(at, p)
	switch {
	case inner == nil:
	case box < 0:
		r.look(to, inner, where)
	case inner.do == migrate.DoNothing:
		if inner.why.IsBound() && !r.fresh {
			r.bound.Add(inner.why, *where, &r.img.Types[inner.from], p.to)
		}
	case box <= r.box: // each is in one of a lower number
		panic(stop{errImage})
	case r.boxes[fitAt{box, inner}] == nil:
		b := &newBox{object: box, fit: inner, site: *where}
		r.boxes[fitAt{box, inner}] = b
		r.boxOrder = append(r.boxOrder, b)
		fresh := r.fresh
		r.todo = append(r.todo, func() {
			r.box, r.fresh = box, fresh
			r.look(spot{box, 0}, inner, &b.site)
			r.box, r.fresh = -1, false
		})
	}
}

// reached reports whether some block holds what is inside of an object.
func (r *imageReader) reached(at spot, p *fit, s migrate.Span) bool {
	for _, b := range r.byObject[at.object] {
		if _, ok := r.within(b, at.word, p, s, false); ok {
			return true
		}
	}
	return false
}

// spend accounts for memory.
func (r *imageReader) spend(size uintptr, n int) {
	if size > 0 && uintptr(n) > r.budget/size {
		panic(stop{errImage})
	}
	r.budget -= size * uintptr(n)
}

// allot makes new memory.
func (r *imageReader) allot(t reflect.Type, n int) reflect.Value {
	r.spend(t.Size(), n)
	return reflect.MakeSlice(reflect.SliceOf(t), n, n)
}

// lookup returns the new form of what a reference leads to.
func (r *imageReader) lookup(at spot, p *fit, s migrate.Span) (reflect.Value, bool) {
	for _, b := range r.byObject[at.object] {
		if v, ok := r.within(b, at.word, p, s, true); ok {
			return v, true
		}
	}
	if b := r.blocks[blockAt{fitAt{at.object, p}, true, at.word, s.Count}]; b != nil {
		return part(b.to, 0, s)
	}
	return reflect.Value{}, false
}

// part returns element i of a slice, or elements from there on.
func part(v reflect.Value, i int, s migrate.Span) (reflect.Value, bool) {
	switch n := v.Len(); {
	case i < 0 || s.Count < 1 || i > n-s.Count:
		return reflect.Value{}, false
	case s.Single:
		return v.Index(i), true
	default:
		return v.Slice3(i, i+s.Count, min(i+max(s.Capacity, s.Count), v.Cap())), true
	}
}

// within returns what is at a word of a block. Without made it only tells whether
// there will be something.
func (r *imageReader) within(b *newBlock, word int, p *fit, s migrate.Span, made bool) (reflect.Value, bool) {
	i := 0
	if b.words > 0 {
		i = word / b.words
		word %= b.words
	}
	if word == 0 && p == b.fit {
		if !made {
			return reflect.Value{}, s.Count >= 1 && i <= b.count-s.Count
		}
		return part(b.to, i, s)
	}
	var v reflect.Value
	if made {
		v = b.to.Index(i)
	}
	return r.reach(v, b.fit, word, p, s)
}

// reach is that of plan.
func (r *imageReader) reach(v reflect.Value, p *fit, word int, of *fit, s migrate.Span) (reflect.Value, bool) {
	if s.Single && word == 0 && p == of {
		return v, true
	}
	switch p.do {
	case migrate.DoFields:
		for i := range p.fields {
			f := &p.fields[i]
			size := r.img.sizes[f.fit.from]
			if word < f.word || word >= f.word+size && !(size == 0 && word == f.word && f.fit == of && s.Single) {
				continue
			}
			if v.IsValid() {
				v = migrate.Open(v.Field(f.to))
			}
			return r.reach(v, f.fit, word-f.word, of, s)
		}
	case migrate.DoElements:
		size := r.img.sizes[p.elem.from]
		if size == 0 {
			break
		}
		i, count := word/size, min(r.img.Types[p.from].Len, p.to.Len())
		switch {
		case i >= count:
		case !s.Single && of == p.elem && word%size == 0:
			if i+s.Count > count {
				return v, false
			}
			if v.IsValid() {
				v = v.Slice3(i, i+s.Count, min(i+max(s.Capacity, s.Count), count))
			}
			return v, true
		default:
			if v.IsValid() {
				v = v.Index(i)
			}
			return r.reach(v, p.elem, word%size, of, s)
		}
	}
	return reflect.Value{}, false
}
