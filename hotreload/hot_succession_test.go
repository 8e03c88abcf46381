//go:build anvilhot

package hotreload

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/anvilforge/anvil-lsp/hotreload/control"
	"github.com/anvilforge/anvil-lsp/hotreload/internal/process"
)

// handOver asks for the state.
func (e *fakeEngine) handOver(t *testing.T, req control.HandoverRequest) ([]byte, error) {
	t.Helper()
	body, err := json.Marshal(req)
	if err != nil {
		t.Fatal(err)
	}
	return e.PostRaw(t.Context(), control.PathHandover, body, control.MaxHandover)
}

func (e *fakeEngine) release(t *testing.T, id int64) {
	t.Helper()
	if err := e.Post(t.Context(), control.PathRelease, control.ReleaseRequest{ID: id}, nil); err != nil {
		t.Fatal(err)
	}
}

// TestReleaseOvertakesHandover: a request for the state that is read after it was
// called off has nothing wait.
func TestReleaseOvertakesHandover(t *testing.T) {
	e := startUnder(t, t.Context(), Options{Register: func(r *RouteSink) {
		StateOf(r.Container(), "n", func() int { return 1 })
		r.Get("/", text("here"))
	}}, &process.Environment{})
	e.status(t, ready)
	for id := int64(2); id < 6; id += 2 {
		e.release(t, id)
		for _, over := range []int64{id, id - 1} {
			_, err := e.handOver(t, control.HandoverRequest{ID: over})
			if p, ok := errors.AsType[*control.Problem](err); !ok || p.Status != http.StatusConflict {
				t.Fatalf("state for %d after the release of %d: %v", over, id, err)
			}
		}
		if got := get(t, e.url); got != "200 here" {
			t.Errorf("after the release of %d: %q", id, got)
		}
		if data, err := e.handOver(t, control.HandoverRequest{ID: id + 1}); err != nil || len(data) == 0 {
			t.Errorf("state for %d: %d bytes, %v", id+1, len(data), err)
		}
		e.release(t, id+1)
		if got := get(t, e.url); got != "200 here" {
			t.Errorf("after the release of %d: %q", id+1, got)
		}
	}
	if err := e.Post(t.Context(), control.PathDrain, struct{}{}, nil); err != nil {
		t.Errorf("drain: %v", err)
	}
	if err := receive(t, e.ended); err != nil {
		t.Errorf("LiveServer returned %v", err)
	}
}

// TestStateOfAProcessThatEndsFirst: it has stopped accepting before its state is
// read, and has answered what nobody else could answer.
func TestStateOfAProcessThatEndsFirst(t *testing.T) {
	entered, goOn := make(chan struct{}), make(chan struct{})
	e := startUnder(t, t.Context(), Options{Server: withHTTP2(), Register: func(r *RouteSink) {
		n := StateOf(r.Container(), "n", func() int { return 0 })
		r.Get("/", func(w http.ResponseWriter, r *http.Request) {
			entered <- struct{}{}
			<-goOn
			n.Update(func(n *int) { *n++ })
		})
	}}, &process.Environment{})
	e.status(t, ready)
	idle, err := net.Dial("tcp", strings.TrimPrefix(e.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer idle.Close()
	if _, err := io.WriteString(idle, "GET /none HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	if resp, err := http.ReadResponse(bufio.NewReader(idle), nil); err != nil || resp.Close {
		t.Fatalf("%+v, %v", resp, err)
	}
	client := &http.Client{Transport: &http.Transport{Protocols: new(http.Protocols)}}
	client.Transport.(*http.Transport).Protocols.SetUnencryptedHTTP2(true)
	defer client.CloseIdleConnections()
	ask := func(answers chan<- error) {
		resp, err := client.Get(e.url)
		if err == nil {
			_, err = io.Copy(io.Discard, resp.Body)
			err = errors.Join(err, resp.Body.Close())
		}
		answers <- err
	}
	answers := make(chan error)
	go ask(answers)
	receive(t, entered)
	states := make(chan []byte)
	go func() {
		data, err := e.handOver(t, control.HandoverRequest{ID: 1, Alone: true})
		if err != nil {
			t.Error(err)
		}
		states <- data
	}()
	// There is no queue here, so a connection is closed in place of being passed on.
	if err := idle.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	if rest, err := io.ReadAll(idle); err != nil {
		t.Errorf("a connection that is idle: %q, %v", rest, err)
	}
	close(goOn) // what it answers from now on is answered after it has left
	if err := receive(t, answers); err != nil {
		t.Error(err)
	}
	data := receive(t, states)
	next := NewLiveState(nil)
	if notes := next.container.restore(data); len(notes) > 0 {
		t.Errorf("notes %q", messages(notes))
	}
	if n := StateOf(next.container, "n", func() int { return 0 }).Get(); n != 1 {
		t.Errorf("the state is %d", n)
	}
	if err := e.Post(t.Context(), control.PathDrain, control.DrainRequest{Successor: true, Alone: true}, nil); err != nil {
		t.Errorf("drain: %v", err)
	}
	if err := receive(t, e.ended); err != nil {
		t.Errorf("LiveServer returned %v", err)
	}
}

func withHTTP2() *http.Server {
	s := &http.Server{Protocols: new(http.Protocols)}
	s.Protocols.SetHTTP1(true)
	s.Protocols.SetUnencryptedHTTP2(true)
	return s
}
