package takeover

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

// handing is a Server that serves in-memory connections.
type handing struct {
	*testing.T
	*Server
	connections chan net.Conn
	served      chan error
	passed      []passedOn // in the order in which they were; guarded by mu
	hijacked    chan net.Conn
	end         func(context.Context) error
}

// pipes accepts in-memory connections.
type pipes struct {
	connections chan net.Conn
	close       func()
}

func (l pipes) Accept() (net.Conn, error) {
	if c, ok := <-l.connections; ok {
		return c, nil
	}
	return nil, net.ErrClosed
}

func (l pipes) Close() error   { l.close(); return nil }
func (l pipes) Addr() net.Addr { return &net.UnixAddr{} }

// handOver serves "hello" and the body; at /slow, after ten seconds, and at
// /hijack, without net/http.
func handOver(t *testing.T, test func(h *handing)) { serveOn(t, false, test) }

// either has the test once with a Server, and once with what it gates.
func either(t *testing.T, test func(h *handing)) {
	t.Run("server", func(t *testing.T) { serveOn(t, false, test) })
	t.Run("gated", func(t *testing.T) { serveOn(t, true, test) })
}

func serveOn(t *testing.T, gate bool, test func(h *handing)) {
	synctest.Test(t, func(t *testing.T) {
		h := &handing{T: t, connections: make(chan net.Conn), served: make(chan error, 1), hijacked: make(chan net.Conn, 1)}
		server := &http.Server{IdleTimeout: time.Hour, Protocols: &http.Protocols{}, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			switch r.URL.Path {
			case "/slow":
				time.Sleep(10 * time.Second)
			case "/hijack":
				c, rw, err := http.NewResponseController(w).Hijack()
				if err != nil {
					t.Error(err)
					return
				}
				h.hijacked <- c.(*conn).Hijacked(rw.Reader)
				text, err := rw.ReadString('!')
				if err != nil {
					t.Error(err)
				}
				io.WriteString(c, "hijacked "+text)
				c.Close()
				return
			}
			body, err := io.ReadAll(r.Body)
			if err != nil {
				t.Error(err)
			}
			io.WriteString(w, "hello"+string(body))
		})}
		server.Protocols.SetHTTP1(true)
		server.Protocols.SetUnencryptedHTTP2(true)
		l := pipes{h.connections, sync.OnceFunc(func() { close(h.connections) })}
		if gate {
			h.Server = NewServer(&http.Server{}, nil)
			gated := h.Gate(server)
			h.end = func(ctx context.Context) error {
				gated.Leave()
				return errors.Join(h.Shutdown(ctx), gated.Shutdown(ctx))
			}
			go func() { h.served <- gated.Serve(l) }()
		} else {
			h.Server = NewServer(server, nil)
			h.end = h.Shutdown
			go func() { h.served <- h.Serve(l) }()
		}
		test(h)
		if err := h.end(t.Context()); err != nil {
			t.Errorf("Shutdown: %v", err)
		}
		if err := <-h.served; !errors.Is(err, http.ErrServerClosed) {
			t.Errorf("Serve: %v", err)
		}
	})
}

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
		failed <- h.end(ctx)
		ended <- time.Since(begun)
	}()
	synctest.Wait()
	return ended, failed
}

func TestShutdownAnswersConnectionsThatWereAccepted(t *testing.T) {
	either(t, func(h *handing) {
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

func TestShutdownClosesIdleConnectionsAtOnce(t *testing.T) {
	either(t, func(h *handing) {
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

func TestShutdownDoesNotWaitForConnectionsThatNobodyUses(t *testing.T) {
	either(t, func(h *handing) {
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

func TestShutdownWaitsForRequestsInFlight(t *testing.T) {
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

func TestServerThatHasEndedDoesNotServe(t *testing.T) {
	h := NewServer(&http.Server{}, nil)
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

func TestHooksOfTheServer(t *testing.T) {
	type key struct{}
	states := make(chan http.ConnState, 10)
	values := make(chan any, 1)
	server := &http.Server{
		Handler:     http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { values <- r.Context().Value(key{}) }),
		ConnState:   func(_ net.Conn, s http.ConnState) { states <- s },
		ConnContext: func(ctx context.Context, _ net.Conn) context.Context { return context.WithValue(ctx, key{}, "mine") },
	}
	h := NewServer(server, nil)
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
