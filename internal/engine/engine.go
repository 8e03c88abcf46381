package engine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/anvilforge/anvil-lsp/hotreload/control"
	"github.com/anvilforge/anvil-lsp/hotreload/control/transport"
	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/internal/build"
	"github.com/anvilforge/anvil-lsp/internal/launch"
	"github.com/anvilforge/anvil-lsp/internal/outdir"
	"github.com/anvilforge/anvil-lsp/internal/watch"
)

// Options configure an Engine. Dir is required.
type Options struct {
	// Dir is the application's directory: what is served, and holds OutDir.
	Dir string
	// Cwd is the directory that the application runs in; empty: the root of the main package's module.
	Cwd string
	// Main names the main package if Dir holds more than one that will do.
	Main string
	// Addr is the loopback address to serve on; a port of 0 is chosen by the system. Empty means the
	// one that main names, as far as its source tells, or port 8080, or if that is taken the next free
	// one from 8080 on.
	Addr string
	// Tags, Race and Debug are build settings; see build.Config.
	Tags  []string
	Race  bool
	Debug bool
	// Assets are embedded files that the application reads from the disk; see build.Config.
	Assets []string
	// FullLink and CacheDir are settings of plugins; see build.Config.
	FullLink bool
	CacheDir string
	// MemoryBudget is by how many bytes the live server may grow before a restart is proposed; 1 GiB
	// if it is 0. Go never gives back the memory of a plugin.
	MemoryBudget int64
	// NoSpeculation has Speculate do nothing.
	NoSpeculation bool
	// OnBreak says what to do about a change that needs a restart.
	OnBreak BreakPolicy
	// Decide, if it is set, is asked in place of OnBreak, each time, with what needs the restart. It
	// must not block.
	Decide func(reasons []manifest.Diagnostic) BreakPolicy
	// OnPredictable, if it is set, is called when a Predictor can answer: before the first generation
	// is live. It must not block.
	OnPredictable func()
	// StartTimeout is how long the live server may take to start, from exec to a live generation; 30 s
	// if it is 0.
	StartTimeout time.Duration
	// Args are the arguments of the live server.
	Args []string
	// Color tells the application that its output ends up in a terminal with colours: it goes through
	// a pipe.
	Color bool
	// Stdout and Stderr receive what the live server prints.
	Stdout, Stderr io.Writer
	// Log keeps the end of that for clients; nil: one that ends with the engine.
	Log *Log
	// Version of this program, for Status.
	Version string
}

// BreakPolicy is what the engine does about a change that needs a restart.
type BreakPolicy string

// Policies for breaks.
const (
	BreakRestart BreakPolicy = ""     // restart at once
	BreakAsk     BreakPolicy = "ask"  // publish EventAsking; Restart takes the change
	BreakKeep    BreakPolicy = "keep" // keep the old code; Restart takes the change
	BreakSwap    BreakPolicy = "swap" // swap a changed signature in, and restart for all else
)

// policy returns what is done about a change that needs a restart for reasons.
func (o *Options) policy(reasons []manifest.Diagnostic) BreakPolicy {
	if o.Decide != nil {
		return o.Decide(reasons)
	}
	return o.OnBreak
}

// swapsBreaks reports whether a changed signature is swapped in.
func (o *Options) swapsBreaks() bool {
	return o.policy([]manifest.Diagnostic{{Code: manifest.CodeSignature}}) == BreakSwap
}

// Engine hot-reloads one application.
type Engine struct {
	opts       Options
	out        *outDir
	builder    *build.Builder
	socket     *launch.Socket
	control    *net.UnixListener
	newControl chan *net.UnixListener // replaces control, whose file was deleted; one slot
	bound      []fs.FileInfo          // files of the control sockets that were made
	sup        *launch.Supervisor
	watcher    *watch.Watcher
	events     *transport.Stream[control.Event]
	started    time.Time

	checker  *sharedChecker
	baseline atomic.Pointer[baseline] // nil: nothing was built yet
	pauses   *pauses

	requests chan request
	rechecks *rechecks
	// speculations holds the newest content of unsaved files; one slot.
	speculations chan build.Overlay
	ended        chan struct{} // closed when the loop has stopped reading requests
	// relevant is asked by the watcher for every file event.
	relevant   atomic.Pointer[func(string) bool]
	attributes attributes

	main     string      // package, as it was found at the start; empty if it was not
	mainAddr mainAddress // by main

	mu        sync.Mutex // guards status
	status    control.Status
	progress  string // the last progress of what is under way
	runCalled bool   // Run was called: it gives the watcher back
}

// New takes the directory's lock, binds the address and checks the toolchain. The error wraps
// ErrInUse if another engine works in the directory, launch.ErrAddrInUse if the address is taken,
// and build.ErrSetup if this machine cannot build plugins. Run must follow, or Close.
func New(ctx context.Context, o Options) (_ *Engine, err error) {
	dir, err := realDir("application directory", o.Dir)
	if err != nil {
		return nil, err
	}
	o.Dir = dir
	if o.Cwd != "" {
		if o.Cwd, err = realDir("working directory", o.Cwd); err != nil {
			return nil, err
		}
	}
	events := transport.NewStream[control.Event]()
	events.Retain(tells)
	e := &Engine{
		opts: o, events: events, started: time.Now(), checker: newSharedChecker(), pauses: newPauses(),
		rechecks: newRechecks(),
		requests: make(chan request), speculations: make(chan build.Overlay, 1), ended: make(chan struct{}),
		newControl: make(chan *net.UnixListener, 1),
	}
	if e.out, err = openOutDir(dir); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, e.Close())
		}
	}()
	e.builder, err = build.New(ctx, build.Config{
		Dir: dir, Main: o.Main, OutDir: e.out.path, Tags: o.Tags, Assets: o.Assets, Race: o.Race, Debug: o.Debug,
		FullLink: o.FullLink, CacheDir: o.CacheDir,
		Progress: func(message string) { e.publish(control.Event{Kind: control.EventProgress, Message: message}) },
	})
	if err != nil {
		return nil, err
	}
	if main, err := e.builder.Main(ctx); err == nil { // else the first build says what is wrong
		e.main = main
	}
	if err = e.listen(ctx); err != nil {
		return nil, err
	}
	if e.control, err = e.listenControl(); err != nil {
		return nil, err
	}
	e.status = control.Status{
		Version: o.Version, PID: os.Getpid(), Dir: dir, Main: e.main, URL: e.socket.URL(), State: control.StateBuilding,
		Since: e.started,
	}
	if e.opts.Log == nil {
		e.opts.Log = NewLog()
	}
	e.sup, err = launch.NewSupervisor(launch.Options{
		Socket: e.socket, Dir: dir, RunDir: filepath.Join(e.out.path, outdir.Run), Args: o.Args,
		Stdout: e.logged(o.Stdout), Stderr: e.logged(o.Stderr), Front: http.HandlerFunc(e.front),
		ReadyTimeout: o.StartTimeout, Env: colorEnv(o.Color, os.LookupEnv),
	})
	if err != nil {
		return nil, err
	}
	e.watcher, err = watch.New(watch.Options{
		Relevant: func(path string) bool { return (*e.relevant.Load())(path) },
		Hold:     waitsFor(dir),
		Holding:  func(files []string, what string) { e.publish(waiting(e.opts.relative(files), what)) },
		Refused:  func(err error) { e.publish(warning("%v", err)) },
		Complete: e.builder.BuiltAhead, Attributes: e.attributes.count,
	})
	if err != nil {
		return nil, err
	}
	e.follow(graphSet(dir, nil, nil))
	return e, nil
}

// colorEnv returns variables that make programs write colours into a pipe, unless the user has
// decided that.
func colorEnv(color bool, lookup func(string) (string, bool)) (env []string) {
	if v, _ := lookup("NO_COLOR"); !color || v != "" {
		return nil
	}
	for _, name := range []string{"FORCE_COLOR", "CLICOLOR_FORCE"} {
		if _, set := lookup(name); !set {
			env = append(env, name+"=1")
		}
	}
	return env
}

// logged writes to the log first, then to w: the reader of w may be slow, which would hold it up.
func (e *Engine) logged(w io.Writer) io.Writer {
	if w == nil {
		return e.opts.Log
	}
	return io.MultiWriter(e.opts.Log, w)
}

// realDir returns a directory as the go command reports it; what says what it is for.
func realDir(what, dir string) (string, error) {
	dir, err := filepath.Abs(dir)
	if err == nil {
		dir, err = filepath.EvalSymlinks(dir)
	}
	if err != nil {
		return "", fmt.Errorf("%s: %w", what, err)
	}
	if st, err := os.Stat(dir); err != nil || !st.IsDir() {
		return "", fmt.Errorf("%s: %s is not a directory", what, dir)
	}
	return dir, nil
}

// URL returns where the application answers.
func (e *Engine) URL() string { return e.socket.URL() }

// Events returns the stream of events. Subscribe before Run to miss none.
func (e *Engine) Events() *transport.Stream[control.Event] { return e.events }

// Close gives back what New took. Run does it itself.
func (e *Engine) Close() error {
	var errs []error
	if e.watcher != nil && !e.runCalled {
		ended, cancel := context.WithCancel(context.Background())
		cancel()
		errs = append(errs, e.watcher.Run(ended)) // it gives back what it has opened
	}
	if e.control != nil {
		if err := e.control.Close(); !errors.Is(err, net.ErrClosed) { // serve has closed it
			errs = append(errs, err)
		}
	}
	select {
	case l := <-e.newControl: // it was never served
		errs = append(errs, l.Close())
	default:
	}
	if e.socket != nil {
		errs = append(errs, e.socket.Close())
	}
	if e.builder != nil {
		e.builder.Close() // before its directory is cleaned
	}
	if e.out != nil {
		errs = append(errs, e.out.close())
	}
	e.events.Close()
	return errors.Join(errs...)
}

// warning returns an event that tells the user something and changes nothing.
func warning(format string, args ...any) control.Event {
	return control.Event{Kind: control.EventWarning, Message: fmt.Sprintf(format, args...)}
}

// publish stamps an event, brings the status up to date and sends it out.
func (e *Engine) publish(ev control.Event) control.Event {
	ev.URL = e.socket.URL()
	ev.Diagnostics = slices.Clone(ev.Diagnostics) // other events may share the slice
	manifest.SortDiagnostics(ev.Diagnostics)
	e.mu.Lock()
	defer e.mu.Unlock()
	ev.Time = time.Now() // here, so that the times are in the order of the events
	if ev.Generation == 0 {
		ev.Generation = e.status.Generation
	}
	UpdateStatus(&e.status, ev)
	switch {
	case ev.Kind == control.EventProgress:
		e.progress = ev.Message
	case tells(ev):
		e.progress = ""
	}
	e.events.Publish(ev)
	return ev
}
