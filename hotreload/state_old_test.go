package hotreload

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/anvilforge/anvil-lsp/hotreload/internal/migrate"
)

// oldShop is a generation with a value to migrate.
func oldShop(c *Container) {
	type item struct {
		Label string
		Price float64
	}
	type shop struct {
		Name  string
		Owner *item
		Any   any
		items map[string]item
		list  [2]item
		Note  string
		None  *item
	}
	keep(&shop{
		Name: "mine", Owner: &item{"owner", 1}, Any: item{"any", 2}, Note: "kept by nobody",
		items: map[string]item{"a": {"pear", 0.5}, "b": {"plum", 2.5}}, list: [2]item{{"x", 3}, {"y", 4}},
	})(c)
}

func TestMigrateFunction(t *testing.T) {
	s := NewLiveState(nil)
	asGeneration(t, s, oldShop)
	calls := 0
	notes := asGeneration(t, s, func(c *Container) {
		type item struct {
			Name  string
			Cents int
		}
		type shop struct {
			Name  string
			items map[string]*item
		}
		v := StateOf(c, "k", func() *shop { panic("not needed") }, WithMigration(func(old OldValue) *shop {
			calls++
			now := OldAs[*shop](old)
			now.items = map[string]*item{}
			for key, was := range old.Field("items").All() {
				now.items[OldAs[string](key)] = &item{OldAs[string](was.Field("Label")), int(100 * OldAs[float64](was.Field("Price")))}
			}
			return now
		})).Get()
		if v.Name != "mine" || len(v.items) != 2 || *v.items["a"] != (item{"pear", 50}) || *v.items["b"] != (item{"plum", 250}) {
			t.Errorf("got %+v", v)
		}
	})
	const want = `state "k" was migrated by its WithMigration function: the structure of its type *hotreload.shop changed; dropped: ` +
		`field hotreload.shop.Any: 1 value of type interface {}, the field is gone; ` +
		`field hotreload.shop.Note: 1 value of type string, the field is gone; ` +
		`field hotreload.shop.Owner: 1 value of type *hotreload.item, the field is gone; and 1 more`
	if len(notes) != 1 || notes[0].Message != want || strings.Count(notes[0].Detail, "\n") != 3 {
		t.Errorf("got  %+v\nwant %s", notes, want)
	}
	if calls != 1 {
		t.Errorf("%d calls", calls)
	}
}

func TestMigrateFunctionIsNotCalledWithoutNeed(t *testing.T) {
	s := NewLiveState(nil)
	asGeneration(t, s, func(c *Container) {
		type shop struct{ Name string }
		StateOf(c, "k", func() shop { return shop{"mine"} }, WithMigration(func(OldValue) shop { panic("there is no old one") }))
		StateOf(c, "k", func() shop { panic("there is one") }, WithMigration(func(OldValue) shop { panic("it is the same type") }))
	})
	asGeneration(t, s, func(c *Container) {
		type shop struct{ Name string }
		v := StateOf(c, "k", func() shop { return shop{} }, WithMigration(func(OldValue) shop { panic("it has the same structure") })).Get()
		if v.Name != "mine" {
			t.Errorf("got %+v", v)
		}
	})
}

// What cannot be taken over at all is the function's business, too.
func TestMigrateFunctionOfImpossible(t *testing.T) {
	s := NewLiveState(nil)
	asGeneration(t, s, func(c *Container) {
		type event struct{}
		keep(make(chan event, 3))(c)
	})
	notes := asGeneration(t, s, func(c *Container) {
		type event struct{}
		v := StateOf(c, "k", func() chan event { return nil }, WithMigration(func(old OldValue) chan event {
			if old.Type() != "chan hotreload.event" || old.Len() != 0 {
				t.Errorf("got %s", old.Type())
			}
			return make(chan event, 9)
		})).Get()
		if cap(v) != 9 {
			t.Errorf("got a channel of %d", cap(v))
		}
	})
	if len(notes) != 0 {
		t.Errorf("notes %v", notes)
	}
}

func TestOld(t *testing.T) {
	s := NewLiveState(nil)
	asGeneration(t, s, oldShop)
	var got []string
	show := func(o OldValue) string {
		var parts []string
		for key, part := range o.All() {
			parts = append(parts, OldAs[string](key)+fmt.Sprint(OldAs[int](key))+OldAs[string](part.Field("Label")))
		}
		slices.Sort(parts)
		return fmt.Sprint(o.Exists(), " ", o.Type(), " ", o.Len(), " ", o.Fields(), " ", strings.Join(parts, ","))
	}
	notes := asGeneration(t, s, func(c *Container) {
		StateOf(c, "k", func() int { return 0 }, WithMigration(func(old OldValue) int {
			for _, o := range []OldValue{
				old, old.Field("Owner"), old.Field("Any"), old.Field("items"), old.Field("list"), old.Field("None"), old.Field("None").Field("Label"),
				old.Field("no such field"), old.Field("list").Index(1), old.Field("list").Index(2), old.Field("Name").Index(0), {},
			} {
				got = append(got, show(o))
			}
			type other struct{ Label, Price string }
			got = append(got, fmt.Sprintf("%+v %+v %v", OldAs[other](old.Field("Owner")), OldAs[[]other](old.Field("list").Index(0)), OldAs[*int](old.Field("no such field"))))
			return OldAs[int](old.Field("Owner").Field("Price"))
		}))
		if v := StateOf(c, "k", func() int { return 0 }).Get(); v != 1 {
			t.Errorf("got %d", v)
		}
	})
	want := []string{
		"true *hotreload.shop 0 [Name Owner Any items list Note None] ",
		"true *hotreload.item 0 [Label Price] ",
		"true interface {} 0 [Label Price] ",
		"true map[string]hotreload.item 2 [] a0pear,b0plum",
		"true [2]hotreload.item 2 [] 0x,1y",
		"true *hotreload.item 0 [] ",
		"false  0 [] ",
		"false  0 [] ",
		"true hotreload.item 0 [Label Price] ",
		"false  0 [] ",
		"false  0 [] ",
		"false  0 [] ",
		"{Label:owner Price:} [] <nil>",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got  %s\nwant %s", strings.Join(got, "\n     "), strings.Join(want, "\n     "))
	}
	// What OldAs could not do is reported although the hook asked for it.
	if len(notes) != 1 || !strings.Contains(notes[0].Detail+notes[0].Message, "field hotreload.shop.list: 1 value of type hotreload.item, now []hotreload.other") {
		t.Errorf("notes %v", notes)
	}
}

// The function sees a copy: it cannot change the old value.
func TestMigrateFunctionHasACopy(t *testing.T) {
	s := NewLiveState(nil)
	var price func() float64
	asGeneration(t, s, func(c *Container) {
		type item struct{ Price float64 }
		type shop struct{ items []*item }
		state := StateOf(c, "k", func() shop { return shop{[]*item{{1}}} })
		price = func() float64 { return state.Get().items[0].Price }
	})
	asGeneration(t, s, func(c *Container) {
		StateOf(c, "k", func() int { return 0 }, WithMigration(func(old OldValue) int {
			migrate.Open(old.old.Field("items").Index(0).Target().(migrate.LiveOld).Value.Field(0)).SetFloat(2)
			return 0
		}))
	})
	if price() != 1 {
		t.Errorf("the price is %v", price())
	}
}

func TestMigrateFunctionOfAnotherTypePanics(t *testing.T) {
	defer func() {
		const want = `hotreload: state "k" is a string, but its migration is a func(hotreload.OldValue) int`
		if text, _ := recover().(string); text != want {
			t.Errorf("panic: %v", text)
		}
	}()
	StateOf(NewContainer(), "k", func() string { return "" }, WithMigration(func(OldValue) int { return 0 }))
}
