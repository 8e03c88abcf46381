package takeover

import (
	"io"
	"net/http"
	"net/http/httptrace"
	"strings"
	"sync/atomic"
)

// postTo posts a body that cannot be sent twice. It is posted again if it was not
// sent: where the client is asked to leave its connection after it has chosen that,
// package net/http gives up.
func postTo(client *http.Client, url, body string) (*http.Response, error) {
	for {
		var connected, sent atomic.Bool
		req, err := http.NewRequest(http.MethodPost, url, io.LimitReader(strings.NewReader(body), int64(len(body))))
		if err != nil {
			return nil, err
		}
		res, err := client.Do(req.WithContext(httptrace.WithClientTrace(req.Context(), &httptrace.ClientTrace{
			GotConn:      func(httptrace.GotConnInfo) { connected.Store(true) },
			WroteHeaders: func() { sent.Store(true) },
		})))
		if err == nil || sent.Load() || !connected.Load() {
			return res, err
		}
	}
}
