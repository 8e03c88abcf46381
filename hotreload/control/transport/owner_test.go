//go:build linux

package transport

import (
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestSocketOfAnotherUser: neither a socket, nor the directory that it is in, nor
// the process behind it may be another user's.
func TestSocketOfAnotherUser(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can give a file away")
	}
	const other = 4242
	for name, tt := range map[string]struct {
		change func(dir, socket string) error
		says   string
	}{
		"its own":       {func(_, _ string) error { return nil }, ""},
		"the socket":    {func(_, socket string) error { return os.Chown(socket, other, other) }, "s.sock belongs to another user, with id 4242"},
		"its directory": {func(dir, _ string) error { return os.Chown(dir, other, other) }, "belongs to another user, with id 4242"},
		"a link to one": {func(_, socket string) error {
			return errors.Join(os.Rename(socket, socket+"2"), os.Symlink(socket+"2", socket))
		}, "not a socket"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := socketDir(t)
			path := filepath.Join(dir, "s.sock")
			asked := false
			serve(t, listen(t, path), http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked = true }))
			if err := tt.change(dir, path); err != nil {
				t.Fatal(err)
			}
			err := NewClient(path).Get(t.Context(), "/", nil)
			if tt.says == "" {
				if err != nil || !asked {
					t.Errorf("error %v, asked %v", err, asked)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), tt.says) || !strings.Contains(err.Error(), path) {
				t.Errorf("error %v, want one of %s that says %s", err, path, tt.says)
			}
			if asked {
				t.Error("it was asked")
			}
			if foreign := strings.Contains(tt.says, "another user"); errors.Is(err, ErrForeign) != foreign {
				t.Errorf("ErrForeign: %v", err)
			}
		})
	}
}
