package lspserver

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
)

func TestIncident(t *testing.T) {
	mine := func(path string) bool { return strings.HasPrefix(path, "/app/") }
	at := manifest.Position{File: "/app/handlers/pages.go", Line: 40}
	const stack = `runtime.mapassign_faststr
	/go/src/internal/runtime/maps/runtime_faststr.go:264
runtime.panicmem
	/go/src/runtime/panic.go:336
example.com/app/handlers.(*app).showPost
	/app/handlers/pages.go:40
example.com/app/handlers.init[example.com/x/y.T].func1
	/app/handlers/my pages.go:7
net/http.HandlerFunc.ServeHTTP
	/go/src/net/http/server.go:2136
net/http.HandlerFunc.ServeHTTP
	net/http/server.go:2136
github.com/anvilforge/anvil-lsp/hotreload.(*development).witness.func1
	/app/hotreload/hot_develop.go:87
`
	for _, tt := range []struct {
		name string
		d    manifest.Diagnostic
		want []string
	}{
		{"a panic", manifest.Diagnostic{Code: manifest.CodeHandlerPanic, Position: at, Detail: "panic: no\nluck\nGET /posts/1?q=a b\n\n" + stack}, []string{
			"/app/handlers/pages.go:40 while answering GET /posts/1?q=a b",
			"/app/handlers/pages.go:40 handlers.(*app).showPost",
			"/app/handlers/my pages.go:7 handlers.init[example.com/x/y.T].func1",
		}},
		{"a panic whose message has empty lines", manifest.Diagnostic{Code: manifest.CodeHandlerPanic, Position: at, Detail: "panic: a\n\nb\nPOST /x\n\n" + stack}, []string{
			"/app/handlers/pages.go:40 while answering POST /x",
			"/app/handlers/pages.go:40 handlers.(*app).showPost",
			"/app/handlers/my pages.go:7 handlers.init[example.com/x/y.T].func1",
		}},
		{"a crash", manifest.Diagnostic{Code: manifest.CodeLiveServer, Position: at, Detail: `panic: boom

goroutine 7 [running]:
panic({0x1, 0x2})
	/go/src/runtime/panic.go:1 +0x1
example.com/app/feed.(*Hub).run(0xc0001, {0x1, 0x2})
	/app/feed/hub.go:12 +0x1d
created by example.com/app/feed.NewHub in goroutine 1
	/app/feed/hub.go:5 +0x5`}, []string{
			"/app/feed/hub.go:12 feed.(*Hub).run",
			"/app/feed/hub.go:5 started by feed.NewHub",
		}},
		{"something else", manifest.Diagnostic{Code: manifest.CodeCompile, Detail: stack}, nil},
		{"nothing", manifest.Diagnostic{Code: manifest.CodeHandlerPanic}, nil},
	} {
		var got []string
		for _, r := range incident(tt.d, mine) {
			got = append(got, fmt.Sprintf("%s %s", r.Position, r.Message))
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("%s: got\n%s\nwant\n%s", tt.name, strings.Join(got, "\n"), strings.Join(tt.want, "\n"))
		}
	}
	deep := manifest.Diagnostic{Code: manifest.CodeHandlerPanic, Detail: "panic: x\nGET /\n\n" + strings.Repeat("a.f\n\t/app/a.go:1\n", 1000)}
	if n := len(incident(deep, mine)); n != maxFrames {
		t.Errorf("%d frames of a deep stack", n)
	}
}

// TestIncidentMoves: what explains a panic moves with the text, and is left out
// where the text was edited.
func TestIncidentMoves(t *testing.T) {
	s := newScene(t)
	f := &session{bases: map[string][]byte{s.path: []byte(sceneText)}}
	d := manifest.Diagnostic{Code: manifest.CodeHandlerPanic, Position: s.at("return nil\n"), Message: "panic"}
	home, other := s.at("home(c"), manifest.Position{File: "/mod/chi/mux.go", Line: 3}
	d.Detail = fmt.Sprintf("panic: x\nGET /\n\na.f\n\t%s:%d\na.g\n\t%s:%d\na.h\n\t%s:3\n", s.path, d.Line, s.path, home.Line, other.File)
	s.edit("// Anvil", "\n\n// Anvil")
	s.edit("func home", "func  home")
	d.Related = incident(d, func(string) bool { return true })
	moved, ok := f.moved(s.view.documents, d)
	if want := s.at("return nil\n").Line; !ok || moved.Line != want {
		t.Errorf("it is in line %d, %t; want %d", moved.Line, ok, want)
	}
	var got []string
	for _, r := range moved.Related {
		got = append(got, fmt.Sprintf("%d %s", r.Line, r.Message))
	}
	line := s.at("return nil\n").Line
	if want := []string{fmt.Sprintf("%d while answering GET /", line), fmt.Sprintf("%d a.f", line), "3 a.h"}; !slices.Equal(got, want) {
		t.Errorf("related %q, want %q", got, want)
	}
}
