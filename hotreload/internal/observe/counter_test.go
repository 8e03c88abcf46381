//go:build anvilhot

package observe

import (
	"testing"
	"time"

	"github.com/anvilforge/anvil-lsp/hotreload/control"
)

func TestMedian(t *testing.T) {
	ms := func(generation int, all ...int) (out []Sample) {
		for _, n := range all {
			out = append(out, Sample{time.Duration(n) * time.Millisecond, generation})
		}
		return out
	}
	for _, test := range []struct {
		samples []Sample
		want    time.Duration
	}{
		{nil, 0},
		{ms(2, 7), 7 * time.Millisecond},
		{ms(2, 9, 1, 5), 5 * time.Millisecond},
		{ms(2, 4, 3, 2, 1), 2 * time.Millisecond},
		{append(ms(1, 100, 100, 100), ms(2, 3)...), 3 * time.Millisecond},
		{ms(1, 6, 8, 7), 7 * time.Millisecond}, // none of this generation
	} {
		if got := median(test.samples, 2); got != test.want {
			t.Errorf("median(%v) = %v, want %v", test.samples, got, test.want)
		}
	}
}

// The median follows the last requests.
func TestMedianForgets(t *testing.T) {
	c := &Counter{}
	add := func(n int, took time.Duration) {
		for range n {
			c.arrive()
			c.Leave(Outcome{Sample: Sample{took, 1}, Timed: true})
		}
	}
	for _, step := range []struct{ n, ms, want int }{{RecentRequests, 9, 9}, {RecentRequests / 2, 2, 2}, {1000, 5, 5}} {
		add(step.n, time.Duration(step.ms)*time.Millisecond)
		if s, _ := c.Stats(1, false); s.P50 != control.Duration(step.want)*control.Duration(time.Millisecond) {
			t.Errorf("after %d more of %d ms: %v", step.n, step.ms, s.P50)
		}
	}
}
