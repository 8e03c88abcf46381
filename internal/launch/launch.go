// Package launch looks after the companion process: the user's own program, which serves the
// application while it is being edited.
//
// The engine binds the address once, and keeps it (Socket). Every process inherits the listening
// socket, so replacing one is never seen from outside: a new process starts on the same socket, and
// only when it is ready does the old one stop accepting and finish what it has begun. Connections
// that arrive in between wait in the socket's queue, which belongs to no process. While there is no
// process to serve them, the engine answers itself (Options.Front).
//
// A Supervisor owns these processes. It replaces them when asked to, starts the last good one again
// when it dies by itself, and leaves nothing behind when it ends.
//
// Where two processes cannot run at once, because the old one has a port or a lock that the new one
// needs, the old one is ended first (Alone). When a process has ended, what it has started is
// ended, too, unless that has left its process group.
//
// A connection that is open goes over to the new process between two requests (package takeover),
// so no request gets lost, and none that is sent after Replace has returned is answered by the old
// process.
package launch

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
)

// Errors of a Supervisor.
var (
	// ErrNoLiveServer reports that there is no process to ask.
	ErrNoLiveServer = errors.New("no live server is running")
	// ErrSuperseded reports that a later Replace took over.
	ErrSuperseded = errors.New("superseded by a later start of the live server")
	// ErrNoAnswer reports a load or rollback that took too long. What is live is not known until the
	// live server answers again; Late tells if it was the load.
	ErrNoAnswer = errors.New("the live server does not answer")
	// ErrStopped reports that the supervisor has ended or is ending.
	ErrStopped = errors.New("the supervisor of the live server has ended")
	// ErrNotReady reports a process that took longer than Options.ReadyTimeout.
	ErrNotReady = errors.New("the live server did not become ready")
)

// Image is everything that is needed to start a live server that serves exactly one generation.
type Image struct {
	Executable string   // absolute path
	Dir        string   // working directory; empty: Options.Dir
	Plugin     string   // absolute path; empty: the handlers linked into Executable
	Needs      []string // plugins to open before it
	Generation int      // its number
	Handlers   string   // import path of the handlers package
	Hot        []string // import paths of the hot packages
	Sources    []string // modules whose source is shown
}

// Options configures a Supervisor. Socket and RunDir are needed, the rest has defaults.
type Options struct {
	Socket *Socket
	Dir    string // the workspace, in which positions of crashes are looked for
	RunDir string // directory for control sockets; created if it is missing
	// Env is added to the environment of the engine, Args follow the program's name.
	Env, Args []string
	// Stdout and Stderr receive what the live servers print. While one replaces another, both write.
	// Nil discards.
	Stdout, Stderr io.Writer
	// Front answers on the socket while no live server runs. The default says so with status 503.
	Front http.Handler

	// ReadyTimeout bounds a start, from exec to a live generation. Default 30 s.
	ReadyTimeout time.Duration
	// DrainTimeout is how long a process that is no longer needed may take to finish its requests
	// before it gets SIGTERM. Default 10 s.
	DrainTimeout time.Duration
	// EndTimeout is DrainTimeout when the Supervisor ends. Requests have two thirds of it, and what is
	// closed afterwards has the rest: whoever ends the engine, such as docker stop, may wait for no
	// more than ten seconds. Default 6 s.
	EndTimeout time.Duration
	// KillTimeout is how long after SIGTERM it gets SIGKILL, together with its children. Default 3 s.
	KillTimeout time.Duration
	// QueueTimeout is how long requests wait for a live server before Front answers them, where the
	// old one was ended for the new one. Default 3 s.
	QueueTimeout time.Duration
	Backoff      Backoff
}

// Backoff says when a live server that died by itself is started again: the first time at once,
// then after Initial, doubling up to Max.
type Backoff struct {
	Initial time.Duration // default 250 ms
	Max     time.Duration // default 5 s
	// Reset is how long a process must have been ready for its death to count as the first one again.
	// Default 10 s.
	Reset time.Duration
	// GiveUp is how many deaths in a row, without being ready in between, are the last. Default 6.
	GiveUp int
}

func (o Options) withDefaults() Options {
	o.Stdout = cmp.Or[io.Writer](o.Stdout, io.Discard)
	o.Stderr = cmp.Or[io.Writer](o.Stderr, io.Discard)
	if o.Front == nil {
		o.Front = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, "no live server is running", http.StatusServiceUnavailable)
		})
	}
	o.ReadyTimeout = cmp.Or(o.ReadyTimeout, 30*time.Second)
	o.DrainTimeout = cmp.Or(o.DrainTimeout, 10*time.Second)
	o.EndTimeout = cmp.Or(o.EndTimeout, 6*time.Second)
	o.KillTimeout = cmp.Or(o.KillTimeout, 3*time.Second)
	o.QueueTimeout = cmp.Or(o.QueueTimeout, 3*time.Second)
	b := &o.Backoff
	b.Initial = cmp.Or(b.Initial, 250*time.Millisecond)
	b.Max = cmp.Or(b.Max, 5*time.Second)
	b.Reset = cmp.Or(b.Reset, 10*time.Second)
	b.GiveUp = cmp.Or(b.GiveUp, 6)
	return o
}

// requestsAtEnd is how long requests may go on when the Supervisor ends.
func (o Options) requestsAtEnd() time.Duration { return o.EndTimeout * 2 / 3 }

// delay returns how long to wait after the nth death in a row.
func (b Backoff) delay(n int) time.Duration {
	if n <= 1 {
		return 0
	}
	d := b.Initial
	for range n - 2 {
		if d >= b.Max {
			break
		}
		d *= 2
	}
	return min(d, b.Max)
}

// Exit says how a live server ended.
type Exit struct {
	PID    int
	State  string // as the system puts it: exit status 2, signal: killed
	Output string // the end of what it wrote to stderr, at most 64 KiB
	// Diagnostic is an ANV012 that says what happened, and where if the process crashed in code that a
	// position is known for.
	Diagnostic manifest.Diagnostic
}

// ExitError is the error of a call during which the live server ended by itself.
type ExitError struct{ Exit Exit }

// Error says how it ended.
func (e *ExitError) Error() string { return e.Exit.Diagnostic.Message }

// StartError says why a process could not take over. Unless it took over from nobody, the one
// before it goes on serving.
type StartError struct {
	// Diagnostics say what is wrong, as far as the process could tell or its end tells. There are none
	// if the start was called off.
	Diagnostics []manifest.Diagnostic
	// ExitState says how the process ended, if it did so by itself.
	ExitState string
	// Output is the end of what it wrote to stderr until then.
	Output string
	// Displaced says that the process before was ended for the start (see Alone), and then started
	// again.
	Displaced bool
	// Cause is, among others, ErrNotReady, ErrSuperseded, ErrStopped, the error of a context or an
	// *ExitError.
	Cause error
}

// Error says what happened on one line.
func (e *StartError) Error() string {
	if len(e.Diagnostics) > 0 {
		more := ""
		if n := len(e.Diagnostics) - 1; n > 0 {
			more = fmt.Sprintf(" (and %d more)", n)
		}
		return fmt.Sprintf("starting the live server: %s%s", e.Diagnostics[0], more)
	}
	return fmt.Sprintf("starting the live server: %v", e.Cause)
}

// Unwrap returns Cause.
func (e *StartError) Unwrap() error { return e.Cause }
