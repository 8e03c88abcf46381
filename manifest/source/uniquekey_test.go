package source

import (
	"fmt"
	"testing"

	"golang.org/x/tools/txtar"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
)

// TestClaims: a table that a second entry of the same key makes panic, however
// that is written (ANV006 is an error), and what looks like one.
func TestClaims(t *testing.T) {
	const decls = `package host

import (
	"fmt"
	"log"
	"os"
	"runtime"
	"slices"
	"sync"
)

var (
	mu    sync.Mutex
	files = map[string]bool{}
	count = map[string]int{}
	funcs = map[string]func(){}
	names []string
	sm    sync.Map
	quiet bool
	_, _, _, _, _  = fmt.Sprint, log.Print, os.Exit, runtime.Goexit, slices.Contains[[]string]
)

func has(n string) bool { return files[n] }

func known(n string) bool {
	_, ok := funcs[n]
	return ok
}

func fail(n string) { panic("already registered: " + n) }

type registry struct {
	sync.Mutex
	by map[string]int
}

var global = &registry{by: map[string]int{}}

func (r *registry) has(n string) bool { _, ok := r.by[n]; return ok }

func (r *registry) add(n string) {
	r.Lock()
	defer r.Unlock()
	if r.has(n) {
		log.Panicf("twice: %%s", n)
	}
	r.by[n] = len(r.by)
}

func Register(n string) { %s }
`
	for _, test := range []struct {
		body string
		want bool
	}{
		{`if files[n] { panic("already registered: " + n) }; files[n] = true`, true},
		{`if _, ok := files[n]; !ok { files[n] = true; return }; panic(n)`, true},
		{`if _, dup := files[n]; dup { panic(n) }; files[n] = true`, true},
		{`if _, dup := files[n]; dup { panic(n) } else { files[n] = true }`, true},
		{`_, dup := files[n]; if dup { panic(n) }; files[n] = true`, true},
		{`dup := files[n]; mu.Lock(); defer mu.Unlock(); if dup == true { log.Fatal(n) }; files[n] = true`, true},
		{`switch { case files[n]: panic(n) }; files[n] = true`, true},
		{`switch _, ok := funcs[n]; ok { case true: panic(n); default: funcs[n] = nil }`, true},
		{`switch files[n] { case false: files[n] = true; case true: os.Exit(1) }`, true},
		{`if files[n] { runtime.Goexit() }; files[n] = true`, true},
		{`if has(n) { fail(n) }; files[n] = true`, true},
		{`if n == "" { panic("no name") }; if known(n) && !quiet || known(n) { log.Fatalf("%s", n) }; funcs[n] = func() {}`, true},
		{`if _, loaded := sm.LoadOrStore(n, 1); loaded { panic(n) }`, true},
		{`_, loaded := sm.Load(n); if loaded { panic(n) }; sm.Store(n, 1)`, true},
		{`if slices.Contains(names, n) { panic(n) }; names = append(names, n)`, true},
		{`for _, x := range names { if x == n { panic(n) } }; names = append(names, n)`, true},
		{`if count[n] != 0 { panic(n) }; count[n] = 1`, true},
		{`key := n; if files[key] { panic(n) }; files[n] = true`, true},
		{`global.add(n)`, true},

		{`files[n] = true`, false},
		{`if files[n] { return }; files[n] = true`, false},
		{`if !files[n] { files[n] = true; return }; log.Print(n)`, false},
		{`if !files[n] { panic("not declared: " + n) }; files[n] = true`, false},
		{`if files["other"] { panic(n) }; files[n] = true`, false},
		{`if count[n] != 0 { panic(n) }; funcs[n] = nil`, false},
		{`if files[n] { panic(n) }; files[n] = false`, false},
		{`if files[n] && quiet { panic(n) }; files[n] = true`, false},
		{`if quiet { return }; if files[n] { panic(n) }; files[n] = true`, false},
		{`defer func() { _ = recover() }(); if files[n] { panic(n) }; files[n] = true`, false},
		{`if files[n] { n += "2" }; if files[n] { panic(n) }; files[n] = true`, false},
		{`if _, loaded := sm.LoadOrStore(n, 1); !loaded { log.Print(n) }`, false},
		{`sm.LoadOrStore(n, 1)`, false},
		{`for _, x := range names { if x == n { return } }; names = append(names, n)`, false},
		{`if files[n] { panic(n) }`, false},
		{`own := map[string]bool{}; if own[n] { panic(n) }; own[n] = true`, false},
		{`if count[n] > 9 { panic(n) }; count[n]++`, false},
	} {
		a := &txtar.Archive{Files: []txtar.File{
			{Name: "host/host.go", Data: fmt.Appendf(nil, decls, test.body)},
			{Name: "handlers/routes.go", Data: []byte("package handlers\n\nimport (\n\t\"example.com/host\"\n\t\"github.com/anvilforge/anvil-lsp/hotreload\"\n)\n\nfunc init() { host.Register(\"a.proto\") }\n\nfunc AnvilRegisterRoutes(r *hotreload.RouteSink) {}\n")},
		}}
		r := checkArchive(t, a)
		if !r.Complete {
			t.Fatalf("%s: %v", test.body, r.Findings)
		}
		found := false
		for _, d := range r.Findings {
			found = found || d.Code == manifest.CodeGlobal && d.Severity == manifest.SeverityError
		}
		if found != test.want {
			t.Errorf("%s: found %t: %v", test.body, found, r.Findings)
		}
	}
}
