package launch

import (
	"strings"
	"testing"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
)

// Reports as go1.26 prints them.
const (
	crashInGoroutine = `panic: runtime error: index out of range [3] with length 2

goroutine 37 [running]:
anvil.g7/example.com/blog/handlers/feed.(*Hub).pump(0xc000123000, {0xc00002a000, 0x2, 0x2})
	/work/blog/handlers/feed/hub.go:41 +0x1d
created by anvil.g7/example.com/blog/handlers/feed.Start in goroutine 1
	/work/blog/handlers/feed/hub.go:20 +0x8f
exit status 2
`
	crashOutsideOfTheWorkspace = `panic: send on closed channel

goroutine 51 [running]:
example.com/lib.(*Queue[...]).Push(...)
	/root/go/pkg/mod/example.com/lib@v1.2.3/queue.go:12
example.com/lib.run(0xc000123000)
	/root/go/pkg/mod/example.com/lib@v1.2.3/queue.go:30 +0x1d
net/http.(*conn).serve(0xc000123000, {0x1, 0x2})
	/usr/local/go/src/net/http/server.go:2102 +0x1d
github.com/anvilforge/anvil-lsp/hotreload.(*LiveState).ServeHTTP(0x1)
	/src/anvil-lsp/hotreload/live.go:7 +0x1d
created by example.com/blog/jobs.Run in goroutine 1
	/work/blog/jobs/jobs.go:8 +0x8f
`
	crashPanickingAgain = `panic: runtime error: invalid memory address or nil pointer dereference [recovered, repanicked]
[signal SIGSEGV: segmentation violation code=0x1 addr=0x0 pc=0x47b2f4]

goroutine 1 [running]:
panic({0x47f5c0?, 0x4b5ca8?})
	/usr/local/go/src/runtime/panic.go:783 +0x132
main.main.func1()
	/work/blog/main.go:10 +0x4c
panic({0x47f5c0?, 0x4b5ca8?})
	/usr/local/go/src/runtime/panic.go:783 +0x132
example.com/blog/store.Open(...)
	/work/blog/store/store.go:33
main.main()
	/work/blog/main.go:14 +0x3a
`
	crashOfAllGoroutines = `fatal error: all goroutines are asleep - deadlock!

goroutine 1 [chan receive]:
main.main()
	/work/blog/main.go:14 +0x3a

goroutine 7 [select]:
example.com/blog/store.loop()
	/work/blog/store/store.go:99 +0x1
`
	crashOfTrimmedHost = `panic: 7

goroutine 1 gp=0xc000002380 m=0 mp=0x5 [running]:
strings.Repeat({0x0, 0x0}, 0x0)
	strings/strings.go:612 +0x1
gopkg.in/yaml%2ev3.Unmarshal(0x1)
	gopkg.in/yaml.v3@v3.0.1/yaml.go:5 +0x1
main.main()
	/elsewhere/main/main.go:14 +0x3a
`
)

func TestCrashReports(t *testing.T) {
	for name, test := range map[string]struct {
		report, message, position, inDetail string
	}{
		"in a goroutine": {crashInGoroutine, "panic: runtime error: index out of range [3] with length 2",
			"/work/blog/handlers/feed/hub.go:41", "\nexample.com/blog/handlers/feed.(*Hub).pump("},
		"outside of the workspace": {crashOutsideOfTheWorkspace, "panic: send on closed channel",
			"/work/blog/jobs/jobs.go:8", "queue.go:12"},
		"panicking again": {crashPanickingAgain, "panic: runtime error: invalid memory address or nil pointer dereference",
			"/work/blog/store/store.go:33", "[signal SIGSEGV"},
		"all goroutines": {crashOfAllGoroutines, "fatal error: all goroutines are asleep - deadlock!",
			"/work/blog/main.go:14", "main.main()"},
		"host built with -trimpath": {crashOfTrimmedHost, "panic: 7", "/elsewhere/main/main.go:14", "main.main()"},
	} {
		t.Run(name, func(t *testing.T) {
			d := ending{state: "exit status 2", crash: test.report}.describe("/work/blog")
			if d.Code != manifest.CodeLiveServer || d.Severity != manifest.SeverityError ||
				d.Message != "the live server crashed: "+test.message || d.Position.String() != test.position {
				t.Errorf("%+v, want %s at %s", d, test.message, test.position)
			}
			if !strings.Contains(d.Detail, test.inDetail) || strings.Contains(d.Detail, "anvil.g") || strings.Contains(d.Detail, "goroutine 7") {
				t.Errorf("detail:\n%s", d.Detail)
			}
		})
	}
}

func TestExitsWithoutACrash(t *testing.T) {
	const byItself = "the live server ended by itself "
	for name, test := range map[string]struct {
		ending
		want string
	}{
		"log.Fatal":        {ending{state: "exit status 1", output: "starting\n2026/01/02 no such table: posts\n\n"}, "(exit status 1): 2026/01/02 no such table: posts"},
		"silent":           {ending{state: "exit status 3"}, "(exit status 3)"},
		"long silent":      {ending{state: "exit status 3", output: "ERROR a handler panicked\n", stale: true}, "(exit status 3)"},
		"main returned":    {ending{state: "exit status 0", output: "bye\n"}, "(exit status 0): its main returned, or it called os.Exit"},
		"killed":           {ending{state: "signal: killed", output: "ERROR a handler panicked\n"}, "(signal: killed): by somebody, or by the system for want of memory"},
		"terminated":       {ending{state: "signal: terminated", output: "GET / 200\n"}, "(signal: terminated)"},
		"killed later":     {ending{state: "signal: killed", crash: crashInGoroutine}, "(signal: killed): by somebody, or by the system for want of memory"},
		"exits later":      {ending{state: "exit status 2", crash: crashInGoroutine, output: crashInGoroutine, stale: true}, "(exit status 2)"},
		"library aborts":   {ending{state: "signal: aborted", output: "free(): invalid pointer\n"}, "(signal: aborted): free(): invalid pointer"},
		"not a real crash": {ending{state: "exit status 1", crash: "panic: a line in a log\nmore\n", output: "x\n"}, "(exit status 1): x"},
		"cut short":        {ending{state: "exit status 2", crash: "panic: boom", output: "panic: boom"}, "(exit status 2): panic: boom"},
		"endless line":     {ending{state: "exit status 1", output: strings.Repeat("ä", 1000)}, "(exit status 1): " + strings.Repeat("ä", 200) + "…"},
		"escapes":          {ending{state: "exit status 1", output: "no user \x1b[2J\a\u009b\u202e\n"}, `(exit status 1): no user \x1b[2J\x07\u009b\u202e`},
	} {
		t.Run(name, func(t *testing.T) {
			if d := test.describe("/w"); d.Message != byItself+test.want || d.File != "" {
				t.Errorf("%+v, want %q", d, test.want)
			}
		})
	}
}

func FuzzParseCrash(f *testing.F) {
	for _, report := range []string{crashInGoroutine, crashOutsideOfTheWorkspace, crashPanickingAgain, crashOfAllGoroutines, crashOfTrimmedHost} {
		f.Add(report)
	}
	f.Fuzz(func(t *testing.T, report string) {
		d := ending{state: "exit status 2", crash: report, output: report}.describe("/work/blog")
		if d.Code != manifest.CodeLiveServer || d.Message == "" || strings.Contains(d.Message, "\n") {
			t.Errorf("%+v", d)
		}
		if (d.File == "") != (d.Line == 0) {
			t.Errorf("position %+v", d.Position)
		}
	})
}

func TestForeign(t *testing.T) {
	for _, test := range []struct {
		function, file string
		want           bool
	}{
		{"example.com/dep.F", "/work/blog/vendor/example.com/dep/f.go", true},
		{"example.com/dep/sub%2ev2.(*Map[example.com/blog/x.T]).F", "/work/blog/vendor/example.com/dep/sub.v2/f.go", true},
		{"example.com/blog/handlers/internal/vendor.F", "/work/blog/handlers/internal/vendor/v.go", false},
		{"example.com/blog/handlers.F", "/work/vendor/blog/handlers/h.go", false},
		{"main.main", "/work/vendor/blog/main.go", false},
		{"example.com/blog/handlers.F", "/home/me@vm/blog/handlers/h.go", false},
		{"example.com/blog/handlers.F", "/src/blog@v2/handlers/h.go", false},
		{"example.com/dep.F", "/cache/example.com/dep@v1.2.3/f.go", true},
		{"example.com/dep.F", "/go/pkg/mod/example.com/dep@v0.0.0-20240102030405-0123456789ab/f.go", true},
		{"example.com/dep/v3.F", "/go/pkg/mod/example.com/dep@v3.0.0+incompatible/f.go", true},
		{"runtime.gopanic", "/go/pkg/mod/golang.org/toolchain@v0.0.1-go1.26.8.linux-amd64/src/runtime/panic.go", true},
	} {
		if got := foreign(manifest.Frame{Function: test.function, Position: manifest.Position{File: test.file}}); got != test.want {
			t.Errorf("%s in %s is foreign: %t", test.function, test.file, got)
		}
	}
}
