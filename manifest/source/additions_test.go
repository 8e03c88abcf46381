package source

import (
	"fmt"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
)

// tables is a host package to whose tables hot code adds.
const tables = `package host

import (
	"slices"
	"sync"
)

var (
	mu      sync.Mutex
	Menu    []string
	items   []string
	recent  []string
	undone  []string
	reset   []string
	Named   = map[string]int{}
	groups  = map[string][]string{}
	drivers = map[string]func(){}
	offered = map[string]func(){}
	Default = &Hub{}
	Own     Hub
	once    sync.Once
	ready   bool
)

func Add(s string)                { mu.Lock(); defer mu.Unlock(); items = append(items, s) }
func AddAll(list ...string)       { items = append(items, list...) }
func AddOnce(s string)            { once.Do(func() { items = append(items, s) }) }
func AddFirst(s string)           { if ready { return }; ready = true; items = append(items, s) }
func AddNew(s string)             { if !slices.Contains(items, s) { items = append(items, s) } }
func AddTo(group, s string)       { groups[group] = append(groups[group], s) }
func AddRecent(s string)          { if len(recent) > 9 { recent = recent[1:] }; recent = append(recent, s) }
func AddUndone(s string) func()   { undone = append(undone, s); return func() { undone = slices.DeleteFunc(undone, func(x string) bool { return x == s }) } }
func AddReset(s string)           { reset = append(reset, s) }
func Reset()                      { reset = nil }
func Name(s string)               { Named[s] = 1 }
func Through(s string)            { Add(s) }
func Copy(s string) []string      { all := items; all = append(all, s); return all }
func Register(s string, f func()) { check(s); if _, dup := drivers[s]; dup { panic("twice: " + s) }; drivers[s] = f }
func check(s string)              { if s == "" { panic("no name") } }
func Forward(s string)            { Register("x-" + s, nil) }
func Pass(s string)               { Register(s, nil) }
func Offer(s string, f func())    { if offered[s] != nil { panic("twice") }; offered[s] = f }
func Withdraw(s string)           { delete(offered, s) }

type Hub struct {
	subs  []func()
	Names []string
	jobs  map[string]func()
	in    *Hub
}

func (h *Hub) On(f func())               { h.subs = append(h.subs, f) }
func (h *Hub) Inner(f func())            { h.in.On(f) }
func (h *Hub) Job(name string, f func()) { if _, ok := h.jobs[name]; ok { panic(name) }; h.jobs[name] = f }
func NewHub() *Hub                       { return &Hub{} }
`

// TestAdditions: what a generation adds to a table that outlives it.
func TestAdditions(t *testing.T) {
	const (
		init     = "func init() { %s }\n"
		register = "func AnvilRegisterRoutes(r *hotreload.RouteSink) { %s }\n"
		again    = "warning again"
		panics   = "error panics"
	)
	for _, test := range []struct{ where, code, want string }{
		{init, `host.Add("x")`, again},
		{register, `host.Add("x")`, again},
		{"var _ = 0\nfunc init() { add() }\nfunc add() { %s }\n", `host.Add("x")`, again},
		{init, `host.Menu = append(host.Menu, "x")`, again},
		{init, `host.Menu = append([]string{"x"}, host.Menu...)`, ""}, // it may be a copy as well
		{init, `host.AddAll("x", "y")`, again},
		{init, `host.AddAll()`, ""},
		{init, `host.AddAll([]string{"x"}...)`, ""},
		{init, `host.AddTo("g", "x")`, again},
		{init, `host.Through("x")`, again},
		{init, `for _, s := range []string{"x", "y"} { host.Add(s) }`, again},
		{init, `host.Default.On(func() {})`, again},
		{init, `host.Default.Inner(func() {})`, again},
		{init, `host.Own.Names = append(host.Own.Names, "x")`, again},
		{register, `h := hotreload.MustLookup[*host.Hub](r.Container()); h.On(func() {})`, again},
		{register, `hotreload.MustLookup[*host.Hub](r.Container()).On(func() {})`, again},
		{register, `h := hotreload.MustLookup[*host.Hub](r.Container()); h.Names = append(h.Names, "x")`, again},
		{register, `h := host.NewHub(); h.On(func() {})`, ""},
		{register, `h := hotreload.MustLookup[*host.Hub](r.Container()); h = host.NewHub(); h.On(func() {})`, ""},
		{init, `host.AddOnce("x")`, ""},
		{init, `host.AddFirst("x")`, ""},
		{init, `host.AddNew("x")`, ""},
		{init, `host.AddRecent("x")`, ""},
		{init, `host.AddUndone("x")`, ""},
		{init, `host.Copy("x")`, ""},
		{init, `host.AddReset("x")`, again},
		{init, `host.Reset(); host.AddReset("x")`, ""},
		{register, `host.AddReset("x"); context.AfterFunc(r.Context(), host.Reset)`, ""},
		{init, `host.Menu = nil; host.Menu = append(host.Menu, "x")`, ""},
		{init, `host.Name("x")`, ""},
		{init, `host.Named["x"] = 1`, ""},
		{init, `if host.Named["x"] == 0 { host.Add("x") }`, ""},
		{"func unused() { %s }\n", `host.Add("x")`, ""},
		{"func AnvilRegisterRoutes(r *hotreload.RouteSink) { r.Get(\"/\", func(*hotreload.Ctx) error { %s; return nil }) }\n", `host.Add("x")`, ""},
		{register, `host.Add(strconv.Itoa(generation))`, ""},
		{init, `host.Register("x", nil)`, panics},
		{init, `host.Pass("x")`, panics},
		{init, `const x = "x"; host.Pass(x)`, panics},
		{init, `host.Forward("x")`, ""}, // what the key is cannot be seen
		{init, `host.Register(strconv.Itoa(1), nil)`, ""},
		{init, `if _, dup := host.Named["x"]; dup { panic("x") }; host.Named["x"] = 1`, panics},
		{init, `host.Offer("x", nil)`, panics},
		{register, `host.Offer("x", nil); context.AfterFunc(r.Context(), func() { host.Withdraw("x") })`, ""},
		{register, `hotreload.MustLookup[*host.Hub](r.Container()).Job("x", nil)`, panics},
		{init, `new(host.Hub).Job("x", nil)`, ""},
		{init, `own.On(nil)`, ""},
	} {
		src := `package handlers

import (
	"context"
	"strconv"

	"example.com/host"
	"github.com/anvilforge/anvil-lsp/hotreload"
)

var (
	_, _       = context.AfterFunc, strconv.Itoa
	generation = 1
	own        host.Hub
)

` + fmt.Sprintf(test.where, "/**/"+test.code)
		if !strings.Contains(src, "func AnvilRegisterRoutes") {
			src += "\nfunc AnvilRegisterRoutes(r *hotreload.RouteSink) {}\n"
		}
		a := &txtar.Archive{Files: []txtar.File{
			{Name: "handlers/routes.go", Data: []byte(src)}, {Name: "host/host.go", Data: []byte(tables)},
		}}
		r := checkArchive(t, a)
		if !r.Complete {
			t.Fatalf("%s: %v", test.code, r.Findings)
		}
		got := ""
		for _, d := range r.Findings {
			if d.Code != manifest.CodeGlobal {
				continue
			}
			if got += string(d.Severity); strings.Contains(d.Message, "once more after each reload") {
				got += " again"
			} else if strings.Contains(d.Message, "panics on reload: ") {
				got += " panics"
			}
			if here := strings.Contains(test.code, "append(") || strings.Contains(test.code, "dup"); here != (len(d.Related) == 1) || !here && !strings.HasSuffix(d.Related[0].File, "host.go") {
				t.Errorf("%s: related to %v", test.code, d.Related)
			}
			if !strings.HasSuffix(d.File, "routes.go") || len(r.OneTime) != 1 || r.OneTime[0].Position != d.Position || r.OneTime[0].Registering != (test.where == register) {
				t.Errorf("%s: %v, %+v", test.code, d, r.OneTime)
			}
		}
		if got != test.want {
			t.Errorf("%s: got %q, want %q: %v", test.code, got, test.want, r.Findings)
		}
	}
}
