package launch

import (
	"time"

	"github.com/anvilforge/anvil-lsp/hotreload/control"
)

// Event is something that happened without being asked for. The set is closed: Exited, Restarted,
// GaveUp, NoOverlap, Late and Live.
type Event interface{ isEvent() }

// Exited reports that the live server ended by itself, or that the attempt to start it again
// failed.
type Exited struct {
	Exit       Exit
	Generation int  // the one that was being served, or started
	DuringLoad bool // a load or rollback was running, and is probably at fault
	// Start is set if this was an attempt to start it again. Exit has no PID if the process did not
	// end by itself: it hung, or its first generation could not go live.
	Start *StartError
	// NextAttempt is when it is started again. It is zero if a Replace is under way, and after the
	// last attempt (GaveUp follows).
	NextAttempt time.Time
}

// Restarted reports that the live server was started again after it had ended by itself, and
// serves.
type Restarted struct{ Status control.LiveStatus }

// GaveUp reports that the live server ended too often without getting ready. Front answers until
// the next Replace.
type GaveUp struct{ Deaths int }

// Late reports that a load went live after it had been given up: its error was ErrNoAnswer.
type Late struct{ Status control.LiveStatus }

// Live passes on what happened inside a live server.
type Live struct{ Event control.LiveEvent }

// Lingers reports, once, that a process still runs though it was replaced and its LiveServer has
// returned. Main says what its main function does.
type Lingers struct {
	PID  int
	Main string
}

func (Exited) isEvent()    {}
func (Lingers) isEvent()   {}
func (Restarted) isEvent() {}
func (GaveUp) isEvent()    {}
func (Late) isEvent()      {}
func (Live) isEvent()      {}
