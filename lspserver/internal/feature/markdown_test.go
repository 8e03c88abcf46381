package feature

import (
	"regexp"
	"strings"
	"testing"

	"github.com/anvilforge/anvil-lsp/hotreload/control"
	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/hotreload/shared/visible/visibletest"
	"github.com/anvilforge/anvil-lsp/lspserver/internal/view"
	"github.com/anvilforge/anvil-lsp/lspserver/internal/view/viewtest"
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
		s := viewtest.New(t)
		r := &s.Folder.Prediction.Report.Routes[0]
		r.Pattern, r.Handler, r.Signature = pattern, pattern, "func(struct { A string \"x```\\n\" }) "+pattern
		s.Folder.Manifest.Routes = []manifest.Route{r.Route}
		s.Folder.Counters = (*view.Counters)(nil).With([]control.RouteStats{{
			Method: r.Method, Pattern: pattern, Requests: 1, LastStatus: 200, LastTime: viewtest.Noon, LastPath: pattern,
			Panic: &control.RoutePanic{Message: "![x](https://evil.example) www.evil.example a@evil.example " + pattern, Request: "GET " + pattern},
		}})
		got, _ := hoverText(s, `Get("/", home)`)
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
