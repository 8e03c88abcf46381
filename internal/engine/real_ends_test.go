//go:build unix

package engine

import (
	"net/http"
	"net/http/httptest"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/anvilforge/anvil-lsp/hotreload/control"
)

// TestEndDuringAStart: the end does not wait for a process that has the state of
// the one before and stands still, though a newer save would.
func TestEndDuringAStart(t *testing.T) {
	pids := make(chan int, 1)
	told := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		pid, err := strconv.Atoi(r.URL.RawQuery)
		if err != nil {
			t.Error(err)
		}
		pids <- pid
	}))
	defer told.Close()
	a := newApp(t)
	writeFile(t, "package visits\n\nfunc Begin() {}\n", a.dir, "visits", "begin.go")
	a.edit("handlers/handlers.go", "\tr.Get(\"/time\"", "\tvisits.Begin()\n\tr.Get(\"/time\"")
	a.start(func(o *Options) { o.StartTimeout = time.Hour })
	a.until(control.EventLive)
	writeFile(t, `package visits

import (
	"net/http"
	"os"
	"strconv"
	"syscall"
)

func Begin() {
	_, _ = http.Get("`+told.URL+`?" + strconv.Itoa(os.Getpid()))
	_ = syscall.Kill(os.Getpid(), syscall.SIGSTOP)
}
`, a.dir, "visits", "begin.go")
	a.until(control.EventRestarting)
	pid := <-pids
	a.cancel()
	<-a.e.ended
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil { // or it would be asked to end for some seconds
		t.Error(err)
	}
	a.until(control.EventStopped)
	if err := <-a.done; err != nil {
		t.Errorf("Run: %v", err)
	}
}
