//go:build anvilhot

package stack

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
)

const dump = `goroutine 7 [running]:
runtime/debug.Stack()
	/go/src/runtime/debug/stack.go:26 +0x5e

goroutine 71 [chan receive, 2 minutes]:
anvil.g7/example.com/app/handlers.(*API).wait(0xc000012345, {0x1, 0x2})
	/home/ann/app/handlers/api.go:42 +0x1d
anvil.g7/example.com/app/handlers.AnvilRegisterRoutes.func1(...)
	/home/ann/app/handlers/routes.go:9
created by anvil.g7/example.com/app/handlers.start in goroutine 70
	/home/ann/app/handlers/start.go:3 +0x25
`

func TestParseGoroutine(t *testing.T) {
	g, ok := parseGoroutine([]byte(dump), 71)
	if !ok || g.State != "chan receive" || len(g.Frames) != 2 {
		t.Fatalf("got %+v, %v", g, ok)
	}
	var got []string
	for _, f := range g.Frames {
		got = append(got, f.Function)
	}
	want := []string{"anvil.g7/example.com/app/handlers.(*API).wait", "anvil.g7/example.com/app/handlers.AnvilRegisterRoutes.func1"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if at := topUser(g.Frames); at != (manifest.Position{File: "/home/ann/app/handlers/api.go", Line: 42}) {
		t.Errorf("stands at %s", at)
	}
	if text := format(fromSource(g.Frames)); !strings.HasPrefix(text, "example.com/app/handlers.(*API).wait\n\t/home/ann/app/handlers/api.go:42\n") {
		t.Errorf("formatted:\n%s", text)
	}
	if _, ok := parseGoroutine([]byte(dump), 8); ok {
		t.Error("goroutine 8 is found")
	}
}

func TestFindGoroutine(t *testing.T) {
	id, stop := make(chan int), make(chan struct{})
	defer close(stop)
	go func() {
		id <- goroutineID()
		<-stop
	}()
	g, ok := findGoroutine(<-id)
	if !ok || !strings.HasSuffix(topUser(g.Frames).File, "goroutine_test.go") {
		t.Errorf("got %+v, %v", g, ok)
	}
	if _, ok := findGoroutine(-1); ok {
		t.Error("goroutine -1 is found")
	}
}

type shy struct{}

func (shy) Error() string { panic("no") }

func TestPanicText(t *testing.T) {
	for _, test := range []struct {
		value any
		want  string
	}{
		{"text", "text"}, {errors.New("error"), "error"}, {42, "int: 42"}, {shy{}, "a value that cannot be printed"},
	} {
		if got := panicText(test.value); got != test.want {
			t.Errorf("%T: got %q, want %q", test.value, got, test.want)
		}
	}
}

func TestGoroutinesOf(t *testing.T) {
	dump := "goroutine 1 [running]:\nmain.main()\n\t/src/main.go:3\n\n" +
		"goroutine 7 [select]:\ntime.Sleep()\n\t/go/time.go:1\nanvil.g7/example.com/app/handlers.poll()\n\t/src/h.go:9\ncreated by anvil.g3/example.com/app/x.F\n\t/src/x.go:1\n\n" +
		"goroutine 8 [select]:\nanvil.g12/example.com/app/handlers.poll()\n\t/src/h.go:9\n\n" +
		"goroutine 9 [select]:\nanvil.g7/example.com/app/handlers.poll()\n\t/src/h.go:9\n"
	if got, want := CountByGeneration([]byte(dump)), map[int]int{7: 2, 12: 1}; !maps.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
