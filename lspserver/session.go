package lspserver

import (
	"cmp"
	"context"
	"errors"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"go.lsp.dev/protocol"
	"go.lsp.dev/uri"

	"github.com/anvilforge/anvil-lsp/hotreload/control"
	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/internal/engine"
	"github.com/anvilforge/anvil-lsp/internal/paths"
	"github.com/anvilforge/anvil-lsp/lspserver/internal/decision"
	"github.com/anvilforge/anvil-lsp/lspserver/internal/enginelink"
	"github.com/anvilforge/anvil-lsp/lspserver/internal/view"
)

// session is one application. Its goroutine, run, owns the engine or the
// connection to one; predictLoop looks at the buffers.
type session struct {
	s      *Server
	dir    string // real
	given  string // as the editor names it
	ctx    context.Context
	cancel context.CancelFunc

	settings atomic.Pointer[view.Settings] // of the workspace folder; nil: those of the server
	trusted  atomic.Bool                   // its code may be built and run

	output   *engine.Log
	progress *progress
	ended    chan struct{} // closed when run has ended
	poked    chan struct{} // has a value if run should look whether things are as they are wanted

	showing sync.Mutex // held while a new picture is shown
	picture atomic.Pointer[view.Folder]

	predictLoopState
	mu sync.Mutex // guards what follows
	choices
	engineState
	predictionState
	counting counting
}

// predictLoopState is what predictLoop owns, and how it is woken.
type predictLoopState struct {
	dirty  chan struct{} // has a value if there is something to predict
	urgent atomic.Bool   // without waiting for a pause in typing
	ranges map[string]*fileRanges
}

// choices are what the user decided.
type choices struct {
	memory   *decision.Store
	override *bool              // what a command said about running; nil: the settings decide
	paused   bool               // by a command
	withdraw context.CancelFunc // takes back the question to the user; nil before the first
}

// engineState is what is known of the engine and its live server.
type engineState struct {
	link     enginelink.Link // nil while there is none
	attached bool
	state    view.State // of the session while there is no link
	failed   bool       // there is no engine, though one is wanted
	failure  string     // why, as the user was told last
	status   control.Status
	held     heldSaves
	lastMS   float64
	rung     manifest.Rung
	message  string
	live     *manifest.Manifest
	bases    map[problem]texts // of files with problems, as they were tried
}

// predictionState is the predictor and its newest prediction.
type predictionState struct {
	predictor        predictor
	own              bool                // predictor has no engine and needs Refresh
	madeWith         view.Settings       // of an own predictor
	stale            fileList            // what changed on disk since predictor was refreshed
	refused          fileList            // what it could not be refreshed with
	dirs             map[string]bool     // whose files belong to the application
	links            map[string][]string // names that the go command has for files, by real path
	prediction       *engine.Prediction
	versions         map[string]int32
	basis            *view.DocumentSet  // that the prediction was made for
	clean            bool               // prediction is about what is on disk
	cancelPrediction context.CancelFunc // of the running prediction
}

// fileList is a set of files that changed; all: any file.
type fileList struct {
	all   bool
	files []string
}

func newSession(s *Server, ctx context.Context, cancel context.CancelFunc, dir, given string,
	settings *view.Settings) *session {
	f := &session{
		s: s, dir: dir, given: given, ctx: ctx, cancel: cancel, output: engine.NewLog(),
		ended: make(chan struct{}), poked: make(chan struct{}, 1),
		predictLoopState: predictLoopState{dirty: make(chan struct{}, 1), ranges: map[string]*fileRanges{}},
		choices:          choices{memory: decision.Load(s.opts.config(), dir)},
		engineState:      engineState{state: view.StateOff},
	}
	f.settings.Store(settings)
	f.trusted.Store(s.mayRun(dir))
	f.progress = newProgress(f)
	f.renew()
	return f
}

// poke has run look whether things are as they are wanted.
func (f *session) poke() {
	select {
	case f.poked <- struct{}{}:
	default:
	}
}

// covers reports whether a file belongs to the application.
func (f *session) Covers(path string) bool {
	if !view.Relevant(path) {
		return false
	}
	if paths.Below(path, f.dir) {
		return true
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.dirs[filepath.Dir(path)]
}

// wanted reports whether there should be an engine.
func (f *session) wanted() bool {
	if !f.trusted.Load() || f.ctx.Err() != nil {
		return false
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.override != nil {
		return *f.override
	}
	return f.getSettings().AutoStart
}

// set changes the state under the lock and lets everybody see it.
func (f *session) set(change func()) {
	f.mu.Lock()
	change()
	f.mu.Unlock()
	f.renew()
}

// run is the session's life.
func (f *session) run() {
	defer close(f.ended)
	defer f.end()
	wait := time.Duration(0)
	for f.ctx.Err() == nil {
		if !f.wanted() {
			f.set(func() { f.state, f.message = view.StateOff, f.whyOff() })
			f.lookAround()
			select {
			case <-f.poked:
			case <-f.ctx.Done():
			}
			wait = 0
			continue
		}
		err := f.serve()
		switch {
		case f.ctx.Err() != nil:
			return
		case err == nil:
			wait = 0
			continue
		case errors.Is(err, enginelink.ErrSilent): // it begins or ends just now
			wait = min(max(2*wait, 100*time.Millisecond), 5*time.Second)
		default:
			f.fail(err)
			wait = time.Hour // until something changes
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-f.poked:
		case <-f.ctx.Done():
		}
		timer.Stop()
	}
}

func (f *session) hasEnded() bool {
	select {
	case <-f.ended:
		return true
	default:
		return false
	}
}

// end gives back what the session has shown.
func (f *session) end() {
	f.cancel()
	f.set(func() { f.state, f.message = view.StateOff, "" })
	f.s.diags.Forget(f)
	f.s.rename()
}

// lookAround makes predictions possible without an engine: against what went
// live last.
func (f *session) lookAround() {
	if !f.trusted.Load() {
		f.set(func() { f.predictor, f.own, f.prediction, f.live = nil, false, nil, nil })
		f.changed()
		return
	}
	f.alone()
}

// alone gives the session a predictor without an engine, unless it has one that
// is made with the same settings.
func (f *session) alone() {
	if !f.isAttached() { // else the other engine watches
		f.s.watchFiles()
	}
	settings := f.getSettings()
	f.mu.Lock()
	have := f.own && f.madeWith.SameEngine(settings)
	f.mu.Unlock()
	if have {
		return
	}
	opts := settings.Engine(f.dir)
	opts.Decide = func(reasons []manifest.Diagnostic) engine.BreakPolicy {
		if other, policy := f.otherPolicy(); other {
			return policy
		}
		return f.decide(reasons)
	}
	o, err := engine.NewPredictor(f.ctx, opts)
	if err != nil {
		if f.ctx.Err() == nil {
			f.s.logf(protocol.MessageTypeWarning, "%s: no predictions: %v", f.dir, err)
		}
		return
	}
	f.set(func() {
		f.predictor, f.own, f.madeWith, f.stale, f.refused = o, true, settings, fileList{all: true}, fileList{}
	})
	f.hurry()
}

func (l *fileList) empty() bool { return !l.all && len(l.files) == 0 }

// merge adds what another list has. Each file is in the list once: it may be
// saved again and again before the code can be loaded.
func (l *fileList) merge(other fileList) {
	l.all = l.all || other.all
	l.files = slices.Compact(slices.Sorted(slices.Values(slices.Concat(l.files, other.files))))
}

// add adds files relative to a directory; none means any.
func (l *fileList) add(dir string, relative []string) {
	if len(relative) == 0 {
		l.all = true
	}
	for _, r := range relative {
		l.files = append(l.files, filepath.Join(dir, filepath.FromSlash(r)))
	}
}

// getLink returns the engine; the error says why there is none.
func (f *session) getLink() (enginelink.Link, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.link == nil {
		return nil, errors.New("no live server runs: " + cmp.Or(f.message, "it is being started"))
	}
	return f.link, nil
}

// view returns the picture of the session.
func (f *session) view() *view.Folder { return f.picture.Load() }

// renew takes a new picture and shows it.
func (f *session) renew() {
	f.showing.Lock()
	defer f.showing.Unlock()
	f.mu.Lock()
	v := &view.Folder{
		URI: uri.File(f.given), Dir: f.dir, Settings: f.getSettings(), Given: f.given, Engine: f.status, Manifest: f.live,
		Prediction: f.prediction, Versions: f.versions,
		Counters: f.counting.now, Basis: f.basis, Dirs: f.dirs,
	}
	v.Status = f.tell(v)
	old := f.picture.Swap(v)
	f.mu.Unlock()
	if old != nil {
		f.s.shown(old, v)
	}
}

// savedOnDisk looks what is on disk now, for the documents of a session.
func (s *Server) savedOnDisk(f *session) {
	for _, doc := range s.docs.Latest().ByURI {
		if !slices.ContainsFunc(s.docs.Latest().Links.Names(doc.Real), f.Covers) {
			continue
		}
		sum := view.DiskSum(doc.Path)
		if doc.Saved == sum {
			continue
		}
		s.docs.Update(func(set *view.DocumentSet) {
			if now := set.ByURI[doc.URI]; now != nil && now.Version == doc.Version {
				set.Put(now.WithSaved(sum))
			}
		})
	}
}
