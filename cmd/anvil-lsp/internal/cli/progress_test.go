package cli

import (
	"testing"
	"testing/synctest"
	"time"
)

// TestCheckProgressQuiet: what is no terminal gets no progress, however long it
// takes.
func TestCheckProgressQuiet(t *testing.T) {
	p := newProgram(t, nil)
	synctest.Test(t, func(*testing.T) {
		progress, end := p.checkProgress()
		time.Sleep(time.Hour)
		progress("compiling")
		end()
	})
	if p.stderr.String() != "" {
		t.Errorf("printed %q", p.stderr)
	}
}
