package launch

import (
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/anvilforge/anvil-lsp/hotreload/control"
)

// frontPatience is how long a connection that was opened to the front may take
// to send its first request. It may be long: the request is sent on to the live
// server.
const frontPatience = 5 * time.Second

// front answers on the socket while no live server runs.
type front struct {
	stop func()          // stops accepting
	done <-chan struct{} // closed when the last request has been answered
}

// newFront starts answering with handler on a copy of the socket. After stop,
// requests in flight have grace to end.
func newFront(s *Socket, handler http.Handler, grace time.Duration) (*front, error) {
	file, err := s.file()
	if err != nil {
		return nil, err
	}
	defer file.Close()
	listener, err := net.FileListener(file)
	if err != nil {
		return nil, fmt.Errorf("answering on %s: %w", s.Addr(), err)
	}
	var stopping atomic.Bool
	server := &http.Server{
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			// A browser opens connections before it needs them. A request that
			// comes on one of those when a live server runs is sent there.
			if uri := r.URL.RequestURI(); stopping.Load() && strings.HasPrefix(uri, "/") && !strings.HasPrefix(uri, "//") {
				http.Redirect(w, r, uri, http.StatusTemporaryRedirect)
				return
			}
			handler.ServeHTTP(w, r)
		}),
		ReadHeaderTimeout: 10 * time.Second,
		ErrorLog:          log.New(io.Discard, "", 0),
	}
	serve := control.NewHandover(server)
	serve.Patience = frontPatience
	done, served := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(served)
		_ = serve.Serve(listener) // ends with ErrServerClosed
	}()
	stop := func() {
		stopping.Store(true)
		_ = serve.StopAccepting() // of a listener that was opened here
		go func() {
			defer close(done)
			ctx, cancel := context.WithTimeout(context.Background(), grace)
			defer cancel()
			if serve.Shutdown(ctx) != nil {
				_ = server.Close()
			}
			<-served
		}()
	}
	return &front{stop: stop, done: done}, nil
}
