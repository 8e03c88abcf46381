package hotreload

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"time"

	"github.com/anvilforge/anvil-lsp/hotreload/internal/process"
)

// Options are the options of LiveServer. Only Register is required.
type Options struct {
	// Addr is the address to listen on; default "127.0.0.1:8080". With Listeners
	// there is no default. Under anvil-lsp the engine listens, on this machine only:
	// on the same port if the source of main tells it and it is free; otherwise the
	// engine says which.
	Addr string
	// Listeners are further sockets to serve on: of another IP version, Unix sockets,
	// those of the service manager ([PassedListeners]), or with TLS ([tls.NewListener]
	// around one). LiveServer closes them. Open them with [Listen], so that in hot mode
	// they survive a restart.
	Listeners []net.Listener
	// TLSConfig, if it is set, is for serving Addr with TLS in production; it needs a
	// certificate. In hot mode the engine serves plain HTTP, to this machine only.
	TLSConfig *tls.Config
	// Live, if it is set, is called once in each process, on a goroutine of its own,
	// as soon as the handlers are registered and requests are accepted. It is for
	// what needs them, such as jobs. Its context ends when LiveServer is asked to
	// end; in hot mode that is when the next process has taken over, so that jobs
	// run in both only for a moment. Before it closes the Container LiveServer waits
	// for Live, for ShutdownTimeout at most.
	Live func(context.Context)
	// Container is closed when LiveServer returns. Default: an empty one.
	Container *Container
	// Register is the handlers package's AnvilRegisterRoutes. It runs once for
	// every generation, and again when that generation is rolled back to.
	Register func(*RouteSink)
	// Server is a template for the http.Server: time-outs, limits, hooks. Its
	// Addr, Handler and TLSConfig are not used.
	Server *http.Server
	// Logger is the logger of LiveServer. Default: slog.Default().
	Logger *slog.Logger
	// ShutdownTimeout limits how long requests may go on after LiveServer is asked
	// to end, and then how long the Container's closers may take. Default 10 s.
	ShutdownTimeout time.Duration
}

func (o Options) withDefaults() Options {
	if len(o.Listeners) == 0 {
		o.Addr = cmp.Or(o.Addr, "127.0.0.1:8080")
	}
	o.ShutdownTimeout = cmp.Or(o.ShutdownTimeout, 10*time.Second)
	if o.Container == nil {
		o.Container = NewContainer()
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	return o
}

// LiveServer serves the application until ctx ends, and then lets the requests in
// flight finish. It is the last call of main.
//
// In production ([IsHotMode] is false) it listens on Options.Addr and
// Options.Listeners and serves the handlers that are linked in. Mistakes in their
// registration are a [*RegistrationError] that lists all of them with file and line.
//
// In hot mode it serves on the engine's socket, loads the generations that the engine
// sends, and ends when the engine asks for it or is gone. A generation that cannot be
// registered is reported to the engine, and LiveServer goes on.
//
// Without an engine, if ANVIL_HOT=1 and ANVIL_PLUGIN=FILE are set, it listens on
// Options.Addr and loads that plugin whenever it changes. Go loads no package twice,
// so the handlers must then be in the plugin's own package main:
//
//	go build -tags anvilhot -o app .
//	go build -tags anvilhot -buildmode plugin -o app.so plugin/*.go
//	ANVIL_HOT=1 ANVIL_PLUGIN=app.so ./app
//
// After a graceful end the result is nil. However LiveServer ends, first all requests
// end or are cut off, then the contexts of all generations are cancelled, and then the
// Container is closed. Connections that were hijacked (WebSockets) are closed by their
// handlers: [RouteSink.Context] tells them when, and they have a second for it. In hot
// mode the context of a request whose answer is a stream of events
// (text/event-stream) is cancelled as soon as LiveServer is asked to end; an
// EventSource reconnects to the process that takes over.
func LiveServer(ctx context.Context, o Options) error {
	defer entered()()
	return runServer(ctx, o, serve)
}

// runServer is LiveServer with a way to serve.
func runServer(ctx context.Context, o Options, serve func(context.Context, Options, *LiveState) error) error {
	o = o.withDefaults()
	state := NewLiveState(o.Container)
	state.logger = o.Logger
	// The generations outlive ctx by the time it takes to finish.
	base, cancel := context.WithCancel(context.WithoutCancel(ctx))
	state.base = base
	state.live = newLiveHook(ctx, o.Live)
	err := serve(ctx, o, state)
	err = errors.Join(err, process.CloseListeners(o.Listeners), state.live.end(o.ShutdownTimeout))
	return errors.Join(err, finish(ctx, o, state, cancel))
}

// hijackedTimeout is how long the handlers of hijacked connections have, from
// the end of their generation's context, until the Container is closed.
const hijackedTimeout = time.Second

// finish ends what outlives the requests.
func finish(ctx context.Context, o Options, state *LiveState, cancel context.CancelFunc) error {
	ctx = context.WithoutCancel(ctx)
	cancel()
	state.close()
	draining, drained := context.WithTimeout(ctx, hijackedTimeout)
	defer drained()
	state.drain(draining)
	closing, closed := context.WithTimeout(ctx, o.ShutdownTimeout)
	defer closed()
	return o.Container.Close(closing)
}

// serveLinked serves the handlers that are linked into the executable.
func serveLinked(ctx context.Context, o Options, state *LiveState) error {
	if err := checkTLS(o.TLSConfig); err != nil {
		return err
	}
	if err := state.Register(o.Register); err != nil {
		return err
	}
	front := newFront(o, state)
	if err := front.listen(ctx, o, "routes", state.Manifest().RouteCount); err != nil {
		return err
	}
	state.live.begin()
	return front.end(ctx)
}

// listen serves on Addr, if there is one, and on Listeners, and logs that.
func (f *front) listen(ctx context.Context, o Options, log ...any) error {
	if o.Addr != "" {
		l, err := process.Listen(ctx, "tcp", o.Addr)
		if err != nil {
			return err
		}
		scheme, serve := "http://", f.serve
		if o.TLSConfig != nil {
			scheme, serve = "https://", f.serveTLS
			f.srv.TLSConfig = namingHTTP2(o.TLSConfig)
		}
		o.Logger.Info("serving", append([]any{"url", scheme + l.Addr().String()}, log...)...)
		serve(l)
	}
	for _, l := range o.Listeners {
		o.Logger.Info("serving", append([]any{"network", l.Addr().Network(), "address", l.Addr().String()}, log...)...)
		f.serve(l)
	}
	return nil
}

// checkTLS says what [http.Server.ServeTLS] would say of files.
func checkTLS(c *tls.Config) error {
	if c != nil && len(c.Certificates) == 0 && c.GetCertificate == nil && c.GetConfigForClient == nil {
		return errors.New("hotreload: Options.TLSConfig has no certificate")
	}
	return nil
}

// namingHTTP2 returns a copy of c that names HTTP/2. What a server serves first decides
// whether it prepares for HTTP/2: a listener without TLS does so only if the
// configuration names it. [http.Server.ServeTLS] would offer it to clients all the same,
// and then close their connections. It removes the name again where HTTP/2 is turned
// off.
func namingHTTP2(c *tls.Config) *tls.Config {
	c = c.Clone()
	if !slices.Contains(c.NextProtos, "h2") {
		c.NextProtos = append(slices.Clip(c.NextProtos), "h2")
	}
	return c
}

// front is the HTTP server that users' requests arrive at.
type front struct {
	srv     *http.Server
	ending  ending
	timeout time.Duration
	failed  chan error // what ended it, if nobody asked for it; the first
}

// ending is how a server ends: an [http.Server] by itself, or one that hands its
// socket over to another process.
type ending interface {
	Serve(net.Listener) error
	Shutdown(context.Context) error
}

func newFront(o Options, h http.Handler) *front {
	srv := serverFrom(o, h)
	return &front{srv: srv, ending: srv, timeout: o.ShutdownTimeout, failed: make(chan error, 1)}
}

// serve accepts connections on l until the end.
func (f *front) serve(l net.Listener) {
	f.run(l, func() error { return f.ending.Serve(l) })
}

// serveTLS is serve, with TLS.
func (f *front) serveTLS(l net.Listener) {
	f.run(l, func() error { return f.srv.ServeTLS(l, "", "") })
}

func (f *front) run(l net.Listener, serve func() error) {
	go func() {
		if err := serve(); !errors.Is(err, http.ErrServerClosed) {
			select {
			case f.failed <- fmt.Errorf("serving on %s: %w", l.Addr(), err):
			default: // another has failed before
			}
		}
	}()
}

// end waits until ctx ends or serving fails, and then shuts down.
func (f *front) end(ctx context.Context) error {
	var failure error
	select {
	case <-ctx.Done():
	case failure = <-f.failed:
	}
	return errors.Join(failure, f.shutdown())
}

// shutdown stops accepting, waits for the requests in flight, and cuts off those
// that take too long.
func (f *front) shutdown() error {
	ctx, stop := context.WithTimeout(context.Background(), f.timeout)
	defer stop()
	err := f.ending.Shutdown(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		err = fmt.Errorf("requests that were still running after %v were cut off", f.timeout)
	}
	return errors.Join(err, f.srv.Close())
}

// serverFrom makes the server from the user's template.
func serverFrom(o Options, h http.Handler) *http.Server {
	srv := &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       2 * time.Minute,
		ErrorLog:          slog.NewLogLogger(o.Logger.Handler(), slog.LevelWarn),
	}
	if t := o.Server; t != nil {
		srv.DisableGeneralOptionsHandler = t.DisableGeneralOptionsHandler
		srv.ReadTimeout = t.ReadTimeout
		srv.ReadHeaderTimeout = t.ReadHeaderTimeout
		srv.WriteTimeout = t.WriteTimeout
		srv.IdleTimeout = t.IdleTimeout
		srv.MaxHeaderBytes = t.MaxHeaderBytes
		srv.ConnState = t.ConnState
		srv.BaseContext = t.BaseContext
		srv.ConnContext = t.ConnContext
		srv.HTTP2 = t.HTTP2
		srv.Protocols = t.Protocols
		if t.ErrorLog != nil {
			srv.ErrorLog = t.ErrorLog
		}
	}
	return srv
}
