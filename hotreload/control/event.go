package control

import (
	"time"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
)

// Event is one thing that the engine did or noticed. The console, --json, the
// event stream and the editor all show the same events.
type Event struct {
	Time time.Time `json:"time"`
	Kind EventKind `json:"event"`
	// Generation is the live one after this event; 0 while there is none.
	Generation int `json:"generation"`
	// URL is where the application answers.
	URL string `json:"url,omitempty"`
	// Rung is the step of the ladder that was taken or is being tried.
	Rung manifest.Rung `json:"rung,omitempty"`
	// Cause lists the changed files, relative to the workspace, sorted.
	Cause []string `json:"cause,omitempty"`
	// Rebuilt lists the packages of the workspace that were made anew, by import path,
	// sorted: compiled, or given a new import path.
	Rebuilt []string `json:"rebuilt,omitempty"`
	// Steps and Total say where the time went.
	Steps []Step   `json:"steps,omitempty"`
	Total Duration `json:"ms,omitempty"`
	// Message says in one line what happened, for a person.
	Message     string                `json:"message,omitempty"`
	Diagnostics []manifest.Diagnostic `json:"diagnostics,omitempty"`
	// PID is the process id of a live server that was started, with EventLive and
	// EventRecovered.
	PID int `json:"pid,omitempty"`
	// Unsure says, with EventKept, that the live server does not answer: what it
	// serves, and whether it serves at all, is not known.
	Unsure bool `json:"unsure,omitempty"`
	// Predicted is what the event that ends a save was expected to be.
	Predicted *Prediction      `json:"predicted,omitempty"`
	Routes    []manifest.Route `json:"routes,omitempty"`
	// Stats are, with EventRequests, the counters that changed since the last such
	// event, sorted as routes are. LiveStatus has all of them.
	Stats []RouteStats `json:"stats,omitempty"`
}

// Prediction is what an edit was expected to do before anything was built. A
// rung that differs from the one that was taken is a bug of anvil-lsp.
type Prediction struct {
	Rung  manifest.Rung   `json:"rung"` // empty: nothing that is built changed
	Codes []manifest.Code `json:"codes,omitempty"`
	Wrong bool            `json:"wrong,omitempty"` // it came otherwise
}

// EventKind is the closed set of engine events.
type EventKind string

// What the engine reports.
const (
	EventStarting   EventKind = "starting"   // the engine is up, the address is bound
	EventProgress   EventKind = "progress"   // Message: what a long step is doing
	EventBuilding   EventKind = "building"   // a batch was taken up
	EventPredicted  EventKind = "predicted"  // Rung and Diagnostics: what the batch is expected to do
	EventAsking     EventKind = "asking"     // the change needs a restart, which waits for the user's word
	EventLive       EventKind = "live"       // a generation went live: by start, hot swap or warm restart
	EventKept       EventKind = "kept"       // the last good generation stays; Diagnostics say why
	EventHeld       EventKind = "held"       // a batch waits, because reload on save is paused; Cause: all that waits
	EventWaiting    EventKind = "waiting"    // a change waits for what passes by itself; Message: for what
	EventPaused     EventKind = "paused"     // from now on saves wait
	EventResumed    EventKind = "resumed"    // saves are taken up again
	EventUnchanged  EventKind = "unchanged"  // a save that changes nothing the live server runs
	EventRestarting EventKind = "restarting" // a warm restart begins; Diagnostics say why
	EventRolledBack EventKind = "rolledback" // an earlier generation is live again
	EventPanic      EventKind = "panic"      // a handler panicked while serving
	EventExited     EventKind = "exited"     // the live server ended by itself
	EventRecovered  EventKind = "recovered"  // it was started again, with what it served before
	EventRequests   EventKind = "requests"   // requests were answered, Stats counts them; every half a second at most
	EventWarning    EventKind = "warning"    // something about the workspace or the machine
	EventStopped    EventKind = "stopped"    // the engine ends
)

// Status is the engine's state, for attached clients.
type Status struct {
	Version string `json:"version"`
	PID     int    `json:"pid"`
	Dir     string `json:"dir"`
	// Main is the live server's main package. Before something is live it is what
	// is to be built, as the go command is given it: an import path, or a directory
	// that is absolute or relative to Dir and then begins with a dot. It is empty
	// while no program is found.
	Main       string                `json:"main"`
	Handlers   string                `json:"handlers"` // import path of the handlers package
	Cwd        string                `json:"cwd"`      // directory that the live server runs in, once there is one
	URL        string                `json:"url"`
	State      State                 `json:"state"`
	Generation int                   `json:"generation"`
	Since      time.Time             `json:"since"` // when the engine started
	Hot        []string              `json:"hot"`
	Host       []string              `json:"host"` // host packages of the workspace
	Last       *Event                `json:"last,omitempty"`
	Live       *LiveStatus           `json:"live,omitempty"`
	Counts     Counts                `json:"counts"`
	Problems   []manifest.Diagnostic `json:"problems,omitempty"` // open findings
	// Paused says that saves wait to be asked for, Held which do, by their files
	// relative to the workspace, sorted.
	Paused bool     `json:"paused,omitempty"`
	Held   []string `json:"held,omitempty"`
	// Waiting says what a change waits for that passes by itself.
	Waiting string `json:"waiting,omitempty"`
	// SwapsSignatures: a change of a route's signature is swapped in (ANV001).
	SwapsSignatures bool `json:"swaps_signatures,omitempty"`
	// FullLinks counts the plugins that were not linked thin, and FullLink says why
	// the last of them was not.
	FullLinks int    `json:"full_links,omitempty"`
	FullLink  string `json:"full_link,omitempty"`
	// Down says that no live server runs, also while the next is being built, and
	// Behind that the newest code is not what it serves or would serve.
	Down   bool `json:"down,omitempty"`
	Behind bool `json:"behind,omitempty"`
}

// State is what the engine is doing.
type State string

// States of the engine.
const (
	StateBuilding   State = "building"
	StateLive       State = "live"
	StateKept       State = "kept" // the newest code failed, the last good generation serves
	StateRestarting State = "restarting"
	StateDown       State = "down" // no live server: the engine answers with the error page
)

// Counts counts outcomes since the engine started.
type Counts struct {
	HotSwaps int `json:"hot_swaps"`
	Restarts int `json:"restarts"`
	Kept     int `json:"kept"`
	Crashes  int `json:"crashes"`
	Panics   int `json:"panics"`
	// Predicted counts the saves with a prediction, Mispredicted those that came
	// otherwise.
	Predicted    int `json:"predicted"`
	Mispredicted int `json:"mispredicted"`
}
