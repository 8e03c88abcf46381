package feature

import (
	"strings"
	"testing"

	"go.lsp.dev/protocol"
	"go.lsp.dev/uri"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/lspserver/internal/text"
	"github.com/anvilforge/anvil-lsp/lspserver/internal/view/viewtest"
)

// hover returns what a hover over a piece of text shows, and the text of its
// range.
func hoverText(s *viewtest.Scene, over string) (shown, about string) {
	s.T.Helper()
	p := &protocol.HoverParams{}
	p.TextDocument.URI, p.Position = uri.File(s.Path), s.Position(over)
	result, err := Hover(s.T.Context(), s.View, p)
	if err != nil {
		s.T.Fatal(err)
	}
	if result == nil {
		return "", ""
	}
	h := result.(*protocol.Hover)
	m, d := s.Document().Mapper(), s.Document()
	return h.Contents.(*protocol.MarkupContent).Value, string(d.Text[m.Offset(h.Range.Start):m.Offset(h.Range.End)])
}

const hoveredShow = `**` + "`GET /posts/{id}`** → `handlers.showPost`" + `

` + "```go\nfunc(*hotreload.Ctx) error\n```" + `

- live in generation 4
- 12 requests, p50 1.8 ms
- last request /posts/7?page=2: 200 in 2.0 ms at 12:00:00, by generation 3
`

func TestHover(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(s *viewtest.Scene)
		over   string
		about  string
		want   string // all of it, or several parts between …
	}{
		{"the pattern", nil, `"/posts/{id}"`, `Get("/posts/{id}", showPost)`, hoveredShow},
		{"the method", nil, `Get("/posts/{id}"`, `Get("/posts/{id}", showPost)`, hoveredShow},
		{"the handler", nil, `showPost)`, `Get("/posts/{id}", showPost)`, hoveredShow},
		{"the declaration", nil, `showPost(c`, `showPost`, hoveredShow},
		{"after an edit above", func(s *viewtest.Scene) { s.Edit("// Anvil", "\n// Anvil") }, `showPost(c`, `showPost`, hoveredShow},
		{"without Markdown", func(s *viewtest.Scene) { s.View.Client.HoverMarkdown = false }, `showPost(c`, `showPost`, `GET /posts/{id} → handlers.showPost
func(*hotreload.Ctx) error
live in generation 4
12 requests, p50 1.8 ms
last request /posts/7?page=2: 200 in 2.0 ms at 12:00:00, by generation 3
`},
		{"a route to open, never asked for", nil, `"/", home`, `Get("/", home)`, "**[`GET /`](http://127.0.0.1:8080/)**…- no requests"},
		{"a panic", nil, "login(c", "login", `- 1 request, 1 error…500 in 0 µs…- last panic: no \*user\* (POST /admin/login) at 12:00:00, in generation 4`},
		{"inside of a function that is an argument", nil, `r.Post(`, "", ""},
		{"a mounted handler", nil, `files()`, `Mount("/static", files())`, "**`ANY /static/*`** → `http.Handler`…- live in generation 4"},
		{"an edit that is swapped", func(s *viewtest.Scene) { s.Folder.Prediction.Rung = manifest.RungHotSwap }, `showPost(c`, `showPost`, "live in generation 4; a save swaps the code, without a restart"},
		{"an edit that is kept back", func(s *viewtest.Scene) { s.Folder.Prediction.Rung = manifest.RungKeep }, `showPost(c`, `showPost`, "a save keeps the live generation, because of errors"},
		{"an edit while saves wait", func(s *viewtest.Scene) { s.Folder.Prediction.Rung, s.Folder.Status.Paused = manifest.RungHotSwap, true }, `showPost(c`, `showPost`,
			"live in generation 4; a save waits until it is asked for, and then swaps the code, without a restart"},
		{"another handler", func(s *viewtest.Scene) { s.Folder.Prediction.Report.Routes[1].Handler = "handlers.show" }, `showPost(c`, `showPost`, "→ `handlers.showPost`…; the source has handlers.show"},
		{"a function literal as the compiler calls it", func(s *viewtest.Scene) {
			s.Folder.LiveRoute(manifest.RouteKey{Method: "GET", Pattern: "/posts/{id}"}).Handler = "handlers.AnvilRegisterRoutes.showPost.func3"
			s.Folder.Prediction.Report.Routes[1].Handler = "handlers.showPost.func1"
		}, `showPost(c`, `showPost`, "- live in generation 4\n"},
		{"a new route", func(s *viewtest.Scene) {
			s.Folder.Manifest.Routes = nil
			s.Folder.Prediction.Rung = manifest.RungHotSwap
		}, `showPost(c`, `showPost`,
			"`GET /posts/{id}`…- not live yet; a save swaps the code, without a restart"},
		{"many routes of one handler", func(s *viewtest.Scene) {
			for i := range s.Folder.Prediction.Report.Routes {
				s.Folder.Prediction.Report.Routes[i].HandlerPosition = s.At("home(c")
			}
			more := s.Folder.Prediction.Report.Routes
			s.Folder.Prediction.Report.Routes = append(more, more...)
		}, "home(c", "home", "`GET /`…\n---\n\n…`GET /posts/{id}`…and 3 more routes"},
		{"nothing of ours", nil, "package", "", ""},
		{"turned off", func(s *viewtest.Scene) { s.Folder.Settings.Hover = false }, `showPost(c`, "", ""},
		{"no prediction", func(s *viewtest.Scene) { s.Folder.Prediction = nil }, `showPost(c`, "", ""},
		{"no application", func(s *viewtest.Scene) { s.View.Folders = nil }, `showPost(c`, "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := viewtest.New(t)
			if tt.change != nil {
				tt.change(s)
			}
			got, about := hoverText(s, tt.over)
			if about != tt.about {
				t.Errorf("about %q, want %q", about, tt.about)
			}
			rest := got
			for part := range strings.SplitSeq(tt.want, "…") {
				_, after, ok := strings.Cut(rest, part)
				if !ok {
					t.Fatalf("got\n%s\nwithout %q", got, part)
				}
				rest = after
			}
			if tt.want == "" && got != "" {
				t.Errorf("got %q", got)
			}
		})
	}
}

// TestHoverSaysWhatDiffers has the words for an edit that needs a restart, or would
// by another policy.
func TestHoverSaysWhatDiffers(t *testing.T) {
	s := viewtest.New(t)
	fc := s.Folder.Prediction
	r := &fc.Report.Routes[1]
	r.Signature, r.Fingerprint, fc.Rung = "func(http.ResponseWriter, *http.Request)", "2", manifest.RungWarmRestart
	fc.Diagnostics = []manifest.Diagnostic{manifest.Diagnose(manifest.CodeSignature, r.SignaturePosition, "changed")}
	s.View.Client.HoverMarkdown = false
	for rung, does := range map[manifest.Rung]string{
		manifest.RungWarmRestart: "restarts the live server (ANV001)",
		manifest.RungHotSwap:     "swaps the code, without a restart, though the signature changed (ANV001)",
	} {
		fc.Rung = rung
		got, _ := hoverText(s, "showPost(c")
		want := "live in generation 4; the source has func(http.ResponseWriter, *http.Request); a save " + does
		if !strings.Contains(got, want) {
			t.Errorf("got\n%s\nwithout %q", got, want)
		}
	}
}

// TestHoverAnywhere: no position is a fault, in text of any kind.
func TestHoverAnywhere(t *testing.T) {
	for _, now := range []string{viewtest.SceneText, viewtest.SceneText[:200], strings.ReplaceAll(viewtest.SceneText, "\n", "\r\n"), "", "\xff\xfe", "package handlers\n\nfunc AnvilRegisterRoutes("} {
		for _, e := range []text.Encoding{text.UTF8, text.UTF16, text.UTF32} {
			s := viewtest.New(t)
			s.View.Client.Encoding = e
			s.Open(2, now)
			for line := range uint32(30) {
				for character := range uint32(50) {
					p := &protocol.HoverParams{}
					p.TextDocument.URI, p.Position = uri.File(s.Path), protocol.Position{Line: line, Character: character}
					if _, err := Hover(t.Context(), s.View, p); err != nil {
						t.Fatalf("%d:%d of %q: %v", line, character, now, err)
					}
				}
			}
			CodeLenses(s.View, uri.File(s.Path))
		}
	}
}
