package nettest

import (
	"io"
	"net/http"
	"net/http/httptrace"
	"sync/atomic"
)

// HTTP2 returns a transport of HTTP/2 without TLS for bodies that cannot be sent
// twice. It tries a request again that was not sent: where a server asks a client
// to leave a connection (GOAWAY) between the choice of that connection and the
// request, package net/http gives up, because it has closed the body by then, though
// it has not read it. What was sent, if only the head, is not tried again, and
// neither is what got no connection. The body itself is not closed.
func HTTP2() http.RoundTripper {
	t := &http.Transport{Protocols: new(http.Protocols)}
	t.Protocols.SetUnencryptedHTTP2(true)
	return again{t}
}

type again struct{ *http.Transport }

func (a again) RoundTrip(req *http.Request) (*http.Response, error) {
	body := req.Body
	for {
		var connected, refused, sent atomic.Bool
		try := req.Clone(httptrace.WithClientTrace(req.Context(), &httptrace.ClientTrace{
			GotConn:      func(httptrace.GotConnInfo) { connected.Store(true) },
			ConnectDone:  func(_, _ string, err error) { refused.Store(refused.Load() || err != nil) },
			WroteHeaders: func() { sent.Store(true) },
		}))
		if body != nil {
			try.Body = io.NopCloser(body)
		}
		res, err := a.Transport.RoundTrip(try)
		if err == nil || !connected.Load() || refused.Load() || sent.Load() || req.Context().Err() != nil {
			return res, err
		}
	}
}
