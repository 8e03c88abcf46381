//go:build unix

package engine

import (
	"strings"
	"testing"

	"github.com/anvilforge/anvil-lsp/hotreload/control"
)

// TestMainThatLingers: the user is told where a main is that does not return.
func TestMainThatLingers(t *testing.T) {
	a := newApp(t)
	a.edit("main.go", "\tif err != nil {", "\tselect {}\n\tif err != nil {")
	a.start()
	a.until(control.EventLive)
	pid := a.status(control.StateLive).Live.PID
	a.edit("visits/visits.go", "\nfunc ", "\nvar More = 1\n\nfunc ")
	a.until(control.EventLive)
	ev := a.until(control.EventWarning)
	if ev.PID != pid || !strings.Contains(ev.Message, "main did not return within 5s after LiveServer; it is at ") || !strings.Contains(ev.Message, "main.go:3") || !strings.Contains(ev.Message, "(select (no cases))") {
		t.Errorf("process %d, want %d: %s", ev.PID, pid, ev.Message)
	}
}
