package rpc

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.lsp.dev/jsonrpc2"
)

// echo answers every request with its parameters, but for a few methods.
type echo struct {
	seen []string
	wait chan struct{} // "slow" answers when it is closed
}

func (e *echo) Notify(method string, _ json.RawMessage) {
	e.seen = append(e.seen, method)
	if method == "panic" {
		panic("in a notification")
	}
}

func (e *echo) Request(ctx context.Context, method string, params json.RawMessage) func() (any, error) {
	e.seen = append(e.seen, method)
	return func() (any, error) {
		switch method {
		case "slow":
			select {
			case <-e.wait:
			case <-ctx.Done():
				return nil, ctx.Err()
			}
		case "panic":
			panic("in a request")
		case "unsendable":
			return func() {}, nil
		}
		return params, nil
	}
}

// talk is a connection with both ends.
type talk struct {
	*testing.T
	conn    *Conn
	handler *echo
	in      *io.PipeWriter
	out     *bufio.Reader
	done    chan error
}

func newTalk(t *testing.T) *talk {
	in, toServer := io.Pipe()
	fromServer, out := io.Pipe()
	k := &talk{T: t, conn: NewConn(in, out), handler: &echo{wait: make(chan struct{})}, in: toServer, out: bufio.NewReader(fromServer), done: make(chan error, 1)}
	go func() {
		k.done <- k.conn.Run(t.Context(), k.handler)
		in.Close()
		out.Close()
	}()
	return k
}

func (k *talk) send(body string) {
	k.Helper()
	if _, err := io.WriteString(k.in, framed(body)); err != nil {
		k.Fatal(err)
	}
}

// next returns the next message of the server.
func (k *talk) next() string {
	k.Helper()
	r := &Reader{in: k.out}
	data, err := r.Next()
	if err != nil {
		k.Fatal(err)
	}
	return string(data)
}

func (k *talk) end() {
	k.Helper()
	k.in.Close()
	if err := <-k.done; err != nil {
		k.Errorf("the connection ended with %v", err)
	}
}

func (k *talk) fails(code jsonrpc2.Code, id string) {
	k.Helper()
	got := k.next()
	if !strings.Contains(got, fmt.Sprintf(`"code":%d`, code)) || !strings.Contains(got, `"id":`+id) {
		k.Errorf("answered %s, want code %d and id %s", got, code, id)
	}
}

func TestMalformed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newTalk(t)
		for _, tt := range []struct {
			body string
			code jsonrpc2.Code
			id   string
		}{
			{`{"jsonrpc":"2.0","id":1,`, jsonrpc2.ParseError, "null"},
			{``, jsonrpc2.ParseError, "null"},
			{"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"\xff\"}", jsonrpc2.ParseError, "null"},
			{`[{"jsonrpc":"2.0","id":1,"method":"x"}]`, jsonrpc2.InvalidRequest, "null"},
			{`3`, jsonrpc2.InvalidRequest, "null"},
			{`{}`, jsonrpc2.InvalidRequest, "null"},
			{`{"jsonrpc":"2.0","id":{},"method":"x"}`, jsonrpc2.InvalidRequest, "null"},
			{`{"jsonrpc":"2.0","id":null,"method":"x"}`, jsonrpc2.InvalidRequest, "null"},
			{`{"jsonrpc":"2.0","id":1.5,"method":"x"}`, jsonrpc2.InvalidRequest, "null"},
			{`{"jsonrpc":"1.0","id":7,"method":"x"}`, jsonrpc2.InvalidRequest, "7"},
			{`{"jsonrpc":"2.0","id":8,"method":9}`, jsonrpc2.InvalidRequest, "8"},
			{`{"jsonrpc":"2.0","id":"p","method":"panic"}`, jsonrpc2.InternalError, `"p"`},
			{`{"jsonrpc":"2.0","id":9,"method":"unsendable"}`, jsonrpc2.InternalError, "9"},
		} {
			k.send(tt.body)
			k.fails(tt.code, tt.id)
		}
		io.WriteString(k.in, "no header at all\r\n\r\n")
		k.fails(jsonrpc2.ParseError, "null")
		k.send(`{"jsonrpc":"2.0","method":"panic"}`)
		k.send(`{"jsonrpc":"2.0","id":77,"result":{}}`) // an answer to nothing
		k.send(`{"jsonrpc":"2.0","id":10,"method":"good","params":[1]}`)
		if got := k.next(); got != `{"jsonrpc":"2.0","id":10,"result":[1]}` {
			t.Errorf("after all that: %s", got)
		}
		k.end()
	})
}

func TestCancel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newTalk(t)
		k.send(`{"jsonrpc":"2.0","id":1,"method":"slow"}`)
		k.send(`{"jsonrpc":"2.0","id":1,"method":"good"}`) // the same id
		k.fails(jsonrpc2.InvalidRequest, "1")
		k.send(`{"jsonrpc":"2.0","method":"$/cancelRequest","params":{"id":2}}`)
		k.send(`{"jsonrpc":"2.0","method":"$/cancelRequest","params":"what"}`)
		k.send(`{"jsonrpc":"2.0","method":"$/cancelRequest","params":{"id":1}}`)
		k.fails(-32800, "1")
		k.end()
	})
}

func TestCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newTalk(t)
		var answer []int
		result := make(chan error)
		go func() { result <- k.conn.Call(t.Context(), "ask", nil, &answer) }()
		if got := k.next(); got != `{"jsonrpc":"2.0","id":1,"method":"ask"}` {
			t.Error(got)
		}
		k.send(`{"jsonrpc":"2.0","id":1,"result":[1,2]}`)
		if err := <-result; err != nil || len(answer) != 2 {
			t.Errorf("%v %v", answer, err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		go func() { result <- k.conn.Call(ctx, "ask", nil, nil) }()
		k.next()
		if err := <-result; err == nil {
			t.Error("a call without an answer succeeded")
		}
		if got := k.next(); !strings.Contains(got, "$/cancelRequest") {
			t.Error(got)
		}
		go func() { result <- k.conn.Call(t.Context(), "ask", nil, nil) }()
		k.next()
		k.end()
		if err := <-result; err == nil {
			t.Error("a call succeeded on a connection that has ended")
		}
	})
}

// TestQuiet: requests are still answered, and nothing else is sent.
func TestQuiet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newTalk(t)
		result := make(chan error)
		go func() { result <- k.conn.Call(t.Context(), "ask", nil, nil) }()
		k.next()
		k.conn.Quiet()
		if err := <-result; !errors.Is(err, ErrClosed) {
			t.Errorf("a call that was under way: %v", err)
		}
		if err := k.conn.Call(t.Context(), "ask", nil, nil); !errors.Is(err, ErrClosed) {
			t.Errorf("a new call: %v", err)
		}
		k.conn.Notify("tell", nil)
		k.conn.NotifyLatest("tell", "key", nil)
		k.send(`{"jsonrpc":"2.0","id":7,"method":"good","params":[1]}`)
		if got := k.next(); got != `{"jsonrpc":"2.0","id":7,"result":[1]}` {
			t.Error(got)
		}
		k.end()
	})
}

// TestSilentClient: nothing grows for a client that does not read.
func TestSilentClient(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newTalk(t)
		for i := range 10_000 {
			k.conn.Notify("log", i)
			k.conn.NotifyLatest("diagnostics", fmt.Sprint(i%10), i)
		}
		synctest.Wait()
		if n := k.conn.box.len(); n > maxLoose+10 {
			t.Errorf("%d messages wait", n)
		}
		// Requests are read until so many wait for their answers, and a pipe's worth
		// ahead; then the client has to wait.
		const requests = maxAhead / 16
		sent := make(chan int)
		go func() {
			n := 0
			for ; n < requests; n++ {
				if _, err := io.WriteString(k.in, framed(fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,"method":"good"}`, n))); err != nil {
					break
				}
			}
			sent <- n
		}()
		synctest.Wait()
		if n := k.conn.box.len(); n > maxLoose+10+maxRequests {
			t.Errorf("%d messages wait", n)
		}
		if q := k.conn.ahead; q.bytes > maxAhead+100 {
			t.Errorf("%d bytes are read ahead", q.bytes)
		}
		var busy int
		for range 2 * maxCalls {
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			if err := k.conn.Call(ctx, "ask", nil, nil); err == ErrBusy {
				busy++
			}
		}
		if busy != maxCalls {
			t.Errorf("%d calls were refused", busy)
		}
		k.conn.Stop()
		<-k.done // although nothing is read
		if n := <-sent; n >= requests {
			t.Error("every request was read")
		}
	})
}

// TestGoneClient: a client that reads nothing, asks for more than is answered and
// then closes its end is gone, though its other end stays open.
func TestGoneClient(t *testing.T) {
	for _, message := range []string{`{"jsonrpc":"2.0","id":%d,"method":"good"}`, `{"jsonrpc":"2.0","id":%d,"method":"slow"}`, `{"id":%d}`} {
		synctest.Test(t, func(t *testing.T) {
			k := newTalk(t)
			for n := range 4 * maxRequests {
				k.send(fmt.Sprintf(message, n))
			}
			k.in.Close()
			begun := time.Now()
			if err := <-k.done; err != nil {
				t.Errorf("ended with %v", err)
			}
			if waited := time.Since(begun); waited > 3*farewell {
				t.Errorf("the end was noticed after %v", waited)
			}
		})
	}
}

// TestAllIsHandled: what was said before the end is handled, however much it is,
// as long as the answers are read.
func TestAllIsHandled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newTalk(t)
		const requests = 4 * maxRequests
		for n := range requests {
			k.send(fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,"method":"good","params":[1]}`, n))
		}
		k.in.Close()
		for n := range requests {
			if got := k.next(); !strings.Contains(got, `"result"`) {
				t.Fatalf("answer %d: %s", n, got)
			}
		}
		if err := <-k.done; err != nil {
			t.Error(err)
		}
	})
}

// TestHopelessLength: a length that nobody can mean ends the connection, and says
// so.
func TestHopelessLength(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newTalk(t)
		if _, err := fmt.Fprintf(k.in, "Content-Length: %d\r\n\r\n", 1<<62-1); err != nil {
			t.Fatal(err)
		}
		k.fails(jsonrpc2.ParseError, "null")
		if err := <-k.done; !errors.Is(err, ErrTooLong) {
			t.Errorf("ended with %v", err)
		}
	})
}

// TestOrder: what is replaced keeps its place, and the oldest without a key goes
// first.
func TestOrder(t *testing.T) {
	o := newOutbox()
	put := func(key, text string, loose bool) {
		o.put(&entry{key: key, loose: loose, message: func() ([]byte, error) { return []byte(text), nil }})
	}
	put("a", "a1", false)
	put("", "x", true)
	put("b", "b1", false)
	put("a", "a2", false)
	o.close()
	var got []string
	for {
		e, _, ok := o.pop(t.Context())
		if !ok {
			break
		}
		data, _ := e.message()
		got = append(got, string(data))
	}
	if fmt.Sprint(got) != "[a2 x b1]" {
		t.Errorf("sent %v", got)
	}
}

// len returns how many messages wait.
func (o *outbox) len() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.queue)
}
