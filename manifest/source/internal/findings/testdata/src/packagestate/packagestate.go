package packagestate

import (
	"errors"
	"os"
	"regexp"
	"sync/atomic"

	"github.com/anvilforge/anvil-lsp/hotreload"
)

var (
	visits  int            // want `visits is reset by a reload; hotreload.StateOf keeps it`
	seen    map[string]int // want `seen is reset by a reload`
	count   atomic.Int64   // want `count is reset by a reload`
	kept    *hotreload.State[int]
	started string
	logFile = open() // want `each reload opens one more logFile`
	closed  = open()
	pattern = regexp.MustCompile("^/")
	errGone = errors.New("gone")
	half    = undefined() // want `half is reset by a reload`
)

func open() *os.File { f, _ := os.Open(os.DevNull); return f }

func stop() { closed.Close() }

func AnvilRegisterRoutes(r *hotreload.RouteSink) {
	started = "now"
	kept = hotreload.StateOf(r.Container(), "visits", func() int { return 0 })
	seen = map[string]int{}
	r.Get("/", home)
	r.Get("/half", func(*hotreload.Ctx) error { half = 2; return nil })
}

func home(*hotreload.Ctx) error {
	visits++
	seen["/"]++
	count.Add(1)
	pattern = nil
	errGone = nil
	return nil
}
