package hotreload

import (
	"container/list"
	"fmt"
	"math"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
	"unsafe"

	"github.com/anvilforge/anvil-lsp/manifest"
)

// asGeneration runs fn as a generation that goes live, with this package as a
// hot one, and returns its notes.
func asGeneration(t *testing.T, s *LiveState, fn func(*Container)) []manifest.Diagnostic {
	t.Helper()
	g := s.newGeneration(s.next(), "")
	g.reg.hot = []string{importPath}
	root := g.sink()
	fn(root.Container())
	if faults := g.prepare(root, source{}); len(faults) > 0 || !s.goLive(g) {
		t.Fatalf("not live: %v", faults)
	}
	return g.notes
}

// keep is a generation that keeps v.
func keep[T any](v T) func(*Container) {
	return func(c *Container) { StateOf(c, "k", func() T { return v }) }
}

// find is a generation that finds something, as text. Without a value there
// would be initial.
func find[T any](initial T, options ...StateOption) func(*Container) string {
	return func(c *Container) string {
		return fmt.Sprintf("%+v", StateOf(c, "k", func() T { return initial }, options...).Get())
	}
}

type celsius float64

type hostPoint struct{ x, y int }

type hostPair struct{ x, y int8 }

// migrations are pairs of generations, each with types of its own.
var migrations = []struct {
	name  string
	old   func() func(*Container)
	now   func() func(*Container) string
	value string // what the second one finds
	note  string // without what all of them begin with; empty if there is none
}{
	{
		"the same structure",
		func() func(*Container) {
			type item struct {
				Name string
				n    int
			}
			type cart struct {
				Items []item
				byKey map[string]*item
			}
			return keep(cart{Items: []item{{"pear", 1}, {"plum", 2}}, byKey: map[string]*item{"x": nil}})
		},
		func() func(*Container) string {
			type item struct {
				Name string
				n    int
			}
			type cart struct {
				Items []item
				byKey map[string]*item
			}
			return find(cart{})
		},
		"{Items:[{Name:pear n:1} {Name:plum n:2}] byKey:map[x:<nil>]}", "",
	},
	{
		"a new field gets what initial makes it",
		func() func(*Container) {
			type cart struct{ Name string }
			return keep(cart{"mine"})
		},
		func() func(*Container) string {
			type cart struct {
				Tags map[string]int
				Name string
			}
			return find(cart{Name: "new", Tags: map[string]int{"a": 1}})
		},
		"{Tags:map[a:1] Name:mine}", "nothing was dropped",
	},
	{
		"a new field behind the pointer that is the state",
		func() func(*Container) {
			type hub struct{ Name string }
			return keep(&hub{"mine"})
		},
		func() func(*Container) string {
			type hub struct {
				Name string
				Tags map[string]int
			}
			return func(c *Container) string {
				return fmt.Sprintf("%+v", *StateOf(c, "k", func() *hub { return &hub{"new", map[string]int{"a": 1}} }).Get())
			}
		},
		"{Name:mine Tags:map[a:1]}", "nothing was dropped",
	},
	{
		"a nil pointer that is the state",
		func() func(*Container) {
			type hub struct{ Name string }
			return keep[*hub](nil)
		},
		func() func(*Container) string {
			type hub struct{ Name, Other string }
			return find(&hub{"new", "new"})
		},
		"<nil>", "nothing was dropped",
	},
	{
		"a field is gone",
		func() func(*Container) {
			type item struct{ Name, Note string }
			return keep([]item{{"pear", "ripe"}, {"plum", ""}, {"fig", "dry"}})
		},
		func() func(*Container) string {
			type item struct{ Name string }
			return find[[]item](nil)
		},
		"[{Name:pear} {Name:plum} {Name:fig}]", "dropped: field hotreload.item.Note: 2 values of type string, the field is gone",
	},
	{
		"a field that held nothing is gone",
		func() func(*Container) {
			type item struct{ Name, Note string }
			return keep([]item{{"pear", ""}})
		},
		func() func(*Container) string {
			type item struct{ Name string }
			return find[[]item](nil)
		},
		"[{Name:pear}]", "nothing was dropped",
	},
	{
		"numbers that fit and numbers that do not",
		func() func(*Container) {
			type item struct {
				A int
				B float64
				C uint8
				D float64
			}
			return keep([]item{{1, 2, 3, 0.5}, {300, 2.5, 255, 0.1}, {-128, -1, 0, math.Inf(1)}, {-129, math.NaN(), 1, math.NaN()}})
		},
		func() func(*Container) string {
			type item struct {
				A int8
				B int
				C int64
				D float32
			}
			return find[[]item](nil)
		},
		"[{A:1 B:2 C:3 D:0.5} {A:0 B:0 C:255 D:0} {A:-128 B:-1 C:0 D:+Inf} {A:0 B:0 C:1 D:NaN}]",
		"dropped: field hotreload.item.A: 2 values of type int, not possible in int8; " +
			"field hotreload.item.B: 2 values of type float64, not possible in int; " +
			"field hotreload.item.D: 1 value of type float64, not possible in float32",
	},
	{
		"a number that does not fit leaves what initial made",
		func() func(*Container) {
			type limits struct{ Max int }
			return keep(limits{1000})
		},
		func() func(*Container) string {
			type limits struct{ Max uint8 }
			return find(limits{99})
		},
		"{Max:99}", "dropped: field hotreload.limits.Max: 1 value of type int, not possible in uint8",
	},
	{
		"named basic types and texts",
		func() func(*Container) {
			type kind string
			type row struct {
				Temp celsius
				Kind kind
				On   bool
				Raw  []byte
				Text string
				Odd  string
			}
			return keep([]row{{21.5, "a", true, []byte("raw"), "täxt", "\xff"}})
		},
		func() func(*Container) string {
			type kind string
			type flag bool
			type row struct {
				Temp float64
				Kind kind
				On   flag
				Raw  string
				Text []rune
				Odd  []rune
			}
			return find[[]row](nil)
		},
		"[{Temp:21.5 Kind:a On:true Raw:raw Text:[116 228 120 116] Odd:[]}]",
		"dropped: field hotreload.row.Odd: 1 value of type string, not possible in []int32",
	},
	{
		"a field of an altogether different type",
		func() func(*Container) {
			type cart struct {
				Name  string
				Items []string
				Count int
			}
			return keep(map[string]cart{"a": {"x", []string{"pear"}, 3}, "b": {"y", nil, 0}})
		},
		func() func(*Container) string {
			type cart struct {
				Name  string
				Items map[string]int
				Count string
			}
			return find[map[string]cart](nil)
		},
		"map[a:{Name:x Items:map[] Count:} b:{Name:y Items:map[] Count:}]",
		"dropped: field hotreload.cart.Count: 1 value of type int, now string; field hotreload.cart.Items: 1 value of type []string, now map[string]int",
	},
	{
		"embedded and nested",
		func() func(*Container) {
			type meta struct{ Created, by int }
			type inner struct{ V []meta }
			type page struct {
				meta
				*inner
				Grid [2][2]inner
			}
			return keep(page{meta{1, 2}, &inner{[]meta{{3, 4}}}, [2][2]inner{1: {1: {[]meta{{5, 6}}}}}})
		},
		func() func(*Container) string {
			type meta struct {
				by      int64
				Created int
			}
			type inner struct{ V []meta }
			type page struct {
				*inner
				meta
				Grid [3][2]inner
			}
			return func(c *Container) string {
				p := StateOf(c, "k", func() page { return page{} }).Get()
				return fmt.Sprintf("%+v %+v %+v", p.meta, *p.inner, p.Grid)
			}
		},
		"{by:2 Created:1} {V:[{by:4 Created:3}]} [[{V:[]} {V:[]}] [{V:[]} {V:[{by:6 Created:5}]}] [{V:[]} {V:[]}]]", "nothing was dropped",
	},
	{
		"a shorter array",
		func() func(*Container) {
			type row [4]int
			return keep([]row{{1, 2, 0, 4}, {1, 2, 3, 4}})
		},
		func() func(*Container) string {
			type row [2]int
			return find[[]row](nil)
		},
		"[[1 2] [1 2]]", "dropped: the value: 3 values of type int, beyond the end of hotreload.row",
	},
	{
		"keys of maps",
		func() func(*Container) {
			type key struct{ A, B int }
			return keep(map[key]int{{1, 0}: 1, {2, 1}: 2, {300, 0}: 3})
		},
		func() func(*Container) string {
			type key struct{ A int8 }
			return find[map[key]int](nil)
		},
		"map[{A:1}:1 {A:2}:2]",
		"dropped: field hotreload.key.A: 1 value of type int, not possible in int8; field hotreload.key.B: 1 value of type int, the field is gone",
	},
	{
		"keys of maps that become equal",
		func() func(*Container) {
			type key struct{ A, B int }
			return keep(map[key]int{{1, 1}: 7, {1, 2}: 7, {1, 3}: 7})
		},
		func() func(*Container) string {
			type key struct{ A int }
			return find[map[key]int](nil)
		},
		"map[{A:1}:7]",
		"dropped: field hotreload.key.B: 3 values of type int, the field is gone; " +
			"the value: 2 values of type int, under a key that another entry of map[hotreload.key]int has now",
	},
	{
		"functions and channels",
		func() func(*Container) {
			type event struct{ n int }
			type events chan int
			type hub struct {
				In    chan event
				Out   events
				On    func(event)
				Plain func() int
				None  func(event)
			}
			return keep(hub{make(chan event), make(events, 7), func(event) {}, func() int { return 42 }, nil})
		},
		func() func(*Container) string {
			type event struct{ n int }
			type events chan int
			type hub struct {
				In    chan event
				Out   events
				On    func(event)
				Plain func() int
				None  func(event)
			}
			return func(c *Container) string {
				h := StateOf(c, "k", func() hub { return hub{In: make(chan event, 5)} }).Get()
				return fmt.Sprint(cap(h.In), cap(h.Out), h.On == nil, h.Plain())
			}
		},
		"5 7 true 42",
		"dropped: field hotreload.hub.In: 1 value of type chan hotreload.event, which is bound to the old code; " +
			"field hotreload.hub.On: 1 value of type func(hotreload.event), which is bound to the old code",
	},
	{
		"interfaces",
		func() func(*Container) {
			type circle struct{ R int }
			type square struct{ A int }
			type secret struct{ X int }
			type drawing struct {
				Shapes []any
				first  *circle
			}
			c := &circle{1}
			return keep(drawing{[]any{c, circle{2}, square{3}, secret{4}, "text", nil, []circle{{5}}, map[string]*circle{"c": c}, hostPoint{6, 7}}, c})
		},
		func() func(*Container) string {
			type circle struct{ R, Width int }
			type square struct{ A int64 }
			type drawing struct {
				Shapes []any
				first  *circle
			}
			return func(c *Container) string {
				d := StateOf(c, "k", func() drawing { return drawing{} }, Holds[*square](), Holds[hostPoint]()).Get()
				s := d.Shapes
				return fmt.Sprint(s[0] == any(d.first), *s[0].(*circle), s[1].(circle), s[2].(square), s[3] != nil, s[4] == "text", s[5] == nil, s[6].([]circle), s[7].(map[string]*circle)["c"] == d.first, s[8].(hostPoint))
			}
		},
		"true {1 0} {2 0} {3} true true true [{5 0}] true {6 7}",
		"nothing was dropped; left as it was: field hotreload.drawing.Shapes: 1 value of type hotreload.secret of an older generation (hotreload.Holds tells the new type)",
	},
	{
		"interfaces with methods",
		func() func(*Container) {
			type note struct{ S fmt.Stringer }
			return keep([]note{{time.Second}, {nil}})
		},
		func() func(*Container) string {
			type note struct{ S fmt.Stringer }
			return find[[]note](nil)
		},
		"[{S:1s} {S:<nil>}]", "",
	},
	{
		"into an interface, and into one that asks for more",
		func() func(*Container) {
			type note struct {
				A time.Duration
				B int
				C any
			}
			return keep([]note{{time.Second, 2, 3}})
		},
		func() func(*Container) string {
			type note struct {
				A fmt.Stringer
				B fmt.Stringer
				C fmt.Stringer
			}
			return find[[]note](nil)
		},
		"[{A:1s B:<nil> C:<nil>}]",
		"dropped: field hotreload.note.B: 1 value of type int, which is no fmt.Stringer; field hotreload.note.C: 1 value of type int, which is no fmt.Stringer",
	},
	{
		"structs of host packages become each other whole or not at all",
		func() func(*Container) {
			type row struct {
				At  hostPoint
				Was struct{ x, y int }
			}
			return keep([]row{{hostPoint{1, 2}, struct{ x, y int }{3, 4}}})
		},
		func() func(*Container) string {
			type row struct {
				At  hostPair
				Was hostPoint
			}
			return find[[]row](nil)
		},
		"[{At:{x:1 y:2} Was:{x:3 y:4}}]", "nothing was dropped", // this package is hot here, see TestHostStructs
	},
	{
		"locks start unlocked, and once is once",
		func() func(*Container) {
			type hub struct {
				mu   sync.Mutex
				rw   sync.RWMutex
				once sync.Once
				wg   sync.WaitGroup
				n    atomic.Int64
				cond *sync.Cond
			}
			h := &hub{}
			h.once.Do(func() {})
			h.n.Store(7)
			h.wg.Add(1)
			h.cond = sync.NewCond(&h.mu)
			return keep(h)
		},
		func() func(*Container) string {
			type hub struct {
				mu   sync.Mutex
				rw   sync.RWMutex
				once sync.Once
				wg   sync.WaitGroup
				n    atomic.Int64
				cond *sync.Cond
			}
			return func(c *Container) string {
				h := StateOf(c, "k", func() *hub { panic("not needed") }).Get()
				h.wg.Wait()
				h.once.Do(func() { panic("twice") })
				h.mu.Lock()
				go func() {
					h.mu.Lock()
					defer h.mu.Unlock()
					h.n.Add(1)
					h.cond.Broadcast()
				}()
				for h.n.Load() == 7 {
					h.cond.Wait()
				}
				return fmt.Sprint(h.n.Load(), h.cond.L == &h.mu, h.rw.TryLock())
			}
		},
		"8 true true", "",
	},
	{
		"containers of the standard library",
		func() func(*Container) {
			type entry struct{ V int }
			type cache struct {
				order *list.List
				inner list.List
				byKey map[string]*list.Element
				live  sync.Map
				next  atomic.Pointer[entry]
				none  atomic.Pointer[entry]
				any   atomic.Value
			}
			c := &cache{order: list.New(), byKey: map[string]*list.Element{}}
			c.byKey["a"] = c.order.PushBack(&entry{1})
			c.byKey["b"] = c.order.PushBack(&entry{2})
			c.inner.PushBack(entry{3})
			c.live.Store("a", c.byKey["a"].Value)
			c.live.Store(entry{5}, 5)
			c.next.Store(c.byKey["b"].Value.(*entry))
			c.any.Store(entry{6})
			return keep(c)
		},
		func() func(*Container) string {
			type entry struct{ V, W int }
			type cache struct {
				order *list.List
				inner list.List
				byKey map[string]*list.Element
				live  sync.Map
				next  atomic.Pointer[entry]
				none  atomic.Pointer[entry]
				any   atomic.Value
			}
			return func(c *Container) string {
				s := StateOf(c, "k", func() *cache { return &cache{} }).Get()
				a, _ := s.live.Load("a")
				five, _ := s.live.Load(entry{V: 5})
				s.order.MoveToFront(s.byKey["b"])
				s.inner.PushFront(0)
				return fmt.Sprint(s.order.Front().Value == any(s.next.Load()), s.order.Back().Value == a, *a.(*entry), five,
					s.inner.Back().Value.(entry), s.inner.Len(), s.none.Load() == nil, s.any.Load().(entry))
			}
		},
		"true true {1 0} 5 {3 0} 2 true {6 0}", "nothing was dropped",
	},
	{
		"what cannot be copied",
		func() func(*Container) {
			type hub struct {
				N    int
				pool sync.Pool
				at   unsafe.Pointer
			}
			return keep(&hub{N: 1, pool: sync.Pool{New: func() any { return 1 }}, at: unsafe.Pointer(new(int))})
		},
		func() func(*Container) string {
			type hub struct {
				N    int
				pool sync.Pool
				at   unsafe.Pointer
			}
			return func(c *Container) string {
				h := StateOf(c, "k", func() *hub { return &hub{pool: sync.Pool{New: func() any { return 2 }}} }).Get()
				return fmt.Sprint(h.N, h.pool.Get(), h.at)
			}
		},
		"1 2 <nil>",
		"dropped: field hotreload.hub.at: 1 value of type unsafe.Pointer, which cannot be copied; field hotreload.hub.pool: 1 value of type sync.Pool, which cannot be copied",
	},
	{
		"nothing in common",
		func() func(*Container) {
			type cart struct{ A, B int }
			return keep(cart{1, 2})
		},
		func() func(*Container) string {
			type cart struct{ C, D int }
			return find(cart{3, 4})
		},
		"{C:3 D:4}", "starts again: the structure of its type hotreload.cart changed",
	},
	{
		"another kind",
		func() func(*Container) { return keep([]string{"a"}) },
		func() func(*Container) string { return find(map[string]bool{"b": true}) },
		"map[b:true]", "starts again: its type []string is map[string]bool now",
	},
	{
		"a channel of a hot type",
		func() func(*Container) {
			type event struct{}
			return keep(make(chan event, 1))
		},
		func() func(*Container) string {
			type event struct{}
			return func(c *Container) string {
				return fmt.Sprint(cap(StateOf(c, "k", func() chan event { return make(chan event, 2) }).Get()))
			}
		},
		"2", "starts again: its type chan hotreload.event is bound to the old code",
	},
	{
		"tags and the order of fields",
		func() func(*Container) {
			type row struct {
				A int `json:"a"`
				B int
				_ int
			}
			return keep([]row{{A: 1, B: 2}})
		},
		func() func(*Container) string {
			type row struct {
				B int
				_ string
				A int `json:"x"`
			}
			return find[[]row](nil)
		},
		"[{B:2 _: A:1}]", "nothing was dropped",
	},
	{
		"empty and nil",
		func() func(*Container) {
			type empty struct{}
			type row struct {
				S, T []int
				M, N map[string]int
				P    *empty
				E    []empty
				Z    [0]int
			}
			return keep([]row{{S: []int{}, M: map[string]int{}, P: &empty{}, E: make([]empty, 3)}})
		},
		func() func(*Container) string {
			type empty struct{ A int }
			type row struct {
				S, T []int
				M, N map[string]int
				P    *empty
				E    []empty
				Z    [0]int
			}
			return func(c *Container) string {
				r := StateOf(c, "k", func() []row { return nil }).Get()[0]
				return fmt.Sprint(r.S != nil, r.T == nil, r.M != nil, r.N == nil, *r.P, r.E)
			}
		},
		"true true true true {0} [{0} {0} {0}]", "nothing was dropped",
	},
}

func TestMigrations(t *testing.T) {
	for _, test := range migrations {
		t.Run(test.name, func(t *testing.T) {
			s := NewLiveState(nil)
			if notes := asGeneration(t, s, test.old()); len(notes) > 0 {
				t.Fatalf("notes %v", notes)
			}
			now := test.now()
			var value string
			notes := asGeneration(t, s, func(c *Container) { value = now(c) })
			if value != test.value {
				t.Errorf("got  %s\nwant %s", value, test.value)
			}
			var note string
			for _, d := range notes {
				if d.Code != manifest.CodeStateShape || !strings.HasSuffix(d.File, "state_migrate_test.go") {
					t.Errorf("note %v", d)
				}
				if lossless := strings.HasSuffix(d.Message, "nothing was dropped"); lossless != (d.Severity == manifest.SeverityInformation) {
					t.Errorf("severity %s: %s", d.Severity, d.Message)
				}
				note += strings.TrimPrefix(d.Message, `state "k" `)
			}
			if head, rest, ok := strings.Cut(note, "; "); ok {
				if !strings.HasPrefix(head, "was migrated: ") && head != "was taken over" {
					t.Errorf("note %s", note)
				}
				note = rest
			}
			if note != test.note {
				t.Errorf("got note  %s\nwant note %s", note, test.note)
			}
		})
	}
}

// A struct of a host package is not taken apart.
func TestHostStructs(t *testing.T) {
	type value struct {
		At   hostPoint
		Pool struct{ sync.Pool }
	}
	plans := newPlanner(newTypeBook(reflect.TypeFor[value](), reflect.TypeFor[value](), nil, nil))
	for _, test := range []struct {
		from, to reflect.Type
		want     bool
	}{
		{reflect.TypeFor[hostPoint](), reflect.TypeFor[hostPoint](), true},
		{reflect.TypeFor[hostPoint](), reflect.TypeFor[hostPair](), false},
		{reflect.TypeFor[hostPoint](), reflect.TypeFor[struct{ x, y int }](), true},
		{reflect.TypeFor[hostPoint](), reflect.TypeFor[struct{ x int }](), false},
		{reflect.TypeFor[struct{ x, y int }](), reflect.TypeFor[hostPoint](), true},
	} {
		if got := plans.plan(test.from, test.to).do != doNothing; got != test.want {
			t.Errorf("%v becomes %v: %v", test.from, test.to, got)
		}
	}
}
