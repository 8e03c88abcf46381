package takeover

import (
	"context"
	"errors"
	"net"
	"net/http"
	"sync"
)

// Gated serves connections that belong to one process, next to a Server: those
// with TLS, whose keys nobody else has, and those of listeners that are not known.
// Its requests wait during Hold as well, and what has waited when somebody takes
// over is forwarded. Connections that are idle at the end are closed. All methods
// are safe for concurrent use.
type Gated struct {
	http    *http.Server
	server  *Server
	serving sync.WaitGroup // the calls of Serve

	mu        sync.Mutex // guards what follows
	listeners []net.Listener
	left      bool // Leave was called
	known     map[net.Conn]*conn
}

// Gate takes over another server that does not serve yet, and wraps its Handler,
// ConnState and ConnContext.
func (s *Server) Gate(server *http.Server) *Gated {
	g := &Gated{http: server, server: s, known: map[net.Conn]*conn{}}
	handler, connState, connContext := server.Handler, server.ConnState, server.ConnContext
	server.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, _ := r.Context().Value(connKey{}).(*conn)
		c.http2.Store(r.ProtoMajor == 2)
		s.arrived(c)
		switch s.enter(r.Context(), c) {
		case entryLate:
			if r.ProtoMajor == 1 {
				w.Header().Set("Connection", "close")
			}
			s.late(w, r)
		case entryStays:
			defer s.exit(c)
			handler.ServeHTTP(w, r)
		}
	})
	server.ConnContext = func(ctx context.Context, nc net.Conn) context.Context {
		if connContext != nil {
			ctx = connContext(ctx, nc)
		}
		return context.WithValue(ctx, connKey{}, g.of(nc))
	}
	server.ConnState = func(nc net.Conn, state http.ConnState) {
		s.follow(g.of(nc), state)
		if state == http.StateHijacked || state == http.StateClosed {
			g.forget(nc)
		}
		if connState != nil {
			connState(nc, state)
		}
	}
	return g
}

// of returns what the Server knows a connection as.
func (g *Gated) of(nc net.Conn) *conn {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.known[nc] == nil {
		g.known[nc] = &conn{raw: nc, phase: phaseOpaque}
	}
	return g.known[nc]
}

func (g *Gated) forget(nc net.Conn) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.known, nc)
}

// Serve serves the connections of l until Leave, and closes l. The error is then
// http.ErrServerClosed.
func (g *Gated) Serve(l net.Listener) error {
	if !g.begin(l) {
		return errors.Join(http.ErrServerClosed, l.Close())
	}
	defer g.serving.Done()
	if err := g.http.Serve(l); !g.hasLeft() {
		return err
	}
	return http.ErrServerClosed
}

// begin takes up a listener, unless nothing is accepted any more.
func (g *Gated) begin(l net.Listener) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.left {
		g.serving.Add(1)
		g.listeners = append(g.listeners, l)
	}
	return !g.left
}

func (g *Gated) hasLeft() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.left
}

// Leave stops accepting, and returns when every connection that was accepted is
// known.
func (g *Gated) Leave() {
	g.stop()
	g.serving.Wait()
	g.http.SetKeepAlivesEnabled(false)
}

func (g *Gated) stop() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.left = true
	for _, l := range g.listeners {
		_ = l.Close() // http.Server closes it, too
	}
	g.listeners = nil
}

// Shutdown waits for the requests in flight and those on their way, and cuts them
// off when ctx ends. It comes after Shutdown or Leave of the Server.
func (g *Gated) Shutdown(ctx context.Context) error {
	g.Leave()
	// http.Server.Shutdown hangs up on a request that it has not begun to read.
	g.server.await(ctx)
	err := g.http.Shutdown(ctx)
	if errors.Is(err, net.ErrClosed) { // by Leave
		err = nil
	}
	if err != nil {
		_ = g.http.Close()
	}
	return err
}
