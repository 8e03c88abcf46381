package engine

import (
	"bufio"
	"context"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/anvilforge/anvil-lsp/hotreload/control"
)

// saveIn saves a file of the rig's application.
func (r *rig) saveIn(name string) string {
	path := filepath.Join(r.e.opts.Dir, name)
	r.save(path)
	return path
}

func TestHold(t *testing.T) {
	inLoop(t, func(r *rig) {
		r.e.PauseSaves(true)
		synctest.Wait()
		r.started() // the first build does not wait
		var status control.Status
		r.e.mu.Lock()
		status = r.e.status
		r.e.mu.Unlock()
		if !status.Paused {
			r.Error("the status does not say that saves wait")
		}
		a := r.saveIn("a.go")
		b := r.saveIn("b.go")
		r.noTask()
		if got, want := r.published(), []control.EventKind{control.EventHeld, control.EventHeld}; !slices.Equal(got, want) {
			r.Errorf("events %v, want %v", got, want)
		}
		r.e.mu.Lock()
		status = r.e.status
		r.e.mu.Unlock()
		if !slices.Equal(status.Held, []string{"a.go", "b.go"}) {
			r.Errorf("held are %q", status.Held)
		}
		r.e.PauseSaves(false)
		j := r.task()
		r.files(j, a, b)
		j.endLive()
		r.noTask()
		if got, want := r.published(), []control.EventKind{control.EventResumed, control.EventBuilding, control.EventLive}; !slices.Equal(got, want) {
			r.Errorf("events %v, want %v", got, want)
		}
		r.e.mu.Lock()
		status = r.e.status
		r.e.mu.Unlock()
		if status.Paused || status.Held != nil {
			r.Errorf("afterwards: paused %t, held %q", status.Paused, status.Held)
		}
		r.e.PauseSaves(true)
		r.e.PauseSaves(false)
		r.noTask() // nothing waits
	})
}

// TestTake: a client takes up what waits, and later saves wait again.
func TestTake(t *testing.T) {
	inLoop(t, func(r *rig) {
		r.started()
		r.e.PauseSaves(true)
		synctest.Wait()
		a := r.saveIn("a.go")
		r.noTask()
		answer := r.ask(requestApply, 0)
		j := r.task()
		r.files(j, a)
		b := r.saveIn("b.go") // while it is being built: it goes on
		if j.cancelled() {
			r.Error("a save that waits has cancelled a build")
		}
		j.endLive()
		r.answered(answer, control.EventLive, "")
		r.noTask()
		r.e.PauseSaves(false)
		r.files(r.task(), b)
	})
}

// TestHoldAndRestart: a restart takes everything up, so nothing waits after it.
func TestHoldAndRestart(t *testing.T) {
	inLoop(t, func(r *rig) {
		r.started()
		r.e.PauseSaves(true)
		synctest.Wait()
		r.saveIn("a.go")
		r.ask(requestRestart, 0)
		r.task().endLive()
		r.e.PauseSaves(false)
		r.noTask()
	})
}

// TestHoldWhileConnected: saves wait for as long as a client is there that wants
// it.
func TestHoldWhileConnected(t *testing.T) {
	e := newTestEngine(t)
	srv := httptest.NewServer(http.HandlerFunc(e.pauseForClient))
	defer srv.Close()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, srv.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := srv.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	line, err := bufio.NewReader(resp.Body).ReadString('}')
	if err != nil || !strings.Contains(line, `"paused":true`) || !e.pauses.any() {
		t.Fatalf("%q %v: saves wait: %t", line, err, e.pauses.any())
	}
	cancel()
	for e.pauses.any() {
		<-e.pauses.changed
	}
}
