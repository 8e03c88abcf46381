package image

import (
	"errors"
	"fmt"
	"math"
	"reflect"

	"github.com/anvilforge/anvil-lsp/hotreload/internal/migrate"
	"github.com/anvilforge/anvil-lsp/hotreload/manifest/symbol"
)

// errTooLarge reports a value of which more than fits would go along.
var errTooLarge = errors.New("it is too large")

// imageWriter makes the image of a value. What belongs together was found, and
// locked, by a copier. It is for one goroutine.
type imageWriter struct {
	*migrate.Copier
	*classifier
	img   *image
	limit int // of the bytes of the image in memory
	types map[reflect.Type]int
	// Numbers of objects.
	blocks   map[*migrate.Block]int
	maps     map[migrate.MapKey]int
	syncMaps map[uintptr]int
	boxes    []reflect.Value // those in the last objects
}

// stop ends the making of an image from wherever it has got to.
type stop struct{ err error }

// writeImage makes the image of v, a variable. It reports false if a lock inside
// of v could not be had and anyway is not set. check is called every now and then,
// and ends it with an error.
func writeImage(
	v reflect.Value, types *classifier, limit int, check func() error, anyway bool,
) (img *image, done bool, err error) {
	defer func() {
		if r := recover(); r != nil {
			img, done = nil, true
			if s, ok := r.(stop); ok {
				err = s.err
			} else {
				err = fmt.Errorf("panic: %v", r)
			}
		}
	}()
	step := func() {
		if err := check(); err != nil {
			panic(stop{err})
		}
	}
	plans := migrate.NewPlanner(migrate.NewTypeBook(v.Type(), v.Type(), nil, nil))
	plans.Deep, plans.Whole = true, types.leaf
	w := &imageWriter{
		Copier: migrate.NewCopier(plans, migrate.NewLosses(), step), classifier: types, img: &image{}, limit: limit,
		types: map[reflect.Type]int{}, blocks: map[*migrate.Block]int{},
		maps: map[migrate.MapKey]int{}, syncMaps: map[uintptr]int{},
	}
	defer w.Unlock()
	root := plans.Plan(v.Type(), v.Type())
	if !w.Survey(v, root, anyway) {
		return nil, false, nil
	}
	w.img.Root = w.describe(v.Type())
	w.number()
	w.img.At = w.reference(v.UnsafeAddr(), root, migrate.One)
	w.write()
	return w.img, true, nil
}

// describe returns the number of a type, which it adds to the image.
func (w *imageWriter) describe(t reflect.Type) int {
	if id, ok := w.types[t]; ok {
		return id
	}
	id := len(w.img.Types)
	w.types[t] = id
	w.img.Types = append(w.img.Types, imageType{})
	w.img.sizes = append(w.img.sizes, -1)
	of := imageType{Text: symbol.NameOf(t), Class: w.class(t)}
	if t.PkgPath() != "" {
		of.Source = migrate.SourceName(t)
	}
	switch of.Class {
	case classBasic, classComplex:
		of.Kind = t.Kind()
	case classArray:
		of.Len = t.Len()
		of.Elem = w.describe(t.Elem())
	case classSlice:
		of.Elem = w.describe(t.Elem())
	case classMap:
		of.Key, of.Elem = w.describe(t.Key()), w.describe(t.Elem())
	case classPointer:
		if of.Atomic = t.Kind() == reflect.Struct; of.Atomic {
			t = migrate.AtomicTarget(t)
		}
		of.Elem = w.describe(t.Elem())
	case classStruct:
		for f := range t.Fields() {
			if goes(t, f) {
				of.Fields = append(of.Fields, imageField{f.Name, w.describe(f.Type)})
			}
		}
	}
	w.img.Types[id] = of
	return id
}

// words returns how many words a value of a type has.
func (w *imageWriter) words(t reflect.Type) int {
	id := w.describe(t)
	if n := w.img.sizes[id]; n >= 0 {
		return n
	}
	if !w.img.size(id, make([]uint8, len(w.img.Types))) {
		panic(stop{errTooLarge})
	}
	return w.img.sizes[id]
}

// number gives all that was found a number.
func (w *imageWriter) number() {
	object := func(kind objectKind, t reflect.Type, count int) int {
		w.img.Objects = append(w.img.Objects, imageObject{Kind: kind, Type: w.describe(t), Count: count})
		return len(w.img.Objects) - 1
	}
	for b := range w.Copied() {
		w.blocks[b] = object(objectBlock, b.Of.From, b.Count)
	}
	for _, m := range w.Copier.Maps {
		w.maps[m.Key()] = object(objectMap, m.Plan.From, 0)
	}
	for addr := range w.Copier.SyncMaps {
		w.syncMaps[addr] = object(objectSyncMap, migrate.TypeSyncMap, 0)
	}
}

func (w *imageWriter) write() {
	for b := range w.Copied() {
		o := &w.img.Objects[w.blocks[b]]
		if b.Of.From.Kind() == reflect.Uint8 && !b.Single {
			o.Start, o.Packed = len(w.img.Text), true
			w.put(nil, b.From.Slice(0, b.Count).Bytes())
			continue
		}
		o.Start = len(w.img.Words)
		if w.words(b.Of.From) == 0 && b.Count > maxZero {
			panic(stop{errTooLarge})
		}
		for i := range b.Count {
			w.Tick()
			w.value(b.Old(i))
		}
	}
	for _, m := range w.Copier.Maps {
		w.writeMap(m)
	}
	for addr, m := range w.Copier.SyncMaps {
		o := &w.img.Objects[w.syncMaps[addr]]
		o.Start, o.Count = len(w.img.Words), len(m.Entries)
		for i := range m.Entries {
			for j := range m.Entries[i] {
				w.box(reflect.ValueOf(&m.Entries[i][j]).Elem())
			}
		}
	}
	// A box is written before those that are in it, which have higher numbers.
	for i := 0; i < len(w.boxes); i++ {
		w.Tick()
		v := w.boxes[i]
		w.boxes[i] = reflect.Value{}
		o := &w.img.Objects[len(w.img.Objects)-len(w.boxes)+i]
		o.Start = len(w.img.Words)
		w.value(v)
	}
}

func (w *imageWriter) writeMap(m *migrate.MapCopy) {
	at := w.maps[m.Key()]
	start, count := len(w.img.Words), 0
	if w.words(m.Plan.From.Key())+w.words(m.Plan.From.Elem()) == 0 && m.From.Len() > maxZero {
		panic(stop{errTooLarge})
	}
	key, elem := reflect.New(m.Plan.From.Key()).Elem(), reflect.New(m.Plan.From.Elem()).Elem()
	for entries := m.From.MapRange(); entries.Next(); w.Tick() {
		key.SetIterKey(entries)
		elem.SetIterValue(entries)
		w.value(key)
		w.value(elem)
		count++
	}
	o := &w.img.Objects[at]
	o.Start, o.Count = start, count
}

// put adds words, and text.
func (w *imageWriter) put(words []uint64, text []byte) {
	w.img.Words = append(w.img.Words, words...)
	w.img.Text = append(w.img.Text, text...)
	if len(w.img.Words)*8+len(w.img.Text) > w.limit {
		panic(stop{errTooLarge})
	}
}

func (w *imageWriter) word(n uint64) { w.put([]uint64{n}, nil) }

func (w *imageWriter) text(s []byte) {
	start := len(w.img.Text)
	w.put([]uint64{uint64(start), uint64(len(s))}, s)
}

// value writes a variable.
func (w *imageWriter) value(v reflect.Value) {
	t := v.Type()
	switch w.class(t) {
	case classLive:
		w.word(bit(!v.IsZero()))
	case classBasic:
		w.word(basicBits(v))
	case classComplex:
		c := v.Complex()
		w.put([]uint64{math.Float64bits(real(c)), math.Float64bits(imag(c))}, nil)
	case classString:
		w.text([]byte(v.String()))
	case classText:
		w.marshalled(v)
	case classArray:
		for i := range v.Len() {
			w.value(v.Index(i))
		}
	case classStruct:
		for i := range v.NumField() {
			if goes(t, t.Field(i)) {
				w.value(migrate.Open(v.Field(i)))
			}
		}
	case classSlice:
		w.slice(v)
	case classPointer:
		if t.Kind() == reflect.Struct {
			v = migrate.LoadAtomic(v)
		}
		w.pointer(v)
	case classMap:
		ref := uint64(refNil)
		if !v.IsNil() {
			if i, ok := w.maps[migrate.MapKey{Addr: v.Pointer(), Plan: w.Plan(t, t)}]; ok {
				ref = uint64(refObject + i)
			} else {
				ref = refLost
			}
		}
		w.word(ref)
	case classSyncMap:
		ref := uint64(refLost) // in an interface: a copy, whose address is another one
		if i, ok := w.syncMaps[v.UnsafeAddr()]; ok {
			ref = uint64(refObject + i)
		}
		w.word(ref)
	case classInterface:
		w.box(v)
	}
}

func bit(b bool) uint64 {
	if b {
		return 1
	}
	return 0
}

func basicBits(v reflect.Value) uint64 {
	switch {
	case v.Kind() == reflect.Bool:
		return bit(v.Bool())
	case v.CanInt():
		return uint64(v.Int())
	case v.CanUint():
		return v.Uint()
	}
	return math.Float64bits(v.Float())
}

// marshalled writes a value that writes itself.
func (w *imageWriter) marshalled(v reflect.Value) {
	if v.IsZero() {
		w.put([]uint64{textZero, 0, 0}, nil)
		return
	}
	text, err := marshalValue(v)
	if err != nil {
		w.put([]uint64{textFailed, 0, 0}, nil)
		return
	}
	w.word(textWritten)
	w.text(text)
}

// The first words of a value that writes itself.
const (
	textZero = iota
	textWritten
	textFailed
)

func (w *imageWriter) slice(v reflect.Value) {
	ref := [2]uint64{}
	elem := v.Type().Elem()
	switch {
	case v.IsNil():
	case v.Len() == 0 || elem.Size() == 0:
		ref[0] = refEmpty
	default:
		ref = w.reference(v.Pointer(), w.Plan(elem, elem), migrate.Elements(v.Len(), v.Cap()))
	}
	w.put([]uint64{ref[0], ref[1], uint64(v.Len()), uint64(v.Cap())}, nil)
}

func (w *imageWriter) pointer(v reflect.Value) {
	ref := [2]uint64{}
	elem := v.Type().Elem()
	switch {
	case v.IsNil():
	case elem.Size() == 0:
		ref[0] = refEmpty
	default:
		ref = w.reference(v.Pointer(), w.Plan(elem, elem), migrate.One)
	}
	w.put(ref[:], nil)
}

// box writes what is in an interface.
func (w *imageWriter) box(v reflect.Value) {
	if v.IsNil() {
		w.word(refNil)
		return
	}
	inner := migrate.Unboxed(v.Elem())
	w.word(uint64(refObject + len(w.img.Objects)))
	w.img.Objects = append(w.img.Objects, imageObject{Kind: objectBox, Type: w.describe(inner.Type()), Count: 1})
	w.boxes = append(w.boxes, inner)
}

// reference writes where an address is in the image.
func (w *imageWriter) reference(addr uintptr, of *migrate.Plan, s migrate.Span) [2]uint64 {
	if of.From.Size() == 0 {
		return [2]uint64{refEmpty}
	}
	if b := w.Owner(addr); b != nil {
		if n, ok := w.within(b, addr-b.Addr, of, s); ok {
			return [2]uint64{uint64(refObject + w.blocks[b]), uint64(n)}
		}
	}
	if b := w.ApartAt(addr, of, s); b != nil {
		return [2]uint64{uint64(refObject + w.blocks[b])}
	}
	return [2]uint64{refLost}
}

// within returns how many words an offset in bytes is into a block.
func (w *imageWriter) within(b *migrate.Block, offset uintptr, of *migrate.Plan, s migrate.Span) (int, bool) {
	size, words := b.Of.From.Size(), w.words(b.Of.From)
	i := int(offset / size)
	if !s.Single && !b.Single && of == b.Of && offset%size == 0 {
		return i * words, i+s.Count <= b.Count
	}
	n, ok := w.reach(b.Of, offset%size, of, s)
	return i*words + n, ok
}

// reach is within for what is inside of one value; see plan.reach.
func (w *imageWriter) reach(p *migrate.Plan, offset uintptr, of *migrate.Plan, s migrate.Span) (int, bool) {
	if s.Single && offset == 0 && p == of {
		return 0, true
	}
	switch p.Do {
	case migrate.DoFields:
		words := 0
		for i := range p.Fields {
			f := &p.Fields[i]
			if offset >= f.Offset && offset < f.Offset+f.Size {
				n, ok := w.reach(f.Plan, offset-f.Offset, of, s)
				return words + n, ok
			}
			words += w.words(f.Plan.From)
		}
	case migrate.DoElements:
		size := p.Elem.From.Size()
		i, words := int(offset/size), w.words(p.Elem.From)
		if !s.Single && of == p.Elem && offset%size == 0 {
			return i * words, i+s.Count <= p.From.Len()
		}
		n, ok := w.reach(p.Elem, offset%size, of, s)
		return i*words + n, ok
	}
	return 0, false
}
