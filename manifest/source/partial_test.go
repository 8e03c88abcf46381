package source

import (
	"fmt"
	"testing"
)

// TestPartialPatterns: what is known of a pattern that is not known altogether.
func TestPartialPatterns(t *testing.T) {
	for _, test := range []struct{ register, want string }{
		{`r.Get(os.Getenv("X"), h)`, "GET …"},
		{`r.Get(os.Getenv("X")+"/one", h)`, "GET …/one"},
		{`r.Post("/one/"+os.Getenv("X"), h)`, "POST /one/…"},
		{`r.Get("/a/"+os.Getenv("X")+"/b/"+os.Getenv("Y")+"/c", h)`, "GET /a/…/b/…/c"},
		{`r.Get(os.Getenv("X")+os.Getenv("Y")+"/c", h)`, "GET …/c"},
		{`base := os.Getenv("X"); base += "/v1"; r.Get(base+"/one", h)`, "GET …/v1/one"},
		{`type path string; base := path(os.Getenv("X")); r.Get(string(base+"/one"), h)`, "GET …/one"},
		{`r.Get(fmt.Sprintf("/%s/%03d/%%/%s", os.Getenv("X"), 7, "end"), h)`, "GET /…/007/%/end"},
		{`r.Get(fmt.Sprintf("/a/%[1]s/b", os.Getenv("X")), h)`, "GET /a/…"},
		{`r.Get(fmt.Sprintf("/a/%s", os.Getenv("X"), 1), h)`, "GET /a/…"},
		{`r.Get(strings.Join([]string{"", os.Getenv("X"), "one"}, "/"), h)`, "GET /…/one"},
		{`r.Get(path.Join("/a/", os.Getenv("X"), "/one/"), h)`, "GET /a…one"},
		{`r.Get(path.Join("/a/../b", os.Getenv("X")), h)`, "GET …"},
		{`r.Get(strings.TrimSuffix(os.Getenv("X"), "/")+"/one", h)`, "GET …/one"},
		{`p := "/live"; if os.Getenv("X") != "" { p = "/list" }; r.Get(p, h)`, "GET /li…"},
		{`p := "/a/x"; if os.Getenv("X") != "" { p = "/b/x" }; r.Get(p+"/y", h)`, "GET /…/x/y"},
		{`for _, n := range strings.Fields(os.Getenv("X")) { r.Get("/n/"+n, h) }`, "GET /n/…"},
		{`p := "/"; for range strings.Fields(os.Getenv("X")) { p += "x" }; r.Get(p, h)`, "GET …"},
		{`r.Group(os.Getenv("X")+"/v1/", func(r *hotreload.RouteSink) { r.Get("/one", h) })`, "GET …/v1/one"},
		{`r.Group(os.Getenv("X")+"/v1", func(r *hotreload.RouteSink) { r.Get("/", h) })`, "GET …/v1"},
		{`r.Group("/a", func(r *hotreload.RouteSink) { r.Get(os.Getenv("X")+"/one", h) })`, "GET /a…/one"},
		{`r.Group("/a", func(r *hotreload.RouteSink) { r.Get("/"+os.Getenv("X"), h) })`, "GET /a…"},
		{`r.Group(os.Getenv("X"), func(r *hotreload.RouteSink) { r.Group("/a/", func(r *hotreload.RouteSink) { r.With().Get("/one", h) }) })`, "GET …/a/one"},
		{`r.Handle("POST "+os.Getenv("X")+"/one", h)`, "POST …/one"},
		{`r.Handle(os.Getenv("X")+"/one", h)`, "* …/one"},
		{`r.Mount(os.Getenv("X")+"/files", http.NotFoundHandler())`, "* …/files"},
		{`r.Get(os.Getenv("X")+strings.Repeat("x", 2000), h)`, "GET …"},
	} {
		src := fmt.Sprintf(`package handlers

import (
	"fmt"
	"net/http"
	"os"
	"path"
	"strings"

	"github.com/anvilforge/anvil-lsp/hotreload"
)

var _, _, _, _, _ = fmt.Sprint, http.NotFound, os.Getenv, path.Join, strings.Join

func h(w http.ResponseWriter, r *http.Request) {}

func AnvilRegisterRoutes(r *hotreload.RouteSink) { %s }
`, test.register)
		r := checkArchive(t, handlersOnly(src))
		if !r.Complete || len(r.Unknown) != 1 || r.Unknown[0].Route == nil {
			t.Errorf("%s: %v, unknown %v", test.register, r.Findings, r.Unknown)
			continue
		}
		if got := r.Unknown[0].Route.Method + " " + r.Unknown[0].Route.Pattern; got != test.want {
			t.Errorf("%s: got %s, want %s", test.register, got, test.want)
		}
	}
}
