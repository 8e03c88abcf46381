//go:build anvilhot

package hotreload

import (
	"cmp"
	"math"
	"reflect"
	"slices"
	"sync"
	"unsafe"
)

// fillRoot makes dst, a variable, the value at a place. Parts that get nothing
// stay as they are. discover has to come first.
func (r *imageReader) fillRoot(dst reflect.Value, at spot, p *fit) {
	if p.do == doRefer {
		if dst.IsNil() {
			dst.Set(reflect.New(p.elem.to))
		}
		dst, p = dst.Elem(), p.elem
	}
	for _, b := range r.order {
		switch {
		case b == r.root:
			b.to = sliceOf(dst)
		case b.root && p.do == doPointer && !dst.IsNil():
			b.to = sliceOf(dst.Elem())
		default:
			b.to = r.allot(b.fit.to, b.count)
		}
	}
	for _, m := range r.mapped {
		if m.fit.do == doMap {
			m.to = reflect.MakeMap(m.fit.to)
		}
	}
	// What is in a box is in one of a higher number.
	slices.SortStableFunc(r.boxed, func(a, b *newBox) int { return cmp.Compare(b.object, a.object) })
	for _, b := range r.boxed {
		r.tick()
		b.value = r.allot(b.fit.to, 1).Index(0)
		r.fill(b.value, spot{b.object, 0}, b.fit, &b.site)
	}
	for _, b := range r.order {
		for i := range b.count {
			r.tick()
			r.fill(b.to.Index(i), b.at.plus(i*b.words), b.fit, &b.site)
		}
		if b.apart {
			r.lost.add(keptApart, b.site, &r.img.Types[b.fit.from], nil)
		}
	}
	if r.root == nil {
		r.fill(dst, at, p, &r.where)
	}
	for _, m := range r.mapped {
		r.fillMap(m)
	}
}

// sliceOf returns a slice of the one variable v.
func sliceOf(v reflect.Value) reflect.Value {
	return reflect.NewAt(reflect.ArrayOf(1, v.Type()), unsafe.Pointer(v.UnsafeAddr())).Elem().Slice3(0, 1, 1)
}

// fill sets dst, a variable, to the value at a place; see copier.fill.
func (r *imageReader) fill(dst reflect.Value, at spot, p *fit, where *site) {
	switch p.do {
	case doNothing:
		if !r.img.empty(at, p.from) {
			r.lose(p.why, where, p)
		}
	case doNumber:
		if !setNumber(dst, r.basic(at, p.from)) {
			r.lose(lossRange, where, p)
		}
	case doText:
		if !setText(dst, r.textual(at, p)) {
			r.lose(lossRange, where, p)
		}
	case doUnmarshal:
		r.fillMarshalled(dst, at, p, where)
	case doFields:
		for i := range p.fields {
			f := &p.fields[i]
			r.fill(open(dst.Field(f.to)), at.plus(f.word), f.fit, &f.site)
		}
		for _, f := range p.gone {
			if !r.img.empty(at.plus(f.word), f.from) {
				r.lost.add(lossGone, f.site, &r.img.Types[f.from], nil)
			}
		}
	case doElements:
		size := r.img.sizes[p.elem.from]
		count := r.img.Types[p.from].Len
		if size == 0 {
			count = min(count, dst.Len())
		}
		for i := range count {
			switch elem := at.plus(i * size); {
			case i < dst.Len():
				r.fill(dst.Index(i), elem, p.elem, where)
			case !r.img.empty(elem, p.elem.from):
				r.lost.add(lossBeyond, *where, &r.img.Types[p.elem.from], p.to)
			}
		}
	case doPointer:
		r.fillPointer(dst, at, p, where)
	case doAtomicPointer:
		to := reflect.New(atomicTarget(p.to)).Elem()
		r.fillPointer(to, at, p, where)
		dst.Addr().MethodByName("Store").Call([]reflect.Value{to})
	case doSlice:
		r.fillSlice(dst, at, p, where)
	case doRefer:
		to := reflect.New(p.elem.to)
		r.fill(to.Elem(), at, p.elem, where)
		dst.Set(to.Convert(p.to))
	case doFollow:
		if target, ok := r.follow(at, p); ok {
			r.fill(dst, target, p.elem, where)
		} else if r.img.word(at) != refNil {
			r.lose(lossMoved, where, p)
		}
	case doMap:
		r.fillMapValue(dst, at, p, where)
	case doSyncMap:
		if i, ok := r.img.object(r.img.word(at), objectSyncMap); ok {
			if m := r.maps[fitAt{i, r.syncFit()}]; m != nil {
				m.syncs = append(m.syncs, dst)
			}
		} else if r.img.word(at) != refNil {
			r.lose(lossMoved, where, p)
		}
	case doBox:
		r.fillBox(dst, at, p, where)
	}
}

func (r *imageReader) lose(kind lossKind, where *site, p *fit) {
	from := namedType(typeAny)
	if p.from >= 0 {
		from = &r.img.Types[p.from]
	}
	r.lost.add(kind, *where, from, p.to)
}

// basic returns a value of a basic type, of the predeclared type of its kind.
func (r *imageReader) basic(at spot, id int) reflect.Value {
	t, n := &r.img.Types[id], r.img.word(at)
	if t.Class == classString {
		return reflect.ValueOf(r.img.text(at))
	}
	if t.Class == classComplex {
		return reflect.ValueOf(complex(math.Float64frombits(n), math.Float64frombits(r.img.word(at.plus(1)))))
	}
	v := reflect.New(predeclared[t.Kind]).Elem()
	switch {
	case t.Kind == reflect.Bool:
		v.SetBool(n != 0)
	case v.CanInt():
		v.SetInt(int64(n))
	case v.CanUint():
		v.SetUint(n)
	default:
		v.SetFloat(math.Float64frombits(n))
	}
	return v
}

// textual returns a string, or a slice of bytes or runes.
func (r *imageReader) textual(at spot, p *fit) reflect.Value {
	t := r.textType(p)
	if t.Kind() == reflect.String {
		return reflect.ValueOf(r.img.text(at))
	}
	n, elem := int(r.img.word(at.plus(2))), r.img.Types[p.from].Elem
	from, ok := r.img.target(r.img.word(at), r.img.word(at.plus(1)), elem, n)
	if !ok {
		return reflect.Zero(t)
	}
	v := r.allot(t.Elem(), n)
	for i := range n {
		v.Index(i).Set(r.basic(from.plus(i), elem).Convert(t.Elem()))
	}
	return v
}

func (r *imageReader) fillMarshalled(dst reflect.Value, at spot, p *fit, where *site) {
	switch r.img.word(at) {
	case textZero:
		dst.SetZero()
		return
	case textWritten:
		now := reflect.New(p.to).Elem()
		if err := unmarshalValue(now, []byte(r.img.text(at.plus(1)))); err == nil {
			dst.Set(now)
			return
		}
	}
	r.lose(lossMarshal, where, p)
}

func (r *imageReader) fillPointer(dst reflect.Value, at spot, p *fit, where *site) {
	switch ref := r.img.word(at); ref {
	case refNil:
		dst.SetZero()
	case refEmpty:
		dst.Set(reflect.New(p.elem.to).Convert(dst.Type()))
	default:
		if target, ok := r.img.target(ref, r.img.word(at.plus(1)), p.elem.from, 1); ok {
			if v, ok := r.lookup(target, p.elem, span{1, 1, true}); ok {
				dst.Set(v.Addr().Convert(dst.Type()))
				return
			}
		}
		r.lose(lossMoved, where, p)
	}
}

func (r *imageReader) fillSlice(dst reflect.Value, at spot, p *fit, where *site) {
	n, capacity := int(r.img.word(at.plus(2))), int(r.img.word(at.plus(3)))
	switch ref := r.img.word(at); {
	case ref == refNil:
		dst.SetZero()
	case ref == refEmpty:
		if n < 0 || n > maxZero {
			panic(stop{errImage})
		}
		dst.Set(r.allot(p.elem.to, n).Convert(p.to))
	default:
		if target, ok := r.img.target(ref, r.img.word(at.plus(1)), p.elem.from, n); ok {
			if v, ok := r.lookup(target, p.elem, span{n, capacity, false}); ok {
				dst.Set(v.Convert(p.to))
				return
			}
		}
		r.lose(lossMoved, where, p)
	}
}

func (r *imageReader) fillMapValue(dst reflect.Value, at spot, p *fit, where *site) {
	i, ok := r.img.object(r.img.word(at), objectMap)
	if m := r.maps[fitAt{i, p}]; ok && m != nil {
		dst.Set(m.to)
		return
	}
	dst.SetZero()
	if r.img.word(at) != refNil {
		r.lose(lossMoved, where, p)
	}
}

func (r *imageReader) fillBox(dst reflect.Value, at spot, p *fit, where *site) {
	inner, to, box, _ := r.inner(at, p)
	switch {
	case inner == nil:
		dst.SetZero()
	case inner.do == doNothing:
		r.lose(inner.why, where, inner)
	case box < 0:
		now := reflect.New(inner.to).Elem()
		r.fill(now, to, inner, where)
		dst.Set(now)
	default:
		if b := r.boxes[fitAt{box, inner}]; b != nil && b.value.IsValid() {
			dst.Set(b.value)
		} else {
			r.lose(lossMoved, where, inner)
		}
	}
}

// fillMap makes the entries of a map; see copier.fillMap.
func (r *imageReader) fillMap(m *newMap) {
	p := m.fit
	newKey, newElem := reflect.New(p.key.to).Elem(), reflect.New(p.elem.to).Elem()
	for key, elem := range r.entries(m) {
		r.spend(newKey.Type().Size()+newElem.Type().Size(), 1)
		newKey.SetZero()
		newElem.SetZero()
		before := r.lost.whole
		r.fill(newKey, key, p.key, &m.site)
		switch {
		case r.lost.whole != before:
			continue
		case !newKey.Comparable():
			r.lose(lossType, &m.site, p.key)
			continue
		case m.to.IsValid() && m.to.MapIndex(newKey).IsValid():
			r.lost.add(lossKey, m.site, &r.img.Types[p.elem.from], p.to)
			continue
		}
		r.fill(newElem, elem, p.elem, &m.site)
		if m.to.IsValid() {
			m.to.SetMapIndex(newKey, newElem)
		}
		for _, to := range m.syncs {
			to.Addr().Interface().(*sync.Map).Store(newKey.Interface(), newElem.Interface())
		}
	}
}
