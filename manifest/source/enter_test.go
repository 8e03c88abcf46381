package source

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"
)

// led registers in other packages: in one of a module that is replaced by a
// directory, and through that in a host package.
var led = txtar.Parse([]byte(`
-- go.mod --
module example.com/app

go 1.26.0

require (
	example.com/kit v0.0.0
	github.com/anvilforge/anvil-lsp/hotreload v0.0.0
)

require github.com/go-chi/chi/v5 v5.5.0 // indirect

replace example.com/kit => ./kit

replace github.com/anvilforge/anvil-lsp/hotreload => REPOSITORY/hotreload
-- main.go --
package main

import (
	"example.com/app/handlers"
	"example.com/kit/base"
	"github.com/anvilforge/anvil-lsp/hotreload"
)

func main() {
	base.Prefix = "/else"
	handlers.AnvilRegisterRoutes(new(hotreload.RouteSink))
}
-- handlers/routes.go --
package handlers

import (
	"example.com/kit"
	"example.com/kit/base"
	"example.com/kit/paths"
	"github.com/anvilforge/anvil-lsp/hotreload"
)

func AnvilRegisterRoutes(r *hotreload.RouteSink) {
	kit.Routes(r, "/kit")
	r.Get(paths.Of("posts"), show)
	r.Get(base.Prefix, show)
}

func show(*hotreload.Ctx, base.In) (*base.Out, error) { return nil, nil }
-- kit/go.mod --
module example.com/kit

go 1.26.0

require github.com/anvilforge/anvil-lsp/hotreload v0.0.0
-- kit/kit.go --
package kit

import (
	"net/http"

	"example.com/kit/base"
	"github.com/anvilforge/anvil-lsp/hotreload"
)

func Routes(r *hotreload.RouteSink, prefix string) {
	r.Group(prefix, func(r *hotreload.RouteSink) {
		base.Register(r, func(*hotreload.Ctx, base.In) (base.Out, error) { return base.Out{}, nil })
		r.Mount("/files", http.NotFoundHandler())
	})
}
-- kit/base/base.go --
package base

import "net/http"

type In struct{ Name string }

type Out struct{ Text string }

// Router is what can register.
type Router interface{ Get(pattern string, handler any) }

var Prefix = "/base"

var table = map[string]http.HandlerFunc{"/health": health}

var counted = map[string]http.HandlerFunc{}

func Count(pattern string) { count(pattern) }

func count(pattern string) { counted[pattern] = health }

var modules []interface{ Routes(r Router) }

func add(name string) { modules = append(modules, module{name}) }

func init() {
	add("one")
	add("two")
	Exported = append(Exported, module{"three"})
}

var Exported []interface{ Routes(r Router) }

type module struct{ name string }

func (m module) Routes(r Router) { r.Get("/"+m.name, health) }

func Register(r Router, typed any) {
	r.Get("/typed", typed)
	for pattern, h := range table {
		r.Get(pattern, h)
	}
	for pattern, h := range counted {
		r.Get(pattern, h)
	}
	for _, m := range modules {
		m.Routes(r)
	}
	for _, m := range Exported {
		m.Routes(r)
	}
}

func health(w http.ResponseWriter, r *http.Request) {}
-- kit/paths/paths.go --
package paths

func Of(name string) string { return "/p/" + name }
-- kit/unused/unused.go --
package unused
`))

// TestRegistrationElsewhere: registration is followed into packages that are not
// hot, as far as their source is at hand.
func TestRegistrationElsewhere(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles an application")
	}
	dir := writeModule(t, led)
	p := loadApp(t, dir, "example.com/app/handlers", below("example.com/app/handlers"))
	c := NewChecker(p)
	r := mustCheck(t, c, nil)
	got := strings.ReplaceAll(describe(r), dir+"/", "")
	want := `GET /kit/typed → kit.Routes.func1.1 [func(*Ctx, In) (Out, error)] func(*hotreload.Ctx, base.In) (base.Out, error) at kit/base/base.go:39
GET /kit/health → base.health [http.HandlerFunc] http.Handler at kit/base/base.go:41
GET /kit/one → base.health [func(w, r)] func(http.ResponseWriter, *http.Request) at kit/base/base.go:36
GET /kit/two → base.health [func(w, r)] func(http.ResponseWriter, *http.Request) at kit/base/base.go:36
* /kit/files → http.NotFound [http.HandlerFunc] http.Handler at kit/kit.go:13
GET /p/posts → handlers.show [func(*Ctx, In) (Out, error)] func(*hotreload.Ctx, base.In) (*base.Out, error) at handlers/routes.go:12
unknown Get at kit/base/base.go:44: its pattern is not known: it is a variable of example.com/kit/base
unknown Routes at kit/base/base.go:50: it is not known what base.Routes is here: it is a variable of example.com/kit/base
unknown Get at handlers/routes.go:13: its pattern is not known: it is a variable of example.com/kit/base
`
	if got != want || !r.Complete {
		t.Errorf("got\n%swant\n%s%v", got, want, r.Findings)
	}

	// A keystroke finds the packages entered, and nothing is read again.
	entered := units(c)["example.com/kit/base"]
	edit := strings.Replace(section(led, "handlers/routes.go"), `"posts"`, `"articles"`, 1)
	r = mustCheck(t, c, map[string][]byte{filepath.Join(dir, "handlers", "routes.go"): []byte(edit)})
	if got := describe(r); !strings.Contains(got, "GET /p/articles ") || entered == nil || units(c)["example.com/kit/base"] != entered {
		t.Errorf("after an edit:\n%s", got)
	}
	if units(c)["example.com/kit/unused"] != nil {
		t.Error("a package was checked that registration does not lead into")
	}

	// Source that is not what was compiled tells nothing.
	if err := os.WriteFile(filepath.Join(dir, "kit", "kit.go"), []byte("package kit\n\nfunc Routes() { undefined }\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	r = mustCheck(t, c, nil)
	if got := describe(r); !r.Complete || !strings.Contains(got, "the source of kit.Routes is not checked") {
		t.Errorf("with mistakes: %v\n%s", r.Findings, got)
	}
}
