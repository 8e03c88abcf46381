package image

import (
	"container/list"
	"encoding/binary"
	"math/rand/v2"
	"net/netip"
	"reflect"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/anvilforge/anvil-lsp/hotreload/control"
	"github.com/anvilforge/anvil-lsp/hotreload/internal/migrate"
)

// fuzzed has one of everything.
type fuzzed struct {
	N     int
	F     float32
	Text  string
	Bytes []byte
	Grid  [3]fuzzedLeaf
	Next  *fuzzed
	Inner *fuzzedLeaf
	Many  []fuzzedLeaf
	Keys  map[fuzzedLeaf]*fuzzed
	Any   any
	Anys  []any
	When  time.Time
	Addr  netip.Addr
	order list.List
	at    atomic.Pointer[fuzzedLeaf]
	all   sync.Map
	mu    sync.Mutex
	empty []struct{}
}

type fuzzedLeaf struct {
	A int8
	B string
}

// fuzzedNext is how another version of the code has it.
type fuzzedNext struct {
	N     uint8
	F     int
	Text  []byte
	Bytes string
	Grid  [2]*fuzzedLeaf
	Next  *fuzzedNext
	Inner fuzzedLeaf
	Many  []*fuzzedLeaf
	Keys  map[fuzzedLeaf]fuzzedLeaf
	Any   *fuzzed
	Anys  []any
	When  *time.Time
	all   sync.Map
	More  map[string]int
}

func newFuzzed() *fuzzed {
	f := &fuzzed{
		N: 1, F: 2.5, Text: "text", Bytes: []byte("bytes"), Many: []fuzzedLeaf{{1, "a"}, {2, "b"}}, When: time.Unix(1, 0).UTC(),
		Addr: netip.MustParseAddr("::1"), empty: make([]struct{}, 3),
	}
	f.Next, f.Inner, f.Any = f, &f.Many[1], fuzzedLeaf{3, "c"}
	f.Keys = map[fuzzedLeaf]*fuzzed{{1, "k"}: f, {2, "k"}: nil}
	f.Anys = []any{f, []any{1, "x", fuzzedLeaf{}}, map[string]any{"a": 1.5}, f.Keys}
	f.order.PushBack(f.Inner)
	f.at.Store(f.Inner)
	f.all.Store("a", f)
	return f
}

// read reads an image into values of several types, as far as it can be.
func readAny(img *image) {
	for _, to := range []reflect.Type{reflect.TypeFor[*fuzzed](), reflect.TypeFor[fuzzed](), reflect.TypeFor[*fuzzedNext](), reflect.TypeFor[any](), reflect.TypeFor[map[string]int]()} {
		f := newFitter(img, newClassifier(ownPackages()), migrate.NewTypeBook(to, to, []reflect.Type{reflect.TypeFor[fuzzed]()}, nil))
		r := newImageReader(f, migrate.NewLosses(), func() {})
		at, ok := img.target(img.At[0], img.At[1], img.Root, 1)
		if !ok {
			return
		}
		p := f.fit(img.Root, to)
		v := reflect.New(to).Elem()
		if err := guarded(func() { r.discover(at, p); r.fillRoot(v, at, p) }); err == nil {
			r.lost.Lines(false)
		}
		visitOld(imageOld{f, at, img.Root}, 3)
	}
}

// visitOld looks around, as a function for WithMigration would.
func visitOld(o migrate.Form, depth int) {
	if o == nil || depth == 0 {
		return
	}
	if o = o.Target(); o == nil {
		return
	}
	for _, name := range o.Fields() {
		visitOld(o.Field(name), depth-1)
	}
	n := 0
	o.All(func(key, elem migrate.Form) bool {
		visitOld(key, depth-1)
		visitOld(elem, depth-1)
		n++
		return n < 10
	})
}

func imageOfFuzzed(t testing.TB) []byte {
	f := newFuzzed()
	img, done, err := writeImage(reflect.ValueOf(&f).Elem(), newClassifier(ownPackages()), control.MaxState, func() error { return nil }, false)
	if err != nil || !done {
		t.Fatal(done, err)
	}
	data, err := encodeGob(img)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// Whatever comes instead of an image, nothing crashes.
func FuzzDecodeImage(f *testing.F) {
	data := imageOfFuzzed(f)
	f.Add(data)
	f.Add(data[:len(data)/2])
	f.Fuzz(func(t *testing.T, data []byte) {
		if img, err := decodeImage(data); err == nil {
			readAny(img)
		}
	})
}

// FuzzChangedImage changes numbers in an image, which a change of its bytes
// rarely does.
func FuzzChangedImage(f *testing.F) {
	valid := imageOfFuzzed(f)
	f.Add([]byte{0, 0, 0, 0, 0, 0})
	r := rand.New(rand.NewPCG(1, 2))
	for range 50 {
		change := make([]byte, 6*(1+r.IntN(4)))
		for i := range change {
			change[i] = byte(r.Uint32())
		}
		f.Add(change)
	}
	f.Fuzz(func(t *testing.T, changes []byte) {
		img, err := decodeImage(valid)
		if err != nil {
			t.Fatal(err)
		}
		for ; len(changes) >= 6; changes = changes[6:] {
			changeImage(img, changes[0], int(binary.LittleEndian.Uint16(changes[1:])), uint64(int64(int16(binary.LittleEndian.Uint16(changes[3:])))), changes[5])
		}
		if img.check() == nil {
			readAny(img)
		}
	})
}

func changeImage(img *image, what byte, where int, n uint64, shift byte) {
	n <<= shift % 49
	object, of := &img.Objects[where%len(img.Objects)], &img.Types[where%len(img.Types)]
	switch what % 13 {
	case 0, 1, 2, 3:
		img.Words[where%len(img.Words)] = n
	case 4:
		object.Kind = objectKind(n)
	case 5:
		object.Type = int(n)
	case 6:
		object.Count = int(n)
	case 7:
		object.Start = int(n)
	case 8:
		object.Packed = !object.Packed
	case 9:
		of.Class = class(n)
	case 10:
		of.Elem = int(n)
	case 11:
		of.Len, of.Key = int(n), int(n)%len(img.Types)
	case 12:
		if len(of.Fields) > 0 {
			of.Fields[int(shift)%len(of.Fields)].Type = int(n)
		}
	}
}
