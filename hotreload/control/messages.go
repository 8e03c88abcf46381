// Package control holds the messages between the engine, the live server and
// attached clients. Package transport carries them.
//
// Two servers speak it. The live server answers the engine (load, rollback,
// drain); the engine answers attached clients (status, reload, restart,
// rollback, stop). Both stream what happens from /v1/events.
//
// It is linked into users' programs, so it imports manifest and the standard
// library only.
package control

import (
	"encoding/json"
	"fmt"
	"math"
	"time"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
)

// Paths of the protocol. The verb is GET for status, events, hold and log, and
// POST for everything else.
const (
	PathStatus   = "/v1/status"
	PathEvents   = "/v1/events"
	PathLoad     = "/v1/load"     // live server: LoadRequest → LoadResult
	PathRollback = "/v1/rollback" // both: RollbackRequest → LoadResult
	PathDrain    = "/v1/drain"    // live server: DrainRequest; stop accepting, answer what is in flight, end LiveServer
	PathHandover = "/v1/handover" // live server: HandoverRequest → its state, as raw bytes; requests wait from then on
	PathRelease  = "/v1/release"  // live server: ReleaseRequest; requests are answered again
	PathRestore  = "/v1/restore"  // live server that awaits it: what PathHandover of another one returned, as raw bytes
	PathReload   = "/v1/reload"   // engine: build and load now → Event
	PathRestart  = "/v1/restart"  // engine: RestartRequest; warm restart now → Event
	PathStop     = "/v1/stop"     // engine: end the live server and the engine
	PathApply    = "/v1/take"     // engine: reload what waits while reload on save is paused → Event
	PathLook     = "/v1/look"     // engine: LookRequest; look at files that somebody has saved
	PathHold     = "/v1/hold"     // engine: a stream of Held; reload on save is paused while a client reads it
	PathLog      = "/v1/log"      // engine: what live servers have printed last, as raw bytes; see LogPath
)

// Environment of the live server: how the engine hands over what it inherits.
// The descriptors are numbers of inherited files.
const (
	EnvHot        = "ANVIL_HOT"        // "1": the process runs under an engine, or watches EnvPlugin
	EnvListenFD   = "ANVIL_LISTEN_FD"  // the bound TCP socket that requests arrive on
	EnvControlFD  = "ANVIL_CONTROL_FD" // the bound Unix socket that control messages arrive on
	EnvAliveFD    = "ANVIL_ALIVE_FD"   // a pipe that reads EOF when the engine is gone
	EnvPassFD     = "ANVIL_PASS_FD"    // a socket that kept connections are sent to at the end
	EnvReceiveFD  = "ANVIL_TAKE_FD"    // its other end: connections that others have sent there
	EnvKeepFD     = "ANVIL_KEEP_FD"    // a socket that listening sockets are given to, for the process after this one
	EnvKept       = "ANVIL_KEPT"       // those that the process before has given there, JSON: []KeptSocket
	EnvAwait      = "ANVIL_AWAIT"      // "1": the first generation waits for PathRestore
	EnvGeneration = "ANVIL_GENERATION" // number of the first generation
	EnvPlugin     = "ANVIL_PLUGIN"     // plugin to serve instead of the linked handlers
	EnvNeeds      = "ANVIL_NEEDS"      // plugins to open before it, a list like PATH
	EnvDir        = "ANVIL_DIR"        // the directory that is served
	EnvHandlers   = "ANVIL_HANDLERS"   // import path of the handlers package
	EnvSources    = "ANVIL_SOURCES"    // modules whose source is shown, a list like PATH
	EnvHotPaths   = "ANVIL_HOT_PATHS"  // import paths of the hot packages, separated by commas
)

// KeptSocket is a listening socket that the application opened itself.
type KeptSocket struct {
	Name string `json:"name"` // its network and its address
	FD   int    `json:"fd"`   // number of the inherited file
}

// Duration is a time.Duration that travels as a number of milliseconds.
type Duration time.Duration

// MarshalJSON writes milliseconds with microsecond precision.
func (d Duration) MarshalJSON() ([]byte, error) {
	return json.Marshal(float64(time.Duration(d).Microseconds()) / 1000)
}

// UnmarshalJSON reads milliseconds. What no Duration can hold becomes the longest
// of its sign.
func (d *Duration) UnmarshalJSON(data []byte) error {
	var ms float64
	if err := json.Unmarshal(data, &ms); err != nil {
		return fmt.Errorf("duration in milliseconds: %w", err)
	}
	switch ns := ms * float64(time.Millisecond); {
	case ns >= math.MaxInt64: // as a float64 it is one too many
		*d = math.MaxInt64
	case ns <= math.MinInt64:
		*d = math.MinInt64
	default:
		*d = Duration(ns)
	}
	return nil
}

// String returns the duration as a person reads it: 64 ms, 1.24 s.
func (d Duration) String() string {
	t := time.Duration(d)
	switch {
	case t < time.Millisecond:
		return fmt.Sprintf("%.1f ms", float64(t)/float64(time.Millisecond))
	case t < time.Second:
		return fmt.Sprintf("%d ms", t.Round(time.Millisecond).Milliseconds())
	default:
		return fmt.Sprintf("%.2f s", t.Seconds())
	}
}

// Fine returns the duration with two digits at least, for what may take less
// than a millisecond: 85 µs, 1.8 ms, 64 ms, 1.24 s.
func (d Duration) Fine() string {
	switch t := time.Duration(d); {
	case t < 100*time.Microsecond:
		return fmt.Sprintf("%d µs", t.Round(time.Microsecond).Microseconds())
	case t < time.Millisecond:
		return fmt.Sprintf("%.2f ms", float64(t)/float64(time.Millisecond))
	case t < 9950*time.Microsecond:
		return fmt.Sprintf("%.1f ms", float64(t)/float64(time.Millisecond))
	}
	return d.String()
}

// Step is one timed part of a reload.
type Step struct {
	Name     string   `json:"name"` // one of the Step constants
	Duration Duration `json:"ms"`
	// Detail says how the step was done, where there is more than one way, such as
	// LinkThin or LinkFull.
	Detail string `json:"detail,omitempty"`
}

// Names of steps, in the order in which they happen.
const (
	StepDebounce = "settle"   // from the first file event to a settled batch
	StepPlan     = "plan"     // what changed, and which rung it takes
	StepPredict  = "predict"  // the check from source
	StepResolve  = "resolve"  // the go command: package graph, dependencies
	StepCompile  = "compile"  // changed hot packages and their hot importers
	StepLink     = "link"     // plugin or executable
	StepOpen     = "open"     // plugin.Open in the live server
	StepRegister = "register" // AnvilRegisterRoutes, checks, router
	StepStart    = "start"    // warm restart: exec to ready
)

// How a plugin was linked, as the detail of StepLink begins.
const (
	LinkThin = "thin" // with only what the process lacks
	LinkFull = "full" // as a whole program; ": " and the reason follow, if there is one
)

// LoadRequest asks the live server to load a plugin and go live with it.
type LoadRequest struct {
	Generation int    `json:"generation"`
	Plugin     string `json:"plugin"` // path; never used for two loads
	// Needs are plugins that must have been opened before this one, because it
	// refers to what is in them; Executable is the program that it was linked for,
	// if that matters.
	Needs      []string `json:"needs,omitempty"`
	Executable string   `json:"executable,omitempty"`
	// Deadline bounds plugin.Open and AnvilRegisterRoutes together; see Limit.
	Deadline Duration `json:"deadline_ms,omitempty"`
	// Hot are the import paths of the hot packages of this generation.
	Hot []string `json:"hot"`
	// AllowBreaks goes live although a registered route's signature changed.
	AllowBreaks bool `json:"allow_breaks,omitempty"`
}

// DefaultDeadline is how long a registration may take, and MaxDeadline how long
// it may be allowed to take.
const (
	DefaultDeadline = Duration(5 * time.Second)
	MaxDeadline     = Duration(10 * time.Minute)
)

// Limit returns how long the load may take: its Deadline, but MaxDeadline at
// most, and DefaultDeadline where it is not positive.
func (r LoadRequest) Limit() time.Duration {
	if r.Deadline <= 0 {
		return time.Duration(DefaultDeadline)
	}
	return time.Duration(min(r.Deadline, MaxDeadline))
}

// Outcome says what became of a load.
type Outcome string

// Outcomes of a load. Only OutcomeLive changes what is served.
const (
	OutcomeLive     Outcome = "live"
	OutcomeBreak    Outcome = "break"    // a registered route's signature differs: warm restart
	OutcomeMismatch Outcome = "mismatch" // plugin.Open refused: linked against other host packages
	OutcomeRejected Outcome = "rejected" // the code is at fault: Diagnostics say where
	// OutcomeUnloadable: the file cannot be loaded into this process. Nothing of it
	// was run, and the generation number is not used.
	OutcomeUnloadable Outcome = "unloadable"
)

// LoadResult is the live server's answer to a load or a rollback.
type LoadResult struct {
	Outcome    Outcome `json:"outcome"`
	Generation int     `json:"generation"` // the one that is live now
	// Manifest of the generation that was asked for, if it got as far as that.
	Manifest    *manifest.Manifest    `json:"manifest,omitempty"`
	Diagnostics []manifest.Diagnostic `json:"diagnostics,omitempty"`
	Steps       []Step                `json:"steps,omitempty"`
	// Initialising: it was rejected because its packages could not be initialised
	// in this process, which has initialised others like them.
	Initialising bool `json:"initialising,omitempty"`
	// Growth is by how much the memory of the process (RSS) has grown since its
	// first generation went live, in bytes; 0 where the system does not tell.
	Growth int64 `json:"growth_bytes,omitempty"`
}

// RollbackRequest names the generation to go back to; 0 is the one before the
// live one.
type RollbackRequest struct {
	Generation int `json:"generation"`
}

// LookRequest names files, by absolute paths, that somebody says he has saved.
type LookRequest struct {
	Files []string `json:"files"`
}

// DrainRequest asks the live server to end.
type DrainRequest struct {
	// Successor tells that others accept on its sockets, so that it may pass on
	// its connections. Without that it closes them when they are idle.
	Successor bool `json:"successor,omitempty"`
	// Alone: the successor accepts only when this process has ended. What cannot be
	// passed on is answered here.
	Alone bool `json:"alone,omitempty"`
	// Within is how long requests may go on at most; zero leaves that to the
	// application.
	Within Duration `json:"within,omitempty"`
}

// HandoverRequest asks the live server for its state, for the process that takes
// over. New requests wait until PathDrain, when they go over with their
// connections, or PathRelease. If there is no state nothing waits, and the answer
// is empty.
type HandoverRequest struct {
	// ID tells apart who asks, for PathRelease. Who asks later has a greater one.
	ID int64 `json:"id"`
	// Alone: this process ends before the other one starts, whatever becomes of
	// that. It stops accepting, and new requests wait on the socket or with their
	// connections. What cannot be passed on is answered before the state is read.
	Alone bool `json:"alone,omitempty"`
}

// Limits of a handover.
const (
	// MaxState bounds the state that goes along, in bytes.
	MaxState = 64 << 20
	// MaxHandover bounds the answer to PathHandover: the state, and what says what
	// it is.
	MaxHandover = MaxState + 4<<20
	// HandoverRequests is how long requests that were begun may take to be answered.
	// The state goes along without what they do after that.
	HandoverRequests = Duration(3 * time.Second)
	// HandoverState is how long it may take to write the state.
	HandoverState = Duration(5 * time.Second)
	// HandoverCarrier is how long each Carrier may take to write its own, or to
	// read it.
	HandoverCarrier = Duration(2 * time.Second)
)

// ReleaseRequest has requests be answered again, if nobody has asked for the state
// by a greater number than ID. Who asks by ID from then on gets none.
type ReleaseRequest struct {
	ID int64 `json:"id"`
}

// RestartRequest says how to restart.
type RestartRequest struct {
	// Fresh: the new process begins without the state of the one before.
	Fresh bool `json:"fresh,omitempty"`
}

// Held is what PathHold streams: one value, as soon as reload on save is paused.
type Held struct {
	Paused bool `json:"paused"`
}

// StoppedOnRequest is the message of EventStopped if a client asked for the end.
// After any other end whoever is attached may take over.
const StoppedOnRequest = "stopped on request"

// LiveStatus is the live server's state.
type LiveStatus struct {
	PID int `json:"pid"`
	// Addr is the address that main names in Options.Addr. The live server does
	// not listen there: it has the engine's socket.
	Addr  string `json:"addr,omitempty"`
	Ready bool   `json:"ready"` // a generation is live and requests are accepted
	// Awaiting: the first generation waits for the state of the process before.
	Awaiting   bool `json:"awaiting,omitempty"`
	Generation int  `json:"generation"`
	// Generations that can be rolled back to, oldest first, the live one included.
	Generations []GenerationStatus `json:"generations"`
	// Refused are generations that never went live, but whose packages started
	// goroutines which still run, by number.
	Refused  []GenerationStatus `json:"refused,omitempty"`
	Manifest *manifest.Manifest `json:"manifest,omitempty"`
	// Diagnostics say why the first generation could not go live.
	Diagnostics []manifest.Diagnostic `json:"diagnostics,omitempty"`
	// Notes are findings about the first generation that did no harm to it.
	Notes      []manifest.Diagnostic `json:"notes,omitempty"`
	Goroutines int                   `json:"goroutines"`
	RSS        int64                 `json:"rss_bytes"` // 0 where the system does not tell
	// StartRSS is what RSS was when the first generation went live.
	StartRSS int64 `json:"rss_at_start_bytes,omitempty"`
	// Stats counts the requests of each route of the live generation; sorted as
	// the manifest's routes are.
	Stats []RouteStats `json:"stats,omitempty"`
}

// GenerationStatus is one loaded generation.
type GenerationStatus struct {
	Number   int    `json:"number"`
	Plugin   string `json:"plugin,omitempty"` // empty: linked into the executable
	InFlight int    `json:"in_flight"`        // requests it is still answering
	Routes   int    `json:"routes"`
	// Memory is by how much RSS grew when it was loaded, or how much of that it
	// keeps for good when it is over; Goroutines is how many goroutines run its
	// code. The first generation's code is the program's: they are not told apart.
	Memory     int64 `json:"memory_bytes,omitempty"`
	Goroutines int   `json:"goroutines,omitempty"`
	Retired    bool  `json:"retired"` // not live any more
	Drained    bool  `json:"drained"` // retired, and its context is cancelled
}

// LiveEvent is one thing that happened inside the live server.
type LiveEvent struct {
	Time       time.Time            `json:"time"`
	Kind       LiveEventKind        `json:"kind"`
	Generation int                  `json:"generation"`
	Diagnostic *manifest.Diagnostic `json:"diagnostic,omitempty"`
	// Stats are, with LiveRequests, the counters that changed since the last such
	// event, sorted as the manifest's routes are.
	Stats []RouteStats `json:"stats,omitempty"`
}

// LiveEventKind is the closed set of live events.
type LiveEventKind string

// What happens inside a live server.
const (
	LivePanic   LiveEventKind = "panic"   // a handler panicked; Diagnostic says where
	LiveSwapped LiveEventKind = "swapped" // a generation went live
	LiveDrained LiveEventKind = "drained" // a retired generation answered its last request
	LiveDrain   LiveEventKind = "drain"   // the process is shutting down
	// LiveRequests says that requests came or were answered, and how the counters
	// of their routes stand now. There is one every half a second at most, and
	// none while nobody asks for anything.
	LiveRequests LiveEventKind = "requests"
)

// Problem is the body of an answer that is not 2xx (RFC 9457).
type Problem struct {
	Type   string `json:"type,omitempty"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail,omitempty"`
}

// Error returns the problem on one line.
func (p *Problem) Error() string {
	if p.Detail == "" {
		return p.Title
	}
	return p.Title + ": " + p.Detail
}
