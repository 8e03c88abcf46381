package hotreload

import (
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
)

// The cart of one generation, and that of another one.

func firstCart(c *Container) (add func(string), show func() string) {
	type item struct{ Name string }
	type cart struct{ Items []*item }
	s := StateOf(c, "cart", func() *cart { return &cart{} })
	add = func(name string) { s.Update(func(v **cart) { (*v).Items = append((*v).Items, &item{name}) }) }
	show = func() (all string) {
		s.Update(func(v **cart) {
			for _, item := range (*v).Items {
				all += item.Name + " "
			}
		})
		return all
	}
	return add, show
}

func secondCart(c *Container) (add func(string), show func() string) {
	type item struct {
		Count int
		Name  string
	}
	type cart struct{ Items []*item }
	s := StateOf(c, "cart", func() *cart { return &cart{} })
	add = func(name string) { s.Update(func(v **cart) { (*v).Items = append((*v).Items, &item{1, name}) }) }
	show = func() (all string) {
		s.Update(func(v **cart) {
			for _, item := range (*v).Items {
				all += fmt.Sprint(item.Name, item.Count, " ")
			}
		})
		return all
	}
	return add, show
}

func TestStateOfGenerations(t *testing.T) {
	s := NewLiveState(nil)
	var add, addOld, addNew func(string)
	var show, showOld, showNew func() string
	first := func(c *Container) { add, show = firstCart(c) }
	second := func(c *Container) { add, show = secondCart(c) }
	check := func(what, got, want string) {
		t.Helper()
		if got != want {
			t.Errorf("%s: got %q, want %q", what, got, want)
		}
	}

	asGeneration(t, s, first)
	addOld, showOld = add, show
	addOld("a")

	// While it is not decided whether the next one goes live the live one works
	// on, and so it does after the next one was refused.
	err := s.Register(func(r *RouteSink) {
		second(r.Container())
		check("before the refusal", show(), "a0 ")
		add("refused")
		addOld("b")
		check("the live one meanwhile", showOld(), "a b ")
		r.Get("no slash", func(*Ctx) error { return nil })
	})
	if err == nil {
		t.Fatal("the generation was not refused")
	}
	check("after the refusal", showOld(), "a b ")

	asGeneration(t, s, second)
	addNew, showNew = add, show
	addNew("c")
	addOld("late") // a request in flight
	check("the new one", showNew(), "a0 b0 c1 ")
	check("the old one", showOld(), "a b late ")

	if notes := asGeneration(t, s, first); len(notes) > 0 { // as a rollback does
		t.Errorf("notes %v", notes)
	}
	check("after the rollback", show(), "a b late ")
	add("again")
	check("the old one again", showOld(), "a b late again ")
	check("the one that was rolled back", showNew(), "a0 b0 c1 ")

	asGeneration(t, s, func(c *Container) {
		type cart struct{ Items []*struct{ Name string } }
		v := StateOf(c, "cart", func() *cart { return &cart{} }).Get()
		check("one that continues", fmt.Sprint(len(v.Items), v.Items[3].Name), "4again")
	})
}

// A generation that asks for a value only while it serves has it continued by
// the next one too, also after a rollback to it.
func TestStateOfLateGenerations(t *testing.T) {
	s := NewLiveState(nil)
	serve := func() *Container {
		g := s.newGeneration(s.next(), "")
		g.reg.hot = []string{manifest.RuntimePath}
		root := g.sink()
		c := root.Container()
		if faults := g.prepare(root, source{}); len(faults) > 0 || !s.goLive(g) {
			t.Fatal(faults)
		}
		return c
	}
	type one struct{ N int }
	type two struct{ N, M int }
	type three struct{ N, M, O int }
	StateOf(serve(), "k", func() one { return one{1} })
	StateOf(serve(), "k", func() two { return two{} }).Set(two{2, 2})
	StateOf(serve(), "k", func() one { return one{} }).Set(one{100}) // as a rollback does
	if got := StateOf(serve(), "k", func() three { return three{} }).Get(); got.N != 100 {
		t.Errorf("the next generation continues %+v, the live one held 100", got)
	}
}

// A value that could not be made is made the next time, from the old one, and
// whoever comes first makes it.
func TestStateIsMadeOnce(t *testing.T) {
	s := NewLiveState(nil)
	asGeneration(t, s, func(c *Container) {
		type cart struct{ Name string }
		keep(cart{"mine"})(c)
	})
	asGeneration(t, s, func(c *Container) {
		type cart struct{ Name, Note string }
		func() {
			defer func() {
				if recover() == nil {
					t.Error("initial did not panic")
				}
			}()
			StateOf(c, "k", func() cart { panic("not yet") })
		}()
		var calls atomic.Int32
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				v := StateOf(c, "k", func() cart { calls.Add(1); return cart{Note: "new"} }).Get()
				if v != (cart{"mine", "new"}) {
					t.Errorf("got %+v", v)
				}
			})
		}
		all.Wait()
		if calls.Load() != 1 {
			t.Errorf("%d calls of initial", calls.Load())
		}
	})
}

// What interfaces hold makes a view of its own, even of a type that is the same
// in every generation.
func TestHoldsOfSharedType(t *testing.T) {
	s := NewLiveState(nil)
	var old *State[map[string]any]
	asGeneration(t, s, func(c *Container) {
		type session struct{ User string }
		old = StateOf(c, "sessions", func() map[string]any { return map[string]any{} }, WithType[session]())
		if again := StateOf(c, "sessions", func() map[string]any { return nil }); again != old {
			t.Error("there are two values in one generation")
		}
		old.Update(func(m *map[string]any) { (*m)["x"] = session{"ann"} })
	})
	asGeneration(t, s, func(c *Container) {
		type session struct{ User, Role string }
		now := StateOf(c, "sessions", func() map[string]any { return map[string]any{} }, WithType[session]())
		if now == old || now.Get()["x"] != any(session{User: "ann"}) {
			t.Errorf("got %+v", now.Get())
		}
	})
}

// Notes are sorted, and those of middleware are among them.
func TestNotesOfLateStates(t *testing.T) {
	s := NewLiveState(nil)
	asGeneration(t, s, func(c *Container) {
		StateOf(c, "a", func() int { return 1 })
		StateOf(c, "b", func() int { return 1 })
	})
	var notes []manifest.Diagnostic
	err := s.Register(func(r *RouteSink) {
		r.Use(func(next http.Handler) http.Handler {
			StateOf(r.Container(), "a", func() string { return "" })
			return next
		})
		r.Get("/", func(*Ctx) error { return nil })
		StateOf(r.Container(), "b", func() string { return "" })
	})
	if err != nil {
		t.Fatal(err)
	}
	notes = s.current.Load().notes
	if len(notes) != 2 || notes[0].Line >= notes[1].Line {
		t.Errorf("notes %v", notes)
	}
}

// Requests of the live generation go on while others copy what they change: a
// copy is always of one moment.
func TestMigrationWhileOthersWrite(t *testing.T) {
	s := NewLiveState(nil)
	var step func()
	asGeneration(t, s, func(c *Container) {
		type row struct{ A, B int }
		type table struct {
			Rows  []row
			byKey map[int]*row
			sum   int
		}
		state := StateOf(c, "k", func() *table { return &table{byKey: map[int]*row{}} })
		step = func() {
			state.Update(func(v **table) {
				t := *v
				n := len(t.Rows)
				t.Rows = append(t.Rows, row{n, n})
				t.byKey[n] = &row{n, n}
				for i := range t.Rows {
					t.Rows[i].A++
					t.Rows[i].B++
				}
				t.sum++
			})
			_ = state.Get()
		}
	})
	var writers sync.WaitGroup
	var stop atomic.Bool
	for range 3 {
		writers.Go(func() {
			for steps := 0; steps < 200 || !stop.Load(); steps++ {
				if step(); steps > 200 {
					return
				}
			}
		})
	}
	for range 20 {
		err := s.Register(func(r *RouteSink) {
			type row struct {
				B int64
				A int
			}
			type table struct {
				byKey map[int]*row
				Rows  []row
				sum   int
			}
			v := StateOf(r.Container(), "k", func() *table { return nil }).Get()
			for i, row := range v.Rows {
				if int64(row.A) != row.B || row.A != len(v.Rows) {
					t.Errorf("row %d of %d is %+v", i, len(v.Rows), row)
				}
			}
			if len(v.byKey) != len(v.Rows) || v.sum != len(v.Rows) {
				t.Errorf("%d rows, %d keys, sum %d", len(v.Rows), len(v.byKey), v.sum)
			}
			r.Get("no slash", func(*Ctx) error { return nil })
		})
		if err == nil {
			t.Fatal("the generation was not refused")
		}
	}
	stop.Store(true)
	writers.Wait()
}

// A value that guards itself with a lock does not need State.Update.
func TestMigrationTakesLocks(t *testing.T) {
	s := NewLiveState(nil)
	var step, hold, free func()
	asGeneration(t, s, func(c *Container) {
		type room struct {
			sync.RWMutex
			seen map[int]int
		}
		type hub struct {
			rooms map[string]*room
			mu    sync.Mutex
			n     int
			live  sync.Map
		}
		h := StateOf(c, "hub", func() *hub { return &hub{rooms: map[string]*room{"a": {seen: map[int]int{}}}} }).Get()
		step = func() {
			h.mu.Lock()
			defer h.mu.Unlock()
			h.n++
			h.rooms[fmt.Sprint(h.n%9)] = &room{seen: map[int]int{h.n: h.n}}
			h.live.Store(h.n, &room{})
			r := h.rooms["a"]
			r.Lock()
			defer r.Unlock()
			r.seen[h.n%7] = h.n
		}
		hold, free = h.mu.Lock, h.mu.Unlock
	})
	register := func() {
		_ = s.Register(func(r *RouteSink) {
			type room struct {
				seen map[int]int
				sync.RWMutex
			}
			type hub struct {
				rooms map[string]*room
				mu    sync.Mutex
				n     int
				live  sync.Map
			}
			h := StateOf(r.Container(), "hub", func() *hub { return nil }).Get()
			if !h.mu.TryLock() || !h.rooms["a"].TryLock() {
				t.Error("a lock of the copy is held")
			}
			if h.n > 0 && h.rooms["a"].seen[h.n%7] != h.n {
				t.Errorf("%d is not in %v", h.n, h.rooms["a"].seen)
			}
			r.Get("no slash", func(*Ctx) error { return nil })
		})
	}
	var writers sync.WaitGroup
	for range 2 {
		writers.Go(func() {
			for range 2000 {
				step()
			}
		})
	}
	for range 20 {
		register()
	}
	writers.Wait()
	step() // no lock was left behind
	hold()
	register() // somebody holds one for good
	free()
	step()
}
