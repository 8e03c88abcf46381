//go:build anvilhot

package hotreload

import (
	"io"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"
	"time"
)

// orphanGrace is how long a process whose engine was killed may take to end
// after it was asked to, or after LiveServer has returned. Then it is killed,
// with what it has started.
const orphanGrace = 10 * time.Second

// orphan ends the process, and what it has started, when the engine was killed
// and can do neither. LiveServer ends by itself then; a main that has not come
// as far as that does not, and children do not either.
type orphan struct {
	gone    atomic.Bool // the engine is gone
	serving atomic.Bool // LiveServer was called
	left    chan struct{}
}

// watchEngine begins to read alive, which is nil without an engine, until the
// engine is gone.
func watchEngine(alive *os.File) *orphan {
	o := &orphan{left: make(chan struct{})}
	if alive == nil {
		return o
	}
	raw, err := alive.SyscallConn()
	if err != nil {
		return o // then LiveServer alone looks
	}
	_ = raw.Control(func(fd uintptr) {
		own, err := syscall.Dup(int(fd)) // LiveServer closes the other at its end
		if err == nil {
			syscall.CloseOnExec(own)
			go o.watch(os.NewFile(uintptr(own), alive.Name()))
		}
	})
	return o
}

func (o *orphan) watch(alive *os.File) {
	defer alive.Close()
	if _, err := io.Copy(io.Discard, alive); err != nil {
		return
	}
	o.gone.Store(true)
	if o.serving.Load() {
		<-o.left
		o.endChildren()
	} else {
		signalGroup(syscall.SIGTERM)
	}
	time.Sleep(orphanGrace)
	signalGroup(syscall.SIGKILL)
}

// enter says that LiveServer was called. What it returns must be called at the
// end.
func (o *orphan) enter() (leave func()) {
	first := o.serving.CompareAndSwap(false, true)
	return func() {
		if !first { // a program that calls LiveServer twice is not waited for
			return
		}
		if o.gone.Load() {
			o.endChildren() // main may return before watch comes to it
		}
		close(o.left)
	}
}

// endChildren asks what the process has started to end, but not the process.
func (o *orphan) endChildren() {
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
