package engine

import (
	"html"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/anvilforge/anvil-lsp/hotreload/control"
	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/hotreload/shared/devpage"
)

// ask returns the answer of the front page and its body.
func ask(t *testing.T, e *Engine, accept string) (http.Header, string) {
	t.Helper()
	r := httptest.NewRequest(http.MethodPost, "/orders?x=1", nil)
	r.Host = "localhost:8080"
	r.Header.Set("Accept", accept)
	w := httptest.NewRecorder()
	e.front(w, r)
	if w.Code != http.StatusServiceUnavailable {
		t.Errorf("status %d, want 503: the request was not handled", w.Code)
	}
	h := w.Result().Header
	if h.Get("Cache-Control") != "no-store" || h.Get("Retry-After") != "1" || h.Get(FrontHeader) == "" {
		t.Errorf("headers %v", h)
	}
	return h, w.Body.String()
}

const browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"

func TestFrontInABrowser(t *testing.T) {
	e := newTestEngine(t)
	file := writeFile(t, "package a\n\nfunc f() {\n\treturn <-ch && x\n}\n\n// seventh\n", e.opts.Dir, "a", "a.go")
	d := manifest.Diagnose(manifest.CodeCompile, manifest.Position{File: file, Line: 4, Column: 9}, "%s", "bad <script>alert('x')</script> & more")
	d.Detail = "<b>goroutine</b> 1"
	e.publish(control.Event{Kind: control.EventKept, Message: "it's <i>broken</i>", Diagnostics: []manifest.Diagnostic{d}})
	h, body := ask(t, e, browser)
	if got := h.Get("Content-Type"); got != "text/html; charset=utf-8" {
		t.Errorf("content type %q", got)
	}
	for _, want := range []string{
		"<title>The application cannot run yet</title>",
		`<b>bad &lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt; &amp; more</b>`,
		`<p>it&#39;s &lt;i&gt;broken&lt;/i&gt;</p>`,
		"<small>" + html.EscapeString(filepath.Join("a", "a.go")) + ":4:9 · ANV009</small>",
		"<pre><span><i>2</i></span><span><i>3</i>func f() {</span>",
		`<span class="hit"><i>4</i>` + "\treturn &lt;-ch &amp;&amp; x</span>",
		"<span><i>5</i>}</span><span><i>6</i></span></pre>",
		"<pre><span>&lt;b&gt;goroutine&lt;/b&gt; 1</span></pre>",
		`const version = "` + h.Get(FrontHeader) + `";`,
	} {
		if !strings.Contains(body, want) {
			t.Errorf("the page lacks %s", want)
		}
	}
	if n := strings.Count(body, `class="hit"`); n != 1 {
		t.Errorf("%d lines are marked", n)
	}
	if strings.Contains(body, "seventh") || strings.Contains(body, "alert('x')") {
		t.Errorf("the page holds what it must not:\n%s", body)
	}
}

func TestFrontInATerminal(t *testing.T) {
	e := newTestEngine(t)
	e.publish(control.Event{
		Kind: control.EventKept, Message: "no <luck>",
		Diagnostics: []manifest.Diagnostic{
			finding(manifest.CodeCompile, "/app/b.go", 3, "undefined: <T>"),
			finding(manifest.CodeLiveServer, "", 0, "exit status 2"),
		},
	})
	h, body := ask(t, e, "*/*")
	if got := h.Get("Content-Type"); got != "text/plain; charset=utf-8" {
		t.Errorf("content type %q", got)
	}
	want := "anvil-lsp: The application cannot run yet\nno <luck>\nexit status 2 [ANV012]\napp/b.go:3: undefined: <T> [ANV009]\n"
	if body != want {
		t.Errorf("body:\n%s\nwant:\n%s", body, want)
	}
}

// TestFrontOfProblemsWithoutSource: a place that cannot be shown is left out.
func TestFrontOfProblemsWithoutSource(t *testing.T) {
	e := newTestEngine(t)
	outside := writeFile(t, "package b", t.TempDir(), "b.go")
	link := filepath.Join(e.opts.Dir, "link.go")
	if err := os.Symlink(outside, link); err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct {
		pos  manifest.Position
		want string
	}{
		"nowhere":                   {want: "<small>ANV012</small>"},
		"outside":                   {pos: manifest.Position{File: outside}, want: "<small>" + html.EscapeString(filepath.Join(filepath.Base(filepath.Dir(outside)), "b.go")) + " · ANV012</small>"},
		"whole file":                {pos: manifest.Position{File: filepath.Join(e.opts.Dir, "go.mod")}, want: "<small>go.mod · ANV012</small>"},
		"dots in its name":          {pos: manifest.Position{File: filepath.Join(e.opts.Dir, "..data", "a.go")}, want: "<small>" + filepath.Join("..data", "a.go") + " · ANV012</small>"},
		"missing":                   {pos: manifest.Position{File: filepath.Join(e.opts.Dir, "gone.go"), Line: 3}, want: "<small>gone.go:3 · ANV012</small>"},
		"line that is gone":         {pos: manifest.Position{File: outside, Line: 30}, want: ":30 · ANV012</small>"},
		"//line to a file outside":  {pos: manifest.Position{File: outside, Line: 1}, want: "b.go:1 · ANV012</small>"},
		"//line to a secret inside": {pos: manifest.Position{File: writeFile(t, "secret", e.opts.Dir, ".env"), Line: 1}, want: ".env:1 · ANV012</small>"},
		"link to a file outside":    {pos: manifest.Position{File: link, Line: 1}, want: "link.go:1 · ANV012</small>"},
		"directory, somehow":        {pos: manifest.Position{File: e.opts.Dir, Line: 1}, want: "<small>.:1 · ANV012</small>"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			d := manifest.Diagnose(manifest.CodeLiveServer, tt.pos, "it ended")
			e.publish(control.Event{Kind: control.EventKept, Diagnostics: []manifest.Diagnostic{d}})
			_, body := ask(t, e, browser)
			if !strings.Contains(body, tt.want) {
				t.Errorf("the page lacks %s:\n%s", tt.want, body)
			}
			if strings.Contains(body, "<pre>") {
				t.Errorf("the page shows source:\n%s", body)
			}
		})
	}
}

// TestFrontTellsStrangersNothing: a name that a stranger has lead here gets no
// message, path or source.
func TestFrontTellsStrangersNothing(t *testing.T) {
	e := newTestEngine(t)
	file := writeFile(t, "package a\n", e.opts.Dir, "a.go")
	e.publish(control.Event{Kind: control.EventKept, Message: "message", Diagnostics: []manifest.Diagnostic{finding(manifest.CodeCompile, file, 1, "undefined: x")}})
	for _, host := range []string{"evil.example:8080", "", "192.168.1.2"} {
		for _, accept := range []string{browser, "*/*"} {
			r := httptest.NewRequest(http.MethodGet, "/", nil)
			r.Host = host
			r.Header.Set("Accept", accept)
			w := httptest.NewRecorder()
			e.front(w, r)
			for _, secret := range []string{"message", "undefined", "a.go", "package a", e.opts.Dir} {
				if strings.Contains(w.Body.String(), secret) {
					t.Errorf("%q is told %s:\n%s", host, secret, w.Body)
				}
			}
			for _, name := range []string{"X-Content-Type-Options", "X-Frame-Options", "Content-Security-Policy"} {
				if w.Code != http.StatusServiceUnavailable || w.Result().Header.Get(name) == "" {
					t.Errorf("%q: status %d, %s is missing", host, w.Code, name)
				}
			}
		}
	}
}

// TestFrontFollowsTheEngine: a page that is open knows when to load itself anew.
func TestFrontFollowsTheEngine(t *testing.T) {
	e := newTestEngine(t)
	e.status.State = control.StateBuilding
	seen := map[string]control.EventKind{}
	h, body := ask(t, e, browser)
	seen[h.Get(FrontHeader)] = "none yet"
	if !strings.Contains(body, "<title>The application is being built</title>") {
		t.Errorf("page at the start:\n%s", body)
	}
	for _, ev := range []struct {
		kind  control.EventKind
		title string
	}{
		{control.EventStarting, "The application is being built"},
		{control.EventBuilding, "The application is being built"},
		{control.EventKept, "The application cannot run yet"},
		{control.EventRestarting, "The application is being built"},
		{control.EventExited, "The application cannot run yet"},
	} {
		e.publish(control.Event{Kind: ev.kind})
		h, body := ask(t, e, browser)
		if !strings.Contains(body, "<title>"+ev.title+"</title>") {
			t.Errorf("after %s the title is not %q", ev.kind, ev.title)
		}
		version := h.Get(FrontHeader)
		if before, ok := seen[version]; ok {
			t.Errorf("after %s the version is that after %s", ev.kind, before)
		}
		seen[version] = ev.kind
		e.publish(control.Event{Kind: control.EventProgress, Message: "compiling"})
		if h, _ := ask(t, e, browser); h.Get(FrontHeader) != version {
			t.Error("progress would have every page load itself anew")
		}
	}
}

// TestFrontShowsProgress: while something is built, the page moves and says what
// is being done, without loading itself anew for each step; afterwards it does not.
func TestFrontShowsProgress(t *testing.T) {
	e := newTestEngine(t)
	e.publish(control.Event{Kind: control.EventBuilding})
	first, body := ask(t, e, browser)
	if !strings.Contains(body, `class="busy"`) || !strings.Contains(body, `<p id="doing" aria-live="polite"></p>`) {
		t.Errorf("nothing moves on\n%s", body)
	}
	e.publish(control.Event{Kind: control.EventProgress, Message: "compiling <net/http>, größer\n"})
	then, body := ask(t, e, browser)
	if !strings.Contains(body, "compiling &lt;net/http&gt;, größer") {
		t.Errorf("the step is not said in\n%s", body)
	}
	if got := then.Get(devpage.HeaderDoing); got != "compiling%20%3Cnet%2Fhttp%3E%2C%20gr%C3%B6%C3%9Fer%0A" {
		t.Errorf("an open page is told %q", got)
	}
	if first.Get(FrontHeader) != then.Get(FrontHeader) {
		t.Error("the page loads itself anew for a step")
	}
	if _, text := ask(t, e, "*/*"); !strings.Contains(text, "compiling <net/http>, größer") {
		t.Errorf("in a terminal: %q", text)
	}
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.Host = "evil.example"
	w := httptest.NewRecorder()
	e.front(w, r)
	if w.Header().Get(devpage.HeaderDoing) != "" || strings.Contains(w.Body.String(), "net/http") {
		t.Errorf("a stranger is told %v\n%s", w.Header(), w.Body)
	}
	e.publish(control.Event{Kind: control.EventKept, Message: "no"})
	if h, body := ask(t, e, browser); strings.Contains(body, `class="busy"`) || strings.Contains(body, "net/http") || h.Get(devpage.HeaderDoing) != "" {
		t.Errorf("after the build: %v\n%s", h, body)
	}
}
