package cli

import (
	"testing"
	"testing/synctest"
	"time"
)

// TestProgressQuiet: what is no terminal gets no progress, however long it
// takes.
func TestProgressQuiet(t *testing.T) {
	p := newProgram(t, nil)
	synctest.Test(t, func(*testing.T) {
		progress, end := p.progress("checking")
		time.Sleep(time.Hour)
		progress("compiling")
		end()
	})
	if p.stderr.String() != "" {
		t.Errorf("printed %q", p.stderr)
	}
}
