//go:build unix

package regular

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestRead: every kind of file ends at once, in its text or in an error that
// names it.
func TestRead(t *testing.T) {
	const limit = 1 << 20
	dir := t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }
	write := func(name, text string) {
		if err := os.WriteFile(path(name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	sparse := func(name string, size int64) {
		write(name, "")
		if err := os.Truncate(path(name), size); err != nil {
			t.Fatal(err)
		}
	}
	link := func(name, target string) {
		if err := os.Symlink(target, path(name)); err != nil {
			t.Fatal(err)
		}
	}
	write("text", "text")
	write("empty", "")
	sparse("limit", limit)
	sparse("above", limit+1)
	sparse("sparse", 3<<30)
	link("inside", "text")
	link("outside", path("text"))
	link("zero", "/dev/zero")
	link("dangling", "nothing")
	link("round", "round")
	if err := syscall.Mkfifo(path("fifo"), 0o600); err != nil {
		t.Fatal(err)
	}
	link("fifolink", "fifo")
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	for _, tt := range []struct {
		name string
		size int
		err  error // of both
		only error // of ReadIn, where it differs
	}{
		{name: "text", size: 4},
		{name: "empty"},
		{name: "limit", size: limit},
		{name: "inside", size: 4},
		{name: "above", err: ErrTooLarge},
		{name: "sparse", err: ErrTooLarge},
		{name: "fifo", err: ErrNotRegular},
		{name: "fifolink", err: ErrNotRegular},
		{name: ".", err: ErrNotRegular},
		{name: "dangling", err: fs.ErrNotExist},
		{name: "missing", err: fs.ErrNotExist},
		{name: "round", err: syscall.ELOOP},
		{name: "zero", err: ErrNotRegular, only: errAny},
		{name: "outside", size: 4, only: errAny},
	} {
		t.Run(tt.name, func(t *testing.T) {
			data, err := Read(path(tt.name), limit)
			check := func(how string, data []byte, err, want error) {
				switch {
				case want == errAny && err != nil, want != nil && errors.Is(err, want):
					if !strings.Contains(err.Error(), filepath.Base(path(tt.name))) {
						t.Errorf("%s: error %q does not name the file", how, err)
					}
				case err != nil || want != nil || len(data) != tt.size:
					t.Errorf("%s: %d bytes, error %v; want %d, %v", how, len(data), err, tt.size, want)
				}
			}
			check("Read", data, err, tt.err)
			if tt.only != nil {
				tt.err = tt.only
			}
			if tt.name == "." || tt.name == "round" { // named otherwise in a root
				return
			}
			data, err = ReadIn(root, tt.name, limit)
			check("ReadIn", data, err, tt.err)
		})
	}
}

var errAny = errors.New("any")
