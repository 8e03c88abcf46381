package control

import (
	"encoding/json"
	"math"
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

// TestLimit: a deadline that cannot be meant does no harm.
func TestLimit(t *testing.T) {
	for text, want := range map[string]time.Duration{
		`{}`: time.Duration(DefaultDeadline), `{"deadline_ms":0}`: time.Duration(DefaultDeadline),
		`{"deadline_ms":250}`: 250 * time.Millisecond, `{"deadline_ms":0.5}`: 500 * time.Microsecond,
		`{"deadline_ms":1e300}`: time.Duration(MaxDeadline), `{"deadline_ms":9223372036854.775807}`: time.Duration(MaxDeadline),
		`{"deadline_ms":-1}`: time.Duration(DefaultDeadline), `{"deadline_ms":-1e300}`: time.Duration(DefaultDeadline),
	} {
		var r LoadRequest
		if err := json.Unmarshal([]byte(text), &r); err != nil || r.Limit() != want {
			t.Errorf("%s: %v, %v, want %v", text, r.Limit(), err, want)
		}
	}
	var d Duration
	for text, want := range map[string]Duration{`1e300`: math.MaxInt64, `-1e300`: math.MinInt64, `-2`: -Duration(2 * time.Millisecond)} {
		if err := json.Unmarshal([]byte(text), &d); err != nil || d != want {
			t.Errorf("%s: %v, %v", text, d, err)
		}
	}
}
