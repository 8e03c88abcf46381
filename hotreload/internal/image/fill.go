package image

import (
	"cmp"
	"math"
	"reflect"
	"slices"
	"sync"
	"unsafe"

	"github.com/anvilforge/anvil-lsp/hotreload/internal/migrate"
)

// fillRoot makes dst, a variable, the value at a place. Parts that get nothing
// stay as they are. discover has to come first.
func (r *imageReader) fillRoot(dst reflect.Value, at spot, p *fit) {
	if p.do == migrate.DoRefer {
		if dst.IsNil() {
			dst.Set(reflect.New(p.elem.to))
		}
		dst, p = dst.Elem(), p.elem
	}
	for _, b := range r.blockOrder {
		switch {
		case b == r.root:
			b.to = sliceOf(dst)
		case b.root && p.do == migrate.DoPointer && !dst.IsNil():
			b.to = sliceOf(dst.Elem())
		default:
			b.to = r.allot(b.fit.to, b.count)
		}
	}
	for _, m := range r.mapOrder {
		if m.fit.do == migrate.DoMap {
			m.to = reflect.MakeMap(m.fit.to)
		}
	}
	// What is in a box is in one of a higher number.
	slices.SortStableFunc(r.boxOrder, func(a, b *newBox) int { return cmp.Compare(b.object, a.object) })
	for _, b := range r.boxOrder {
		r.tick()
		b.value = r.allot(b.fit.to, 1).Index(0)
		r.fill(b.value, spot{b.object, 0}, b.fit, &b.site)
	}
	for _, b := range r.blockOrder {
		for i := range b.count {
			r.tick()
			r.fill(b.to.Index(i), b.at.plus(i*b.words), b.fit, &b.site)
		}
		if b.apart {
			r.lost.Add(migrate.KeptApart, b.site, &r.img.Types[b.fit.from], nil)
		}
	}
	if r.root == nil {
		r.fill(dst, at, p, &r.where)
	}
	for _, m := range r.mapOrder {
		r.fillMap(m)
	}
}

// sliceOf returns a slice of the one variable v.
func sliceOf(v reflect.Value) reflect.Value {
	return reflect.NewAt(reflect.ArrayOf(1, v.Type()), unsafe.Pointer(v.UnsafeAddr())).Elem().Slice3(0, 1, 1)
}

// fill sets dst, a variable, to the value at a place; see migrate.Copier.
func (r *imageReader) fill(dst reflect.Value, at spot, p *fit, where *migrate.Site) {
	switch p.do {
	case migrate.DoNothing:
		if !r.img.empty(at, p.from) {
			r.lose(p.why, where, p)
		}
	case migrate.DoNumber:
		if !migrate.SetNumber(dst, r.basic(at, p.from)) {
			r.lose(migrate.LossRange, where, p)
		}
	case migrate.DoText:
		if !migrate.SetText(dst, r.textual(at, p)) {
			r.lose(migrate.LossRange, where, p)
		}
	case doUnmarshal:
		r.fillMarshalled(dst, at, p, where)
	case migrate.DoFields:
		for i := range p.fields {
			f := &p.fields[i]
			r.fill(migrate.Open(dst.Field(f.to)), at.plus(f.word), f.fit, &f.site)
		}
		for _, f := range p.gone {
			if !r.img.empty(at.plus(f.word), f.from) {
				r.lost.Add(migrate.LossGone, f.site, &r.img.Types[f.from], nil)
			}
		}
	case migrate.DoElements:
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
				r.lost.Add(migrate.LossBeyond, *where, &r.img.Types[p.elem.from], p.to)
			}
		}
	case migrate.DoPointer:
		r.fillPointer(dst, at, p, where)
	case migrate.DoAtomicPointer:
		to := reflect.New(migrate.AtomicTarget(p.to)).Elem()
		r.fillPointer(to, at, p, where)
		dst.Addr().MethodByName("Store").Call([]reflect.Value{to})
	case migrate.DoSlice:
		r.fillSlice(dst, at, p, where)
	case migrate.DoRefer:
		to := reflect.New(p.elem.to)
		r.fill(to.Elem(), at, p.elem, where)
		dst.Set(to.Convert(p.to))
	case migrate.DoFollow:
		if target, ok := r.follow(at, p); ok {
			r.fill(dst, target, p.elem, where)
		} else if r.img.word(at) != refNil {
			r.lose(migrate.LossMoved, where, p)
		}
	case migrate.DoMap:
		r.fillMapValue(dst, at, p, where)
	case migrate.DoSyncMap:
		if i, ok := r.img.object(r.img.word(at), objectSyncMap); ok {
			if m := r.maps[fitAt{i, r.syncFit()}]; m != nil {
				m.syncs = append(m.syncs, dst)
			}
		} else if r.img.word(at) != refNil {
			r.lose(migrate.LossMoved, where, p)
		}
	case migrate.DoBox:
		r.fillBox(dst, at, p, where)
	}
}

func (r *imageReader) lose(kind migrate.LossKind, where *migrate.Site, p *fit) {
	from := migrate.NamedType(migrate.TypeAny)
	if p.from >= 0 {
		from = &r.img.Types[p.from]
	}
	r.lost.Add(kind, *where, from, p.to)
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

func (r *imageReader) fillMarshalled(dst reflect.Value, at spot, p *fit, where *migrate.Site) {
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
	r.lose(migrate.LossMarshal, where, p)
}

func (r *imageReader) fillPointer(dst reflect.Value, at spot, p *fit, where *migrate.Site) {
	switch ref := r.img.word(at); ref {
	case refNil:
		dst.SetZero()
	case refEmpty:
		dst.Set(reflect.New(p.elem.to).Convert(dst.Type()))
	default:
		if target, ok := r.img.target(ref, r.img.word(at.plus(1)), p.elem.from, 1); ok {
			if v, ok := r.lookup(target, p.elem, migrate.One); ok {
				dst.Set(v.Addr().Convert(dst.Type()))
				return
			}
		}
		r.lose(migrate.LossMoved, where, p)
	}
}

func (r *imageReader) fillSlice(dst reflect.Value, at spot, p *fit, where *migrate.Site) {
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
			if v, ok := r.lookup(target, p.elem, migrate.Elements(n, capacity)); ok {
				dst.Set(v.Convert(p.to))
				return
			}
		}
		r.lose(migrate.LossMoved, where, p)
	}
}

func (r *imageReader) fillMapValue(dst reflect.Value, at spot, p *fit, where *migrate.Site) {
	i, ok := r.img.object(r.img.word(at), objectMap)
	if m := r.maps[fitAt{i, p}]; ok && m != nil {
		dst.Set(m.to)
		return
	}
	dst.SetZero()
	if r.img.word(at) != refNil {
		r.lose(migrate.LossMoved, where, p)
	}
}

func (r *imageReader) fillBox(dst reflect.Value, at spot, p *fit, where *migrate.Site) {
	inner, to, box, _ := r.inner(at, p)
	switch {
	case inner == nil:
		dst.SetZero()
	case inner.do == migrate.DoNothing:
		r.lose(inner.why, where, inner)
	case box < 0:
		now := reflect.New(inner.to).Elem()
		r.fill(now, to, inner, where)
		dst.Set(now)
	default:
		if b := r.boxes[fitAt{box, inner}]; b != nil && b.value.IsValid() {
			dst.Set(b.value)
		} else {
			r.lose(migrate.LossMoved, where, inner)
		}
	}
}

// fillMap makes the entries of a map; see migrate.Copier.
func (r *imageReader) fillMap(m *newMap) {
	p := m.fit
	newKey, newElem := reflect.New(p.key.to).Elem(), reflect.New(p.elem.to).Elem()
	for key, elem := range r.entries(m) {
		r.spend(newKey.Type().Size()+newElem.Type().Size(), 1)
		newKey.SetZero()
		newElem.SetZero()
		before := r.lost.WholeCount
		r.fill(newKey, key, p.key, &m.site)
		switch {
		case r.lost.WholeCount != before:
			continue
		case !newKey.Comparable():
			r.lose(migrate.LossType, &m.site, p.key)
			continue
		case m.to.IsValid() && m.to.MapIndex(newKey).IsValid():
			r.lost.Add(migrate.LossKey, m.site, &r.img.Types[p.elem.from], p.to)
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
