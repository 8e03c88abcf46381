package gotypes_test

import (
	"context"
	"fmt"
	"go/token"
	"go/types"
	"net/http"
	"reflect"
	"testing"
	"time"
	"unsafe"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest/shape"
	"github.com/anvilforge/anvil-lsp/hotreload/manifest/symbol"
	"github.com/anvilforge/anvil-lsp/manifest/source/internal/gotypes"
)

// twin is the same type to both producers.
type twin struct {
	reflected reflect.Type
	checked   types.Type
}

// twinner makes a type out of arbitrary bytes.
type twinner struct {
	bytes  []byte
	leaves []twin
	pkg    *types.Package // of unexported fields
	depth  int
}

func (w *twinner) next(n int) int {
	if len(w.bytes) == 0 {
		return 0
	}
	b := w.bytes[0]
	w.bytes = w.bytes[1:]
	return int(b) % n
}

func (w *twinner) typ() twin {
	w.depth++
	defer func() { w.depth-- }()
	if w.depth > 8 {
		return w.leaf()
	}
	switch w.next(9) {
	case 1:
		e := w.typ()
		return twin{reflect.PointerTo(e.reflected), types.NewPointer(e.checked)}
	case 2:
		e := w.typ()
		return twin{reflect.SliceOf(e.reflected), types.NewSlice(e.checked)}
	case 3:
		e, n := w.typ(), w.next(3)
		return twin{reflect.ArrayOf(n, e.reflected), types.NewArray(e.checked, int64(n))}
	case 4:
		k, e := w.leaf(), w.typ()
		if !k.reflected.Comparable() {
			return e
		}
		return twin{reflect.MapOf(k.reflected, e.reflected), types.NewMap(k.checked, e.checked)}
	case 5:
		e, i := w.typ(), w.next(3)
		return twin{
			reflect.ChanOf([]reflect.ChanDir{reflect.BothDir, reflect.SendDir, reflect.RecvDir}[i], e.reflected),
			types.NewChan([]types.ChanDir{types.SendRecv, types.SendOnly, types.RecvOnly}[i], e.checked),
		}
	case 6:
		return w.function()
	case 7:
		return w.structure()
	}
	return w.leaf()
}

func (w *twinner) leaf() twin { return w.leaves[w.next(len(w.leaves))] }

func (w *twinner) function() twin {
	var reflected [2][]reflect.Type
	var tuples [2]*types.Tuple
	variadic := w.next(3) == 2
	for i := range 2 {
		var vars []*types.Var
		for range w.next(4) {
			t := w.typ()
			reflected[i] = append(reflected[i], t.reflected)
			vars = append(vars, types.NewParam(token.NoPos, nil, "", t.checked))
		}
		if i == 0 && variadic {
			t := w.typ()
			reflected[i] = append(reflected[i], reflect.SliceOf(t.reflected))
			vars = append(vars, types.NewParam(token.NoPos, nil, "", types.NewSlice(t.checked)))
		}
		tuples[i] = types.NewTuple(vars...)
	}
	return twin{
		reflect.FuncOf(reflected[0], reflected[1], variadic),
		types.NewSignatureType(nil, nil, nil, tuples[0], tuples[1], variadic),
	}
}

func (w *twinner) structure() twin {
	var reflected []reflect.StructField
	var fields []*types.Var
	var fieldTags []string
	for i := range w.next(5) {
		name, path := fmt.Sprintf("F%d", i), ""
		if w.next(3) == 2 {
			name, path = fmt.Sprintf("f%d", i), w.pkg.Path()
		}
		tag := ""
		if i := w.next(len(tags) + 4); i < len(tags) {
			tag = tags[i]
		}
		t := w.typ()
		reflected = append(reflected, reflect.StructField{Name: name, PkgPath: path, Type: t.reflected, Tag: reflect.StructTag(tag)})
		fields = append(fields, types.NewField(token.NoPos, w.pkg, name, t.checked, false))
		fieldTags = append(fieldTags, tag)
	}
	return twin{reflect.StructOf(reflected), types.NewStruct(fields, fieldTags)}
}

// FuzzProducers makes types for both producers out of bytes.
func FuzzProducers(f *testing.F) {
	c := newTypeChecker(f)
	named := func(t reflect.Type) twin {
		pkg, err := c.Import(t.PkgPath())
		if err != nil {
			f.Fatal(err)
		}
		return twin{t, pkg.Scope().Lookup(t.Name()).Type()}
	}
	leaves := []twin{
		named(reflect.TypeFor[time.Time]()), named(reflect.TypeFor[time.Duration]()), named(reflect.TypeFor[http.Header]()),
		named(reflect.TypeFor[http.Request]()), named(reflect.TypeFor[context.Context]()),
		{reflect.TypeFor[error](), types.Universe.Lookup("error").Type()},
		{reflect.TypeFor[any](), types.Universe.Lookup("any").Type()},
		{reflect.TypeFor[unsafe.Pointer](), types.Typ[types.UnsafePointer]},
		{reflect.TypeFor[byte](), types.Universe.Lookup("byte").Type()},
	}
	leaves = append(leaves,
		twin{reflect.TypeFor[bool](), types.Typ[types.Bool]}, twin{reflect.TypeFor[int](), types.Typ[types.Int]},
		twin{reflect.TypeFor[uintptr](), types.Typ[types.Uintptr]}, twin{reflect.TypeFor[float32](), types.Typ[types.Float32]},
		twin{reflect.TypeFor[complex64](), types.Typ[types.Complex64]}, twin{reflect.TypeFor[string](), types.Typ[types.String]},
	)
	f.Add([]byte("\x06\x02\x01\x00\x05\x07\x04\x02\x03\x01"))
	f.Add([]byte("\x07\x04\x02\x01\x01\x00\x02\x06\x01\x03\x02\x05\x01\x02\x04\x08\x03\x05"))
	f.Fuzz(func(t *testing.T, bytes []byte) {
		w := twinner{bytes: bytes, leaves: leaves, pkg: types.NewPackage("example.com/p.q", "p")}
		got := w.typ()
		for _, hot := range [][]string{nil, {"time"}, {"time", "net/http", "example.com/p.q"}} {
			want := shape.NewReflector(hot).Of(got.reflected)
			if text, _ := gotypes.NewShapes(hot).Of(got.checked); text != want {
				t.Errorf("%s, hot %v:\nsource  %s\nreflect %s", got.reflected, hot, text, want)
			}
			if d := shape.Describe(want, "?"); d == "" {
				t.Errorf("the shape cannot be read: %s", want)
			}
		}
		if name, want := gotypes.Signature(got.checked), symbol.NameOf(got.reflected); name != want {
			t.Errorf("got %s, want %s", name, want)
		}
	})
}
