//go:build anvilhot

package hotreload

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/anvilforge/anvil-lsp/hotreload/internal/process"
	"github.com/anvilforge/anvil-lsp/hotreload/shared/devpage"
	"github.com/anvilforge/anvil-lsp/hotreload/shared/regular"
)

// browse asks as a browser does.
func browse(h http.Handler, method, url string, header ...string) *httptest.ResponseRecorder {
	r := localRequest(method, url, nil)
	r.Header.Set("Accept", "text/html,application/xhtml+xml,*/*;q=0.8")
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// TestPanicPage: source first, own calls marked and the rest folded, paths as a
// person names them.
func TestPanicPage(t *testing.T) {
	b := newBench(t)
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	b.state.dev = newDevelopment(b.loader, &process.Environment{Dir: dir, Sources: regular.Sources{dir}})
	runs := 0
	b.live(func(r *RouteSink) {
		r.Get("/<x>", func(w http.ResponseWriter, r *http.Request) { runs++; panicky(w, r) })
		r.Post("/post", panicky)
	})
	w := browse(b.state, "GET", "/%3Cx%3E")
	body := w.Body.String()
	for _, part := range []string{
		"<h1>500 panic: no post in example.com/app</h1>", "<p>GET /%3Cx%3E</p>", "<small>hot_develop_test.go:",
		`<span class="hit">`, "panic(errors.New(&#34;no post in anvil.g7/example.com/app&#34;))",
		`<li class="own">github.com/anvilforge/anvil-lsp/hotreload.panicky<small>hot_develop_test.go:`,
		"calls of others</summary>", "<small>github.com/go-chi/chi/v5@v", "<small>net/http/server.go:",
		"This page comes from anvil-lsp", `const version = "generation 1";`,
	} {
		if !strings.Contains(body, part) {
			t.Errorf("the page lacks %q", part)
		}
	}
	for _, part := range []string{dir, "/pkg/mod/", "<x>"} {
		if strings.Contains(body, part) {
			t.Errorf("the page has %q", part)
		}
	}
	if t.Failed() {
		t.Logf("%s", body)
	}

	// A page that is open asks whether it still holds; no handler runs for that.
	poll := func(path string) string {
		w := browse(b.state, "GET", path, devpage.HeaderVersion, "generation 1")
		if w.Code != http.StatusNoContent || w.Body.Len() > 0 || w.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("got %d %q %v", w.Code, w.Body, w.Header())
		}
		return w.Header().Get(devpage.HeaderVersion)
	}
	if got := poll("/%3Cx%3E"); got != "generation 1" || runs != 1 {
		t.Errorf("the live server shows %q, after %d runs", got, runs)
	}
	if body := browse(b.state, "POST", "/post").Body.String(); strings.Contains(body, "<script>") || !strings.Contains(body, "send the request again") {
		t.Errorf("a page that was posted loads itself anew:\n%s", body)
	}
	b.live(func(r *RouteSink) { r.Get("/<x>", func(http.ResponseWriter, *http.Request) { runs++ }) })
	if got := poll("/nowhere"); got != "generation 2" || runs != 1 {
		t.Errorf("the live server shows %q, after %d runs", got, runs)
	}
}

// TestStrangersAreToldNothing: a page of a stranger, whose name was made to lead
// here, sees neither messages nor places nor source, whatever form it asks for.
func TestStrangersAreToldNothing(t *testing.T) {
	b := newBench(t)
	b.live(func(r *RouteSink) {
		r.Get("/panic", panicky)
		r.Get("/error", func(*Ctx) error { return errors.New("pool no post is closed") })
		r.Get("/refused", func(*Ctx) error { return StatusErrorf(http.StatusNotFound, "no post 7") })
	})
	ask := func(host, path, accept string) (int, string) {
		r := localRequest("GET", path, nil)
		r.Host = host
		r.Header.Set("Accept", accept)
		w := httptest.NewRecorder()
		b.state.ServeHTTP(w, r)
		return w.Code, w.Body.String()
	}
	for _, host := range []string{"evil.example", "127.0.0.1.evil.example:8080", "localhost.evil.example", "10.0.0.1:8080", ""} {
		for _, accept := range []string{"text/html", "application/json", "*/*"} {
			for _, path := range []string{"/panic", "/error"} {
				status, body := ask(host, path, accept)
				if status != http.StatusInternalServerError || strings.Contains(body, "no post") || strings.Contains(body, ".go") || strings.Contains(body, "<h1>") {
					t.Errorf("%s asks for %s as %s: %d\n%s", host, path, accept, status, body)
				}
			}
			if status, body := ask(host, "/refused", accept); status != http.StatusNotFound || !strings.Contains(body, "no post 7") {
				t.Errorf("%s: what a handler says to its client is lost: %d\n%s", host, status, body)
			}
		}
	}
	for _, host := range []string{"localhost", "127.0.0.1:8080", "[::1]:8080", "app.localhost"} {
		if _, body := ask(host, "/panic", "text/html"); !strings.Contains(body, "no post") {
			t.Errorf("%s is told nothing:\n%s", host, body)
		}
	}
}
