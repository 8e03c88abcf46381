//go:build anvilhot

package process

import (
	"os/signal"
	"sync/atomic"
	"syscall"
	"time"
)

// orphanGrace is how long a process whose engine was killed may take to end
// after it was asked to, or after LiveServer has returned. Then it is killed,
// with what it has started.
const orphanGrace = 10 * time.Second

// Watch ends the process, and what it has started, when the engine was killed
// and can do neither. LiveServer ends by itself then; a main that has not come
// as far as that does not, and children do not either.
type Watch struct {
	gone    <-chan struct{}    // closed when the engine is gone; LiveServer ends by the same one
	serving atomic.Bool        // LiveServer was called
	left    chan struct{}      // closed when it has returned
	lingers func(where string) // is told if main does not return then; nil without an engine
}

// WatchEngine begins to wait until the engine is gone. Without an engine gone is
// nil.
func WatchEngine(gone <-chan struct{}, lingers func(where string)) *Watch {
	o := &Watch{gone: gone, left: make(chan struct{}), lingers: lingers}
	if gone != nil {
		go o.watch()
	}
	return o
}

func (o *Watch) watch() {
	<-o.gone
	if o.serving.Load() {
		<-o.left
		o.endChildren()
	} else {
		signalGroup(syscall.SIGTERM)
	}
	time.Sleep(orphanGrace)
	signalGroup(syscall.SIGKILL)
}

// Enter says that LiveServer was called. What it returns must be called at the
// end.
func (o *Watch) Enter() (leave func()) {
	first := o.serving.CompareAndSwap(false, true)
	return func() {
		if !first { // a program that calls LiveServer twice is not waited for
			return
		}
		select {
		case <-o.gone:
			o.endChildren() // main may return before watch comes to it
		default:
		}
		close(o.left)
		o.watchMain()
	}
}

// endChildren asks what the process has started to end, but not the process.
func (o *Watch) endChildren() {
	if leadsGroup() {
		signal.Ignore(syscall.SIGTERM)
		signalGroup(syscall.SIGTERM)
	}
}

// leadsGroup reports whether the process has a group of its own, as the engine
// gives it one: the others in it are then what it has started.
func leadsGroup() bool { return syscall.Getpgrp() == syscall.Getpid() }

// signalGroup sends a signal to the process and to what it has started.
func signalGroup(s syscall.Signal) {
	target := syscall.Getpid()
	if leadsGroup() {
		target = -target
	}
	_ = syscall.Kill(target, s) // ends with the process
}
