// Package feed is the live feed: a hub of WebSocket subscribers.
//
// Connections outlive the code that answers them. The hub is a host package and
// lives in the Container; it owns every connection and reads from it. What a
// message means is decided by the handlers that are registered for its type at
// that moment, and those are hot: the next message on an old connection runs
// the newest code.
package feed

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"sync"
	"time"

	"github.com/anvilforge/anvil-lsp/hotreload"
	"github.com/coder/websocket"
)

const (
	readLimit    = 4 << 10          // bytes of a message
	backlog      = 32               // messages that wait for a slow subscriber before it is cut off
	writeTimeout = 10 * time.Second // for one message, and for the answer to a ping
	pingInterval = 30 * time.Second
	closeTimeout = 2 * time.Second // for the farewell; then connections are cut
)

// Hub holds the subscribers. It is safe for concurrent use.
type Hub struct {
	// Handlers are looked up by the Type of an incoming message.
	Handlers *hotreload.RegistryGeneration[string, MessageHandler]

	log    *slog.Logger
	ctx    context.Context // ends with the hub
	cancel context.CancelFunc
	done   sync.WaitGroup // one for each subscriber

	mu          sync.Mutex
	closed      bool
	subscribers map[*Subscriber]struct{}
}

// NewHub returns a hub without subscribers. End it with Close.
func NewHub(log *slog.Logger) *Hub {
	ctx, cancel := context.WithCancel(context.Background())
	return &Hub{
		Handlers:    hotreload.NewRegistry[string, MessageHandler]("feed"),
		log:         log,
		ctx:         ctx,
		cancel:      cancel,
		subscribers: map[*Subscriber]struct{}{},
	}
}

// Accept turns a request into a subscription and returns at once, so that the
// generation of the handler that called it can drain while the subscriber stays.
// If the request is at fault it is answered.
func (h *Hub) Accept(w http.ResponseWriter, r *http.Request, user string) {
	conn, err := websocket.Accept(w, r, nil)
	if err != nil {
		h.log.Info("feed: refused", "err", err)
		return
	}
	conn.SetReadLimit(readLimit)
	ctx, cut := context.WithCancel(h.ctx)
	s := &Subscriber{User: user, conn: conn, out: make(chan Message, backlog), cut: cut}
	if !h.add(s) {
		cut()
		_ = conn.CloseNow()
		return
	}
	go func() {
		defer h.done.Done()
		defer h.remove(s)
		if err := s.run(ctx, h.dispatch); err != nil {
			h.log.Debug("feed: subscriber left", "user", user, "err", err)
		}
	}()
}

// Broadcast sends a message to every subscriber and does not wait for any.
func (h *Hub) Broadcast(m Message) {
	for _, s := range h.all() {
		s.Send(m)
	}
}

// Len returns how many subscribers there are.
func (h *Hub) Len() int { return len(h.all()) }

// Close says goodbye to every subscriber and waits until all are gone. Their
// browsers connect again, to the process that follows this one.
func (h *Hub) Close(ctx context.Context) error {
	h.mu.Lock()
	h.closed = true
	h.mu.Unlock()
	ctx, stop := context.WithTimeout(ctx, closeTimeout)
	defer stop()
	defer context.AfterFunc(ctx, h.cancel)() // cuts off who does not answer
	for _, s := range h.all() {
		go s.conn.Close(websocket.StatusGoingAway, "the server is going away")
	}
	h.done.Wait()
	h.cancel()
	return nil
}

// dispatch runs the handler of a message on the subscriber's goroutine, where
// nobody but us would catch a panic.
func (h *Hub) dispatch(s *Subscriber, m Message) (err error) {
	handle, ok := h.Handlers.Get(m.Type)
	if !ok {
		return fmt.Errorf("nobody handles messages of type %q", m.Type)
	}
	defer func() {
		if p := recover(); p != nil {
			h.log.Error("feed: handler panicked", "type", m.Type, "panic", p, "stack", string(debug.Stack()))
			err = fmt.Errorf("the handler of %q panicked: %v", m.Type, p)
		}
	}()
	return handle(h.ctx, s, m)
}

func (h *Hub) add(s *Subscriber) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return false
	}
	h.subscribers[s] = struct{}{}
	h.done.Add(1)
	return true
}

func (h *Hub) remove(s *Subscriber) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.subscribers, s)
}

func (h *Hub) all() []*Subscriber {
	h.mu.Lock()
	defer h.mu.Unlock()
	all := make([]*Subscriber, 0, len(h.subscribers))
	for s := range h.subscribers {
		all = append(all, s)
	}
	return all
}
