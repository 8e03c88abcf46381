package lspserver

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"syscall"

	"go.lsp.dev/protocol"

	"github.com/anvilforge/anvil-lsp/lspserver/internal/view"
)

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
	f.set(func() { f.state, f.message = view.StateOff, text })
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
			return fmt.Sprintf("%s is the address of %s, which this editor runs too: "+
				"give each folder an anvil.address of its own, or none", address, f.s.nameOf(other))
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

// retry has the engine tried again if it could not be had, or will turn out so:
// what is being tried now may have met what is gone since.
func (f *session) retry() {
	f.mu.Lock()
	again := f.failed || f.link == nil && f.state == view.StateStarting
	f.mu.Unlock()
	if again {
		f.poke()
	}
}

// notTrusted is why nothing of an application is built or run.
const notTrusted = "the workspace is not trusted: nothing of it is built or run"

func (f *session) whyOff() string {
	switch {
	case !f.trusted.Load():
		return notTrusted
	case f.override != nil:
		return "stopped"
	}
	return "not started: the setting anvil.autoStart is off"
}
