package engine

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/anvilforge/anvil-lsp/hotreload/control"
	"github.com/anvilforge/anvil-lsp/internal/testkit"
)

// put writes a file of the rig's application, of which the watcher says nothing.
func (r *rig) put(name, text string) string {
	r.Helper()
	path := filepath.Join(r.e.opts.Dir, name)
	testkit.WriteFile(r, path, text)
	return path
}

// looked waits until what was said to be saved has been looked at.
func (r *rig) looked(files ...string) {
	r.e.Recheck(files...)
	time.Sleep(2 * recheckDelay) // in the bubble
	synctest.Wait()
}

// TestLook: a save that the editor tells of is taken up once, whether or not the
// watcher has seen it.
func TestLook(t *testing.T) {
	inLoop(t, func(r *rig) {
		r.started()
		a, b := r.put("a.go", "package p // 1\n"), r.put("b.go", "package p // 1\n")
		r.looked(a) // no event came
		j := r.task()
		r.files(j, a)
		j.endLive()
		r.looked(a)
		r.noTask() // it is as it was

		r.put("a.go", "package p // 2\n")
		r.e.Recheck(a)
		r.save(a) // the event came, too
		r.task().endLive()
		time.Sleep(2 * recheckDelay)
		r.noTask()

		r.put("a.go", "package p // 3\n")
		r.put("b.go", "package p // 2\n")
		r.e.Recheck(a)
		r.e.Recheck(b, a) // all at once
		time.Sleep(2 * recheckDelay)
		j = r.task()
		r.files(j, a, b)

		// While that is built, it is saved again.
		r.put("b.go", "package p // 3\n")
		r.looked(a, b)
		if j.ctx.Err() == nil {
			r.Error("an older build goes on")
		}
		j.endCancelled()
		j = r.task()
		r.files(j, a, b)
		j.endLive()

		if err := os.Remove(b); err != nil {
			r.Fatal(err)
		}
		r.looked(b)
		j = r.task()
		r.files(j, b)
		j.endLive()

		text, relative := r.put("notes.txt", "no source"), "a.go"
		r.looked(text, relative, "")
		r.noTask()
	})
}

// TestLookHeld: while saves wait, what the editor tells of waits as well.
func TestLookHeld(t *testing.T) {
	inLoop(t, func(r *rig) {
		r.started()
		r.e.PauseSaves(true)
		synctest.Wait()
		r.published()
		a := r.put("a.go", "package p\n")
		r.looked(a)
		r.noTask()
		if got := r.published(); len(got) != 1 || got[0] != control.EventHeld {
			r.Errorf("events %v", got)
		}
	})
}

func TestLookRequest(t *testing.T) {
	e := newTestEngine(t)
	for body, want := range map[string]int{`{"files":["/x/a.go"]}`: http.StatusAccepted, `{}`: http.StatusAccepted, `{"files":3}`: http.StatusBadRequest, ``: http.StatusBadRequest} {
		w := httptest.NewRecorder()
		e.recheckForClient(w, httptest.NewRequest(http.MethodPost, control.PathLook, strings.NewReader(body)))
		if w.Code != want {
			t.Errorf("%s: %d, want %d", body, w.Code, want)
		}
	}
}
