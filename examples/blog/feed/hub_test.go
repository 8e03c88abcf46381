package feed_test

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"example.com/blog/feed"
	"github.com/anvilforge/anvil-lsp/hotreload"
	"github.com/coder/websocket"
	"github.com/coder/websocket/wsjson"
)

// live serves a hub. Load makes handlers the newest generation.
type live struct {
	*feed.Hub
	t     *testing.T
	state *hotreload.LiveState
	url   string
}

func newLive(t *testing.T) *live {
	t.Helper()
	hub := feed.NewHub(slog.New(slog.DiscardHandler))
	state := hotreload.NewLiveState(hotreload.NewContainer())
	server := httptest.NewServer(state)
	t.Cleanup(server.Close)
	t.Cleanup(func() {
		ended, cancel := context.WithCancel(context.Background())
		cancel() // no farewells
		if err := hub.Close(ended); err != nil {
			t.Error(err)
		}
	})
	return &live{hub, t, state, server.URL}
}

func (l *live) load(handlers map[string]feed.MessageHandler) {
	l.t.Helper()
	err := l.state.Register(func(r *hotreload.RouteSink) {
		r.Get("/feed", func(w http.ResponseWriter, r *http.Request) { l.Accept(w, r, "ada") })
		for name, h := range handlers {
			l.Handlers.Add(r, name, h)
		}
	})
	if err != nil {
		l.t.Fatal(err)
	}
}

// join dials and waits until the hub has the subscriber: it gets it only after
// it has answered the dial.
func (l *live) join() *websocket.Conn {
	l.t.Helper()
	conn := l.dial()
	if got := l.ask(conn, "ask"); got.Type != "answer" {
		l.t.Fatalf("got %+v, want an answer", got)
	}
	return conn
}

func (l *live) dial() *websocket.Conn {
	l.t.Helper()
	conn, _, err := websocket.Dial(l.t.Context(), l.url+"/feed", nil)
	if err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(func() { conn.CloseNow() })
	return conn
}

func (l *live) ask(conn *websocket.Conn, typ string) (got feed.Message) {
	l.t.Helper()
	if err := wsjson.Write(l.t.Context(), conn, feed.Message{Type: typ}); err != nil {
		l.t.Fatal(err)
	}
	if err := wsjson.Read(l.t.Context(), conn, &got); err != nil {
		l.t.Fatal(err)
	}
	return got
}

func answer(text string) feed.MessageHandler {
	return func(_ context.Context, from *feed.Subscriber, _ feed.Message) error {
		from.Send(feed.Message{Type: "answer", Text: text})
		return nil
	}
}

func TestHandlersAreHot(t *testing.T) {
	l := newLive(t)
	l.load(map[string]feed.MessageHandler{"ask": answer("old"), "gone": answer("old")})
	conn := l.dial()
	if got := l.ask(conn, "ask"); got.Text != "old" {
		t.Errorf("got %+v, want old", got)
	}
	l.load(map[string]feed.MessageHandler{"ask": answer("new")})
	if got := l.ask(conn, "ask"); got.Text != "new" {
		t.Errorf("on the same connection: got %+v, want new", got)
	}
	if got := l.ask(conn, "gone"); got.Type != "error" {
		t.Errorf("a handler that is gone: got %+v, want an error", got)
	}
}

func TestHandlerPanics(t *testing.T) {
	l := newLive(t)
	l.load(map[string]feed.MessageHandler{
		"ask":   answer("still here"),
		"panic": func(context.Context, *feed.Subscriber, feed.Message) error { panic("oh") },
	})
	conn := l.join()
	if got := l.ask(conn, "panic"); got.Type != "error" || !strings.Contains(got.Text, "panicked: oh") {
		t.Errorf("got %+v, want an error", got)
	}
	if got := l.ask(conn, "ask"); got.Text != "still here" {
		t.Errorf("afterwards: got %+v", got)
	}
}

func TestSlowSubscriberIsCutOff(t *testing.T) {
	l := newLive(t)
	l.load(map[string]feed.MessageHandler{"ask": answer("hi")})
	slow := l.join() // does not read from here on
	long := strings.Repeat("x", 1<<20)
	for l.Len() > 0 {
		l.Broadcast(feed.Message{Type: "shout", Text: long})
	}
	l.join() // others are served

	slow.SetReadLimit(-1)
	var err error
	for err == nil { // what was on its way
		_, _, err = slow.Read(t.Context())
	}
	if t.Context().Err() != nil {
		t.Errorf("the slow subscriber is still connected: %v", err)
	}
}

func TestClose(t *testing.T) {
	l := newLive(t)
	l.load(map[string]feed.MessageHandler{"ask": answer("hi")})
	conn := l.join()
	closed := make(chan error)
	go func() { closed <- l.Close(t.Context()) }()
	if _, _, err := conn.Read(t.Context()); websocket.CloseStatus(err) != websocket.StatusGoingAway {
		t.Errorf("got %v, want going away", err)
	}
	if err := <-closed; err != nil || l.Len() != 0 {
		t.Errorf("Close: %v, %d subscribers left", err, l.Len())
	}
	late := l.dial()
	if _, _, err := late.Read(t.Context()); err == nil {
		t.Error("a closed hub took a subscriber")
	}
}
