//go:build anvilhot

package hotreload

import (
	"context"
	"net/http"

	"github.com/anvilforge/anvil-lsp/hotreload/control"
	"github.com/anvilforge/anvil-lsp/manifest"
)

// development is the developer of hot mode: panics become events and pages.
type development struct {
	publish func(control.LiveEventKind, int, *manifest.Diagnostic)
}

type watchKey struct{}

// panicWatch follows one request.
type panicWatch struct {
	seen *panicked // the panic of the handler itself
}

func (d *development) begin(r *http.Request) *http.Request {
	return r.WithContext(context.WithValue(r.Context(), watchKey{}, &panicWatch{}))
}

// witness sees a panic before middleware recovers from it, as most applications
// have it do, and lets it go on.
func (d *development) witness(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			v := recover()
			if v == nil {
				return
			}
			if watch, ok := r.Context().Value(watchKey{}).(*panicWatch); ok && v != http.ErrAbortHandler {
				p := describePanic(v)
				watch.seen = &p
			}
			panic(v)
		}()
		h.ServeHTTP(w, r)
	})
}

func (d *development) end(r *http.Request, w *response, s *scope, v any) fault {
	watch := r.Context().Value(watchKey{}).(*panicWatch)
	if v == nil && (watch.seen == nil || handled(w)) {
		return fault{}
	}
	if watch.seen == nil {
		p := describePanic(v)
		watch.seen = &p
	}
	p := watch.seen
	request := r.Method + " " + r.URL.Redacted()
	diagnostic := manifest.Diagnose(manifest.CodeHandlerPanic, p.position, "panic: %s (%s)", p.message, request)
	diagnostic.Detail = "panic: " + p.message + "\n" + request + "\n\n" + p.stack
	s.log().Error("hotreload: a handler panicked", "panic", p.message, "request", request, "at", p.position.String(), "generation", s.generation)
	d.publish(control.LivePanic, s.generation, &diagnostic)
	return fault{
		Status: http.StatusInternalServerError, Title: "panic: " + p.message, Detail: request,
		Position: p.position, Stack: p.stack, Generation: s.generation,
	}
}

// handled reports whether middleware turned a panic into an answer that is no
// server error. Some applications use panics for that, and mean it.
func handled(w *response) bool {
	return !w.hijacked && w.status >= 200 && w.status < 500
}
