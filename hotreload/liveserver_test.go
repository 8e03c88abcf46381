package hotreload

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/anvilforge/anvil-lsp/hotreload/shared/nettest"
)

// urlOf waits for the log line that names the address, and returns the URL.
func urlOf(t *testing.T, log io.Reader) string {
	t.Helper()
	lines := bufio.NewScanner(log)
	for lines.Scan() {
		if _, url, ok := strings.Cut(lines.Text(), "url="); ok {
			go io.Copy(io.Discard, log) // whoever logs must not have to wait
			url, _, _ = strings.Cut(url, " ")
			return url
		}
	}
	t.Fatalf("the server does not start: %v", lines.Err())
	return ""
}

// live runs LiveServer until the returned function is called, which returns its
// error.
func liveServer(t *testing.T, o Options) (url string, stop func() error) {
	t.Helper()
	log, w := io.Pipe()
	o.Addr, o.Logger = nettest.Reserve(t), textLogger(w)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		err := LiveServer(ctx, o)
		ended <- err
		w.CloseWithError(err)
	}()
	return urlOf(t, log), func() error {
		cancel()
		return <-ended
	}
}

func TestLiveServerEndsGracefully(t *testing.T) {
	c := NewContainer()
	started, finish, answered := make(chan struct{}), make(chan struct{}), make(chan string, 1)
	var generation context.Context
	closed := false
	c.OnClose("pool", func(ctx context.Context) error {
		closed = true
		if _, limited := ctx.Deadline(); generation.Err() == nil || !limited {
			t.Error("the Container is closed too early or without a limit")
		}
		if got := <-answered; got != "200 slow" {
			t.Errorf("the slow request got %q", got)
		}
		return errors.New("broken")
	})
	url, stop := liveServer(t, Options{Container: c, Register: func(r *RouteSink) {
		generation = r.Context()
		r.Get("/slow", func(c *Ctx) error {
			close(started)
			<-finish
			if generation.Err() != nil {
				t.Error("the generation's context ends before its requests")
			}
			return c.Text(0, "slow")
		})
	}})
	go func() { answered <- get(t, url+"/slow") }()
	<-started
	ended := make(chan error, 1)
	go func() { ended <- stop() }()
	for refused := false; !refused; { // it stops accepting first
		conn, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
		if refused = err != nil; !refused {
			conn.Close()
		}
	}
	close(finish)
	if err := <-ended; err == nil || err.Error() != "closing pool: broken" || !closed {
		t.Errorf("got %v, closed %v", err, closed)
	}
}

func TestLiveServerCutsOffWhatTakesTooLong(t *testing.T) {
	started := make(chan struct{})
	url, stop := liveServer(t, Options{ShutdownTimeout: time.Millisecond, Register: func(r *RouteSink) {
		r.Get("/", func(c *Ctx) error {
			close(started)
			<-c.Context().Done()
			return nil
		})
	}})
	failed := make(chan error, 1)
	go func() {
		resp, err := http.Get(url)
		if err == nil {
			err = resp.Body.Close()
		}
		failed <- err
	}()
	<-started
	if err := stop(); err == nil || !strings.Contains(err.Error(), "still running after 1ms were cut off") {
		t.Errorf("got %v", err)
	}
	if err := <-failed; err == nil {
		t.Error("the request was answered")
	}
}

// Nobody but their handlers can end hijacked connections: they learn of the end
// by the generation's context, and the Container is there until they are done.
func TestLiveServerWaitsForHijackedConnections(t *testing.T) {
	c := NewContainer()
	done := make(chan struct{})
	c.OnClose("hub", func(context.Context) error {
		select {
		case <-done:
		default:
			t.Error("the Container is closed before the connection")
		}
		return nil
	})
	url, stop := liveServer(t, Options{Container: c, Register: func(r *RouteSink) {
		ctx := r.Context()
		r.Get("/", func(w http.ResponseWriter, _ *http.Request) {
			conn, _, err := http.NewResponseController(w).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			defer conn.Close()
			io.WriteString(conn, "hello")
			<-ctx.Done()
			io.WriteString(conn, " and goodbye")
			close(done)
		})
	}})
	conn, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	io.WriteString(conn, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	if _, err := io.ReadFull(conn, make([]byte, len("hello"))); err != nil {
		t.Fatal(err)
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
	if rest, err := io.ReadAll(conn); err != nil || string(rest) != " and goodbye" {
		t.Errorf("got %q, %v", rest, err)
	}
}

func TestLiveServerReportsEveryFault(t *testing.T) {
	c := NewContainer()
	closed := false
	c.OnClose("pool", func(context.Context) error {
		closed = true
		return nil
	})
	err := LiveServer(t.Context(), Options{Container: c, Register: func(r *RouteSink) {
		r.Get("/a", ctxHandler)
		r.Get("/a", ctxHandler)
		r.Get("b", ctxHandler)
	}})
	failure, ok := errors.AsType[*RegistrationError](err)
	if !ok || len(failure.Diagnostics) != 2 || strings.Count(err.Error(), "liveserver_test.go:") != 2 || !closed {
		t.Errorf("got %v, closed %v", err, closed)
	}
}

func TestLiveServerReportsTakenAddress(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	err = LiveServer(t.Context(), Options{Addr: l.Addr().String(), Register: func(*RouteSink) {}})
	if err == nil || !strings.Contains(err.Error(), l.Addr().String()) {
		t.Errorf("got %v", err)
	}
}

func TestServerTemplate(t *testing.T) {
	type key struct{}
	url, stop := liveServer(t, Options{
		Server: &http.Server{
			ReadTimeout: time.Hour,
			ConnContext: func(ctx context.Context, _ net.Conn) context.Context {
				return context.WithValue(ctx, key{}, "from the template")
			},
		},
		Register: func(r *RouteSink) {
			r.Get("/", func(c *Ctx) error { return c.Text(0, fmt.Sprint(c.Context().Value(key{}))) })
		},
	})
	if got := get(t, url); got != "200 from the template" {
		t.Errorf("got %q", got)
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
	defaults := serverFrom(Options{}.withDefaults(), nil)
	if defaults.ReadHeaderTimeout == 0 || defaults.IdleTimeout == 0 {
		t.Error("a server without a template waits for ever")
	}
}

func TestProductionIsNotHot(t *testing.T) {
	// The test binary is not started by an engine, whatever its build tags.
	if IsHotMode() {
		t.Error("IsHotMode() = true")
	}
}
