package handlers

import (
	"context"
	"net/http"
	"strings"

	"example.com/blog/feed"
	"example.com/blog/handlers/internal/session"
	"example.com/blog/store"
)

// subscribe hands the connection over to the hub and is done.
func (a *app) subscribe(w http.ResponseWriter, r *http.Request) {
	a.hub.Accept(w, r, session.User(r.Context()))
}

// echo answers whoever sent the message.
func (a *app) echo(_ context.Context, from *feed.Subscriber, m feed.Message) error {
	from.Send(feed.Message{Type: "echo", Text: m.Text, From: from.User, Generation: a.generation})
	return nil
}

// shout passes the message on to everybody, louder.
func (a *app) shout(_ context.Context, from *feed.Subscriber, m feed.Message) error {
	text := strings.TrimSpace(m.Text)
	if text == "" {
		return &store.InvalidError{Field: "text", Reason: "is empty"}
	}
	a.hub.Broadcast(feed.Message{Type: "shout", Text: strings.ToUpper(text) + "!", From: from.User, Generation: a.generation})
	return nil
}

// publish tells everybody about a new post.
func (a *app) publish(p store.Post) {
	a.hub.Broadcast(feed.Message{Type: "post", Text: p.Title, From: p.Author, URL: postURL(p.ID), Generation: a.generation})
}
