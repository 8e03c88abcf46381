//go:build anvilhot

package hotreload

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/anvilforge/anvil-lsp/hotreload/control"
	"github.com/anvilforge/anvil-lsp/hotreload/control/transport"
	"github.com/anvilforge/anvil-lsp/hotreload/internal/plugins"
	"github.com/anvilforge/anvil-lsp/hotreload/internal/process"
	"github.com/anvilforge/anvil-lsp/hotreload/shared/takeover"
	"github.com/go-chi/chi/v5"
)

// companion is a live server under an engine.
type companion struct {
	loader *loader
	dev    *development
	front  *front
	server *process.Server // of front; the next process takes it over
	socket net.Listener    // for users' requests
	addr   string          // that main names, for the engine to compare

	own []net.Listener // of the application, served beside

	successions successions

	accept sync.Once
	drain  chan struct{} // closed when the engine asks for the end
	within time.Duration // that requests may go on then, if it is not zero; set before drain is closed
	end    sync.Once
}

// serveEngine serves under an engine until ctx ends, the engine asks for the
// end, or it is gone.
func serveEngine(ctx context.Context, o Options, state *LiveState, env *process.Environment) (err error) {
	socket, errSocket := process.ListenerOf(env.Listen)
	messages, errMessages := process.ListenerOf(env.Control)
	queue, errQueue := env.Queue()
	if queue != nil {
		defer queue.Close()
	}
	if err := errors.Join(env.Err, errSocket, errMessages, errQueue); err != nil {
		for _, l := range []net.Listener{socket, messages} {
			if l != nil {
				err = errors.Join(err, l.Close())
			}
		}
		return fmt.Errorf("what the engine handed over is unusable: %w", err)
	}
	loader := newLoader(state, plugins.Open, env.Handlers)
	loader.events.Await() // a request may panic before the engine listens
	if env.Sockets != nil {
		if err := env.Sockets.Release(); err != nil {
			o.Logger.Warn("hotreload: giving back sockets of the process before", "error", err)
		}
	}
	front := newFront(o, state)
	server := &process.Server{Server: takeover.NewServer(front.srv, queue)}
	server.Others = server.Gate(serverFrom(o, state))
	front.ending = server
	dev := newDevelopment(loader, env)
	state.dev = dev
	c := &companion{
		loader: loader, dev: dev, socket: socket, addr: o.Addr, own: o.Listeners,
		front: front, server: server, drain: make(chan struct{}),
	}
	c.successions.begin(env.Awaits)
	return c.run(ctx, o, env, messages)
}

func (c *companion) run(ctx context.Context, o Options, env *process.Environment, messages net.Listener) error {
	stop := c.serveControl(messages)
	defer stop()
	// The engine's messages are answered while the first generation registers,
	// and so is the wish to end.
	go func() {
		if c.awaitState() && c.loader.startFrom(env, o.Register).Outcome == control.OutcomeLive {
			c.serveRequests()
		}
	}()
	var failure error
	select {
	case <-ctx.Done():
	case <-c.drain:
		if c.within > 0 {
			c.front.timeout = min(c.front.timeout, c.within)
		}
	case <-env.Gone:
	case failure = <-c.front.failed:
	}
	c.loader.publish(control.LiveDrain, c.loader.state.liveNumber(), nil)
	c.loader.close()
	c.loader.state.live.stop()
	c.successions.end()
	c.dev.streams.End()
	err := errors.Join(failure, c.front.shutdown())
	// If no generation went live nobody serves the socket, nor closes it.
	c.accept.Do(func() { err = errors.Join(err, c.socket.Close()) })
	return err
}

// serveRequests begins to accept users' requests.
func (c *companion) serveRequests() {
	c.accept.Do(func() {
		c.front.serve(c.socket) // first: its address is the one of all processes
		for _, l := range c.own {
			c.front.serve(l)
		}
		c.loader.state.live.begin()
	})
}

// serveControl answers the engine until stop is called.
func (c *companion) serveControl(l net.Listener) (stop func()) {
	srv := &http.Server{Handler: c.routes(), ReadHeaderTimeout: 10 * time.Second}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = srv.Serve(l) // ends with stop; if the socket fails the engine notices first
	}()
	return func() {
		c.loader.events.Close()
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		if srv.Shutdown(ctx) != nil {
			_ = srv.Close() // a message that takes longer has no reader any more
		}
		<-done
	}
}

// routes are the live server's half of the control protocol.
func (c *companion) routes() http.Handler {
	r := chi.NewRouter()
	r.Get(control.PathStatus, func(w http.ResponseWriter, _ *http.Request) {
		status := c.loader.status()
		status.Addr, status.Awaiting = c.addr, c.successions.awaiting()
		transport.WriteJSON(w, http.StatusOK, status)
	})
	r.Get(control.PathEvents, c.loader.events.ServeHTTP)
	r.Post(control.PathLoad, answer(c, c.loader.load))
	r.Post(control.PathRollback, answer(c, func(req control.RollbackRequest) (control.LoadResult, error) {
		return c.loader.rollback(req.Generation)
	}))
	r.Post(control.PathHandover, c.handOver)
	r.Post(control.PathRelease, c.release)
	r.Post(control.PathRestore, c.restore)
	r.Post(control.PathDrain, func(w http.ResponseWriter, r *http.Request) {
		var req control.DrainRequest
		_ = transport.ReadJSON(r, &req) // an older engine sends none
		// When the engine has the answer, the process that takes over gets every new
		// connection, and every new request on others. An error here is one of the
		// end, which reports it.
		if req.Successor && req.Alone {
			_ = c.server.LeaveFirst()
		} else {
			_ = c.server.Leave(req.Successor)
		}
		transport.WriteJSON(w, http.StatusAccepted, struct{}{})
		c.end.Do(func() {
			c.within = time.Duration(req.Within)
			close(c.drain)
		})
	})
	return r
}

// answer is a message that asks for a generation.
func answer[Request any](c *companion, do func(Request) (control.LoadResult, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var req Request
		err := transport.ReadJSON(r, &req)
		if err == nil {
			var result control.LoadResult
			if result, err = do(req); err == nil {
				if result.Outcome == control.OutcomeLive {
					c.serveRequests()
				}
				transport.WriteJSON(w, http.StatusOK, result)
				return
			}
		}
		transport.WriteProblem(w, http.StatusInternalServerError, err)
	}
}
