package plural

import "testing"

func TestOf(t *testing.T) {
	for want, got := range map[string]string{
		"0 routes": Of(0, "route"), "1 route": Of(1, "route"), "2 crashes": Of(2, "crash"), "1 crash": Of(1, "crash"),
	} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
