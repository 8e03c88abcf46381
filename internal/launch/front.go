package launch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"time"

	"github.com/anvilforge/anvil-lsp/hotreload/shared/takeover"
)

// front answers on the socket while no live server runs.
type front struct {
	// stop stops accepting. With a successor, that takes the connections over.
	stop func(successor bool)
	done <-chan struct{} // closed when the last request has been answered
}

// newFront starts answering with Options.Front on a copy of the socket. After stop, requests in
// flight have the time that those of a live server have.
func newFront(o Options) (*front, error) {
	s := o.Socket
	listener, queue, err := s.open()
	if err != nil {
		return nil, fmt.Errorf("answering on %s: %w", s.Addr(), err)
	}
	server := &http.Server{
		Handler:           o.Front,
		ReadHeaderTimeout: 10 * time.Second,
		ErrorLog:          log.New(io.Discard, "", 0),
	}
	serve := takeover.NewServer(server, queue)
	done, served := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(served)
		_ = serve.Serve(listener) // ends with ErrServerClosed
	}()
	stop := func(successor bool) {
		_ = serve.Leave(successor) // of a listener that was opened here
		grace := o.DrainTimeout
		if !successor {
			grace = o.requestsAtEnd()
		}
		go func() {
			defer close(done)
			ctx, cancel := context.WithTimeout(context.Background(), grace)
			defer cancel()
			if serve.Shutdown(ctx) != nil {
				_ = server.Close()
			}
			<-served
			if queue != nil {
				_ = queue.Close()
			}
		}()
	}
	return &front{stop: stop, done: done}, nil
}

// open returns copies of the socket and of the queue, which may be nil, for this process.
func (s *Socket) open() (net.Listener, *takeover.Queue, error) {
	file, err := s.file()
	if err != nil {
		return nil, nil, err
	}
	defer file.Close()
	listener, err := net.FileListener(file)
	if err != nil {
		return nil, nil, err
	}
	pass, take, err := s.queueFiles()
	if err != nil || pass == nil {
		return listener, nil, err
	}
	queue, err := takeover.OpenQueue(pass, take)
	if err != nil {
		return nil, nil, errors.Join(err, listener.Close())
	}
	return listener, queue, nil
}
