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

// lookDelay is how long the watcher has for what somebody says he has saved,
// before it is looked whether the file system kept silent about it.
const lookDelay = 300 * time.Millisecond

// maxLook bounds the files of one request.
const maxLook = 1000

// looks are files that somebody says he has saved.
type looks struct {
	due chan []string // one slot

	mu      sync.Mutex // guards what follows
	waiting map[string]bool
}

func newLooks() *looks {
	return &looks{due: make(chan []string, 1), waiting: map[string]bool{}}
}

// Look has the engine look at files, by absolute paths, that somebody says he has
// saved: some file systems send no events. What the watcher has seen as well is
// built once, and what is as it was is left alone. It does not wait.
func (e *Engine) Look(files ...string) {
	l := e.looks
	l.mu.Lock()
	defer l.mu.Unlock()
	first := len(l.waiting) == 0
	for _, f := range files {
		if filepath.IsAbs(f) && len(l.waiting) < maxLook {
			l.waiting[filepath.Clean(f)] = true
		}
	}
	if first && len(l.waiting) > 0 {
		time.AfterFunc(lookDelay, l.release)
	}
}

// release hands over what waits.
func (l *looks) release() {
	l.mu.Lock()
	defer l.mu.Unlock()
	var files []string
	for f := range l.waiting {
		files = append(files, f)
	}
	select {
	case older := <-l.due:
		files = append(files, older...)
	default:
	}
	clear(l.waiting)
	slices.Sort(files)
	l.due <- slices.Compact(files)
}

// lookForClient is POST /v1/look.
func (e *Engine) lookForClient(w http.ResponseWriter, r *http.Request) {
	var body control.LookRequest
	if err := transport.ReadJSON(r, &body); err != nil {
		transport.WriteProblem(w, http.StatusBadRequest, err)
		return
	}
	e.Look(body.Files...)
	w.WriteHeader(http.StatusAccepted)
}

// fileSum is the digest of a file; zero if it is not there.
type fileSum [sha256.Size]byte

func sumOf(path string) (sum fileSum) {
	if st, err := os.Stat(path); err != nil || !st.Mode().IsRegular() {
		return sum
	}
	if data, err := os.ReadFile(path); err == nil {
		sum = sha256.Sum256(data)
	}
	return sum
}

// maxNoted bounds the files of a batch whose digests are kept: a branch switch is
// noticed by other means.
const maxNoted = 64

// note keeps what files are like that are taken up.
func (l *loop) note(files []string) {
	if len(files) > maxNoted {
		clear(l.noted) // whatever is looked at is compared with the newest snapshot
		return
	}
	for _, f := range files {
		l.noted[f] = sumOf(f)
	}
}

// look takes files up of which the watcher has said nothing, if they are not what
// was taken up last.
func (l *loop) look(files []string) {
	relevant := *l.e.relevant.Load()
	var newest *build.Snapshot
	if k := l.e.known.Load(); k != nil {
		newest = k.newest
	}
	var missed []string
	for _, f := range files {
		if !relevant(f) {
			continue
		}
		was, ok := l.noted[f]
		switch {
		case ok && was == sumOf(f):
		case !ok && newest != nil && !newest.Differs(f):
		default:
			missed = append(missed, f)
		}
	}
	if len(missed) > 0 {
		now := time.Now()
		l.take(watch.Batch{Files: missed, First: now, Settled: now})
	}
}
