package feed

import "context"

// Message travels between the hub and a browser as JSON.
type Message struct {
	Type string `json:"type"` // "echo", "shout", "post", "error", whatever has a handler
	Text string `json:"text,omitempty"`
	From string `json:"from,omitempty"`
	URL  string `json:"url,omitempty"`
	// Generation is the generation of the code that made the message.
	Generation int `json:"generation,omitempty"`
}

// MessageHandler answers one message that a subscriber sent. An error is sent
// back to that subscriber; the connection stays.
type MessageHandler func(ctx context.Context, from *Subscriber, m Message) error
