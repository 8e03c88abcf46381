//go:build anvilhot

package process

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/anvilforge/anvil-lsp/hotreload/shared/nettest"
	"github.com/anvilforge/anvil-lsp/hotreload/shared/takeover"
)

// processAfter returns the sockets of a process that comes after the one whose shelf is
// given; nil: it is the first.
func processAfter(t *testing.T, before *takeover.Shelf) (*Sockets, *takeover.Shelf) {
	t.Helper()
	shelf, end, err := takeover.OpenShelf()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(shelf.Close)
	deposit, err := takeover.OpenDeposit(end)
	if err != nil {
		t.Fatal(err)
	}
	s := &Sockets{deposit: deposit, before: map[string]*os.File{}}
	if before == nil {
		return s, shelf
	}
	for _, name := range before.Names() {
		_, err := before.Use(name, func(f *os.File) error {
			l, err := net.FileListener(f)
			if err != nil {
				return err
			}
			defer l.Close()
			if u, ok := l.(*net.UnixListener); ok {
				s.before[name], err = u.File()
			} else {
				s.before[name], err = l.(*net.TCPListener).File()
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return s, shelf
}

// TestListenIsHandedOn: the next process has the socket of the one before, by what
// it was opened with.
func TestListenIsHandedOn(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	first, shelf := processAfter(t, nil)
	listen := func(s *Sockets, network, address string) net.Listener {
		t.Helper()
		l, err := s.Listen(t.Context(), network, address)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = l.Close() })
		return l
	}
	tcp, unix, gone := listen(first, "tcp", "127.0.0.1:0"), listen(first, "unix", "app.sock"), listen(first, "unix", "gone.sock")
	// At an address that nobody else is given.
	unwanted := listen(first, "tcp", strings.Replace(nettest.Reserve(t), "127.0.0.1", "localhost", 1))
	_, port, err := net.SplitHostPort(unwanted.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "app.sock")
	want := []string{"tcp 127.0.0.1:0", "tcp localhost:" + port, "unix " + path, "unix " + filepath.Join(dir, "gone.sock")}
	if !slices.Equal(shelf.Names(), want) {
		t.Errorf("kept are %q, want %q", shelf.Names(), want)
	}

	second, shelfOfSecond := processAfter(t, shelf)
	if err := os.Remove("gone.sock"); err != nil { // as a main does that has met one left behind
		t.Fatal(err)
	}
	again := listen(second, "tcp", "127.0.0.1:0")
	if again.Addr().String() != tcp.Addr().String() {
		t.Errorf("the address was %s and is %s", tcp.Addr(), again.Addr())
	}
	if other := listen(second, "tcp", "127.0.0.1:0"); other.Addr().String() == tcp.Addr().String() {
		t.Error("one socket is given twice")
	}
	unixAgain, anew := listen(second, "unix", path), listen(second, "unix", "gone.sock")
	if err := second.Release(); err != nil {
		t.Error(err)
	}
	shelf.Close()
	for _, l := range []net.Listener{tcp, unix, gone, unwanted} { // the first process ends
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
	for _, l := range []net.Listener{again, unixAgain, anew} {
		c, err := net.Dial(l.Addr().Network(), l.Addr().String())
		if err != nil {
			t.Errorf("%s: %v", l.Addr(), err)
			continue
		}
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	}
	if c, err := net.Dial("tcp", unwanted.Addr().String()); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("what nobody wants is still bound: %v, %v", c, err)
	}
	if len(shelfOfSecond.Names()) != 3 {
		t.Errorf("kept are %q", shelfOfSecond.Names())
	}
}

// TestListenAnew: a socket that an engine left behind is in nobody's way; one that
// somebody listens on is.
func TestListenAnew(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	if l, err := listenAgain(t.Context(), "unix", path); err == nil {
		t.Errorf("it listens beside another: %v", l.Close())
	}
	l.(*net.UnixListener).SetUnlinkOnClose(false)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	l, err = listenAgain(t.Context(), "unix", path)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	if l, err := listenAgain(t.Context(), "unix", path); err == nil {
		t.Errorf("it listens in the place of a file: %v", l.Close())
	}
	if got, err := os.ReadFile(path); string(got) != "precious" {
		t.Errorf("the file holds %q, %v", got, err)
	}
}
