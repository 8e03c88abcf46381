package lspserver

import (
	"context"
	"encoding/json"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"

	"go.lsp.dev/protocol"

	"github.com/anvilforge/anvil-lsp/hotreload/control"
	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/hotreload/shared/visible/visibletest"
	"github.com/anvilforge/anvil-lsp/lspserver/internal/view"
)

// hostilePatterns are patterns of a checkout that nobody has read. A browser
// opens those without parameters, so that the hover has a link.
var hostilePatterns = []string{
	"/a) ![x](https://evil.example/x.png", "/a](https://evil.example)", "/a`b``c```d", "/a\n\n# Heading\n\n![x](https://evil.example)",
	"/<img src=https://evil.example/x.png>", "/a\" onclick=\"b", "/a\\)b", "/a &#41; ![x](y)", "/a\x1b]0;PWNED\x07\u202e", "/[x](command:workbench.action.quit)", "/a'b(c)d",
}

// TestHostileMarkdown: whatever a route is called, its hover has one link, which
// leads to the application.
func TestHostileMarkdown(t *testing.T) {
	markup, escaped := regexp.MustCompile("^`+"), regexp.MustCompile(`\\.`)
	for _, pattern := range hostilePatterns {
		s := newScene(t)
		r := &s.folder.Prediction.Report.Routes[0]
		r.Pattern, r.Handler, r.Signature = pattern, pattern, "func(struct { A string \"x```\\n\" }) "+pattern
		s.folder.Manifest.Routes = []manifest.Route{r.Route}
		s.folder.Counters = (*view.Counters)(nil).With([]control.RouteStats{{
			Method: r.Method, Pattern: pattern, Requests: 1, LastStatus: 200, LastTime: noon, LastPath: pattern,
			Panic: &control.RoutePanic{Message: "![x](https://evil.example) www.evil.example a@evil.example " + pattern, Request: "GET " + pattern},
		}})
		got, _ := s.hover(`Get("/", home)`)
		visibletest.Check(t, pattern, got)
		head, rest, _ := strings.Cut(got, "\n")
		shown, address, ok := strings.Cut(strings.TrimPrefix(head, "**["), "](http://127.0.0.1:8080/")
		address, _, closed := strings.Cut(address, ")** → ")
		if !ok || !closed || strings.ContainsAny(address, "()[]<>`\"'\\ !#&") {
			t.Errorf("%q: the head is %s", pattern, head)
		}
		fence := markup.FindString(shown)
		if inside := strings.TrimPrefix(shown, fence); !strings.HasSuffix(shown, fence) || longestRun(strings.TrimSuffix(inside, fence)) >= len(fence) {
			t.Errorf("%q: the name is %s", pattern, shown)
		}
		_, lines, _ := strings.Cut(rest, "```go\n")
		block, lines, _ := strings.Cut(lines, "\n```")
		_, lines, _ = strings.Cut(lines, "\n") // the rest of a longer fence
		if strings.Contains(block, "\n") {
			t.Errorf("%q: the signature has several lines: %q", pattern, block)
		}
		if plain := escaped.ReplaceAllString(lines, ""); strings.ContainsAny(plain, "[]<>`*_!&@#") || strings.Contains(plain, "://") || strings.Contains(plain, "www.") {
			t.Errorf("%q: something is not escaped in %s", pattern, lines)
		}
	}
}

// TestAdviceForAShell: a command that a user may paste stays one command.
func TestAdviceForAShell(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t)
		f := d.session("app")
		f.set(func() { f.status.URL, f.link = "http://127.0.0.1:1", &puppet{} })
		for pattern, want := range map[string]string{
			"/posts": "curl -i -X POST http://127.0.0.1:1/posts", "/it's": `'http://127.0.0.1:1/it'\''s'`,
			"/$(touch x)`id`": "'http://127.0.0.1:1/$(touch x)`id`'", "/a'; rm -r ~ #": `'http://127.0.0.1:1/a'\''; rm -r ~ #'`, "/a\x1b[2J\n": `'http://127.0.0.1:1/a\x1b[2J\n'`,
		} {
			got, err := openRoute(context.Background(), d.s, f, commandArgument{Method: "POST", Pattern: pattern})
			if err != nil {
				t.Fatal(err)
			}
			data, _ := json.Marshal(got)
			if message := got.(*opened).Message; !strings.HasSuffix(message, want) {
				t.Errorf("%q: %s", pattern, message)
			} else {
				visibletest.Check(t, string(data), message)
			}
		}
		synctest.Wait()
		if n := len(d.client.all(protocol.MethodWindowShowMessage)); n != 5 {
			t.Errorf("told %d times", n)
		}
	})
}
