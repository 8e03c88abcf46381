package manifest

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"
)

const stackText = `goroutine 71 gp=0xc000 m=3 mp=0xc01 [chan receive, 2 minutes, locked to thread]:
panic({0x1?, 0x2?})
	/go/src/runtime/panic.go:792 +0x132
anvil.g7/example.com/app/handlers.(*API).wait(0xc000012345, {0x1, 0x2})
	/home/ann/my:8080 app:1/handlers/api.go:42 +0x1d fp=0xc0 sp=0xc1 pc=0x1
example.com/app/v1%2e2.Map[go.shape.int,example.com/x/y.T].func1(...)
	/home/ann/app/v1.2/page.templ:9
runtime.asm(0x1)
	C:/go/src/runtime/asm_amd64.s:12 (0x12)
...2 frames elided...
goroutine running on other thread; stack unavailable
created by anvil.g7/example.com/app/handlers.start in goroutine 70
	/home/ann/app/handlers/start.go:3 +0x25

goroutine 1 [running]:
main.main()
	/app/main.go:3
`

func TestParseGoroutine(t *testing.T) {
	g, ok := ParseGoroutine(stackText)
	if !ok || g.ID != 71 || g.State != "chan receive" {
		t.Fatalf("got %+v, %t", g, ok)
	}
	var got []string
	for _, f := range g.Frames {
		got = append(got, fmt.Sprintf("%s %s %s %t", f.Package(), f.Name(), f.Position, f.Creator))
	}
	want := []string{
		"panic panic /go/src/runtime/panic.go:792 false",
		"example.com/app/handlers handlers.(*API).wait /home/ann/my:8080 app:1/handlers/api.go:42 false",
		"example.com/app/v1.2 v1.2.Map[go.shape.int,example.com/x/y.T].func1 /home/ann/app/v1.2/page.templ:9 false",
		"runtime runtime.asm C:/go/src/runtime/asm_amd64.s:12 false",
		"example.com/app/handlers handlers.start /home/ann/app/handlers/start.go:3 true",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	for _, text := range []string{"", "panic: x\n" + stackText, "goroutine 1 [running]", "goroutine x [running]:\n"} {
		if g, ok := ParseGoroutine(text); ok {
			t.Errorf("%q is %+v", text, g)
		}
	}
}

func TestInitialises(t *testing.T) {
	for name, want := range map[string]bool{
		"example.com/a/store.init": true, "example.com/a/store.init.0": true, "example.com/a/store.init.0.func1": true, "anvil.g7/a/v1%2einit.init": true,
		"example.com/a/store.(*Store).initSchema": false, "example.com/a/store.initial": false, "example.com/a/v1%2einit.F": false, "example.com/a/init.F": false, "panic": false,
	} {
		if got := (Frame{Function: name}).Initialises(); got != want {
			t.Errorf("%s: %t", name, got)
		}
	}
}

// TestParseOwnStack: what this Go prints is understood.
func TestParseOwnStack(t *testing.T) {
	stack := make(chan string)
	go func() {
		var buf [1 << 14]byte
		stack <- string(buf[:runtime.Stack(buf[:], false)])
	}()
	g, ok := ParseGoroutine(<-stack)
	if !ok || g.State != "running" || len(g.Frames) != 2 || !g.Frames[1].Creator || g.Frames[0].Name() != "manifest.TestParseOwnStack.func1" || !g.Frames[0].InRuntime() {
		t.Errorf("got %+v, %t", g, ok)
	}
}

func FuzzParseGoroutine(f *testing.F) {
	f.Add(stackText)
	f.Add("goroutine 1 [running]:\r\ncreated by x in goroutine 2\r\n\t:1\r\n")
	f.Fuzz(func(t *testing.T, text string) {
		g, ok := ParseGoroutine(text)
		if !ok && g.Frames != nil {
			t.Error("frames of nothing")
		}
		for _, f := range g.Frames {
			if f.Line < 1 || f.File == "" || !strings.Contains(text, f.Function) {
				t.Errorf("%+v", f)
			}
			_, _, _ = f.Package(), f.Name(), f.InRuntime()
		}
	})
}
