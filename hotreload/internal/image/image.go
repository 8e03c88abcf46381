package image

import (
	"bytes"
	"encoding/gob"
	"errors"
	"fmt"
	"reflect"
	"strings"
)

// image is a value as it goes from one process to the next: its memory, with the
// types that say what is in it. It knows nothing of the process that made it.
//
// encoding/gob writes the image; it could not write the value, of which it sees
// no unexported field and no two pointers to the same thing.
//
// Each variable, array, map, and value in an interface is an object: a run of
// words. How many words a value has follows from its type (see words), so that a
// pointer into the middle of something is an object and an offset.
type image struct {
	Types   []imageType
	Objects []imageObject
	Words   []uint64
	Text    []byte
	// Root is the type of the value, and At the reference to it.
	Root int
	At   [2]uint64

	sizes []int // words of each type; see check
}

// imageObject is a run of words.
type imageObject struct {
	Kind  objectKind
	Type  int // of each element; of a map: its own
	Count int // elements or entries
	Start int // in Words; in Text if Packed
	// Packed: each element is a byte of Text.
	Packed bool
}

type objectKind uint8

const (
	objectBlock   objectKind = iota // variables side by side
	objectMap                       // keys and elements
	objectSyncMap                   // the same, in interfaces
	objectBox                       // one value, that an interface holds
)

// References are the number of an object, counted from refObject on.
const (
	refNil    = iota
	refEmpty  // to something of no size
	refLost   // to something that moved while the image was made
	refObject // to the first object
)

// imageType describes a type.
type imageType struct {
	Text   string // as a person writes it
	Source string // with import path, as the source has it; empty: it has no name
	Class  class
	Kind   reflect.Kind // where Class is classBasic
	Atomic bool         // where Class is classPointer: an atomic.Pointer
	Len    int
	Key    int
	Elem   int
	Fields []imageField
}

type imageField struct {
	Name string
	Type int
}

// Name is empty for a type without one, as that of a reflect.Type.
func (t *imageType) Name() string { return t.Source }

// String returns the type as a person writes it.
func (t *imageType) String() string { return t.Text }

// origin is the declaration of a type, whatever its type arguments.
func (t *imageType) origin() string {
	name, _, _ := strings.Cut(t.Source, "[")
	return name
}

// class says how a type is written.
type class uint8

const (
	classLive      class = iota // bound to its process: one word tells that there is something
	classUnused                 // who uses it at the moment is all that it says: nothing is written
	classBasic                  // a bool or a number: one word
	classComplex                // two words
	classString                 // where it begins in Text, and its length
	classText                   // a type that writes itself: a word that is 1 if it did, and then as a string
	classArray                  // its elements
	classStruct                 // its fields
	classSlice                  // a reference to the first element, its length and capacity
	classPointer                // a reference
	classMap                    // the number of an object
	classSyncMap                // the same
	classInterface              // the same
	classes
)

// errImage reports that something is no image, or no whole one.
var errImage = errors.New("it is damaged")

// maxZero bounds the elements of no size in one object.
const maxZero = 1 << 20

// decodeImage reads an image. What it returns can be used without further care:
// every type and object in it is there.
func decodeImage(data []byte) (img *image, err error) {
	img = &image{}
	if err := decodeGob(data, img); err != nil {
		return nil, err
	}
	return img, img.check()
}

func encodeGob(v any) ([]byte, error) {
	var b bytes.Buffer
	err := gob.NewEncoder(&b).Encode(v)
	return b.Bytes(), err
}

func decodeGob(data []byte, v any) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%w: %v", errImage, r)
		}
	}()
	if err := gob.NewDecoder(bytes.NewReader(data)).Decode(v); err != nil {
		return fmt.Errorf("%w: %w", errImage, err)
	}
	return nil
}

// check looks whether the parts fit together.
func (m *image) check() error {
	known := func(id int) bool { return id >= 0 && id < len(m.Types) }
	if !known(m.Root) || len(m.Types) > maxZero {
		return errImage
	}
	for i := range m.Types {
		t := &m.Types[i]
		ok := t.Class < classes && t.Len >= 0 && known(t.Key) && known(t.Elem)
		if t.Class == classBasic {
			ok = ok && (t.Kind >= reflect.Bool && t.Kind <= reflect.Float64)
		}
		for _, f := range t.Fields {
			ok = ok && known(f.Type)
		}
		if !ok {
			return errImage
		}
	}
	m.sizes = make([]int, len(m.Types))
	state := make([]uint8, len(m.Types))
	for i := range m.Types {
		if !m.size(i, state) {
			return errImage
		}
	}
	for _, o := range m.Objects {
		if !known(o.Type) || o.Count < 0 || o.Start < 0 || !m.holds(o) {
			return errImage
		}
	}
	return nil
}

// maxSize bounds the words of one value.
const maxSize = 1 << 27

// size finds how many words a type has; false if that has no end.
func (m *image) size(id int, state []uint8) bool {
	const busy, done = 1, 2
	switch state[id] {
	case busy:
		return false
	case done:
		return true
	}
	state[id] = busy
	t, n := &m.Types[id], 1
	switch t.Class {
	case classUnused:
		n = 0
	case classComplex, classString, classPointer:
		n = 2
	case classText:
		n = 3
	case classSlice:
		n = 4
	case classArray:
		if !m.size(t.Elem, state) || t.Len > maxSize/max(m.sizes[t.Elem], 1) {
			return false
		}
		n = t.Len * m.sizes[t.Elem]
	case classStruct:
		n = 0
		for _, f := range t.Fields {
			if !m.size(f.Type, state) {
				return false
			}
			if n += m.sizes[f.Type]; n > maxSize {
				return false
			}
		}
	}
	m.sizes[id], state[id] = n, done
	return true
}

// entry is how many words an element of an object has.
func (m *image) entry(o imageObject) int {
	switch o.Kind {
	case objectMap:
		t := &m.Types[o.Type]
		return m.sizes[t.Key] + m.sizes[t.Elem]
	case objectSyncMap:
		return 2
	}
	return m.sizes[o.Type]
}

// holds reports whether an object lies within the image.
func (m *image) holds(o imageObject) bool {
	t := &m.Types[o.Type]
	switch o.Kind {
	case objectMap:
		if t.Class != classMap {
			return false
		}
	case objectBox:
		if o.Count != 1 {
			return false
		}
	case objectBlock, objectSyncMap:
	default:
		return false
	}
	if o.Packed {
		return o.Kind == objectBlock && t.Class == classBasic && t.Kind == reflect.Uint8 &&
			o.Start <= len(m.Text) && o.Count <= len(m.Text)-o.Start
	}
	size := m.entry(o)
	if size == 0 {
		return o.Count <= maxZero
	}
	return o.Start <= len(m.Words) && o.Count <= (len(m.Words)-o.Start)/size
}

// spot is where a value begins: a word of an object.
type spot struct{ object, word int }

func (p spot) plus(words int) spot { return spot{p.object, p.word + words} }

// word returns a word; 0 beyond the end of the object.
func (m *image) word(at spot) uint64 {
	if at.object < 0 || at.object >= len(m.Objects) || at.word < 0 {
		return 0
	}
	o := m.Objects[at.object]
	switch {
	case o.Packed && at.word < o.Count:
		return uint64(m.Text[o.Start+at.word])
	case !o.Packed && at.word < o.Count*m.entry(o):
		return m.Words[o.Start+at.word]
	}
	return 0
}

// text returns the text that two words tell of.
func (m *image) text(at spot) string {
	start, n := m.word(at), m.word(at.plus(1))
	if start > uint64(len(m.Text)) || n > uint64(len(m.Text))-start {
		return ""
	}
	return string(m.Text[start : start+n])
}

// object returns what a reference refers to; false if that is no object of the
// kind.
func (m *image) object(ref uint64, kind objectKind) (int, bool) {
	if ref < refObject || ref-refObject >= uint64(len(m.Objects)) {
		return 0, false
	}
	i := int(ref - refObject)
	return i, m.Objects[i].Kind == kind
}

// target returns where a pointer or a slice leads to, which has n values of a
// type; false if that is nowhere.
func (m *image) target(ref, offset uint64, id, n int) (spot, bool) {
	i, ok := m.object(ref, objectBlock)
	if !ok {
		return spot{}, false
	}
	o := m.Objects[i]
	size, whole := m.sizes[id], uint64(o.Count)
	if !o.Packed {
		whole *= uint64(m.sizes[o.Type])
	}
	if n < 0 || offset > whole || size > 0 && uint64(n) > (whole-offset)/uint64(size) {
		return spot{}, false
	}
	return spot{i, int(offset)}, true
}

// empty reports whether a value is the zero value of its type.
func (m *image) empty(at spot, id int) bool {
	t := &m.Types[id]
	switch t.Class {
	case classString:
		return m.word(at.plus(1)) == 0
	case classPointer, classSlice:
		return m.word(at) == refNil
	}
	for i := range m.sizes[id] {
		if m.word(at.plus(i)) != 0 {
			// The fields of a struct may be empty strings.
			return t.Class == classStruct && m.emptyFields(at, t) || t.Class == classArray && m.emptyElements(at, t)
		}
	}
	return true
}

func (m *image) emptyFields(at spot, t *imageType) bool {
	for _, f := range t.Fields {
		if !m.empty(at, f.Type) {
			return false
		}
		at = at.plus(m.sizes[f.Type])
	}
	return true
}

func (m *image) emptyElements(at spot, t *imageType) bool {
	if m.sizes[t.Elem] == 0 {
		return true
	}
	for range t.Len {
		if !m.empty(at, t.Elem) {
			return false
		}
		at = at.plus(m.sizes[t.Elem])
	}
	return true
}
