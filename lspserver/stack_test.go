package lspserver

import (
	"strings"
	"testing"

	"github.com/anvilforge/anvil-lsp/manifest"
)

func TestStackOf(t *testing.T) {
	d := manifest.Diagnose(manifest.CodeHandlerPanic, manifest.Position{File: "/app/h/a.go", Line: 7}, "panic: boom")
	d.Detail = `panic: boom

example.com/app/h.inner(...)
	/app/h/a.go:7 +0x1d
example.com/app/h.(*app).home(0x1, {0x2, 0x3})
	/app/h/b.go:12 +0x2c
github.com/go-chi/chi/v5.(*Mux).ServeHTTP(0x4)
	/root/go/pkg/mod/github.com/go-chi/chi/v5/mux.go:90 +0x1
example.com/app/h.logRequests.func1(0x5)
	/app/h/mw.go:3 +0x1
`
	got := stackOf(d, func(path string) bool { return strings.HasPrefix(path, "/app/") })
	want := []manifest.Related{
		{Position: manifest.Position{File: "/app/h/b.go", Line: 12}, Message: "called in h.(*app).home"},
		{Position: manifest.Position{File: "/app/h/mw.go", Line: 3}, Message: "called in h.logRequests.func1"},
	}
	if len(got) != len(want) {
		t.Fatalf("%+v", got)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("%+v, want %+v", got[i], want[i])
		}
	}
}
