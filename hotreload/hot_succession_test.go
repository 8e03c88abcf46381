//go:build anvilhot

package hotreload

import (
	"encoding/json"
	"errors"
	"net/http"
	"testing"

	"github.com/anvilforge/anvil-lsp/hotreload/control"
)

// handOver asks for the state, by a number.
func (e *fakeEngine) handOver(t *testing.T, id int64) ([]byte, error) {
	t.Helper()
	body, err := json.Marshal(control.HandoverRequest{ID: id})
	if err != nil {
		t.Fatal(err)
	}
	return e.PostRaw(t.Context(), control.PathHandover, body, control.MaxHandover)
}

func (e *fakeEngine) release(t *testing.T, id int64) {
	t.Helper()
	if err := e.Post(t.Context(), control.PathRelease, control.ReleaseRequest{ID: id}, nil); err != nil {
		t.Fatal(err)
	}
}

// TestReleaseOvertakesHandover: a request for the state that is read after it was
// called off has nothing wait.
func TestReleaseOvertakesHandover(t *testing.T) {
	e := startUnder(t, t.Context(), Options{Register: func(r *RouteSink) {
		StateOf(r.Container(), "n", func() int { return 1 })
		r.Get("/", text("here"))
	}}, &environment{})
	e.status(t, ready)
	for id := int64(2); id < 6; id += 2 {
		e.release(t, id)
		for _, over := range []int64{id, id - 1} {
			_, err := e.handOver(t, over)
			if p, ok := errors.AsType[*control.Problem](err); !ok || p.Status != http.StatusConflict {
				t.Fatalf("state for %d after the release of %d: %v", over, id, err)
			}
		}
		if got := get(t, e.url); got != "200 here" {
			t.Errorf("after the release of %d: %q", id, got)
		}
		if data, err := e.handOver(t, id+1); err != nil || len(data) == 0 {
			t.Errorf("state for %d: %d bytes, %v", id+1, len(data), err)
		}
		e.release(t, id+1)
		if got := get(t, e.url); got != "200 here" {
			t.Errorf("after the release of %d: %q", id+1, got)
		}
	}
	if err := e.Post(t.Context(), control.PathDrain, struct{}{}, nil); err != nil {
		t.Errorf("drain: %v", err)
	}
	if err := receive(t, e.ended); err != nil {
		t.Errorf("LiveServer returned %v", err)
	}
}
