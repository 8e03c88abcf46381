//go:build anvilhot

package hotreload

import (
	"bytes"
	"context"
	"encoding/gob"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"net"
	"net/netip"
	"net/url"
	"reflect"
	"regexp"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/anvilforge/anvil-lsp/hotreload/control"
	"github.com/anvilforge/anvil-lsp/hotreload/internal/image"
	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
)

// across keeps v in one process, and returns what the next one has and notes.
func across[T any](t *testing.T, v T, initial func() T, options ...StateOption) (T, []string) {
	t.Helper()
	s := NewLiveState(nil)
	asGeneration(t, s, func(c *Container) { StateOf(c, "k", func() T { return v }, options...) })
	var now T
	notes := asGeneration(t, nextProcess(t, s), func(c *Container) { now = StateOf(c, "k", initial, options...).Get() })
	return now, messages(notes)
}

func messages(notes []manifest.Diagnostic) (all []string) {
	for _, n := range notes {
		all = append(all, n.Message)
	}
	return all
}

// What is data goes along whatever package its type is of.
func TestDataOfOtherPackages(t *testing.T) {
	type everything struct {
		At, Local, Zero time.Time
		Zone            *time.Location
		Number          *big.Int
		Ratio           big.Rat
		Addr            netip.Addr
		Prefix          netip.Prefix
		IP              net.IP
		URL             *url.URL
		Raw             json.RawMessage
		Pattern         *regexp.Regexp
		Took            time.Duration
		Err             error
		Wrapped         error
	}
	zone, err := time.LoadLocation("Europe/Vienna")
	if err != nil {
		t.Fatal(err)
	}
	huge, _ := new(big.Int).SetString("-123456789012345678901234567890", 10)
	link, err := url.Parse("https://user:pass@example.com/a?b=c#d")
	if err != nil {
		t.Fatal(err)
	}
	was := everything{
		At: time.Date(2026, 7, 1, 12, 0, 0, 5, zone), Local: time.Now(), Zone: zone, Number: huge, Ratio: *big.NewRat(1, 3),
		Addr: netip.MustParseAddr("fe80::1%eth0"), Prefix: netip.MustParsePrefix("10.0.0.0/8"), IP: net.IPv4(1, 2, 3, 4), URL: link,
		Raw: json.RawMessage(`{"a":1}`), Pattern: regexp.MustCompile("a+(b)"), Took: time.Second, Err: errors.New("oops"),
	}
	was.Wrapped = fmt.Errorf("wrapped: %w", was.Err)
	is, notes := across(t, was, func() everything { panic("not needed") })
	if len(notes) > 0 {
		t.Errorf("notes %q", notes)
	}
	same := is.At.Equal(was.At) && is.At.Location().String() == "Europe/Vienna" && is.Local.Equal(was.Local) && is.Local.Location() == time.Local &&
		is.Local == is.Local.Round(0) && is.Zero.IsZero() && is.Zone.String() == zone.String() && is.Number.Cmp(was.Number) == 0 && is.Ratio.Cmp(&was.Ratio) == 0 &&
		is.Addr == was.Addr && is.Prefix == was.Prefix && is.IP.Equal(was.IP) && is.URL.String() == link.String() && string(is.Raw) == string(was.Raw) &&
		is.Pattern.FindString("xaab") == "aab" && is.Took == was.Took && is.Err.Error() == "oops" && errors.Is(is.Wrapped, is.Err) && is.Err != was.Err
	if !same {
		t.Errorf("got  %+v\nwant %+v", is, was)
	}
}

// What belongs to its process is made anew where initial makes it, and keeps the
// whole state from going along where it is inside of an element.
func TestWhatIsBoundToItsProcess(t *testing.T) {
	type client struct {
		name string
		conn net.Conn
		out  chan string
	}
	type hub struct {
		Names   []string
		join    chan *client
		log     func(string)
		clients map[string]*client
	}
	newHub := func() *hub { return &hub{Names: []string{"new"}, join: make(chan *client, 3), log: func(string) {}} }
	one, two := net.Pipe()
	defer one.Close()
	defer two.Close()

	was := newHub()
	was.Names = []string{"a", "b"}
	is, notes := across(t, was, newHub)
	want := []string{`state "k" was taken over; dropped: field hotreload.hub.join: 1 value of type chan *hotreload.client, which belongs to the process that has ended; ` +
		`field hotreload.hub.log: 1 value of type func(string), which belongs to the process that has ended`}
	if fmt.Sprint(is.Names) != "[a b]" || cap(is.join) != 3 || is.log == nil || !reflect.DeepEqual(notes, want) {
		t.Errorf("got %+v, notes %q", is, notes)
	}

	was.clients = map[string]*client{"quiet": {name: "quiet"}}
	is, _ = across(t, was, newHub)
	if is.clients["quiet"] == nil || is.clients["quiet"].name != "quiet" {
		t.Errorf("a client with nothing but a name: %+v", is.clients)
	}

	was.clients["loud"] = &client{"loud", one, make(chan string)}
	is, notes = across(t, was, newHub)
	const again = `state "k" starts again: field hotreload.client.conn: 1 value of type *net.pipe, which the new process finds by no name (hotreload.WithType names it); ` +
		`field hotreload.client.out: 1 value of type chan string, which belongs to the process that has ended`
	if fmt.Sprint(is.Names) != "[new]" || len(notes) != 1 || !strings.HasPrefix(notes[0], `state "k" starts again: field hotreload.client.conn: 1 value of type `) {
		t.Errorf("got %+v, notes %q, want %q", is, notes, again)
	}
	is, notes = across(t, was, newHub, Transient())
	if fmt.Sprint(is.Names) != "[new]" || len(notes) != 0 {
		t.Errorf("transient: %+v, notes %q", is, notes)
	}
	repaired, notes := across(t, was, newHub, WithMigration(func(old OldValue) *hub {
		h := newHub()
		h.Names = OldAs[[]string](old.Field("Names"))
		for name, c := range old.Field("clients").All() {
			h.Names = append(h.Names, OldAs[string](name)+"="+OldAs[string](c.Field("name")))
		}
		return h
	}))
	if got := fmt.Sprint(repaired.Names); got != "[a b loud=loud quiet=quiet]" && got != "[a b quiet=quiet loud=loud]" {
		t.Errorf("by WithMigration: %v, notes %q", got, notes)
	}
}

// store is a Carrier that does what it is told to.
type store struct {
	mu    sync.Mutex
	all   []string
	does  string
	until chan struct{}
}

func (s *store) misbehave(where string) error {
	switch s.does {
	case where + " panics":
		panic("oops")
	case where + " fails":
		return errors.New("no luck")
	case where + " hangs":
		<-s.until
	}
	return nil
}

func (s *store) MarshalState() ([]byte, error) {
	if err := s.misbehave("marshal"); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.does == "too large" {
		return make([]byte, control.MaxState+1), nil
	}
	return json.Marshal(s.all)
}

func (s *store) UnmarshalState(data []byte) error {
	if err := s.misbehave("unmarshal"); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return json.Unmarshal(data, &s.all)
}

// A store that is provided, or kept, goes along by its own methods; whatever they
// do, they are not waited for for long.
func TestCarriers(t *testing.T) {
	for _, test := range []struct{ does, note string }{
		{"", ""},
		{"marshal panics", "MarshalState: panic: oops"},
		{"marshal fails", "MarshalState: no luck"},
		{"marshal hangs", "MarshalState: it was not done after 2s"},
		{"unmarshal panics", "UnmarshalState: panic: oops"},
		{"unmarshal fails", "UnmarshalState: no luck"},
		{"unmarshal hangs", "UnmarshalState: it was not done after 2s"},
		{"too large", "it is larger than what is left of the 64 MiB that go along"},
	} {
		t.Run(test.does, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				until := make(chan struct{})
				defer close(until)
				next := func(all ...string) (*LiveState, *store) {
					s := &store{all: all, does: test.does, until: until}
					c := NewContainer()
					Provide(c, s)
					return NewLiveState(c), s
				}
				begun := time.Now()
				old, _ := next("provided")
				asGeneration(t, old, func(c *Container) {
					StateOf(c, "k", func() *store { return &store{all: []string{"kept"}, does: test.does, until: until} })
					StateOf(c, "n", func() int { return 7 })
				})
				data, err := old.container.handOver(t.Context(), control.MaxState, 0)
				if err != nil {
					t.Fatal(err)
				}
				now, provided := next()
				notes := messages(now.container.restore(data))
				var kept *store
				var n int
				notes = append(notes, messages(asGeneration(t, now, func(c *Container) {
					kept = StateOf(c, "k", func() *store { return &store{does: test.does, until: until} }).Get()
					n = StateOf(c, "n", func() int { return 0 }).Get()
				}))...)
				if n != 7 {
					t.Errorf("what else is kept is %d", n)
				}
				if took := time.Since(begun); took > 5*time.Second {
					t.Errorf("it took %v", took)
				}
				if test.note == "" {
					if fmt.Sprint(provided.all, kept.all, notes) != "[provided] [kept] []" {
						t.Errorf("got %v, %v, %q", provided.all, kept.all, notes)
					}
					return
				}
				want := []string{"*hotreload.store starts empty: " + test.note, `state "k" starts again: ` + test.note}
				if len(provided.all)+len(kept.all) != 0 || !reflect.DeepEqual(notes, want) {
					t.Errorf("got %v, %v, notes %q, want %q", provided.all, kept.all, notes, want)
				}
			})
		})
	}
}

// What is too large starts again; what is smaller goes along all the same.
func TestStateThatIsTooLarge(t *testing.T) {
	s := NewLiveState(nil)
	asGeneration(t, s, func(c *Container) {
		StateOf(c, "large", func() []byte { return make([]byte, 2000) })
		StateOf(c, "small", func() []byte { return make([]byte, 20) })
	})
	data, err := s.container.handOver(t.Context(), 1000, 0)
	if err != nil {
		t.Fatal(err)
	}
	next := NewLiveState(nil)
	notes := messages(next.container.restore(data))
	var large, small int
	notes = append(notes, messages(asGeneration(t, next, func(c *Container) {
		large = len(StateOf(c, "large", func() []byte { return nil }).Get())
		small = len(StateOf(c, "small", func() []byte { return nil }).Get())
	}))...)
	want := []string{`state "large" starts again: it is larger than what is left of the 64 MiB that go along`}
	if large != 0 || small != 20 || !reflect.DeepEqual(notes, want) {
		t.Errorf("large %d, small %d, notes %q", large, small, notes)
	}
}

// A key that nobody asks for waits for the process after the next.
func TestStateThatNobodyAsksFor(t *testing.T) {
	s := NewLiveState(nil)
	asGeneration(t, s, keep(7))
	s = nextProcess(t, s)
	asGeneration(t, s, func(*Container) {})
	s = nextProcess(t, s)
	asGeneration(t, s, func(*Container) {})
	got := StateOf(s.current.Load().reg.container, "k", func() int { return 0 }).Get() // by a handler
	if got != 7 || len(s.container.inheritance.all()) != 0 {
		t.Errorf("got %d, left %v", got, s.container.inheritance.all())
	}
}

// TestTransientIsWhatTheLiveCodeSays: the option counts as it stands in the code
// that runs when the process is replaced, and in that of the new one.
func TestTransientIsWhatTheLiveCodeSays(t *testing.T) {
	kept := func(c *Container) { StateOf(c, "k", func() int { return 7 }) }
	ends := func(c *Container) { StateOf(c, "k", func() int { return 7 }, Transient()) }
	endsOtherwise := func(c *Container) { StateOf(c, "k", func() float64 { return 7 }, Transient()) }
	is := func(do func(*Container)) func(*testing.T, *LiveState) {
		return func(t *testing.T, s *LiveState) { asGeneration(t, s, do) }
	}
	isRefused := func(do func(*Container)) func(*testing.T, *LiveState) {
		return func(t *testing.T, s *LiveState) {
			g := s.newGeneration(s.next(), "")
			do(g.sink().Container())
			g.abandon()
		}
	}
	inHandler := func(do func(*Container)) func(*testing.T, *LiveState) {
		return func(t *testing.T, s *LiveState) {
			asGeneration(t, s, func(*Container) {})
			do(s.current.Load().reg.container)
		}
	}
	byMain := func(do func(*Container)) func(*testing.T, *LiveState) {
		return func(t *testing.T, s *LiveState) { do(s.container) }
	}
	for _, test := range []struct {
		name  string
		steps []func(*testing.T, *LiveState)
		next  []StateOption
		want  int
	}{
		{"removed", []func(*testing.T, *LiveState){is(ends), is(kept)}, nil, 7},
		{"added", []func(*testing.T, *LiveState){is(kept), is(ends)}, nil, 0},
		{"added to another type", []func(*testing.T, *LiveState){is(kept), is(endsOtherwise)}, nil, 0},
		{"removed by what is refused", []func(*testing.T, *LiveState){is(ends), isRefused(kept)}, nil, 0},
		{"added by what is refused", []func(*testing.T, *LiveState){is(kept), isRefused(ends), isRefused(endsOtherwise)}, nil, 7},
		{"removed in a handler", []func(*testing.T, *LiveState){is(ends), inHandler(kept)}, nil, 7},
		{"added in a handler", []func(*testing.T, *LiveState){is(kept), inHandler(ends)}, nil, 0},
		{"said by main", []func(*testing.T, *LiveState){byMain(ends), is(kept)}, nil, 0},
		{"added by the next process", []func(*testing.T, *LiveState){is(kept)}, []StateOption{Transient()}, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := NewLiveState(nil)
			for _, step := range test.steps {
				step(t, s)
			}
			next := nextProcess(t, s)
			var got int
			notes := asGeneration(t, next, func(c *Container) { got = StateOf(c, "k", func() int { return 0 }, test.next...).Get() })
			if got != test.want || len(notes) > 0 || len(next.container.inheritance.all()) > 0 {
				t.Errorf("got %d, want %d; notes %q", got, test.want, messages(notes))
			}
		})
	}
}

// A generation that is refused leaves the state to the next.
func TestStateOfRefusedGeneration(t *testing.T) {
	s := NewLiveState(nil)
	asGeneration(t, s, keep(7))
	s = nextProcess(t, s)
	g := s.newGeneration(1, "")
	StateOf(g.sink().Container(), "k", func() int { return 0 }).Set(8)
	g.abandon()
	var got int
	asGeneration(t, s, func(c *Container) { got = StateOf(c, "k", func() int { return 0 }).Get() })
	if got != 7 {
		t.Errorf("got %d", got)
	}
}

func TestStateThatMainAskedFor(t *testing.T) {
	s := NewLiveState(nil)
	asGeneration(t, s, keep(7))
	data, err := s.container.handOver(t.Context(), control.MaxState, 0)
	if err != nil {
		t.Fatal(err)
	}
	c := NewContainer()
	StateOf(c, "k", func() int { return 1 })
	notes := messages(c.restore(data))
	want := []string{`state "k" starts again: main asked for it before hotreload.LiveServer`}
	if !reflect.DeepEqual(notes, want) || StateOf(c, "k", func() int { return 0 }).Get() != 1 {
		t.Errorf("notes %q", notes)
	}
}

// A value whose lock is held for long is read all the same.
func TestStateWithHeldLock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		type counter struct {
			mu sync.Mutex
			n  int
		}
		held := &counter{n: 3}
		held.mu.Lock()
		is, notes := across(t, held, func() *counter { panic("not needed") })
		if is.n != 3 || !is.mu.TryLock() || len(notes) > 0 {
			t.Errorf("%d, notes %q", is.n, notes)
		}
	})
}

// One that is being changed all the time is given up, and costs nothing else.
func TestStateThatIsHeld(t *testing.T) {
	until, held := make(chan struct{}), make(chan struct{})
	s := NewLiveState(nil)
	asGeneration(t, s, func(c *Container) {
		StateOf(c, "a", func() int { return 3 })
		z := StateOf(c, "z", func() int { return 5 })
		go z.Update(func(*int) { close(held); <-until })
		<-held
	})
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	data, err := s.container.handOver(ctx, control.MaxState, 0)
	close(until)
	if err != nil {
		t.Fatal(err)
	}
	next := NewLiveState(nil)
	notes := messages(next.container.restore(data))
	var a, z int
	notes = append(notes, messages(asGeneration(t, next, func(c *Container) {
		a, z = StateOf(c, "a", func() int { return 0 }).Get(), StateOf(c, "z", func() int { return 0 }).Get()
	}))...)
	if a != 3 || z != 0 || !reflect.DeepEqual(notes, []string{`state "z" starts again: it was not done after 5s`}) {
		t.Errorf("%d %d, notes %q", a, z, notes)
	}
}

// What is no state, or half of one, is reported.
func TestDamagedHandover(t *testing.T) {
	s := NewLiveState(nil)
	asGeneration(t, s, keep(map[string]int{"a": 1}))
	data, err := s.container.handOver(t.Context(), control.MaxState, 2)
	if err != nil {
		t.Fatal(err)
	}
	encode := func(h image.Handover) []byte {
		var b bytes.Buffer
		if err := gob.NewEncoder(&b).Encode(h); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	other := encode(image.Handover{Format: "another"})
	for name, data := range map[string][]byte{"half": data[:len(data)/2], "noise": []byte("noise"), "another version": other} {
		next := NewLiveState(nil)
		notes := messages(next.container.restore(data))
		if len(notes) != 1 || !strings.Contains(notes[0], "cannot be read, and all state starts again") {
			t.Errorf("%s: notes %q", name, notes)
		}
		var got int
		asGeneration(t, next, func(c *Container) { got = len(StateOf(c, "k", func() map[string]int { return nil }).Get()) })
		if got != 0 {
			t.Errorf("%s: got %d", name, got)
		}
	}
	notes := messages(NewContainer().restore(data))
	if len(notes) != 1 || !strings.HasPrefix(notes[0], "2 requests of the process before went on for longer than 3s") {
		t.Errorf("notes %q", notes)
	}
	one := image.Handover{Format: "anvil state 1", States: []image.State{{Key: "k", Data: []byte("noise")}}}
	next := NewLiveState(nil)
	next.container.restore(encode(one))
	notes = messages(asGeneration(t, next, func(c *Container) { StateOf(c, "k", func() int { return 1 }) }))
	if len(notes) != 1 || !strings.HasPrefix(notes[0], `state "k" starts again: it is damaged`) {
		t.Errorf("notes %q", notes)
	}
}
