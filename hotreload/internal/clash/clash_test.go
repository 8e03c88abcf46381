//go:build !go1.27

package clash

import (
	"errors"
	"fmt"
	"reflect"
	"testing"
	"unsafe"
)

// firstModule returns what the runtime knows about the test's executable.
func firstModule() *module { return lastModule } // no plugin is opened here

// assert has a table of int and error in its dictionary for int, which implements nothing.
func assert[T any](err error) (v T, ok bool) {
	v, ok = err.(T)
	return v, ok
}

type level int

func (level) String() string { return "level" }

// TestModules: the layout of the runtime's data is what this package takes it
// for. Where it fails after an update of Go, modules.go needs the new one.
func TestModules(t *testing.T) {
	m := firstModule()
	if m == nil || m.next != nil {
		t.Fatalf("the last module is %p", m)
	}
	var v fmt.Stringer = level(3)
	known := *(*unsafe.Pointer)(unsafe.Pointer(&v))
	found := false
	for _, table := range m.itablinks {
		found = found || unsafe.Pointer(table) == known
	}
	if !found {
		t.Errorf("none of the %d tables is that of level as fmt.Stringer", len(m.itablinks))
	}
	if _, ok := assert[int](errors.ErrUnsupported); ok {
		t.Error("an error is an int")
	}
	typ := addressOf(reflect.TypeFor[level]())
	if !m.has(typ) || m.has(unsafe.Pointer(m)) || typeAt(typ) != reflect.TypeFor[level]() {
		t.Errorf("the types are not from %p to %p", m.types, m.etypes)
	}
	names := map[string]bool{}
	for _, offset := range m.typelinks {
		names[typeAt(unsafe.Add(m.types, offset)).String()] = true
	}
	if !names["[]string"] || !names["map[string]bool"] {
		t.Errorf("%d types, but not []string and map[string]bool", len(names))
	}
	if found := append(m.tableClashes(), m.typeClashes()...); len(found) > 0 {
		t.Errorf("the executable contradicts itself: %v", found)
	}
	var seen Modules
	seen.Skip()
	if found := seen.Clashes(); found != nil {
		t.Errorf("nothing was loaded, and yet: %v", found)
	}
}

// TestClashes: what differs from what is made at run time is found. Modules
// stand in for plugins; what they list is not what the process uses.
func TestClashes(t *testing.T) {
	stringer := addressOf(reflect.TypeFor[fmt.Stringer]())
	own := &itab{inter: stringer, typ: addressOf(reflect.TypeFor[level]()), methods: [1]uintptr{1}}
	if got := fmt.Sprint((&module{itablinks: []*itab{own}}).tableClashes()); got != "[clash.level as fmt.Stringer]" {
		t.Errorf("got %s", got)
	}
	counts := (*itab)(getitab(own.inter, own.typ, true))
	if found := (&module{itablinks: []*itab{counts}}).tableClashes(); found != nil {
		t.Errorf("got %v", found)
	}
}

// TestMade: reflect is asked for every kind of type that it makes, and for no
// other.
func TestMade(t *testing.T) {
	type named struct{ io int }
	elsewhere := &module{}
	for _, typ := range []reflect.Type{
		reflect.TypeFor[*level](), reflect.TypeFor[**level](), reflect.TypeFor[[]level](), reflect.TypeFor[[7]level](), reflect.TypeFor[chan level](), reflect.TypeFor[<-chan level](),
		reflect.TypeFor[map[level]string](), reflect.TypeFor[func(level, ...string) error](), reflect.TypeFor[struct {
			A level `json:"a"`
		}](),
	} {
		if made := elsewhere.made(typ); made != typ {
			t.Errorf("%s: got %v", typ, made)
		}
		// A type of what came with a module was not made before it.
		if made := firstModule().made(typ); made != nil {
			t.Errorf("%s: got %v", typ, made)
		}
	}
	for _, typ := range []reflect.Type{reflect.TypeFor[struct{ fmt.Stringer }](), reflect.TypeFor[interface{ M() }](), reflect.TypeFor[struct{ *level }]()} {
		if made := elsewhere.made(typ); made != nil && made != typ {
			t.Errorf("%s: got %v", typ, made)
		}
	}
	if made := elsewhere.made(reflect.TypeFor[named]()); made == reflect.TypeFor[named]() {
		t.Errorf("got %v", made)
	}
}

// BenchmarkClashes compares all that this test's executable has: far more than a
// plugin.
func BenchmarkClashes(b *testing.B) {
	m := firstModule()
	b.Run(fmt.Sprintf("%d-tables", len(m.itablinks)), func(b *testing.B) {
		for b.Loop() {
			if m.tableClashes() != nil {
				b.Fatal("the executable contradicts itself")
			}
		}
	})
	b.Run(fmt.Sprintf("%d-types", len(m.typelinks)), func(b *testing.B) {
		for b.Loop() {
			if m.typeClashes() != nil {
				b.Fatal("the executable contradicts itself")
			}
		}
	})
}
