package control

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// handing is a Handover that serves in-memory connections.
type handing struct {
	*testing.T
	*Handover
	connections chan net.Conn
	closed      func()
	served      chan error
}

func (h *handing) Accept() (net.Conn, error) { return pipeListener(h.connections).Accept() }
func (h *handing) Close() error              { h.closed(); return nil }
func (h *handing) Addr() net.Addr            { return &net.UnixAddr{} }

// handOver serves "hello" and, at /slow, "hello" after ten seconds.
func handOver(t *testing.T, test func(h *handing)) {
	synctest.Test(t, func(t *testing.T) {
		server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/slow" {
				time.Sleep(10 * time.Second)
			}
			io.WriteString(w, "hello")
		})}
		h := &handing{T: t, Handover: NewHandover(server), connections: make(chan net.Conn), served: make(chan error, 1)}
		h.closed = sync.OnceFunc(func() { close(h.connections) })
		go func() { h.served <- h.Serve(closableListener{h}) }()
		test(h)
		if err := <-h.served; !errors.Is(err, http.ErrServerClosed) {
			t.Errorf("Serve: %v", err)
		}
	})
}

// closableListener hides the methods of Handover.
type closableListener struct{ net.Listener }

// connect returns a connection that has been accepted.
func (h *handing) connect() net.Conn {
	client, server := net.Pipe()
	h.connections <- server
	synctest.Wait()
	h.Cleanup(func() { client.Close() })
	return client
}

// ask sends a request and returns whether it was answered, and whether the
// connection stays open.
func (h *handing) ask(c net.Conn, path string) (answered, kept bool) {
	h.Helper()
	if _, err := io.WriteString(c, "GET "+path+" HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
		return false, false
	}
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		return false, false
	}
	body, err := io.ReadAll(resp.Body)
	return err == nil && resp.StatusCode == 200 && string(body) == "hello", !resp.Close
}

// shutdown returns the time that Shutdown took.
func (h *handing) shutdown(ctx context.Context) (took <-chan time.Duration, err <-chan error) {
	begun, ended, failed := time.Now(), make(chan time.Duration, 1), make(chan error, 1)
	go func() {
		failed <- h.Shutdown(ctx)
		ended <- time.Since(begun)
	}()
	synctest.Wait()
	return ended, failed
}

func TestHandoverAnswersConnectionsThatWereAccepted(t *testing.T) {
	handOver(t, func(h *handing) {
		fresh, half := h.connect(), h.connect()
		if _, err := io.WriteString(half, "GET / HT"); err != nil {
			h.Fatal(err)
		}
		_, err := h.shutdown(h.Context())
		time.Sleep(500 * time.Millisecond)
		if answered, kept := h.ask(fresh, "/"); !answered || kept {
			h.Errorf("new connection: answered: %v, kept: %v", answered, kept)
		}
		if _, err := io.WriteString(half, "TP/1.1\r\nHost: x\r\n\r\n"); err != nil {
			h.Fatal(err)
		}
		if resp, err := http.ReadResponse(bufio.NewReader(half), nil); err != nil || resp.StatusCode != 200 {
			h.Errorf("half a request: %v, %v", resp, err)
		}
		if err := <-err; err != nil {
			h.Errorf("Shutdown: %v", err)
		}
	})
}

func TestHandoverClosesIdleConnectionsAtOnce(t *testing.T) {
	handOver(t, func(h *handing) {
		idle, fresh := h.connect(), h.connect()
		if answered, kept := h.ask(idle, "/"); !answered || !kept {
			h.Fatalf("before: answered: %v, kept: %v", answered, kept)
		}
		synctest.Wait()
		h.shutdown(h.Context())
		if _, err := idle.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
			h.Errorf("idle connection: %v", err)
		}
		if answered, _ := h.ask(fresh, "/"); !answered {
			h.Error("the other connection was not answered")
		}
	})
}

func TestHandoverDoesNotWaitForConnectionsThatNobodyUses(t *testing.T) {
	handOver(t, func(h *handing) {
		old := h.connect()
		time.Sleep(time.Second)
		young := h.connect()
		time.Sleep(100 * time.Millisecond)
		took, err := h.shutdown(h.Context())
		if _, err := old.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
			h.Errorf("old connection: %v", err)
		}
		if _, err := young.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
			h.Errorf("young connection: %v", err)
		}
		if err := <-err; err != nil {
			h.Errorf("Shutdown: %v", err)
		}
		if d := <-took; d < 900*time.Millisecond || d > 2*time.Second {
			h.Errorf("Shutdown took %v", d)
		}
	})
}

func TestHandoverWaitsForRequestsInFlight(t *testing.T) {
	handOver(t, func(h *handing) {
		c := h.connect()
		answered := make(chan bool)
		go func() {
			ok, _ := h.ask(c, "/slow")
			answered <- ok
		}()
		synctest.Wait()
		ctx, cancel := context.WithTimeout(h.Context(), time.Second)
		defer cancel()
		if err := h.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
			h.Errorf("Shutdown within a second: %v", err)
		}
		if err := h.Shutdown(h.Context()); err != nil {
			h.Errorf("Shutdown: %v", err)
		}
		if !<-answered {
			h.Error("the request was not answered")
		}
	})
}

func TestHandoverThatHasEndedDoesNotServe(t *testing.T) {
	h := NewHandover(&http.Server{})
	if err := h.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := h.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		t.Errorf("Serve: %v", err)
	}
	if _, err := l.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("the listener is open: %v", err)
	}
}

func TestHandoverKeepsTheHooksOfTheServer(t *testing.T) {
	type key struct{}
	states := make(chan http.ConnState, 10)
	values := make(chan any, 1)
	server := &http.Server{
		Handler:     http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { values <- r.Context().Value(key{}) }),
		ConnState:   func(_ net.Conn, s http.ConnState) { states <- s },
		ConnContext: func(ctx context.Context, _ net.Conn) context.Context { return context.WithValue(ctx, key{}, "mine") },
	}
	h := NewHandover(server)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- h.Serve(l) }()
	resp, err := http.Get("http://" + l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if got := <-values; got != "mine" {
		t.Errorf("context value %v", got)
	}
	if a, b := <-states, <-states; a != http.StateNew || b != http.StateActive {
		t.Errorf("states %v, %v", a, b)
	}
	if err := h.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	<-served
	http.DefaultClient.CloseIdleConnections()
}
