package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"
)

// program uses a router that looks like chi's, and one of net/http.
const program = `
-- go.mod --
module app

go 1.26

require github.com/go-chi/chi/v5 v5.0.0

replace github.com/go-chi/chi/v5 => ./chi
-- chi/go.mod --
module github.com/go-chi/chi/v5

go 1.26
-- chi/chi.go --
package chi

import "net/http"

type Router interface {
	http.Handler
	Use(middlewares ...func(http.Handler) http.Handler)
	Get(pattern string, h http.HandlerFunc)
	Method(method, pattern string, h http.Handler)
	Route(pattern string, fn func(r Router)) Router
	Group(fn func(r Router)) Router
	Mount(pattern string, h http.Handler)
}

type Mux struct{ http.Handler }

func NewRouter() *Mux { return nil }

func (mx *Mux) Use(middlewares ...func(http.Handler) http.Handler) {}
func (mx *Mux) Get(pattern string, h http.HandlerFunc)            {}
func (mx *Mux) Method(method, pattern string, h http.Handler)     {}
func (mx *Mux) Route(pattern string, fn func(r Router)) Router    { return nil }
func (mx *Mux) Group(fn func(r Router)) Router                    { return nil }
func (mx *Mux) Mount(pattern string, h http.Handler)              {}
-- main.go --
package main

import (
	"net/http"
	"os"

	"github.com/go-chi/chi/v5"
)

type server struct{ router chi.Router }

func (s *server) routes(base string) {
	s.router = chi.NewRouter()
	s.router.Get("/", index)
	s.router.Route("/api", func(r chi.Router) {
		r.Get("/posts", index)
		sub(r)
	})
	s.router.Group(func(r chi.Router) { r.Get(base+"/x", index) })
	if os.Getenv("DEBUG") != "" {
		s.router.Method("get", "/debug", http.HandlerFunc(index))
	}
	s.router.Mount("/admin", admin())
}

func sub(r chi.Router) { r.Get(os.Getenv("P"), index) }

func admin() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /save", index)
	return mux
}

func index(http.ResponseWriter, *http.Request) {}

func main() {
	if false {
		never("/never")
	}
	(&server{}).routes("")
}

func never(string) {}
`

func TestSurvey(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles an application")
	}
	dir := t.TempDir()
	for _, f := range txtar.Parse([]byte(program)).Files {
		name := filepath.Join(dir, f.Name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, f.Data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	var out strings.Builder
	if err := run(t.Context(), &out, []string{dir}, true); err != nil {
		t.Fatal(err)
	}
	want := `main.go:14: Get: followed
	GET / main.index
main.go:15: Route: followed
main.go:16: Get: followed
	GET /api/posts main.index
main.go:19: Group: followed
main.go:19: Get: followed
	GET /x main.index
main.go:21: Method: followed, under a condition that is not known
	GET /debug main.index
main.go:23: Mount: followed
	* /admin *http.ServeMux
main.go:26: Get: given up: its pattern is not known: it comes from os.Getenv
main.go:30: HandleFunc: followed
	POST /save main.index
: 9 calls, 7 followed, 1 followed, under a condition that is not known, 1 given up
	1	its pattern is not known: it comes from …
`
	got := strings.NewReplacer(dir+string(filepath.Separator), "", dir, "").Replace(out.String())
	if got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
}

func TestSurveyOfNoModule(t *testing.T) {
	if err := run(t.Context(), &strings.Builder{}, []string{filepath.Join(t.TempDir(), "none")}, false); err == nil {
		t.Error("a directory that does not exist was surveyed")
	}
}
