package hotreload

import (
	"container/list"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"
)

// specialMigrations are those of what is more than data.
var specialMigrations = []migration{
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
				d := StateOf(c, "k", func() drawing { return drawing{} }, WithType[*square](), WithType[hostPoint]()).Get()
				s := d.Shapes
				return fmt.Sprint(s[0] == any(d.first), *s[0].(*circle), s[1].(circle), s[2].(square), s[3] != nil, s[4] == "text", s[5] == nil, s[6].([]circle), s[7].(map[string]*circle)["c"] == d.first, s[8].(hostPoint))
			}
		},
		"true {1 0} {2 0} {3} true true true [{5 0}] true {6 7}",
		"nothing was dropped; left as it was: field hotreload.drawing.Shapes: 1 value of type hotreload.secret of an older generation (hotreload.WithType names the new type)",
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
				text  strings.Builder
			}
			c := &cache{order: list.New(), byKey: map[string]*list.Element{}}
			c.byKey["a"] = c.order.PushBack(&entry{1})
			c.byKey["b"] = c.order.PushBack(&entry{2})
			c.inner.PushBack(entry{3})
			c.live.Store("a", c.byKey["a"].Value)
			c.live.Store(entry{5}, 5)
			c.next.Store(c.byKey["b"].Value.(*entry))
			c.any.Store(entry{6})
			c.text.WriteString("text")
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
				text  strings.Builder
			}
			return func(c *Container) string {
				s := StateOf(c, "k", func() *cache { return &cache{} }).Get()
				a, _ := s.live.Load("a")
				five, _ := s.live.Load(entry{V: 5})
				s.order.MoveToFront(s.byKey["b"])
				s.inner.PushFront(0)
				s.text.WriteByte('!') // which notices that it was copied, if it was
				return fmt.Sprint(s.order.Front().Value == any(s.next.Load()), s.order.Back().Value == a, *a.(*entry), five,
					s.inner.Back().Value.(entry), s.inner.Len(), s.none.Load() == nil, s.any.Load().(entry), s.text.String())
			}
		},
		"true true {1 0} 5 {3 0} 2 true {6 0}text!", "nothing was dropped",
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
}
