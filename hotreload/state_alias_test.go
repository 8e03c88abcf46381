package hotreload

import (
	"fmt"
	"strings"
	"testing"
)

// What is shared within the old value is shared in the same way within the new
// one, and nothing is shared between the two.

// sameProcess has both generations in one process.
func sameProcess(_ *testing.T, s *LiveState) *LiveState { return s }

func TestMigrationKeepsCycles(t *testing.T) { keepsCycles(t, sameProcess) }

func keepsCycles(t *testing.T, next func(*testing.T, *LiveState) *LiveState) {
	s := NewLiveState(nil)
	asGeneration(t, s, func(c *Container) {
		type node struct {
			Name string
			next *node
			all  []*node
			kids map[string]*node
			self any
			list []any
		}
		a, b := &node{Name: "a"}, &node{Name: "b"}
		a.next, b.next = b, a
		a.all = []*node{a, b, nil}
		a.kids = map[string]*node{"a": a, "b": b}
		a.self, b.self = a, *b
		a.list = []any{nil}
		a.list[0] = a.list // a slice that contains itself
		keep(a)(c)
	})
	s = next(t, s)
	asGeneration(t, s, func(c *Container) {
		type node struct {
			next *node
			Name string
			all  []*node
			kids map[string]*node
			self any
			list []any
			More int
		}
		a := StateOf(c, "k", func() *node { return &node{More: 7} }).Get()
		b := a.next
		if a.Name != "a" || b.Name != "b" || b.next != a || a.More != 7 || b.More != 0 {
			t.Errorf("got %p %+v, %p %+v", a, a, b, b)
		}
		if a.all[0] != a || a.all[1] != b || a.all[2] != nil || a.kids["a"] != a || a.kids["b"] != b || a.self != any(a) {
			t.Errorf("got %+v", a)
		}
		if inner := b.self.(node); inner.next != a || inner.Name != "b" {
			t.Errorf("got %+v", inner)
		}
		if inner := a.list[0].([]any); &inner[0] != &a.list[0] {
			t.Error("the slice does not contain itself")
		}
	})
}

func TestMigrationKeepsInteriorReferences(t *testing.T) { keepsInteriorReferences(t, sameProcess) }

func keepsInteriorReferences(t *testing.T, next func(*testing.T, *LiveState) *LiveState) {
	s := NewLiveState(nil)
	type old struct {
		current *int
		buffer  [8]byte
		text    []byte
	}
	var was *old
	asGeneration(t, s, func(c *Container) {
		type item struct {
			N    int
			Gone string
		}
		type holder struct{ Items []item }
		type cart struct {
			first  *item // found before the slice that it leads into
			behind *holder
			recent []item
			last   []item
			number *int
			apart  *string
			other  *old
			whole  *[4]item
			grid   [4]item
			row    []item
			self   *cart
		}
		was = &old{}
		was.current, was.text = new(int), was.buffer[:3]
		h := &holder{make([]item, 5, 10)}
		for i := range h.Items {
			h.Items[i] = item{i, fmt.Sprint(i)}
		}
		v := &cart{first: &h.Items[1], behind: h, recent: h.Items[2:4], last: h.Items[3:6], number: &h.Items[4].N, apart: &h.Items[4].Gone, other: was}
		v.whole, v.row, v.self = &v.grid, v.grid[1:3], v
		keep(v)(c)
	})
	before := s
	s = next(t, s)
	sharing := s == before // *int and *old are types of both, and of one process
	notes := asGeneration(t, s, func(c *Container) {
		type item struct {
			Extra bool
			N     int
		}
		type holder struct{ Items []item }
		type cart struct {
			self   *cart
			first  *item
			behind *holder
			recent []item
			last   []item
			number *int
			apart  *string
			other  *old
			whole  *[4]item
			grid   [4]item
			row    []item
		}
		v := StateOf(c, "k", func() *cart { return &cart{} }).Get()
		items := v.behind.Items
		if len(items) != 5 || cap(items) < 6 || items[4].N != 4 {
			t.Fatalf("items %+v, capacity %d", items, cap(items))
		}
		for name, same := range map[string]bool{
			"pointer to an element":           v.first == &items[1],
			"slice of the same array":         len(v.recent) == 2 && &v.recent[0] == &items[2],
			"slice beyond the end of another": len(v.last) == 3 && &v.last[0] == &items[3],
			"pointer to a field":              v.number == &items[4].N,
			"pointer to an array":             v.whole == &v.grid,
			"slice of an array":               len(v.row) == 2 && cap(v.row) == 3 && &v.row[0] == &v.grid[1],
			"pointer to itself":               v.self == v,
			"pointer that is shared":          (v.other == was) == sharing && &v.other.text[0] == &v.other.buffer[0],
		} {
			if !same {
				t.Errorf("lost: %s", name)
			}
		}
		if *v.apart != "4" {
			t.Errorf("got %q", *v.apart)
		}
	})
	if len(notes) != 1 {
		t.Fatalf("notes %v", notes)
	}
	want := `state "k" was migrated: the structure of its type *hotreload.cart changed; ` +
		`dropped: field hotreload.item.Gone: 5 values of type string, the field is gone; ` +
		`left as it was: field hotreload.cart.apart: 1 value of type *string, which leads into the old value`
	if !sharing {
		want = strings.Replace(want, "*string, which leads into the old value", "string, which was part of another one and is a copy of its own now", 1)
	}
	if notes[0].Message != want {
		t.Errorf("got  %s\nwant %s", notes[0].Message, want)
	}
}

// A value that refers to itself does so at the place where it is kept.
func TestMigrationOfSelfReference(t *testing.T) { keepsSelfReference(t, sameProcess) }

func keepsSelfReference(t *testing.T, next func(*testing.T, *LiveState) *LiveState) {
	s := NewLiveState(nil)
	asGeneration(t, s, func(c *Container) {
		type ring struct {
			buffer [4]int
			used   []int
			self   *ring
		}
		StateOf(c, "k", func() ring { return ring{} }).Update(func(r *ring) { r.self, r.used = r, r.buffer[:2] })
	})
	s = next(t, s)
	asGeneration(t, s, func(c *Container) {
		type ring struct {
			self   *ring
			buffer [8]int
			used   []int
		}
		StateOf(c, "k", func() ring { return ring{buffer: [8]int{7: 7}} }).Update(func(r *ring) {
			if r.self != r || &r.used[0] != &r.buffer[0] || len(r.used) != 2 || r.buffer[7] != 7 {
				t.Errorf("got %p %+v", r, r)
			}
		})
	})
}

// Memory for which the new form has no place gets a copy of its own.
func TestMigrationOfReferencesApart(t *testing.T) { keepsReferencesApart(t, sameProcess) }

func keepsReferencesApart(t *testing.T, next func(*testing.T, *LiveState) *LiveState) {
	s := NewLiveState(nil)
	asGeneration(t, s, func(c *Container) {
		type point struct{ X int }
		type box struct {
			gone point
			p, q *point
		}
		b := &box{gone: point{3}}
		b.p, b.q = &b.gone, &b.gone
		keep(b)(c)
	})
	s = next(t, s)
	notes := asGeneration(t, s, func(c *Container) {
		type point struct{ X int }
		type box struct{ p, q *point }
		b := StateOf(c, "k", func() *box { return nil }).Get()
		if b.p != b.q || b.p.X != 3 {
			t.Errorf("got %+v", b)
		}
	})
	const want = `state "k" was migrated: the structure of its type *hotreload.box changed; ` +
		`dropped: field hotreload.box.gone: 1 value of type hotreload.point, the field is gone; ` +
		`left as it was: field hotreload.box.p: 1 value of type hotreload.point, which was part of another one and is a copy of its own now`
	if len(notes) != 1 || notes[0].Message != want {
		t.Errorf("got  %v\nwant %s", notes, want)
	}
}

func TestMigrationSharesNoMemory(t *testing.T) {
	s := NewLiveState(nil)
	var change func()
	asGeneration(t, s, func(c *Container) {
		type item struct{ Tags map[string][]int }
		type cart struct {
			Items []item
			Any   []any
			grid  [2]*item
		}
		v := cart{
			Items: make([]item, 1, 9), Any: []any{[]int{1}, map[string]int{"a": 1}, item{map[string][]int{"a": {1}}}},
			grid: [2]*item{{map[string][]int{"a": {1}}}},
		}
		v.Items[0].Tags = map[string][]int{"a": {1}}
		keep(v)(c)
		change = func() {
			StateOf(c, "k", func() cart { panic("there is one") }).Update(func(v *cart) {
				v.Items[0].Tags["a"][0] = 2
				v.Items = append(v.Items, item{map[string][]int{"b": {2}}})
				v.Any[0].([]int)[0] = 2
				v.Any[1].(map[string]int)["a"] = 2
				v.Any[2].(item).Tags["a"][0] = 2
				v.grid[0].Tags["a"] = nil
			})
		}
	})
	asGeneration(t, s, func(c *Container) {
		type item struct{ Tags map[string][]int }
		type cart struct {
			Items []item
			Any   []any
			grid  [2]*item
		}
		state := StateOf(c, "k", func() cart { return cart{} })
		text := func() string {
			v := state.Get()
			return fmt.Sprint(v.Items, v.Any, *v.grid[0], v.Items[:cap(v.Items)])
		}
		before := text()
		change()
		if after := text(); after != before || before != "[{map[a:[1]]}] [[1] map[a:1] {map[a:[1]]}] {map[a:[1]]} [{map[a:[1]]}]" {
			t.Errorf("before %s\nafter  %s", before, after)
		}
	})
}
