package hotreload

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"

	"github.com/anvilforge/anvil-lsp/hotreload/internal/reply"
)

// StatusError is an error with an HTTP status. If a handler returns one it is answered
// with that status. Without an [RouteSink.OnError] hook the client sees Title and
// Detail; with a status from 500 up it sees the Detail in hot mode only.
type StatusError struct {
	Status int
	Title  string // empty: the text of Status
	Detail string // for the client, about this very request
	Err    error  // the cause, for the log
}

// StatusErrorf returns a [*StatusError] whose Detail is the formatted text. An operand
// of the verb %w becomes its cause. Clients see the text of a 4xx.
func StatusErrorf(status int, format string, args ...any) error {
	err := fmt.Errorf(format, args...)
	return &StatusError{Status: status, Detail: err.Error(), Err: errors.Unwrap(err)}
}

// Error returns the status, the title, the detail and the cause on one line.
func (e *StatusError) Error() string {
	text := fmt.Sprintf("%d %s", e.Status, e.title())
	if e.Detail != "" {
		text += ": " + e.Detail
	}
	if e.Err != nil && !strings.Contains(e.Detail, e.Err.Error()) {
		text += ": " + e.Err.Error()
	}
	return text
}

// Unwrap returns the cause.
func (e *StatusError) Unwrap() error { return e.Err }

func (e *StatusError) title() string {
	return cmp.Or(e.Title, http.StatusText(e.Status), "Error")
}

// faultOf returns the answer to an error that a handler returned.
func faultOf(err error) reply.Fault {
	if e, ok := errors.AsType[*StatusError](err); ok && e.Status >= 400 && e.Status <= 599 {
		return reply.Fault{Status: e.Status, Title: e.title(), Detail: e.Detail, Log: err.Error()}
	}
	const status = http.StatusInternalServerError
	return reply.Fault{Status: status, Title: http.StatusText(status), Log: err.Error()}
}

// fail answers an error that a handler returned.
func (s *scope) fail(w http.ResponseWriter, r *http.Request, err error) {
	if s != nil && s.onError != nil {
		s.onError(w, r, err)
		return
	}
	f := faultOf(err)
	if f.Status >= 500 {
		s.log().Error("hotreload: a handler returned an error", "method", r.Method, "url", r.URL.Redacted(), "error", err)
		if s != nil && s.dev != nil {
			f.Detail, f.Generation, f.Made = f.Log, s.generation, s.made
		} else {
			f.Detail = ""
		}
	}
	if reply.Answered(w) {
		return // a second answer would end up inside the first
	}
	if s != nil && s.dev != nil && f.Status >= 500 {
		s.dev.answer(w, r, f)
		return
	}
	if reply.PrefersText(r) {
		reply.WriteText(w, f)
		return
	}
	reply.WriteProblem(w, f)
}

func (s *scope) log() *slog.Logger {
	if s == nil || s.logger == nil {
		return slog.Default()
	}
	return s.logger
}
