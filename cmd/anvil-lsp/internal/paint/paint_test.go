package paint

import (
	"bytes"
	"os"
	"testing"
)

func TestStyle(t *testing.T) {
	if got := New(false).Red("x"); got != "x" {
		t.Errorf("without colour: %q", got)
	}
	s := New(true)
	if got, want := s.Green("x"), "\x1b[32mx\x1b[0m"; got != want {
		t.Errorf("with colour: %q, want %q", got, want)
	}
	if got := s.Bold(""); got != "" {
		t.Errorf("nothing is painted as %q", got)
	}
}

// TestNoTerminal: files, pipes and buffers get no colour and a default width.
func TestNoTerminal(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	for _, out := range []any{w, &bytes.Buffer{}} {
		if IsTerminal(out) || Wanted(out) || Width(out) != 80 {
			t.Errorf("%T: terminal %v, colour %v, width %d", out, IsTerminal(out), Wanted(out), Width(out))
		}
	}
}
