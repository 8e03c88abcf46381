//go:build unix

package transport

import (
	"errors"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/anvilforge/anvil-lsp/hotreload/control"
)

// socketDir returns a directory whose path leaves room for the name of a
// socket.
func socketDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "anvil")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

func listen(t *testing.T, path string) *net.UnixListener {
	t.Helper()
	l, err := ListenUnix(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

func TestListenUnixIsPrivate(t *testing.T) {
	path := filepath.Join(socketDir(t), "s.sock")
	listen(t, path)
	info, err := os.Stat(path)
	if err != nil || info.Mode() != fs.ModeSocket|0o600 {
		t.Errorf("mode %v, %v; want a socket with mode 0600", info.Mode(), err)
	}
}

func TestListenUnixReplacesStaleSocket(t *testing.T) {
	path := filepath.Join(socketDir(t), "s.sock")
	listen(t, path).Close()
	if _, err := os.Stat(path); err != nil {
		t.Fatalf("closing removed the socket: %v", err)
	}
	serve(t, listen(t, path), http.NewServeMux())
	if err := NewClient(path).Get(t.Context(), "/", nil); !isStatus(err, 404) {
		t.Errorf("asking the new owner: %v", err)
	}
}

func TestListenUnixLeavesWhatIsInUse(t *testing.T) {
	path := filepath.Join(socketDir(t), "s.sock")
	serve(t, listen(t, path), http.NewServeMux())
	if _, err := ListenUnix(path); !errors.Is(err, ErrInUse) || !strings.Contains(err.Error(), path) {
		t.Errorf("second ListenUnix: %v, want ErrInUse that names the path", err)
	}
	if err := NewClient(path).Get(t.Context(), "/", nil); !isStatus(err, 404) {
		t.Errorf("asking the first owner: %v", err)
	}
}

func TestListenUnixOneOfManyWins(t *testing.T) {
	path := filepath.Join(socketDir(t), "s.sock")
	listen(t, path).Close() // everybody finds it stale
	var wg sync.WaitGroup
	var mu sync.Mutex
	won := 0
	for range 8 {
		wg.Go(func() {
			l, err := ListenUnix(path)
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err == nil:
				won++
				t.Cleanup(func() { l.Close() })
			case !errors.Is(err, ErrInUse):
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if won != 1 {
		t.Errorf("%d listeners on one path", won)
	}
}

func TestListenUnixKeepsWhatIsNotASocket(t *testing.T) {
	path := filepath.Join(socketDir(t), "s.sock")
	if err := os.WriteFile(path, []byte("notes"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := ListenUnix(path); err == nil || !strings.Contains(err.Error(), "not a socket") {
		t.Errorf("ListenUnix over a file: %v", err)
	}
	if data, _ := os.ReadFile(path); string(data) != "notes" {
		t.Errorf("the file is now %q", data)
	}
}

func TestListenUnixOverLongPath(t *testing.T) {
	dir := filepath.Join(socketDir(t), strings.Repeat("d", 90), strings.Repeat("e", 90))
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "s.sock")
	if runtime.GOOS != "linux" {
		if _, err := ListenUnix(path); !errors.Is(err, ErrPathTooLong) {
			t.Errorf("ListenUnix: %v", err)
		}
		return
	}
	listen(t, path).Close() // a stale one, to go the whole way
	serve(t, listen(t, path), http.NewServeMux())
	if err := NewClient(path).Get(t.Context(), "/", nil); !isStatus(err, 404) {
		t.Errorf("Get: %v", err)
	}
	if _, err := ListenUnix(path); !errors.Is(err, ErrInUse) {
		t.Errorf("second ListenUnix: %v", err)
	}
	if _, err := ListenUnix(filepath.Join(dir, strings.Repeat("s", 100))); !errors.Is(err, ErrPathTooLong) {
		t.Errorf("over-long name: %v", err)
	}
}

func TestListenUnixWithoutDirectory(t *testing.T) {
	path := filepath.Join(socketDir(t), "missing", "s.sock")
	if _, err := ListenUnix(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("ListenUnix: %v", err)
	}
}

func isStatus(err error, status int) bool {
	p, ok := errors.AsType[*control.Problem](err)
	return ok && p.Status == status
}
