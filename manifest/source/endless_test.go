package source

import (
	"slices"
	"strings"
	"testing"

	"github.com/anvilforge/anvil-lsp/manifest/source/internal/eval"
	"golang.org/x/tools/txtar"
)

// TestValuesThatHoldThemselves: what is followed to find out whether a value leads
// to the sink may lead back to itself.
func TestValuesThatHoldThemselves(t *testing.T) {
	r := checkArchive(t, txtar.Parse([]byte(`-- handlers/routes.go --
package handlers

import "github.com/anvilforge/anvil-lsp/hotreload"

type box struct{ f func() }

type node struct {
	next *node
	any  any
}

func caller() func() {
	var f func()
	f = func() { f() }
	return f
}

func look(any)       {}
func lookBox(b box)  {}
func lookNode(*node) {}

func AnvilRegisterRoutes(r *hotreload.RouteSink) {
	f := caller()
	look(f)
	look(box{f})
	lookBox(box{f})
	look([]box{{f}})
	look(func() { f() })
	look(box{func() { f() }})
	var self any
	self = &self
	look(self)
	look(&self)
	look(box{func() { look(self) }})
	n := &node{}
	n.next, n.any = n, n
	lookNode(n)
	look([]any{n, n.next, &n, box{func() { lookNode(n) }}})
	r.Get("/", func(*hotreload.Ctx) error { return nil })
}
`)))
	if !r.Complete || !slices.Equal(patterns(r), []string{"/"}) {
		t.Errorf("complete %v, %v, %v", r.Complete, patterns(r), r.Unknown)
	}
}

// TestCallsThatDoNotReturn: nothing is registered after them.
func TestCallsThatDoNotReturn(t *testing.T) {
	for _, call := range []string{
		"os.Exit(1)", "runtime.Goexit()", "log.Fatal()", "log.Panicln()", "log.Default().Fatalf(``)",
		"log.Default().Panic()", "log.Default().Panicf(``)", "log.Default().Panicln()",
	} {
		pkg, _, _ := strings.Cut(call, ".")
		r := checkArchive(t, handlersOnly(`package handlers

import (
	"`+pkg+`"

	"github.com/anvilforge/anvil-lsp/hotreload"
)

func AnvilRegisterRoutes(r *hotreload.RouteSink) {
	r.Get("/before", func(*hotreload.Ctx) error { return nil })
	`+call+`
	r.Get("/after", func(*hotreload.Ctx) error { return nil })
}
`))
		if !r.Complete || !slices.Equal(patterns(r), []string{"/before"}) {
			t.Errorf("%s: complete %v, %v, %v", call, r.Complete, patterns(r), r.Unknown)
		}
	}
}

// TestTooManyRoutes: a loop that goes too far while it is typed.
func TestTooManyRoutes(t *testing.T) {
	r := checkArchive(t, txtar.Parse([]byte(`-- handlers/routes.go --
package handlers

import (
	"fmt"

	"github.com/anvilforge/anvil-lsp/hotreload"
)

func AnvilRegisterRoutes(r *hotreload.RouteSink) {
	for i := 0; i < 200; i++ {
		for j := 0; j < 200; j++ {
			r.Get(fmt.Sprint("/", i, "/", j), func(*hotreload.Ctx) error { return nil })
		}
	}
}
`)))
	if len(r.Routes) != eval.MaxRoutes || len(r.Unknown) != 1 {
		t.Fatalf("%d routes, %v", len(r.Routes), r.Unknown)
	}
	if u := r.Unknown[0]; u.Call != "Get" || !strings.HasPrefix(u.Reason, "only the first") {
		t.Errorf("%s %q: %q", u.Position, u.Call, u.Reason)
	}
}
