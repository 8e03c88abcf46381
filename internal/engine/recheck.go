package engine

import (
	"crypto/sha256"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/anvilforge/anvil-lsp/hotreload/control"
	"github.com/anvilforge/anvil-lsp/hotreload/control/transport"
	"github.com/anvilforge/anvil-lsp/internal/build"
	"github.com/anvilforge/anvil-lsp/internal/watch"
)

// Files that an editor says it has saved, for file systems that send no events.

// recheckDelay is how long the watcher has to see what a client says was saved, before the loop
// checks whether the file system kept silent about it.
const recheckDelay = 300 * time.Millisecond

// maxRecheck bounds the files of one request.
const maxRecheck = 1000

// rechecks are files that clients say were saved.
type rechecks struct {
	due chan []string // one slot

	mu      sync.Mutex // guards what follows
	pending map[string]bool
}

func newRechecks() *rechecks {
	return &rechecks{due: make(chan []string, 1), pending: map[string]bool{}}
}

// Recheck compares files, given by absolute paths, that an editor says it has saved: some file
// systems send no events. What the watcher has seen as well is built once, and what is as it was is
// left alone. It does not wait.
func (e *Engine) Recheck(files ...string) {
	l := e.rechecks
	l.mu.Lock()
	defer l.mu.Unlock()
	first := len(l.pending) == 0
	for _, f := range files {
		if filepath.IsAbs(f) && len(l.pending) < maxRecheck {
			l.pending[filepath.Clean(f)] = true
		}
	}
	if first && len(l.pending) > 0 {
		time.AfterFunc(recheckDelay, l.release)
	}
}

// release hands over what waits.
func (l *rechecks) release() {
	l.mu.Lock()
	defer l.mu.Unlock()
	var files []string
	for f := range l.pending {
		files = append(files, f)
	}
	select {
	case older := <-l.due:
		files = append(files, older...)
	default:
	}
	clear(l.pending)
	slices.Sort(files)
	l.due <- slices.Compact(files)
}

// recheckForClient is POST /v1/look.
func (e *Engine) recheckForClient(w http.ResponseWriter, r *http.Request) {
	var body control.LookRequest
	if err := transport.ReadJSON(r, &body); err != nil {
		transport.WriteProblem(w, http.StatusBadRequest, err)
		return
	}
	e.Recheck(body.Files...)
	w.WriteHeader(http.StatusAccepted)
}

// digest is the digest of a file; zero if it is not there.
type digest [sha256.Size]byte

func digestOf(path string) (sum digest) {
	if st, err := os.Stat(path); err != nil || !st.Mode().IsRegular() {
		return sum
	}
	if data, err := os.ReadFile(path); err == nil {
		sum = sha256.Sum256(data)
	}
	return sum
}

// maxDigests bounds the files of a batch whose digests are kept: a branch switch is noticed by
// other means.
const maxDigests = 64

// noteDigests keeps what files are like that are taken up.
func (l *loop) noteDigests(files []string) {
	if len(files) > maxDigests {
		clear(l.digests) // whatever is looked at is compared with the newest snapshot
		return
	}
	for _, f := range files {
		l.digests[f] = digestOf(f)
	}
}

// recheck builds files that the watcher has not reported, if they differ from what was built last.
func (l *loop) recheck(files []string) {
	relevant := *l.e.relevant.Load()
	var newest *build.Snapshot
	if k := l.e.baseline.Load(); k != nil {
		newest = k.newest
	}
	var missed []string
	for _, f := range files {
		if !relevant(f) {
			continue
		}
		was, ok := l.digests[f]
		switch {
		case ok && was == digestOf(f):
		case !ok && newest != nil && !newest.Differs(f):
		default:
			missed = append(missed, f)
		}
	}
	if len(missed) > 0 {
		now := time.Now()
		l.receiveBatch(watch.Batch{Files: missed, First: now, End: now})
	}
}
