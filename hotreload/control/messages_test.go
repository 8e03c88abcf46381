package control

import (
	"testing"
	"time"
)

func TestFine(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0 µs", 85_400: "85 µs", 250_000: "0.25 ms", 1_812_000: "1.8 ms", 9_960_000: "10 ms", 64_400_000: "64 ms", 1_240_000_000: "1.24 s",
	} {
		if got := Duration(d).Fine(); got != want {
			t.Errorf("%v is shown as %q, want %q", d, got, want)
		}
	}
}
