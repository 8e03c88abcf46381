//go:build unix

package takeover

import (
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/anvilforge/anvil-lsp/hotreload/shared/nettest"
)

func shelf(t *testing.T) (*Shelf, *Deposit) {
	t.Helper()
	s, f, err := OpenShelf()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	d, err := OpenDeposit(f)
	if err != nil {
		t.Fatal(err)
	}
	return s, d
}

func listenAt(t *testing.T, network, address string) net.Listener {
	t.Helper()
	l, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

// refused checks that nobody listens where l did, which is a reserved address.
func refused(t *testing.T, l net.Listener) {
	t.Helper()
	if c, err := net.Dial("tcp", l.Addr().String()); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("%s is still listened on: %v, %v", l.Addr(), c, err)
	}
}

// TestShelf: what is put there is bound as long as the shelf has it, and can be
// listened on again.
func TestShelf(t *testing.T) {
	s, d := shelf(t)
	path := filepath.Join(t.TempDir(), "s")
	unix := listenAt(t, "unix", path)
	unix.(*net.UnixListener).SetUnlinkOnClose(false)
	tcp := listenAt(t, "tcp", nettest.Reserve(t))
	for name, l := range map[string]net.Listener{"unix " + path: unix, "tcp a": tcp} {
		if err := d.Put(name, l); err != nil {
			t.Fatal(err)
		}
		if !slices.Contains(s.Names(), name) {
			t.Errorf("%s is not kept once it was put", name)
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		// It waits in the queue of the socket.
		c, err := net.Dial(l.Addr().Network(), l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(c, "waited"); err != nil {
			t.Fatal(err)
		}
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
		found, err := s.Use(name, func(f *os.File) error {
			again, err := net.FileListener(f)
			if err != nil {
				return err
			}
			defer again.Close()
			c, err := again.Accept()
			if err != nil {
				return err
			}
			defer c.Close()
			if got, err := io.ReadAll(c); string(got) != "waited" {
				t.Errorf("%s: got %q, %v", name, got, err)
			}
			return nil
		})
		if !found || err != nil {
			t.Errorf("%s: found %t, %v", name, found, err)
		}
	}
	if found, err := s.Use("tcp b", nil); found || err != nil {
		t.Errorf("another name: %t, %v", found, err)
	}
	s.Empty()
	if err := d.Say("bye"); err != nil {
		t.Error(err)
	}
	if got := <-s.Words(); got != "bye" {
		t.Errorf("it says %q", got)
	}
	if names := s.Names(); len(names) > 0 {
		t.Errorf("closed, it has %q", names)
	}
	refused(t, tcp)
	if err := d.Put("late", listenAt(t, "tcp", "127.0.0.1:0")); err == nil {
		t.Error("it is kept on a shelf that is closed")
	}
}

// TestShelfTakesTheNewest: a name is that of one socket.
func TestShelfTakesTheNewest(t *testing.T) {
	s, d := shelf(t)
	first, second := listenAt(t, "tcp", nettest.Reserve(t)), listenAt(t, "tcp", "127.0.0.1:0")
	for _, l := range []net.Listener{first, second} {
		if err := d.Put("one", l); err != nil {
			t.Fatal(err)
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if names := s.Names(); !slices.Equal(names, []string{"one"}) {
		t.Errorf("kept are %q", names)
	}
	refused(t, first)
	c, err := net.Dial("tcp", second.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestShelfRefuses: a name that is too long, and a listener without a descriptor.
func TestShelfRefuses(t *testing.T) {
	s, d := shelf(t)
	l := listenAt(t, "tcp", "127.0.0.1:0")
	for name, l := range map[string]net.Listener{"": l, strings.Repeat("x", maxName+1): l, "pipes": pipes{}} {
		if err := d.Put(name, l); err == nil {
			t.Errorf("%.10q is kept", name)
		}
	}
	if err := d.Put(strings.Repeat("x", maxName), l); err != nil {
		t.Error(err)
	}
	if names := s.Names(); len(names) != 1 {
		t.Errorf("kept are %d", len(names))
	}
}
