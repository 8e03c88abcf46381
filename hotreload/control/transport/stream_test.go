package transport

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func collect[T any](events <-chan T) (all []T) {
	for v := range events {
		all = append(all, v)
	}
	return all
}

func TestStreamReadersSeeWhatIsPublishedFromThenOn(t *testing.T) {
	s := NewStream[int]()
	s.Publish(1)
	first := s.Subscribe(t.Context())
	s.Publish(2)
	second := s.Subscribe(t.Context())
	s.Publish(3)
	s.Close()
	s.Publish(4)
	if got := collect(first); !slices.Equal(got, []int{2, 3}) {
		t.Errorf("first reader: %v", got)
	}
	if got := collect(second); !slices.Equal(got, []int{3}) {
		t.Errorf("second reader: %v", got)
	}
	if got := collect(s.Subscribe(t.Context())); len(got) != 0 {
		t.Errorf("reader of a closed stream: %v", got)
	}
	s.Close()
}

func TestStreamReaderEndsWithItsContext(t *testing.T) {
	s := NewStream[int]()
	ctx, cancel := context.WithCancel(t.Context())
	events := s.Subscribe(ctx)
	other := s.Subscribe(t.Context())
	cancel()
	collect(events)
	s.Publish(1)
	if got := <-other; got != 1 {
		t.Errorf("the other reader got %d", got)
	}
}

func TestStreamCutsOffSlowReader(t *testing.T) {
	s := NewStream[int]()
	slow, quick := s.Subscribe(t.Context()), s.Subscribe(t.Context())
	for i := range streamBuffer + 10 {
		s.Publish(i)
		if got := <-quick; got != i {
			t.Fatalf("quick reader got %d, want %d", got, i)
		}
	}
	if got := collect(slow); len(got) != streamBuffer || got[0] != 0 {
		t.Errorf("slow reader got %d events", len(got))
	}
	if n := s.readerCount(); n != 1 {
		t.Errorf("%d readers left, want 1", n)
	}
}

func (s *Stream[T]) readerCount() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.readers)
}

// pipeListener hands out the server's ends of in-memory connections.
type pipeListener chan net.Conn

func (l pipeListener) Accept() (net.Conn, error) {
	if c, ok := <-l; ok {
		return c, nil
	}
	return nil, net.ErrClosed
}
func (l pipeListener) Close() error   { return nil }
func (l pipeListener) Addr() net.Addr { return &net.UnixAddr{} }

func TestStreamCutsOffSlowHTTPReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := NewStream[string]()
		done := make(chan struct{})
		server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			defer close(done)
			s.ServeHTTP(w, r)
		})}
		listener := make(pipeListener, 1)
		go server.Serve(listener)
		defer close(listener)
		client, serverEnd := net.Pipe()
		listener <- serverEnd
		go io.WriteString(client, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
		resp, err := http.ReadResponse(bufio.NewReader(client), nil)
		if err != nil {
			t.Fatal(err)
		}
		for range 10 * streamBuffer { // and the reader takes nothing any more
			s.Publish(strings.Repeat("x", 64<<10))
		}
		if n := s.readerCount(); n != 0 {
			t.Errorf("%d readers left: what is published is kept for them", n)
		}
		<-done // although it was blocked in a write
		if _, err := io.ReadAll(resp.Body); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("the reader saw %v, want its stream cut off", err)
		}
		client.Close()
	})
}

func TestStreamHeartbeat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := NewStream[int]()
		w := httptest.NewRecorder()
		ctx, cancel := context.WithCancel(t.Context())
		go s.ServeHTTP(w, httptest.NewRequestWithContext(ctx, "GET", "/", nil))
		synctest.Wait()
		time.Sleep(heartbeat + time.Second)
		s.Publish(7)
		synctest.Wait()
		cancel()
		synctest.Wait()
		if w.Header().Get("Content-Type") != "text/event-stream" || !w.Flushed {
			t.Errorf("header %v, flushed: %v", w.Header(), w.Flushed)
		}
		if got, want := w.Body.String(), ":\n\ndata: 7\n\n"; got != want {
			t.Errorf("body %q, want %q", got, want)
		}
		if n := s.readerCount(); n != 0 {
			t.Errorf("%d readers left", n)
		}
	})
}

func TestStreamRetains(t *testing.T) {
	s := NewStream[int]()
	s.Retain(func(v int) bool { return v%2 == 0 })
	for v := range 6 {
		s.Publish(v)
	}
	got := s.Subscribe(t.Context())
	s.Publish(7)
	s.Close()
	if values := slices.Collect(func(yield func(int) bool) {
		for v := range got {
			if !yield(v) {
				return
			}
		}
	}); !slices.Equal(values, []int{4, 7}) {
		t.Errorf("a late reader sees %v, want the retained 4 and then 7", values)
	}
}

// TestStreamAwaits: nothing is lost before the one reader has come, and none comes
// twice.
func TestStreamAwaits(t *testing.T) {
	s := NewStream[int]()
	s.Await()
	next := func(events <-chan int, want ...int) {
		t.Helper()
		for _, v := range want {
			if got, ok := <-events; !ok || got != v {
				t.Errorf("got %d (%v), want %d", got, ok, v)
			}
		}
	}
	if n := s.Publish(1); n != 1 {
		t.Errorf("an event that waits is for %d readers", n)
	}
	s.Publish(2)
	ctx, cancel := context.WithCancel(t.Context())
	first := s.Subscribe(ctx)
	s.Publish(3)
	next(first, 1, 2, 3)
	cancel()
	if v, ok := <-first; ok {
		t.Errorf("%d after the end", v)
	}
	for v := range streamBuffer + 10 {
		s.Publish(v)
	}
	second := s.Subscribe(t.Context())
	for v := range streamBuffer { // the oldest ones
		next(second, v)
	}
	s.Publish(-1)
	s.Close()
	next(second, -1)
	if v, ok := <-second; ok {
		t.Errorf("%d after the end", v)
	}
	if n := s.Publish(5); n != 0 {
		t.Errorf("published to %d readers after Close", n)
	}
}
