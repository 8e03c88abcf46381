package lspserver

import (
	"context"
	"encoding/json"
	"sync"
	"time"

	"go.lsp.dev/uri"

	"github.com/anvilforge/anvil-lsp/lspserver/internal/view"
)

// refreshInterval is how often a client is asked to ask again, at most.
const refreshInterval = time.Second

// refresher has the client ask again for something that it shows in documents,
// when an answer to what it has asked would differ now. It compares answers, so
// that whatever changes without being seen costs no message; and nothing runs
// while nothing changes.
type refresher struct {
	method string                                      // <x>/refresh
	able   func(view.Client) bool                      // whether the client knows it
	answer func(v *view.View, u uri.URI) (any, string) // and its text, to compare

	mu      sync.Mutex         // guards what follows
	shown   map[uri.URI]string // what the client has, by document
	changes int                // counts what may have changed something
	busy    bool               // run runs
}

func newRefresher(method string, able func(view.Client) bool,
	answer func(*view.View, uri.URI) (any, string)) *refresher {
	return &refresher{method: method, able: able, answer: answer, shown: map[uri.URI]string{}}
}

// askFor is the request for what is shown in the document that of names.
func askFor[P any](r *refresher, of func(*P) uri.URI) method {
	return method{begin: func(s *Server, raw json.RawMessage) (answer, error) {
		p, err := decode[P](raw)
		if err != nil {
			return nil, err
		}
		r.mu.Lock()
		changes := r.changes
		r.mu.Unlock()
		v := s.View()
		return func(context.Context) (any, error) {
			result, text := r.answer(v, of(p))
			if r.keep(v, of(p), text, changes) {
				r.look(s)
			}
			return result, nil
		}, nil
	}}
}

// keep remembers what the client has. It reports whether something has changed
// meanwhile.
func (r *refresher) keep(v *view.View, u uri.URI, text string, changes int) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if v.Document(u) == nil || !r.able(v.Client) {
		return false
	}
	r.shown[u] = text
	return r.changes != changes
}

// changed compares the answers, concurrently.
func (r *refresher) changed(s *Server) {
	if r.able(s.client) {
		r.look(s)
	}
}

func (r *refresher) look(s *Server) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.changes++
	if r.busy || len(r.shown) == 0 || s.working.Err() != nil {
		return
	}
	r.busy = true
	s.sessions.Go(func() { r.run(s) })
}

// run looks until nothing changes any more.
func (r *refresher) run(s *Server) {
	for looked := -1; ; {
		r.mu.Lock()
		if r.changes == looked || s.working.Err() != nil {
			r.busy = false
			r.mu.Unlock()
			return
		}
		looked = r.changes
		r.mu.Unlock()
		if !r.differs(s.View()) {
			continue
		}
		ctx, cancel := context.WithTimeout(s.working, clientPatience)
		_ = s.conn.Call(ctx, r.method, nil, nil) // the client does what it likes
		cancel()
		timer := time.NewTimer(refreshInterval)
		select {
		case <-timer.C:
		case <-s.working.Done():
		}
		timer.Stop()
	}
}

// differs reports whether something differs from what the client has, which it
// is then taken to have.
func (r *refresher) differs(v *view.View) bool {
	r.mu.Lock()
	known := make([]uri.URI, 0, len(r.shown))
	for u := range r.shown {
		if v.Document(u) == nil { // closed
			delete(r.shown, u)
			continue
		}
		known = append(known, u)
	}
	r.mu.Unlock()
	differs := false
	for _, u := range known {
		_, text := r.answer(v, u)
		r.mu.Lock()
		if r.shown[u] != text {
			r.shown[u], differs = text, true
		}
		r.mu.Unlock()
	}
	return differs
}
