package hotreload

import (
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/anvilforge/anvil-lsp/hotreload/internal/migrate"
	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
)

// asGeneration runs fn as a generation that goes live, with this package as a
// hot one, and returns its notes.
func asGeneration(t *testing.T, s *LiveState, fn func(*Container)) []manifest.Diagnostic {
	t.Helper()
	g := s.newGeneration(s.next(), "")
	g.reg.hot = []string{manifest.RuntimePath}
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

// migration is a pair of generations, each with types of its own.
type migration struct {
	name  string
	old   func() func(*Container)
	now   func() func(*Container) string
	value string // what the second one finds
	note  string // without what all of them begin with; empty if there is none
}

var migrations = []migration{
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
	{
		"values become pointers, and pointers values",
		func() func(*Container) {
			type item struct {
				Name string
				Tags []string
			}
			type cart struct {
				mu    sync.Mutex
				List  []item
				ByKey map[string]item
				One   item
				Nick  *string
				Loose []*item
				Limit *int
				Self  *cart
			}
			nick := "nick"
			a := item{"a", []string{"x"}}
			return keep(&cart{List: []item{a, {"b", nil}}, ByKey: map[string]item{"a": a}, One: a, Nick: &nick, Loose: []*item{&a, nil}})
		},
		func() func(*Container) string {
			type item struct {
				Name string
				Tags []string
				N    int
			}
			type cart struct {
				mu    sync.Mutex
				List  []*item
				ByKey map[string]*item
				One   *item
				Nick  string
				Loose []item
				Limit int
				Self  *cart
			}
			return func(c *Container) string {
				got := StateOf(c, "k", func() *cart { return &cart{Limit: 3} }).Get()
				got.List[0].Tags[0] = "y" // as before, they have one array
				return fmt.Sprint(*got.List[0], *got.List[1], len(got.ByKey), *got.ByKey["a"], *got.One, " ", got.Nick, " ", got.Loose, got.Limit)
			}
		},
		"{a [y] 0} {b [] 0} 1 {a [y] 0} {a [y] 0} nick [{a [y] 0} { [] 0}] 3", "nothing was dropped",
	},
	{
		"the state becomes a pointer",
		func() func(*Container) {
			type cart struct{ Name string }
			return keep(cart{"mine"})
		},
		func() func(*Container) string {
			type cart struct {
				Name  string
				Limit int
			}
			return func(c *Container) string {
				return fmt.Sprint(*StateOf(c, "k", func() *cart { return &cart{"new", 3} }).Get())
			}
		},
		"{mine 3}", "nothing was dropped",
	},
	{
		"the state was a pointer",
		func() func(*Container) {
			type cart struct{ Name string }
			return keep(&cart{"mine"})
		},
		func() func(*Container) string {
			type cart struct {
				Name  string
				Limit int
			}
			return find(cart{"new", 3})
		},
		"{Name:mine Limit:3}", "nothing was dropped",
	},
	{
		"a pointer to another structure",
		func() func(*Container) {
			type item struct{ Name string }
			type cart struct {
				Items []item
				Name  string
			}
			return keep(cart{Items: []item{{"a"}}, Name: "mine"})
		},
		func() func(*Container) string {
			type cart struct {
				Items []*chan int
				Name  string
			}
			return find(cart{})
		},
		"{Items:[] Name:mine}", "dropped: field hotreload.cart.Items: 1 value of type []hotreload.item, now []*chan int",
	},
}

func TestMigrations(t *testing.T) {
	for _, test := range append(slices.Clip(migrations), specialMigrations...) {
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
				if d.Code != manifest.CodeStateShape || !strings.HasSuffix(d.File, "_test.go") {
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
	plans := migrate.NewPlanner(migrate.NewTypeBook(reflect.TypeFor[value](), reflect.TypeFor[value](), nil, nil))
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
		if got := plans.Plan(test.from, test.to).Do != migrate.DoNothing; got != test.want {
			t.Errorf("%v becomes %v: %v", test.from, test.to, got)
		}
	}
}
