package feed

import (
	"context"
	"time"

	"github.com/coder/websocket"
	"github.com/coder/websocket/wsjson"
)

// Subscriber is one connection.
type Subscriber struct {
	User string // who is logged in there, or ""

	conn *websocket.Conn
	out  chan Message
	cut  context.CancelFunc // ends the connection
}

// Send queues a message. A subscriber that does not keep up is cut off: it
// connects again, and memory stays bounded.
func (s *Subscriber) Send(m Message) {
	select {
	case s.out <- m:
	default:
		s.cut()
	}
}

// run reads until the connection ends and gives each message to dispatch, while
// a second goroutine writes. It returns when both have ended.
func (s *Subscriber) run(ctx context.Context, dispatch func(*Subscriber, Message) error) error {
	written := make(chan struct{})
	go func() {
		defer close(written)
		s.write(ctx)
	}()
	defer func() {
		s.cut()
		_ = s.conn.CloseNow()
		<-written
	}()
	for {
		var m Message
		if err := wsjson.Read(ctx, s.conn, &m); err != nil {
			return err
		}
		if err := dispatch(s, m); err != nil {
			s.Send(Message{Type: "error", Text: err.Error()})
		}
	}
}

// write sends what is queued, and a ping now and then to find dead connections.
func (s *Subscriber) write(ctx context.Context) {
	ping := time.NewTicker(pingInterval)
	defer ping.Stop()
	for {
		var err error
		select {
		case <-ctx.Done():
			return
		case m := <-s.out:
			err = s.within(ctx, func(ctx context.Context) error { return wsjson.Write(ctx, s.conn, m) })
		case <-ping.C:
			err = s.within(ctx, s.conn.Ping)
		}
		if err != nil {
			s.cut() // ends the reader too
			return
		}
	}
}

func (s *Subscriber) within(ctx context.Context, f func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	return f(ctx)
}
