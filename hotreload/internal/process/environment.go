//go:build anvilhot

package process

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"github.com/anvilforge/anvil-lsp/hotreload/control"
	"github.com/anvilforge/anvil-lsp/hotreload/shared/regular"
	"github.com/anvilforge/anvil-lsp/hotreload/shared/takeover"
)

// Environment is what the engine, or the user who does without, hands to the
// process.
type Environment struct {
	Hot           bool
	Listen        *os.File        // bound TCP socket; nil without an engine, as the next two
	Control       *os.File        // bound Unix socket
	Gone          <-chan struct{} // closed when the engine is gone; nil without an engine
	pass, receive *os.File        // the ends of the queue for connections; nil: there is none
	Sockets       *Sockets        // that the application opens itself
	Awaits        bool            // the first generation waits for the state of the process before
	Generation    int
	Plugin        string
	Needs         []string // plugins to open before it
	Handlers      string   // import path of the handlers package, if known
	HotPaths      []string // import paths of the hot packages, if known
	Dir           string   // that is served; without an engine, that the process was started in
	Sources       regular.Sources
	Err           error // what could not be read
}

// ReadEnvironment reads the variables and removes them, and keeps the
// descriptors from being inherited further: what the application starts is its
// own business. It runs when the package is initialised, so nothing was started
// yet.
func ReadEnvironment() *Environment {
	e := &Environment{Hot: os.Getenv(control.EnvHot) == "1"}
	if !e.Hot {
		return e
	}
	// With the engine its ends of the output pipes are gone; what the
	// application prints at its graceful end must not kill it.
	signal.Ignore(syscall.SIGPIPE)
	e.Listen = e.file(control.EnvListenFD)
	e.Control = e.file(control.EnvControlFD)
	e.Gone = UntilGone(e.file(control.EnvAliveFD))
	e.pass = e.file(control.EnvPassFD)
	e.receive = e.file(control.EnvReceiveFD)
	e.Sockets = e.readSockets()
	if e.Dir = os.Getenv(control.EnvDir); e.Dir == "" {
		e.Dir, _ = os.Getwd() // empty: places are shown in full
	}
	e.Generation = max(e.number(control.EnvGeneration), 1)
	e.Awaits = os.Getenv(control.EnvAwait) == "1"
	e.Plugin = os.Getenv(control.EnvPlugin)
	if list := os.Getenv(control.EnvNeeds); list != "" {
		e.Needs = filepath.SplitList(list)
	}
	if list := os.Getenv(control.EnvSources); list != "" {
		e.Sources = filepath.SplitList(list)
	} else if real, err := filepath.EvalSymlinks(e.Dir); err == nil && e.Dir != "" { // nobody says
		e.Sources = regular.Sources{real}
	}
	e.Handlers = os.Getenv(control.EnvHandlers)
	if paths := os.Getenv(control.EnvHotPaths); paths != "" {
		e.HotPaths = strings.Split(paths, ",")
	}
	for _, name := range []string{
		control.EnvHot, control.EnvListenFD, control.EnvControlFD, control.EnvAliveFD, control.EnvPassFD,
		control.EnvReceiveFD,
		control.EnvAwait, control.EnvKeepFD, control.EnvKept,
		control.EnvGeneration, control.EnvPlugin, control.EnvNeeds, control.EnvDir,
		control.EnvHandlers, control.EnvHotPaths, control.EnvSources,
	} {
		e.Err = errors.Join(e.Err, os.Unsetenv(name))
	}
	return e
}

// number reads a variable that holds one, 0 if it is not set.
func (e *Environment) number(name string) int {
	text := os.Getenv(name)
	if text == "" {
		return 0
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 {
		e.Err = errors.Join(e.Err, fmt.Errorf("%s=%q is not a number", name, text))
		return 0
	}
	return n
}

// file returns an inherited descriptor, nil if there is none.
func (e *Environment) file(name string) *os.File {
	fd := e.number(name)
	if fd == 0 {
		return nil
	}
	return e.descriptor(name, fd)
}

// descriptor is file for one whose number is known.
func (e *Environment) descriptor(name string, fd int) *os.File {
	syscall.CloseOnExec(fd)
	// Without this a read could not be interrupted by Close.
	if err := syscall.SetNonblock(fd, true); err != nil {
		e.Err = errors.Join(e.Err, fmt.Errorf("%s=%d: %w", name, fd, err))
		return nil
	}
	return os.NewFile(uintptr(fd), name)
}

// ListenerOf makes a listener of an inherited descriptor, which it closes.
func ListenerOf(f *os.File) (net.Listener, error) {
	if f == nil {
		return nil, errors.New("no descriptor")
	}
	l, err := net.FileListener(f)
	return l, errors.Join(err, f.Close())
}

// Queue returns the queue for connections, nil if there is none.
func (e *Environment) Queue() (*takeover.Queue, error) {
	if e.pass == nil && e.receive == nil {
		return nil, nil
	}
	return takeover.OpenQueue(e.pass, e.receive)
}

// UntilGone returns a channel that is closed when f reads EOF, because the engine
// is gone; nil if f is nil. Whoever has to know takes it from one such channel, so
// that they agree.
func UntilGone(f *os.File) <-chan struct{} {
	if f == nil {
		return nil
	}
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		defer f.Close()
		_, _ = io.Copy(io.Discard, f) // however it ends, nobody is there any more
	}()
	return gone
}
