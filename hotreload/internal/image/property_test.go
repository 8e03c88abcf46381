package image

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"runtime/debug"
	"sort"
	"strings"
	"testing"

	"github.com/anvilforge/anvil-lsp/hotreload/control"
	"github.com/anvilforge/anvil-lsp/hotreload/internal/migrate"
	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/hotreload/manifest/symbol"
)

// Random values of random types survive the way into types of the same shape:
// what arrives is the same graph in other memory.

// Two generations of the same types: each function declares its own.

func typesOfFirst() []reflect.Type {
	type leaf struct {
		N    int
		text string
	}
	type node struct {
		nodeFields[node, leaf]
		leaf
	}
	return []reflect.Type{reflect.TypeFor[node](), reflect.TypeFor[leaf]()}
}

func typesOfSecond() []reflect.Type {
	type leaf struct {
		N    int
		text string
	}
	type node struct {
		nodeFields[node, leaf]
		leaf
	}
	return []reflect.Type{reflect.TypeFor[node](), reflect.TypeFor[leaf]()}
}

// nodeFields are those of a node but for the leaf that it embeds.
type nodeFields[node any, leaf comparable] struct {
	V      int
	next   *node
	many   []*node
	byKey  map[string]*node
	keyed  map[leaf]leaf
	inline [2]leaf
	at     *leaf
	window []leaf
	number *int
	any    any
	anys   []any
}

// randomTypes returns two types of the same shape.
func randomTypes(r *rand.Rand, depth int) (old, now reflect.Type) {
	first, second := typesOfFirst(), typesOfSecond()
	basic := []reflect.Type{
		reflect.TypeFor[bool](), reflect.TypeFor[int8](), reflect.TypeFor[uint64](), reflect.TypeFor[float32](), reflect.TypeFor[complex128](),
		reflect.TypeFor[string](), reflect.TypeFor[any](), reflect.TypeFor[kelvin](), reflect.TypeFor[*int](), reflect.TypeFor[[]byte](),
	}
	choice := r.IntN(9)
	if depth <= 0 {
		choice = r.IntN(3)
	}
	switch choice {
	case 0, 1:
		t := basic[r.IntN(len(basic))]
		return t, t
	case 2, 3:
		i := r.IntN(len(first))
		return first[i], second[i]
	case 4:
		a, b := randomTypes(r, depth-1)
		return reflect.PointerTo(a), reflect.PointerTo(b)
	case 5:
		a, b := randomTypes(r, depth-1)
		return reflect.SliceOf(a), reflect.SliceOf(b)
	case 6:
		a, b := randomTypes(r, depth-1)
		n := r.IntN(4)
		return reflect.ArrayOf(n, a), reflect.ArrayOf(n, b)
	case 7:
		a, b := randomTypes(r, depth-1)
		switch r.IntN(3) {
		case 0:
			return reflect.MapOf(first[1], a), reflect.MapOf(second[1], b)
		case 1:
			return reflect.MapOf(reflect.TypeFor[float64](), a), reflect.MapOf(reflect.TypeFor[float64](), b)
		}
		return reflect.MapOf(reflect.TypeFor[string](), a), reflect.MapOf(reflect.TypeFor[string](), b)
	}
	var of, become []reflect.StructField
	for i := range r.IntN(5) {
		a, b := randomTypes(r, depth-1)
		name := fmt.Sprintf("F%d", i)
		of = append(of, reflect.StructField{Name: name, Type: a, Tag: `gen:"1"`})
		become = append(become, reflect.StructField{Name: name, Type: b, Tag: `gen:"2"`})
	}
	return reflect.StructOf(of), reflect.StructOf(become)
}

// randomizer makes values, with references into what it has made before.
type randomizer struct {
	*rand.Rand
	made   map[reflect.Type][]reflect.Value // variables to point to
	slices map[reflect.Type][]reflect.Value
	boxes  []reflect.Type
	left   int // how many references it may still follow
}

func newRandomizer(r *rand.Rand) *randomizer {
	node, leaf := typesOfFirst()[0], typesOfFirst()[1]
	return &randomizer{
		Rand: r, made: map[reflect.Type][]reflect.Value{}, slices: map[reflect.Type][]reflect.Value{}, left: 66,
		boxes: []reflect.Type{
			reflect.TypeFor[int](), reflect.TypeFor[string](), node, reflect.PointerTo(node), leaf, reflect.SliceOf(leaf),
			reflect.MapOf(leaf, reflect.PointerTo(node)), reflect.ArrayOf(2, leaf), reflect.TypeFor[[]any](), reflect.TypeFor[sort.Float64Slice](),
		},
	}
}

// fill makes a variable something.
func (r *randomizer) fill(v reflect.Value) {
	t := v.Type()
	r.made[t] = append(r.made[t], v)
	deeper := r.left > 0 && r.IntN(4) > 0
	if deeper {
		r.left--
	}
	switch {
	case v.CanInt():
		v.SetInt(r.Int64N(256) - 128)
	case v.CanUint():
		v.SetUint(r.Uint64N(256))
	case v.CanFloat():
		v.SetFloat(float64(r.IntN(100)) / 4)
	case v.CanComplex():
		v.SetComplex(complex(float64(r.IntN(100)), 1))
	}
	switch t.Kind() {
	case reflect.Bool:
		v.SetBool(r.IntN(2) == 0)
	case reflect.String:
		v.SetString(strings.Repeat("x", r.IntN(4)))
	case reflect.Struct:
		for i := range v.NumField() {
			r.fill(migrate.Open(v.Field(i)))
		}
	case reflect.Array:
		for i := range v.Len() {
			r.fill(v.Index(i))
		}
	case reflect.Pointer:
		if known := r.made[t.Elem()]; len(known) > 0 && r.IntN(2) == 0 {
			v.Set(known[r.IntN(len(known))].Addr())
		} else if deeper {
			v.Set(reflect.New(t.Elem()))
			r.fill(v.Elem())
		}
	case reflect.Slice:
		r.fillSlice(v, deeper)
	case reflect.Map:
		if !deeper {
			return
		}
		v.Set(reflect.MakeMap(t))
		for range r.IntN(4) {
			key, elem := reflect.New(t.Key()).Elem(), reflect.New(t.Elem()).Elem()
			r.fill(key)
			r.fill(elem)
			v.SetMapIndex(key, elem)
		}
	case reflect.Interface:
		if deeper {
			inner := reflect.New(r.boxes[r.IntN(len(r.boxes))]).Elem()
			r.fill(inner)
			v.Set(inner)
		}
	}
}

func (r *randomizer) fillSlice(v reflect.Value, deeper bool) {
	t := v.Type()
	switch known := r.slices[t]; {
	case len(known) > 0 && r.IntN(2) == 0:
		whole := known[r.IntN(len(known))]
		i := r.IntN(whole.Len())
		v.Set(whole.Slice(i, i+r.IntN(whole.Cap()-i+1)))
	case r.IntN(4) == 0:
		v.Set(reflect.MakeSlice(t, 0, r.IntN(3)))
	case deeper:
		n := 1 + r.IntN(4)
		v.Set(reflect.MakeSlice(t, n, n))
		r.slices[t] = append(r.slices[t], v.Slice(0, n))
		for i := range n {
			r.fill(v.Index(i))
		}
	}
}

// comparison walks two values that should be the same graph.
type comparison struct {
	there, back map[place]uintptr
	maps        map[uintptr]uintptr
	shared      []place // targets of pointers that are the same in both
	faults      []string
}

// compare returns in what two variables differ, of which the second is to be a
// copy of the first one.
func compare(a, b reflect.Value) []string {
	c := &comparison{there: map[place]uintptr{}, back: map[place]uintptr{}, maps: map[uintptr]uintptr{}}
	c.variables(a, b)
	for _, p := range c.shared {
		if _, copied := c.there[p]; copied {
			c.fault("a pointer leads to the old %v", p.typ)
		}
	}
	return c.faults
}

type place struct {
	addr uintptr
	typ  reflect.Type
}

func (c *comparison) fault(format string, args ...any) {
	c.faults = append(c.faults, fmt.Sprintf(format, args...))
}

// variables compares two variables, and their places.
func (c *comparison) variables(a, b reflect.Value) {
	a, b = migrate.Open(a), migrate.Open(b)
	if a.Type().Size() > 0 {
		from, to := place{a.UnsafeAddr(), a.Type()}, place{b.UnsafeAddr(), b.Type()}
		if known, ok := c.there[from]; ok {
			if known != to.addr {
				c.fault("one %v became two", a.Type())
			}
			return
		}
		if known, ok := c.back[to]; ok && known != from.addr {
			c.fault("two %v became one", a.Type())
		}
		c.there[from], c.back[to] = to.addr, from.addr
	}
	c.values(a, b)
}

func (c *comparison) values(a, b reflect.Value) {
	if a.Kind() != b.Kind() {
		c.fault("%v became %v", a.Type(), b.Type())
		return
	}
	switch a.Kind() {
	case reflect.Struct:
		for i := range a.NumField() {
			c.variables(a.Field(i), b.Field(i))
		}
	case reflect.Array:
		c.elements(a, b)
	case reflect.Slice:
		if a.IsNil() != b.IsNil() || a.Len() != b.Len() {
			c.fault("%v of %d became one of %d", a.Type(), a.Len(), b.Len())
			return
		}
		if a.Len() > 0 && a.Pointer() == b.Pointer() && a.Type().Elem().Size() > 0 {
			c.fault("%v is shared", a.Type())
		}
		c.elements(a, b)
	case reflect.Pointer:
		switch {
		case a.IsNil() != b.IsNil():
			c.fault("%v is nil", b.Type())
		case a.IsNil():
		case a.Type() == b.Type() && a.Pointer() == b.Pointer():
			c.shared = append(c.shared, place{a.Pointer(), a.Type().Elem()})
		default:
			c.variables(a.Elem(), b.Elem())
		}
	case reflect.Interface:
		switch {
		case a.IsNil() != b.IsNil():
			c.fault("%v is nil", b.Type())
		case !a.IsNil():
			if symbol.NameOf(a.Elem().Type()) != symbol.NameOf(b.Elem().Type()) {
				c.fault("%v became %v", a.Elem().Type(), b.Elem().Type())
				return
			}
			c.values(migrate.Unboxed(a.Elem()), migrate.Unboxed(b.Elem()))
		}
	case reflect.Map:
		c.mappings(a, b)
	default:
		if fmt.Sprint(a) != fmt.Sprint(b) {
			c.fault("%v became %v", a, b)
		}
	}
}

func (c *comparison) elements(a, b reflect.Value) {
	for i := range min(a.Len(), b.Len()) {
		c.variables(a.Index(i), b.Index(i))
	}
}

func (c *comparison) mappings(a, b reflect.Value) {
	if a.IsNil() != b.IsNil() || a.Len() != b.Len() {
		c.fault("%v of %d became one of %d", a.Type(), a.Len(), b.Len())
		return
	}
	if a.IsNil() {
		return
	}
	if known, ok := c.maps[a.Pointer()]; ok {
		if known != b.Pointer() {
			c.fault("one %v became two", a.Type())
		}
		return
	}
	c.maps[a.Pointer()] = b.Pointer()
	byKey := map[string]reflect.Value{}
	for entries := b.MapRange(); entries.Next(); {
		byKey[fmt.Sprint(entries.Key())] = entries.Value()
	}
	for entries := a.MapRange(); entries.Next(); {
		elem, ok := byKey[fmt.Sprint(entries.Key())]
		if !ok {
			c.fault("the key %v is lost", entries.Key())
			continue
		}
		c.values(migrate.Unboxed(entries.Value()), migrate.Unboxed(elem))
	}
}

type kelvin float64

// migrateOnce returns the new form of a variable.
func migrateOnce(old reflect.Value, to reflect.Type, holds ...reflect.Type) (reflect.Value, *migrate.Losses) {
	from := old.Type()
	plans := migrate.NewPlanner(migrate.NewTypeBook(from, to, holds, []string{manifest.RuntimePath + "/internal/image"}))
	lost := migrate.NewLosses()
	now := reflect.New(to).Elem()
	migrate.NewCopier(plans, lost, func() {}).Run(now, old, plans.Plan(from, to), &migrate.Site{}, false)
	return now, lost
}

func TestMigrationOfRandomValues(t *testing.T) {
	for seed := range uint64(400) {
		r := rand.New(rand.NewPCG(seed, 3))
		from, to := randomTypes(r, 4)
		old := reflect.New(from).Elem()
		newRandomizer(r).fill(old)
		now, lost := migrateOnce(old, to, typesOfSecond()...)
		for _, line := range append(lost.Lines(false), lost.Lines(true)...) {
			t.Errorf("seed %d: %s", seed, line)
		}
		for _, fault := range compare(old, now) {
			t.Errorf("seed %d: %s", seed, fault)
		}
		again, _ := migrateOnce(now, from, typesOfFirst()...)
		for _, fault := range compare(old, again) {
			t.Errorf("seed %d, there and back: %s", seed, fault)
		}
		if t.Failed() {
			t.Fatalf("%v\n%+v\n%+v", from, old, now)
		}
	}
}

// throughImage returns the new form of a variable in another process.
func throughImage(t *testing.T, old reflect.Value, to reflect.Type, holds ...reflect.Type) (reflect.Value, *migrate.Losses) {
	t.Helper()
	types := newClassifier(ownPackages())
	img, done, err := writeImage(old, types, control.MaxState, func() error { return nil }, false)
	if err != nil || !done {
		t.Fatal(done, err)
	}
	data, err := encodeGob(img)
	if err != nil {
		t.Fatal(err)
	}
	if img, err = decodeImage(data); err != nil {
		t.Fatal(err)
	}
	fits := newFitter(img, types, migrate.NewTypeBook(to, to, holds, nil))
	lost := migrate.NewLosses()
	now := reflect.New(to).Elem()
	r := newImageReader(fits, lost, func() {})
	at, ok := img.target(img.At[0], img.At[1], img.Root, 1)
	if !ok && old.Type().Size() > 0 {
		t.Fatal("no root")
	}
	if ok {
		p := fits.fit(img.Root, to)
		r.discover(at, p)
		r.fillRoot(now, at, p)
	}
	for _, line := range r.bound.Lines(false) {
		t.Errorf("bound: %s", line)
	}
	return now, lost
}

func TestImagesOfRandomValues(t *testing.T) {
	for seed := range uint64(400) {
		r := rand.New(rand.NewPCG(seed, 3))
		from, to := randomTypes(r, 4)
		old := reflect.New(from).Elem()
		newRandomizer(r).fill(old)
		now, lost := throughImage(t, old, to, append(typesOfSecond(), reflect.TypeFor[sort.Float64Slice](), reflect.TypeFor[kelvin]())...)
		for _, line := range append(lost.Lines(false), lost.Lines(true)...) {
			t.Errorf("seed %d: %s", seed, line)
		}
		for _, fault := range compare(old, now) {
			t.Errorf("seed %d: %s", seed, fault)
		}
		if t.Failed() {
			t.Fatalf("%v\n%+v\n%+v", from, old, now)
		}
	}
}

// A struct of a dependency goes as a whole or not at all, one of the application
// field by field. What belongs to the application follows from the build.
func TestPackagesOfTheApplication(t *testing.T) {
	own := ownBy(&debug.BuildInfo{
		Main: debug.Module{Path: "example.com/app"},
		Deps: []*debug.Module{
			{Path: "example.com/shared", Version: "(devel)"}, {Path: "example.com/fork", Version: "v1.0.0", Replace: &debug.Module{Path: "../fork"}},
			{Path: "example.com/other", Version: "v1.2.3"},
		},
	}, true)
	for path, want := range map[string]bool{
		"example.com/app": true, "example.com/app/models": true, "main": true, "example.com/shared/x": true, "example.com/fork": true,
		"example.com/application": false, "example.com/other": false, "time": false, "net/http": false,
	} {
		if own(path) != want {
			t.Errorf("%s: %v", path, own(path))
		}
	}
}

func BenchmarkMigration(b *testing.B) {
	type row struct {
		ID   int
		Name string
		Tags []string
		next *row
	}
	typ := func() reflect.Type {
		type row struct {
			Name string
			ID   int64
			Tags []string
			next *row
		}
		return reflect.TypeFor[[]*row]()
	}()
	rows := make([]*row, 100_000)
	for i := range rows {
		rows[i] = &row{i, "x", []string{"a"}, rows[max(i-1, 0)]}
	}
	old := reflect.ValueOf(&rows).Elem()
	b.ReportAllocs()
	for b.Loop() {
		if _, lost := migrateOnce(old, typ); len(lost.Count) > 0 {
			b.Fatal(lost.Lines(false))
		}
	}
}
