//go:build anvilhot

package hotreload

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

// environment is what the engine, or the user who does without, hands to the
// process.
type environment struct {
	hot        bool
	listen     *os.File        // bound TCP socket; nil without an engine, as the next two
	control    *os.File        // bound Unix socket
	gone       <-chan struct{} // closed when the engine is gone; nil without an engine
	pass, take *os.File        // the ends of the queue for connections; nil: there is none
	sockets    *sockets        // that the application opens itself
	awaits     bool            // the first generation waits for the state of the process before
	generation int
	plugin     string
	needs      []string // plugins to open before it
	source     source
	dir        string // that is served; without an engine, that the process was started in
	sources    regular.Sources
	err        error // what could not be read
}

// takeEnvironment reads the variables and removes them, and keeps the
// descriptors from being inherited further: what the application starts is its
// own business. It runs when the package is initialised, so nothing was started
// yet.
func takeEnvironment() *environment {
	e := &environment{hot: os.Getenv(control.EnvHot) == "1"}
	if !e.hot {
		return e
	}
	// With the engine its ends of the output pipes are gone; what the
	// application prints at its graceful end must not kill it.
	signal.Ignore(syscall.SIGPIPE)
	e.listen = e.file(control.EnvListenFD)
	e.control = e.file(control.EnvControlFD)
	e.gone = untilGone(e.file(control.EnvAliveFD))
	e.pass = e.file(control.EnvPassFD)
	e.take = e.file(control.EnvReceiveFD)
	e.sockets = e.takeSockets()
	if e.dir = os.Getenv(control.EnvDir); e.dir == "" {
		e.dir, _ = os.Getwd() // empty: places are shown in full
	}
	e.generation = max(e.number(control.EnvGeneration), 1)
	e.awaits = os.Getenv(control.EnvAwait) == "1"
	e.plugin = os.Getenv(control.EnvPlugin)
	if list := os.Getenv(control.EnvNeeds); list != "" {
		e.needs = filepath.SplitList(list)
	}
	if list := os.Getenv(control.EnvSources); list != "" {
		e.sources = filepath.SplitList(list)
	} else if real, err := filepath.EvalSymlinks(e.dir); err == nil && e.dir != "" { // nobody says
		e.sources = regular.Sources{real}
	}
	e.source.handlers = os.Getenv(control.EnvHandlers)
	if paths := os.Getenv(control.EnvHotPaths); paths != "" {
		e.source.hot = strings.Split(paths, ",")
	}
	for _, name := range []string{
		control.EnvHot, control.EnvListenFD, control.EnvControlFD, control.EnvAliveFD, control.EnvPassFD, control.EnvReceiveFD,
		control.EnvAwait, control.EnvKeepFD, control.EnvKept,
		control.EnvGeneration, control.EnvPlugin, control.EnvNeeds, control.EnvDir, control.EnvHandlers, control.EnvHotPaths, control.EnvSources,
	} {
		e.err = errors.Join(e.err, os.Unsetenv(name))
	}
	return e
}

// number reads a variable that holds one, 0 if it is not set.
func (e *environment) number(name string) int {
	text := os.Getenv(name)
	if text == "" {
		return 0
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 {
		e.err = errors.Join(e.err, fmt.Errorf("%s=%q is not a number", name, text))
		return 0
	}
	return n
}

// file returns an inherited descriptor, nil if there is none.
func (e *environment) file(name string) *os.File {
	fd := e.number(name)
	if fd == 0 {
		return nil
	}
	return e.descriptor(name, fd)
}

// descriptor is file for one whose number is known.
func (e *environment) descriptor(name string, fd int) *os.File {
	syscall.CloseOnExec(fd)
	// Without this a read could not be interrupted by Close.
	if err := syscall.SetNonblock(fd, true); err != nil {
		e.err = errors.Join(e.err, fmt.Errorf("%s=%d: %w", name, fd, err))
		return nil
	}
	return os.NewFile(uintptr(fd), name)
}

// listenerOf makes a listener of an inherited descriptor, which it closes.
func listenerOf(f *os.File) (net.Listener, error) {
	if f == nil {
		return nil, errors.New("no descriptor")
	}
	l, err := net.FileListener(f)
	return l, errors.Join(err, f.Close())
}

// queue returns the queue for connections, nil if there is none.
func (e *environment) queue() (*takeover.Queue, error) {
	if e.pass == nil && e.take == nil {
		return nil, nil
	}
	return takeover.OpenQueue(e.pass, e.take)
}

// untilGone returns a channel that is closed when f reads EOF, because the engine
// is gone; nil if f is nil. Whoever has to know takes it from one such channel, so
// that they agree.
func untilGone(f *os.File) <-chan struct{} {
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
