//go:build unix

package regular

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// TestSource: nothing but source is shown, whatever it is called on the way.
func TestSource(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	for _, name := range []string{"key", ".env", "a.go", "parse.y", "go.mod", "config.json"} {
		if err := os.WriteFile(at(name), []byte("text"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(os.Symlink("key", at("leak.go")), os.Symlink("a.go", at("other.go")), os.Symlink("a.go", at("other")), syscall.Mkfifo(at("fifo.go"), 0o600), os.Mkdir(at("dir.go"), 0o700)); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]error{
		"a.go": nil, "parse.y": nil, "go.mod": nil, "other.go": nil,
		"key": ErrNotSource, ".env": ErrNotSource, "config.json": ErrNotSource, "leak.go": ErrNotSource, "other": ErrNotSource,
		"fifo.go": ErrNotRegular, "dir.go": ErrNotRegular, "none.go": os.ErrNotExist,
	} {
		data, err := Source(at(name))
		if !errors.Is(err, want) || (err == nil) != (string(data) == "text") {
			t.Errorf("%s: %q, %v, want %v", name, data, err, want)
		}
	}
}
