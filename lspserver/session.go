package lspserver

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"go.lsp.dev/protocol"
	"go.lsp.dev/uri"

	"github.com/anvilforge/anvil-lsp/hotreload/control"
	"github.com/anvilforge/anvil-lsp/hotreload/engine"
	"github.com/anvilforge/anvil-lsp/manifest"
)

// session is one application. Its goroutine, run, owns the engine or the
// connection to one; predictLoop looks at the buffers.
type session struct {
	s      *Server
	dir    string // real
	given  string // as the editor names it
	ctx    context.Context
	cancel context.CancelFunc

	settings atomic.Pointer[Settings] // of the workspace folder; nil: those of the server

	output   *tail
	memory   *memory
	progress *progress
	poked    chan struct{} // has a value if run should look whether things are as they are wanted

	// of predictLoop
	dirty  chan struct{} // has a value if there is something to predict
	urgent atomic.Bool   // without waiting for typing to rest
	places map[string]*placesOf

	showing sync.Mutex // held while a new picture is shown
	picture atomic.Pointer[Folder]

	mu       sync.Mutex // guards what follows
	override *bool      // what a command said about running; nil: the settings decide
	paused   bool       // by a command
	link     link       // nil while there is none
	attached bool
	state    State  // of the session while there is no link
	failed   bool   // there is no engine, though one is wanted
	failure  string // why, as the user was told last
	status   control.Status
	held     held
	lastMS   float64
	rung     manifest.Rung
	message  string
	live     *manifest.Manifest
	outlook  outlook
	own      bool            // outlook has no engine and needs Refresh
	madeWith Settings        // of an own outlook
	stale    fileList        // what changed on disk since outlook was refreshed
	refused  fileList        // what it could not be refreshed with
	dirs     map[string]bool // whose files belong to the application
	forecast *engine.Forecast
	versions map[string]int32
	basis    *documentSet       // that the forecast was made for
	clean    bool               // forecast is about what is on disk
	bases    map[string][]byte  // text of files with problems, as it was tried
	undo     context.CancelFunc // ends the running prediction
	withdraw context.CancelFunc // takes back the question to the user; nil before the first
	counting counting
}

// State is what a client is told: a state of the engine, or one of these.
type State = control.State

// States of a session without an engine.
const (
	StateOff      State = "off"      // no live server is wanted
	StateStarting State = "starting" // an engine is being made
)

// fileList is a set of files that changed; all: any file.
type fileList struct {
	all   bool
	files []string
}

func newSession(s *Server, ctx context.Context, cancel context.CancelFunc, dir, given string, settings *Settings) *session {
	f := &session{
		s: s, dir: dir, given: given, ctx: ctx, cancel: cancel, output: newTail(), memory: loadMemory(dir),
		poked: make(chan struct{}, 1), dirty: make(chan struct{}, 1), state: StateOff, places: map[string]*placesOf{},
	}
	f.settings.Store(settings)
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
func (f *session) covers(path string) bool {
	if !ours(path) {
		return false
	}
	if below(path, f.dir) {
		return true
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.dirs[filepath.Dir(path)]
}

// wanted reports whether there should be an engine.
func (f *session) wanted() bool {
	if !f.s.isTrusted() || f.ctx.Err() != nil {
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
	defer f.end()
	wait := time.Duration(0)
	for f.ctx.Err() == nil {
		if !f.wanted() {
			f.set(func() { f.state, f.message = StateOff, f.whyOff() })
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
		case errors.Is(err, errEngineSilent): // it begins or ends just now
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

// fail says why there is no engine, once, and goes on without one until retry.
func (f *session) fail(err error) {
	text := f.explain(err)
	f.mu.Lock()
	known := f.failure == text
	f.failure, f.failed = text, true
	f.mu.Unlock()
	if !known {
		f.s.logf(protocol.MessageTypeError, "%s: %s", f.dir, text)
		f.s.showf(protocol.MessageTypeError, "anvil-lsp: no live server for %s: %s", f.s.nameOf(f), text)
	}
	f.set(func() { f.state, f.message = StateOff, text })
	f.lookAround()
}

// explain says what an error of the engine means to the user. An address that
// another application of this editor has is no reason to end a program.
func (f *session) explain(err error) string {
	if !errors.Is(err, syscall.EADDRINUSE) {
		return err.Error()
	}
	address := f.getSettings().Address
	_, port, splitErr := net.SplitHostPort(address)
	if splitErr != nil {
		return err.Error()
	}
	for _, other := range f.s.allSessions() {
		if other != f && other.serves(port) {
			return fmt.Sprintf("%s is the address of %s, which this editor runs too: give each folder an anvil.address of its own, or none", address, f.s.nameOf(other))
		}
	}
	return err.Error()
}

// serves reports whether the session's own engine has a port.
func (f *session) serves(port string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	u, err := url.Parse(f.status.URL)
	return err == nil && f.link != nil && !f.attached && u.Port() == port
}

// retry has engines tried again that could not be had: what one had that has
// ended may be what another wants.
func (s *Server) retry() {
	for _, f := range s.allSessions() {
		f.retry()
	}
}

// retry has the engine tried again if it could not be had.
func (f *session) retry() {
	f.mu.Lock()
	failed := f.failed
	f.mu.Unlock()
	if failed {
		f.poke()
	}
}

// end gives back what the session has shown.
func (f *session) end() {
	f.cancel()
	f.set(func() { f.state, f.message = StateOff, "" })
	f.s.diags.forget(f)
}

func (f *session) whyOff() string {
	switch {
	case !f.s.isTrusted():
		return "the workspace is not trusted: nothing of it is built or run"
	case f.override != nil:
		return "stopped"
	}
	return "not started: the setting anvil.autoStart is off"
}

// lookAround makes predictions possible without an engine: against what went
// live last.
func (f *session) lookAround() {
	if !f.s.isTrusted() {
		f.set(func() { f.outlook, f.own, f.forecast, f.live = nil, false, nil, nil })
		f.changed()
		return
	}
	f.alone()
}

// alone gives the session an outlook without an engine, unless it has one that
// is made with the same settings.
func (f *session) alone() {
	settings := f.getSettings()
	f.mu.Lock()
	have := f.own && f.madeWith.sameEngine(settings)
	f.mu.Unlock()
	if have {
		return
	}
	o, err := engine.NewOutlook(f.ctx, settings.engine(f.dir))
	if err != nil {
		if f.ctx.Err() == nil {
			f.s.logf(protocol.MessageTypeWarning, "%s: no predictions: %v", f.dir, err)
		}
		return
	}
	f.s.watchFiles()
	f.set(func() {
		f.outlook, f.own, f.madeWith, f.stale, f.refused = o, true, settings, fileList{all: true}, fileList{}
	})
	f.hurry()
}

// serve has an engine, its own or another's, until it ends. The error says why
// there is none.
func (f *session) serve() error {
	settings := f.getSettings()
	o := settings.engine(f.dir)
	o.Version = f.s.opts.Version
	o.Stdout, o.Stderr = f.output, f.output
	o.Decide = f.decide
	f.set(func() { f.state, f.message, f.failed = StateStarting, "", false })
	e, err := engine.New(f.ctx, o)
	switch {
	case errors.Is(err, engine.ErrInUse):
		return f.attach()
	case err != nil:
		return err
	}
	ctx, stop := context.WithCancel(f.ctx)
	defer stop()
	events := e.Events()
	first := events.Subscribe(context.WithoutCancel(ctx))
	ended := make(chan error, 1)
	l := ownLink{e}
	f.connect(l, false, e.Outlook(), control.Status{Dir: f.dir, URL: e.URL(), State: control.StateBuilding, PID: os.Getpid()})
	go func() { ended <- e.Run(ctx) }()
	f.follow(l, first, func() <-chan control.Event {
		if ctx.Err() != nil {
			return nil
		}
		return events.Subscribe(context.WithoutCancel(ctx))
	}, func() bool {
		return !f.wanted() || !settings.sameEngine(f.getSettings())
	}, stop)
	stop()
	err = <-ended
	f.disconnect()
	if err == nil { // else two that fail would have each other try without end
		f.s.retry()
	}
	return err
}

// attach follows the engine of another process.
func (f *session) attach() error {
	client := control.NewClient(engine.SocketPath(f.dir))
	defer client.Close()
	ctx, stop := context.WithCancel(f.ctx)
	defer stop()
	l := &remoteLink{client: client, ctx: ctx}
	status, err := l.Status(ctx)
	if err != nil {
		return fmt.Errorf("%w: %w", errEngineSilent, err)
	}
	f.connect(l, true, nil, status)
	f.alone()
	subscribe := func() <-chan control.Event {
		events := make(chan control.Event)
		go func() {
			defer close(events)
			for ev, err := range control.Events[control.Event](ctx, client, control.PathEvents) {
				if err != nil {
					return
				}
				select {
				case events <- ev:
				case <-ctx.Done():
					return
				}
			}
		}()
		return events
	}
	f.follow(l, subscribe(), func() <-chan control.Event {
		// Cut off, or the other is gone.
		if _, err := l.Status(ctx); err != nil {
			return nil
		}
		return subscribe()
	}, func() bool { return !f.wanted() }, stop)
	f.disconnect()
	return nil
}

// connect begins the time with an engine.
func (f *session) connect(l link, attached bool, o *engine.Outlook, status control.Status) {
	f.set(func() {
		f.link, f.attached, f.status, f.message, f.failure = l, attached, status, "", ""
		f.held.arrived(len(status.Held) > 0)
		if o != nil {
			f.outlook, f.own, f.forecast = o, false, nil
		}
		if m, err := manifest.Read(engine.ManifestPath(f.dir)); attached && err == nil {
			f.live = m
		}
		f.stale.all = attached // an own outlook may have been made before that went live
	})
	if attached {
		f.recount(l)
	}
	f.holdAsWanted(l)
	f.hurry()
}

// disconnect ends it.
func (f *session) disconnect() {
	f.progress.abandon()
	f.set(func() {
		f.link, f.attached, f.status, f.live, f.state = nil, false, control.Status{}, nil, StateStarting
		f.bases, f.counting.now, f.counting.since = nil, nil, nil
		if f.withdraw != nil {
			f.withdraw()
		}
	})
	f.hurry()
}

// follow takes events until the engine ends. again subscribes once more after
// the stream was cut off, and returns nil if there is no use. unwanted is asked
// whenever something changed; stop ends the engine, or the connection.
func (f *session) follow(l link, events <-chan control.Event, again func() <-chan control.Event, unwanted func() bool, stop func()) {
	stopping := false
	for events != nil {
		select {
		case ev, ok := <-events:
			if !ok {
				if events = again(); events != nil {
					if status, err := l.Status(f.ctx); err == nil {
						f.set(func() {
							f.status = status
							f.held.arrived(len(status.Held) > 0)
						})
						f.recount(l)
					}
				}
				continue
			}
			f.take(ev)
			if ev.Kind == control.EventStopped {
				return
			}
		case <-f.poked:
			if unwanted() && !stopping {
				stopping = true
				stop()
				if f.isAttached() {
					return
				}
				continue
			}
			f.holdAsWanted(l)
			if f.isAttached() {
				f.alone() // the settings may be others
			}
			f.renew()
		case <-f.ctx.Done():
			if stop(); f.isAttached() || stopping {
				return
			}
			stopping = true
			// The last event of an own engine is still to come.
			for ev := range events {
				if f.take(ev); ev.Kind == control.EventStopped {
					return
				}
			}
			return
		}
	}
}

func (f *session) isAttached() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.attached
}

// holdAsWanted has saves wait if the user or the settings want it.
func (f *session) holdAsWanted(l link) {
	f.mu.Lock()
	paused := f.paused
	f.mu.Unlock()
	l.Hold(paused || f.getSettings().OnSave != SaveAlways)
}

// final reports whether an event ends what a save began.
func final(k control.EventKind) bool {
	switch k {
	case control.EventLive, control.EventKept, control.EventAsking, control.EventUnchanged, control.EventRolledBack, control.EventStopped:
		return true
	}
	return false
}

// take takes an event over.
func (f *session) take(ev control.Event) {
	f.mu.Lock()
	if last := f.status.Last; last != nil && !ev.Time.After(last.Time) && ev.Kind != control.EventProgress {
		f.mu.Unlock()
		return // the stream begins with what the status has
	}
	engine.Apply(&f.status, ev)
	if ev.URL != "" {
		f.status.URL = ev.URL
	}
	switch ev.Kind {
	case control.EventLive, control.EventRolledBack:
		f.live = f.readManifest(ev)
	case control.EventRequests:
		f.counting.told(ev.Stats)
	case control.EventHeld:
		f.held.arrived(true)
		f.message = ev.Message
		if !f.paused && f.getSettings().OnSave == SaveNoErrors {
			f.message = "the change waits for code without errors"
		}
	case control.EventStarting, control.EventBuilding:
		f.held.arrived(false)
		f.message = ""
	}
	if final(ev.Kind) || ev.Kind == control.EventPanic || ev.Kind == control.EventExited {
		f.bases = f.remember(f.status.Problems)
		f.message = ev.Message
	}
	if final(ev.Kind) && ev.Kind != control.EventStopped {
		f.lastMS, f.rung = float64(time.Duration(ev.Total).Microseconds())/1000, ev.Rung
	}
	if f.own && final(ev.Kind) {
		f.stale.add(f.dir, ev.Cause)
	}
	if ev.Kind == control.EventStopped && ev.Message == control.StoppedOnRequest {
		no := false
		f.override = &no
	}
	if final(ev.Kind) && f.withdraw != nil {
		f.withdraw() // it was about code that is not the newest any more
	}
	l := f.link
	f.mu.Unlock()
	f.renew()
	f.progress.event(ev)
	switch ev.Kind {
	case control.EventLive, control.EventRolledBack, control.EventRecovered:
		if l != nil {
			f.recount(l)
		}
	}
	switch {
	case ev.Kind == control.EventWarning:
		f.s.logf(protocol.MessageTypeWarning, "%s: %s", f.dir, ev.Message)
	case ev.Kind == control.EventAsking:
		f.askUser(ev)
	}
	if final(ev.Kind) {
		f.s.savedOnDisk(f)
		f.hurry()
	} else if ev.Kind == control.EventPanic || ev.Kind == control.EventExited || ev.Kind == control.EventHeld || ev.Kind == control.EventRecovered {
		f.hurry()
	}
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

// readManifest returns the manifest of the generation that an event brought
// live; f.mu is held.
func (f *session) readManifest(ev control.Event) *manifest.Manifest {
	if m, err := manifest.Read(engine.HistoryPath(f.dir, ev.Generation)); err == nil {
		return m
	}
	if m, err := manifest.Read(engine.ManifestPath(f.dir)); err == nil && m.Generation == ev.Generation {
		return m
	}
	return &manifest.Manifest{Format: manifest.FormatVersion, Generation: ev.Generation, Routes: ev.Routes}
}

// remember returns the text of the files that problems are about, as it is on
// disk; f.mu is held.
func (f *session) remember(problems []manifest.Diagnostic) map[string][]byte {
	bases := map[string][]byte{}
	read := func(path string) {
		if _, ok := bases[path]; ok || path == "" {
			return
		}
		if data, err := os.ReadFile(path); err == nil {
			bases[path] = data
		}
	}
	for _, d := range problems {
		read(d.File)
		for _, r := range slices.Concat(d.Related, incident(d, f.owns)) {
			if f.owns(r.File) {
				read(r.File)
			}
		}
	}
	return bases
}

// getLink returns the engine; the error says why there is none.
func (f *session) getLink() (link, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.link == nil {
		return nil, errors.New("no live server runs: " + firstOf(f.message, "it is being started"))
	}
	return f.link, nil
}

func firstOf(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// view returns the picture of the session.
func (f *session) view() *Folder { return f.picture.Load() }

// renew takes a new picture and shows it.
func (f *session) renew() {
	f.showing.Lock()
	defer f.showing.Unlock()
	f.mu.Lock()
	v := &Folder{
		URI: uri.File(f.given), Dir: f.dir, Settings: f.getSettings(), given: f.given, Engine: f.status, Manifest: f.live, Forecast: f.forecast, Versions: f.versions,
		counted: f.counting.now, basis: f.basis, dirs: f.dirs,
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
	for _, doc := range s.docs.all().byURI {
		if !f.covers(doc.Path) {
			continue
		}
		sum := diskSum(doc.Path)
		if doc.Saved == sum {
			continue
		}
		s.docs.update(func(set *documentSet) {
			if now := set.byURI[doc.URI]; now != nil && now.Version == doc.Version {
				d := now.with(sum)
				set.byURI[doc.URI], set.byPath[doc.Path] = d, d
			}
		})
	}
}
