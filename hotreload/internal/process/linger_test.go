//go:build anvilhot

package process

import (
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/anvilforge/anvil-lsp/hotreload/internal/stack"
)

// TestMainThatGoesOn: the engine is told once that main has not returned, and where
// it is, but not before it has had time.
func TestMainThatGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		told := 0
		o := &Watch{left: make(chan struct{}), lingers: func(where string) {
			mu.Lock()
			defer mu.Unlock()
			told++
			if where == "" {
				t.Error("it is not told where")
			}
		}}
		count := func() int {
			synctest.Wait()
			mu.Lock()
			defer mu.Unlock()
			return told
		}
		leave := o.Enter()
		time.Sleep(time.Hour)
		if n := count(); n != 0 {
			t.Errorf("told %d times while it serves", n)
		}
		leave()
		time.Sleep(lingerAfter - time.Millisecond)
		if n := count(); n != 0 {
			t.Errorf("told %d times too early", n)
		}
		o.Enter()() // a second LiveServer of the same program
		time.Sleep(time.Hour)
		if n := count(); n != 1 {
			t.Errorf("told %d times", n)
		}
	})
}

func TestWhereMainIs(t *testing.T) {
	const other = "goroutine 7 [running]:\nmain.work()\n\t/app/work.go:3 +0x10\n\n"
	for name, test := range map[string]struct{ dump, want string }{
		"errgroup": {other + "goroutine 1 [sync.WaitGroup.Wait, 1 minutes]:\nsync.runtime_SemacquireWaitGroup(0xc0?)\n\t/go/src/runtime/sema.go:114 +0x2e\nsync.(*WaitGroup).Wait(0xc0)\n\t/go/src/sync/waitgroup.go:206 +0x85\ngolang.org/x/sync/errgroup.(*Group).Wait(0xc1)\n\t/m/errgroup.go:53 +0x25\nmain.run({0x1, 0x2})\n\t/app/main.go:88 +0x1a\nmain.main()\n\t/app/main.go:30 +0x1d",
			"is at /app/main.go:88 (errgroup.(*Group).Wait)"},
		"channel": {"goroutine 1 [chan receive]:\nmain.main()\n\t/app/main.go:31 +0x1d\n\n" + other, "is at /app/main.go:31 (chan receive)"},
		"method":  {"goroutine 1 [select (no cases)]:\nmain.(*app).wait(...)\n\t/app/app.go:5\nmain.main()\n\t/app/main.go:31 +0x1d", "is at /app/app.go:5 (select (no cases))"},
		"gone":    {other, "has returned, or is gone"},
		"nothing": {"", "has returned, or is gone"},
		"cut off": {"goroutine 1 [select]:\nmain.main()", "has returned, or is gone"},
	} {
		if got := stack.MainStatus([]byte(test.dump)); got != test.want {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
	}
}
