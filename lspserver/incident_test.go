package lspserver

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/anvilforge/anvil-lsp/manifest"
)

func TestIncident(t *testing.T) {
	at := manifest.Position{File: "/app/handlers/pages.go", Line: 40}
	const stack = `runtime.panicmem
	/go/src/runtime/panic.go:336
example.com/app/handlers.(*app).showPost
	/app/handlers/pages.go:40
example.com/app/handlers.init[example.com/x/y.T].func1
	/app/handlers/my pages.go:7
net/http.HandlerFunc.ServeHTTP
	net/http/server.go:2136
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
		for _, r := range incident(tt.d) {
			got = append(got, fmt.Sprintf("%s %s", r.Position, r.Message))
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("%s: got\n%s\nwant\n%s", tt.name, strings.Join(got, "\n"), strings.Join(tt.want, "\n"))
		}
	}
	deep := manifest.Diagnostic{Code: manifest.CodeHandlerPanic, Detail: "panic: x\nGET /\n\n" + strings.Repeat("a.f\n\t/a.go:1\n", 1000)}
	if n := len(incident(deep)); n != maxFrames {
		t.Errorf("%d frames of a deep stack", n)
	}
}
