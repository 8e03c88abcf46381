package hotreload

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// certified returns a configuration with the certificate that the clients of
// httptest trust, for a listener of its own if it is to be one of HTTP/2.
func certified(t *testing.T, protocols ...string) *tls.Config {
	t.Helper()
	srv := httptest.NewTLSServer(nil)
	defer srv.Close()
	return &tls.Config{Certificates: srv.TLS.Certificates, NextProtos: protocols}
}

// over asks by a connection of its own, which dial makes if it is not nil.
func over(t *testing.T, url string, dial func(context.Context) (net.Conn, error)) string {
	t.Helper()
	transport := &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, ForceAttemptHTTP2: true}
	if dial != nil {
		transport.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) { return dial(ctx) }
	}
	res, err := (&http.Client{Transport: transport}).Get(url)
	if err != nil {
		return err.Error()
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return err.Error()
	}
	return fmt.Sprintf("%d %s %s", res.StatusCode, res.Proto, body)
}

// mustListen is Listen.
func mustListen(t *testing.T, network, address string) net.Listener {
	t.Helper()
	l, err := Listen(t.Context(), network, address)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// secured tells how a request came.
func secured(r *RouteSink) {
	r.Get("/", func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "TLS ", r.TLS != nil) })
}

// TestListeners: every socket is served by the same routes, and is closed at the
// end.
func TestListeners(t *testing.T) {
	path := filepath.Join(t.TempDir(), "app.sock")
	tcp, unix, secure := mustListen(t, "tcp", "127.0.0.1:0"), mustListen(t, "unix", path), mustListen(t, "tcp4", "127.0.0.1:0")
	url, stop := liveServer(t, Options{
		Listeners: []net.Listener{tcp, unix, tls.NewListener(secure, certified(t, "h2", "http/1.1"))}, Register: secured,
	})
	ask := func(url string, by ...net.Listener) string {
		t.Helper()
		if len(by) == 0 {
			return over(t, url, nil)
		}
		return over(t, url, func(ctx context.Context) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, by[0].Addr().Network(), by[0].Addr().String())
		})
	}
	for _, test := range []struct{ got, want string }{
		{ask(url), "200 HTTP/1.1 TLS false"},
		{ask("http://" + tcp.Addr().String()), "200 HTTP/1.1 TLS false"},
		{ask("http://app", unix), "200 HTTP/1.1 TLS false"},
		{ask("https://" + secure.Addr().String()), "200 HTTP/2.0 TLS true"},
	} {
		if test.got != test.want {
			t.Errorf("got %q, want %q", test.got, test.want)
		}
	}
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	for _, l := range []net.Listener{tcp, unix, secure} {
		if err := l.Close(); !errors.Is(err, net.ErrClosed) { // its port may be another process's by now
			t.Errorf("%s was not closed: %v", l.Addr(), err)
		}
	}
}

// TestListenersAlone: where main names no address there is no other.
func TestListenersAlone(t *testing.T) {
	l := mustListen(t, "tcp", "127.0.0.1:0")
	o := Options{Listeners: []net.Listener{l}}.withDefaults()
	if o.Addr != "" {
		t.Errorf("the address is %q", o.Addr)
	}
	if o := (Options{}).withDefaults(); o.Addr != "127.0.0.1:8080" {
		t.Errorf("without listeners it is %q", o.Addr)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- LiveServer(ctx, Options{Listeners: []net.Listener{l}, Register: secured, Logger: textLogger(t.Output())})
	}()
	if got := over(t, "http://"+l.Addr().String(), nil); got != "200 HTTP/1.1 TLS false" { // it waits in the socket's queue
		t.Errorf("got %q", got)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// TestListenersAreClosed: also if nothing is served at all.
func TestListenersAreClosed(t *testing.T) {
	for name, o := range map[string]Options{
		"registration": {Addr: "127.0.0.1:0", Register: func(r *RouteSink) { r.Get("no slash", nil) }},
		"address":      {Addr: "no address", Register: secured},
		"certificate":  {Addr: "127.0.0.1:0", Register: secured, TLSConfig: &tls.Config{}},
	} {
		t.Run(name, func(t *testing.T) {
			l := mustListen(t, "tcp", "127.0.0.1:0")
			o.Listeners, o.Logger = []net.Listener{l}, textLogger(t.Output())
			if err := LiveServer(t.Context(), o); err == nil {
				t.Error("it serves")
			}
			if err := l.Close(); !errors.Is(err, net.ErrClosed) {
				t.Errorf("it was not closed: %v", err)
			}
		})
	}
}

// TestTLSConfig: the address is served with TLS, and with HTTP/2.
func TestTLSConfig(t *testing.T) {
	plain := mustListen(t, "tcp", "127.0.0.1:0")
	config := certified(t)
	url, stop := liveServer(t, Options{TLSConfig: config, Listeners: []net.Listener{plain}, Register: secured})
	if !strings.HasPrefix(url, "https://") {
		t.Errorf("the URL is %s", url)
	}
	if got := over(t, url, nil); got != "200 HTTP/2.0 TLS true" {
		t.Errorf("got %q", got)
	}
	if got := over(t, "http://"+plain.Addr().String(), nil); got != "200 HTTP/1.1 TLS false" {
		t.Errorf("beside it: %q", got)
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
	if len(config.NextProtos) > 0 {
		t.Errorf("the user's configuration was changed: %q", config.NextProtos)
	}
}

// TestTLSConfigUnused: a configuration that HTTP/2 is refused with is none of the
// listeners', which have no use for it.
func TestTLSConfigUnused(t *testing.T) {
	config := certified(t)
	config.CipherSuites = []uint16{tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384}
	l := mustListen(t, "tcp", "127.0.0.1:0")
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- LiveServer(ctx, Options{TLSConfig: config, Listeners: []net.Listener{l}, Register: secured, Logger: textLogger(t.Output())})
	}()
	if got := over(t, "http://"+l.Addr().String(), nil); got != "200 HTTP/1.1 TLS false" {
		t.Errorf("got %q", got)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// TestTLSBesidePlain: whichever socket is served first, the one with TLS has the
// protocols that the server has.
func TestTLSBesidePlain(t *testing.T) {
	var none http.Protocols
	none.SetHTTP1(true)
	for name, test := range map[string]struct {
		protocols *http.Protocols
		config    *tls.Config
		want      string
	}{
		"default": {nil, certified(t), "200 HTTP/2.0 TLS true"},
		"named":   {nil, certified(t, "h2", "http/1.1"), "200 HTTP/2.0 TLS true"},
		"last":    {nil, certified(t, "http/1.1", "h2"), "200 HTTP/1.1 TLS true"},
		"other":   {nil, certified(t, "acme-tls/1"), "200 HTTP/2.0 TLS true"},
		"off":     {&none, certified(t), "200 HTTP/1.1 TLS true"},
	} {
		t.Run(name, func(t *testing.T) {
			o := Options{TLSConfig: test.config, Server: &http.Server{Protocols: test.protocols}, Logger: textLogger(t.Output())}.withDefaults()
			f := newFront(o, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "TLS ", r.TLS != nil) }))
			f.srv.TLSConfig = namingHTTP2(o.TLSConfig)
			plain, secure := mustListen(t, "tcp", "127.0.0.1:0"), mustListen(t, "tcp", "127.0.0.1:0")
			f.serve(plain)
			if got := over(t, "http://"+plain.Addr().String(), nil); got != "200 HTTP/1.1 TLS false" {
				t.Errorf("without TLS: %q", got)
			}
			f.serveTLS(secure)
			if got := over(t, "https://"+secure.Addr().String(), nil); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
			if err := f.shutdown(); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestPassedListeners: what the service manager has opened is taken once, by the
// process that is meant.
func TestPassedListeners(t *testing.T) {
	if os.Getenv("TEST_PASSED") != "" {
		for range 2 {
			ls, err := PassedListeners()
			var out []string
			for _, l := range ls {
				out = append(out, l.Addr().Network()+" "+l.Addr().String())
			}
			fmt.Printf("passed %q %v %q\n", out, err, os.Getenv("LISTEN_FDS"))
		}
		os.Exit(0)
	}
	tcp, unix := mustListen(t, "tcp", "127.0.0.1:0"), mustListen(t, "unix", filepath.Join(t.TempDir(), "s"))
	defer tcp.Close()
	defer unix.Close()
	var files []*os.File
	for _, l := range []net.Listener{tcp, unix} {
		f, err := l.(interface{ File() (*os.File, error) }).File()
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		files = append(files, f)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	both := fmt.Sprintf("[%q %q]", "tcp "+tcp.Addr().String(), "unix "+unix.Addr().String())
	for _, test := range []struct {
		name, pid, count string
		want             []string
	}{
		{"meant", "$$", "2", []string{"passed " + both + ` <nil> ""`, `passed [] <nil> ""`}},
		{"another is meant", "1", "2", []string{`passed [] <nil> "2"`, `passed [] <nil> "2"`}},
		{"nobody", "", "", []string{`passed [] <nil> ""`, `passed [] <nil> ""`}},
		{"no number", "$$", "two", []string{`passed [] hotreload: LISTEN_FDS="two" is not a number ""`, `passed [] <nil> ""`}},
	} {
		t.Run(test.name, func(t *testing.T) {
			cmd := exec.Command("sh", "-c", "LISTEN_PID="+test.pid+` exec "$0" -test.run '^TestPassedListeners$'`, self)
			cmd.Env = append(os.Environ(), "TEST_PASSED=1", "LISTEN_FDS="+test.count)
			cmd.ExtraFiles = files
			out, err := cmd.Output()
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.Split(string(bytes.TrimSpace(out)), "\n"); !slices.Equal(got, test.want) {
				t.Errorf("got  %q\nwant %q", got, test.want)
			}
		})
	}
}
