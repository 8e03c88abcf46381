// Package transport carries the messages of package control: JSON over HTTP, with
// server-sent events for streams, on private Unix sockets.
package transport

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"mime"
	"net"
	"net/http"
	"net/url"
	"strings"

	"github.com/anvilforge/anvil-lsp/hotreload/control"
)

// maxAnswer bounds the body of an answer, in bytes.
const maxAnswer = 32 << 20

// Client speaks the control protocol to the server behind one Unix socket. It
// is safe for concurrent use. Every call is a connection of its own: nothing is
// sent twice behind the caller's back, and no idle connection keeps a server
// from shutting down. Calls are bounded by their contexts only.
type Client struct {
	socket string
	http   *http.Client
}

// NewClient returns a client for the server on socketPath. It connects when it
// is used.
func NewClient(socketPath string) *Client {
	return &Client{socket: socketPath, http: &http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return dialUnix(ctx, socketPath)
		},
		DisableKeepAlives:  true,
		DisableCompression: true,
	}}}
}

// Close gives back what the client holds. Calls in flight go on.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Get asks for path and reads the answer into out, unless that is nil. An
// answer that is not 2xx is a *control.Problem; any other error is one of transport,
// and names the socket.
func (c *Client) Get(ctx context.Context, path string, out any) error {
	return c.call(ctx, http.MethodGet, path, nil, out)
}

// Post sends in, unless it is nil, to path and reads the answer into out,
// unless that is nil. Its errors are those of Get.
func (c *Client) Post(ctx context.Context, path string, in, out any) error {
	var body []byte
	if in != nil {
		var err error
		if body, err = json.Marshal(in); err != nil {
			return fmt.Errorf("POST %s: %w", path, err)
		}
	}
	return c.call(ctx, http.MethodPost, path, body, out)
}

// PostRaw sends in to path and returns the answer, of at most limit bytes. Its
// errors are those of Get.
func (c *Client) PostRaw(ctx context.Context, path string, in []byte, limit int64) ([]byte, error) {
	resp, err := c.send(ctx, http.MethodPost, path, in)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	data, err := readAll(resp.Body, limit)
	if err != nil {
		return nil, c.fail(http.MethodPost, path, err)
	}
	return data, nil
}

// Read asks for path and returns the answer as it comes, for answers that are not
// JSON or do not end. It must be closed. Its errors are those of Get.
func (c *Client) Read(ctx context.Context, path string) (io.ReadCloser, error) {
	resp, err := c.send(ctx, http.MethodGet, path, nil)
	if err != nil {
		return nil, err
	}
	return resp.Body, nil
}

func (c *Client) call(ctx context.Context, method, path string, body []byte, out any) error {
	resp, err := c.send(ctx, method, path, body)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	data, err := readAll(resp.Body, maxAnswer)
	if err != nil {
		return c.fail(method, path, err)
	}
	if out == nil {
		return nil
	}
	if err := json.Unmarshal(data, out); err != nil {
		return c.fail(method, path, fmt.Errorf("the answer is not what was expected: %w", err))
	}
	return nil
}

// send returns a response that is 2xx.
func (c *Client) send(ctx context.Context, method, path string, body []byte) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, "http://anvil"+path, bytes.NewReader(body))
	if err != nil {
		return nil, c.fail(method, path, err)
	}
	if len(body) > 0 {
		req.Header.Set("Content-Type", typeJSON)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, c.fail(method, path, err)
	}
	if resp.StatusCode/100 == 2 {
		return resp, nil
	}
	defer resp.Body.Close()
	return nil, readProblem(resp)
}

// fail names what was being done. What net/http and net say about that is
// dropped: their addresses are made up.
func (c *Client) fail(method, path string, err error) error {
	if u, ok := errors.AsType[*url.Error](err); ok {
		err = u.Err
	}
	return fmt.Errorf("%s %s on %s: %w", method, path, c.socket, bare(err))
}

// readProblem makes the best of an answer that is not 2xx.
func readProblem(resp *http.Response) *control.Problem {
	p := &control.Problem{}
	data, err := readAll(resp.Body, maxRequest)
	kind, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	switch {
	case err != nil:
		p.Detail = err.Error()
	case kind == typeProblem && json.Unmarshal(data, p) == nil:
	default:
		const enough = 500
		*p = control.Problem{Detail: strings.ToValidUTF8(strings.TrimSpace(string(data[:min(len(data), enough)])), "")}
	}
	p.Status = resp.StatusCode
	p.Title = cmp.Or(p.Title, http.StatusText(p.Status), resp.Status)
	return p
}

// Events streams the server-sent events of path, each decoded into a T. It
// connects when it is ranged over. The last pair holds the error that ended
// the stream: a *control.Problem, one that wraps io.EOF when the server ended it or cut
// this reader off, or one of transport. There is none when ctx ended.
func Events[T any](ctx context.Context, c *Client, path string) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		var none T
		resp, err := c.send(ctx, http.MethodGet, path, nil)
		if err != nil {
			if ctx.Err() == nil {
				yield(none, err)
			}
			return
		}
		defer resp.Body.Close()
		events := newEventReader(resp.Body, maxRequest)
		for {
			data, err := events.next()
			var v T
			if err == nil {
				err = json.Unmarshal(data, &v)
			}
			switch {
			case ctx.Err() != nil:
				return
			case errors.Is(err, io.EOF):
				yield(none, c.fail(http.MethodGet, path, fmt.Errorf("the stream ended: %w", err)))
				return
			case err != nil:
				yield(none, c.fail(http.MethodGet, path, err))
				return
			case !yield(v, nil):
				return
			}
		}
	}
}
