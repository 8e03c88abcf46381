//go:build unix

package engine

import (
	"context"
	"crypto/tls"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/anvilforge/anvil-lsp/hotreload/control"
	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
)

// listensFile opens further sockets for the application: of TCP, of Unix, and with
// TLS.
const listensFile = `package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log"
	"math/big"
	"net"
	"time"

	"github.com/anvilforge/anvil-lsp/hotreload"
)

func listeners() (ls []net.Listener) {
	for _, at := range [][2]string{{"tcp", "127.0.0.1:0"}, {"unix", "app.sock"}, {"tcp4", "127.0.0.1:0"}} {
		l, err := hotreload.Listen(context.Background(), at[0], at[1])
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println("listening", at[0], l.Addr())
		if at[0] == "tcp4" {
			l = tls.NewListener(l, secure())
		}
		ls = append(ls, l)
	}
	return ls
}

func secure() *tls.Config {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		log.Fatal(err)
	}
	template := x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), DNSNames: []string{"localhost"}}
	cert, err := x509.CreateCertificate(rand.Reader, &template, &template, key.Public(), key)
	if err != nil {
		log.Fatal(err)
	}
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{cert}, PrivateKey: key}}, NextProtos: []string{"h2", "http/1.1"}}
}
`

// door is one way to the application.
type door struct {
	name   string
	client *http.Client
	url    string
}

func (d door) get() (string, error) {
	res, err := d.client.Get(d.url)
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	return string(body), err
}

// doors returns ways to the sockets that main has printed, on connections that are
// kept or on new ones.
func (a *app) doors(kept bool) (ds []door) {
	a.Helper()
	for name, address := range map[string]string{"tcp": "", "unix": "", "tcp4": ""} {
		if m := regexp.MustCompile(`(?m)^listening ` + name + ` (\S+)$`).FindStringSubmatch(a.output.String()); m != nil {
			address = m[1]
		} else {
			a.Fatalf("main did not print where it listens:\n%s", a.output)
		}
		transport := &http.Transport{DisableKeepAlives: !kept, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}
		d := door{name, &http.Client{Transport: transport}, "http://" + address + "/"}
		switch name {
		case "unix":
			d.url = "http://localhost/"
			transport.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
				var dialer net.Dialer
				return dialer.DialContext(ctx, "unix", address)
			}
		case "tcp4":
			d.url = "https://" + address + "/"
		}
		ds = append(ds, d)
	}
	return ds
}

// TestListenersAreHandedOn: the application's own sockets are served by each
// generation, and nobody who connects there is refused while a new process takes
// over, nor after a crash.
func TestListenersAreHandedOn(t *testing.T) {
	a := newApp(t)
	writeFile(t, listensFile, a.dir, "listen.go")
	a.edit("main.go", "Container: c,", "Container: c, Listeners: listeners(),")
	a.start()
	a.until(control.EventLive)
	socket := filepath.Join(a.dir, "app.sock")
	for _, d := range a.doors(false) {
		if got, err := d.get(); err != nil || !strings.HasPrefix(got, "Hello!") {
			t.Fatalf("%s: %q, %v", d.name, got, err)
		}
	}
	a.edit("handlers/handlers.go", "Hello!", "Welcome!")
	if ev := a.until(control.EventLive); ev.Rung != manifest.RungHotSwap {
		t.Fatalf("live by %q", ev.Rung)
	}
	for _, d := range a.doors(false) {
		if got, err := d.get(); err != nil || !strings.HasPrefix(got, "Welcome!") {
			t.Errorf("%s after a hot swap: %q, %v", d.name, got, err)
		}
	}

	var asked atomic.Int64
	ended := make(chan struct{})
	var asking sync.WaitGroup
	doors := a.doors(false)
	for _, d := range a.doors(true) {
		if d.name != "tcp4" { // what has TLS cannot be passed on between two requests
			doors = append(doors, d)
		}
	}
	for _, d := range doors {
		asking.Go(func() {
			for {
				select {
				case <-ended:
					return
				case <-time.After(5 * time.Millisecond):
				}
				asked.Add(1)
				if got, err := d.get(); err != nil || !strings.HasPrefix(got, "Welcome!") {
					t.Errorf("%s, of %d requests: %q, %v", d.name, asked.Load(), got, err)
					return
				}
			}
		})
	}
	pid := a.status(control.StateLive).Live.PID
	for i := range 3 {
		a.edit("visits/visits.go", "\nfunc ", "\nvar _ = "+string(rune('1'+i))+"\n\nfunc ")
		for ev := range a.events {
			if ev.Kind == control.EventWarning {
				t.Errorf("warning %q", ev.Message)
			}
			if ev.Kind == control.EventLive {
				break
			}
		}
	}
	now := a.status(control.StateLive).Live.PID
	if now == pid {
		t.Error("the process is the same")
	}
	close(ended)
	asking.Wait()
	t.Logf("%d requests on %d doors", asked.Load(), len(doors))

	// After a crash the sockets are still there.
	p, err := os.FindProcess(now)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Kill(); err != nil {
		t.Fatal(err)
	}
	a.until(control.EventExited)
	for _, d := range a.doors(false) {
		if got, err := d.get(); err != nil || !strings.HasPrefix(got, "Welcome!") {
			t.Errorf("%s after a crash: %q, %v", d.name, got, err)
		}
	}

	// What main does not open any more is given back.
	a.edit("listen.go", `{"unix", "app.sock"}, `, "")
	for ev := range a.events {
		if ev.Kind == control.EventLive {
			break
		}
	}
	if _, err := os.Lstat(socket); !os.IsNotExist(err) {
		t.Errorf("the socket is still there: %v", err)
	}
	a.edit("listen.go", `{"tcp", "127.0.0.1:0"}`, `{"tcp", "127.0.0.1:0"}, {"unix", "app.sock"}`)
	for ev := range a.events {
		if ev.Kind == control.EventLive {
			break
		}
	}
	if info, err := os.Lstat(socket); err != nil || info.Mode().Type() != fs.ModeSocket {
		t.Errorf("the socket is not there: %v", err)
	}
	a.cancel()
	for range a.events { // until the engine ends
	}
	if _, err := os.Lstat(socket); !os.IsNotExist(err) {
		t.Errorf("after the end the socket is still there: %v", err)
	}
}
