package hotreload

import (
	"strings"
	"testing"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
)

// Each function has a cart type of its own, as each generation has.

func cartInFirst(c *Container) *State[int] {
	type cart struct{ Items []string }
	s := StateOf(c, "cart", func() cart { return cart{Items: []string{"new"}} })
	s.Update(func(v *cart) { v.Items = append(v.Items, "pear") })
	return StateOf(c, "cart size", func() int { return len(s.Get().Items) })
}

func cartOfSameStructure(c *Container) []string {
	type cart struct{ Items []string }
	return StateOf(c, "cart", func() cart { return cart{Items: []string{"new"}} }).Get().Items
}

func cartOfOtherStructure(c *Container) map[string]int {
	type cart struct{ Items map[string]int }
	return StateOf(c, "cart", func() cart { return cart{Items: map[string]int{"new": 1}} }).Get().Items
}

// register runs fn as a generation that goes live, and returns its notes.
func goLiveWith(t *testing.T, s *LiveState, fn func(*RouteSink)) []manifest.Diagnostic {
	t.Helper()
	if err := s.Register(fn); err != nil {
		t.Fatal(err)
	}
	return s.current.Load().notes
}

func TestStateSurvivesGenerations(t *testing.T) {
	s := NewLiveState(nil)
	for want := 1; want <= 3; want++ {
		goLiveWith(t, s, func(r *RouteSink) {
			StateOf(r.Container(), "n", func() int { return 0 }).Update(func(n *int) { *n++ })
		})
		if got := StateOf(s.Container(), "n", func() int { return -1 }).Get(); got != want {
			t.Errorf("got %d, want %d", got, want)
		}
	}
	state := s.Manifest().Manifest.State
	if len(state) != 1 || state[0].Key != "n" || state[0].Type != "int" || state[0].Fingerprint == "" {
		t.Errorf("manifest has %v", state)
	}
}

func TestStateOfHotTypeIsCarriedOver(t *testing.T) {
	s := NewLiveState(nil)
	goLiveWith(t, s, func(r *RouteSink) { cartInFirst(r.Container()) })
	var items []string
	notes := goLiveWith(t, s, func(r *RouteSink) { items = cartOfSameStructure(r.Container()) })
	if got := strings.Join(items, " "); got != "new pear" || len(notes) != 0 {
		t.Errorf("items %q, notes %v", got, notes)
	}
}

func TestStateOfChangedTypeStartsAgain(t *testing.T) {
	s := NewLiveState(nil)
	goLiveWith(t, s, func(r *RouteSink) { cartInFirst(r.Container()) })
	notes := goLiveWith(t, s, func(r *RouteSink) {
		if got := cartOfOtherStructure(r.Container()); got["new"] != 1 {
			t.Errorf("got %v", got)
		}
	})
	if len(notes) != 1 || notes[0].Code != manifest.CodeStateShape || !strings.HasSuffix(notes[0].File, "state_test.go") ||
		notes[0].Message != `state "cart" starts again: the structure of its type hotreload.cart changed` {
		t.Errorf("notes %v", notes)
	}
	// The generation before finds its own, as if rolled back to.
	if notes := goLiveWith(t, s, func(r *RouteSink) { cartInFirst(r.Container()) }); len(notes) != 0 {
		t.Errorf("notes %v", notes)
	}
	var items []string
	goLiveWith(t, s, func(r *RouteSink) { items = cartOfSameStructure(r.Container()) })
	if got := strings.Join(items, " "); got != "new pear pear" {
		t.Errorf("continues with %q, want the value of the generation that was live before", got)
	}
}

func TestStateOfRefusedGenerationIsForgotten(t *testing.T) {
	s := NewLiveState(nil)
	goLiveWith(t, s, func(r *RouteSink) { cartInFirst(r.Container()) })
	err := s.Register(func(r *RouteSink) {
		cartOfOtherStructure(r.Container())
		r.Get("no slash", func(*Ctx) error { return nil })
	})
	if err == nil {
		t.Fatal("the generation was not refused")
	}
	var items []string
	notes := goLiveWith(t, s, func(r *RouteSink) { items = cartOfSameStructure(r.Container()) })
	if got := strings.Join(items, " "); got != "new pear" || len(notes) != 0 {
		t.Errorf("items %q, notes %v", got, notes)
	}
}

func TestStateByTwoTypesInOneGenerationPanics(t *testing.T) {
	s := NewLiveState(nil)
	defer func() {
		if text, _ := recover().(string); text != `hotreload: state "n" is asked for as int and as string` {
			t.Errorf("panic: %v", text)
		}
	}()
	_ = s.Register(func(r *RouteSink) {
		StateOf(r.Container(), "n", func() int { return 0 })
		StateOf(r.Container(), "n", func() string { return "" })
	})
}

func TestStateInitialisedAgainAfterPanic(t *testing.T) {
	c := NewContainer()
	func() {
		defer func() { recover() }()
		StateOf(c, "n", func() int { panic("not yet") })
	}()
	if got := StateOf(c, "n", func() int { return 7 }).Get(); got != 7 {
		t.Errorf("got %d, want 7", got)
	}
}

func TestManyTypesOfOneKeyAreBounded(t *testing.T) {
	c := NewContainer()
	StateOf(c, "k", func() int8 { return 0 })
	StateOf(c, "k", func() int16 { return 0 })
	StateOf(c, "k", func() int32 { return 0 })
	StateOf(c, "k", func() int64 { return 0 })
	StateOf(c, "k", func() uint8 { return 0 })
	StateOf(c, "k", func() uint16 { return 0 })
	StateOf(c, "k", func() uint32 { return 0 })
	StateOf(c, "k", func() uint64 { return 0 })
	StateOf(c, "k", func() string { return "kept" }).Set("kept")
	if n := len(c.slots["k"].cells); n != maxCells {
		t.Errorf("%d cells are kept, want %d", n, maxCells)
	}
	if got := StateOf(c, "k", func() string { return "lost" }).Get(); got != "kept" {
		t.Errorf("the newest value is %q", got)
	}
}
