//go:build unix

package regular

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// TestSource: nothing but source of the modules is shown, whatever it is called
// on the way.
func TestSource(t *testing.T) {
	top := t.TempDir()
	at := func(name string) string { return filepath.Join(top, name) }
	for _, name := range []string{
		"app/key", "app/.env", "app/a.go", "app/sub/b.go", "app/parse.y", "app/go.mod", "app/config.json", "app/vendor/x/x.go",
		"app/nested/go.mod", "app/nested/deep/n.go", "app/used/go.mod", "app/used/u.go", "other/go.mod", "other/o.go", "application/p.go", "above.go", "go.work",
	} {
		if err := errors.Join(os.MkdirAll(filepath.Dir(at(name)), 0o700), os.WriteFile(at(name), []byte("text"), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(
		os.Symlink("key", at("app/leak.go")), os.Symlink("a.go", at("app/link.go")), os.Symlink("a.go", at("app/link")), os.Symlink(at("other/o.go"), at("app/out.go")),
		os.Symlink("../other", at("app/dir")), os.Symlink("app", at("way")), syscall.Mkfifo(at("app/fifo.go"), 0o600), os.Mkdir(at("app/dir.go"), 0o700),
	); err != nil {
		t.Fatal(err)
	}
	sources := Sources{at("app"), at("app/used"), at("go.work")}
	for name, want := range map[string]error{
		"app/a.go": nil, "app/sub/b.go": nil, "app/parse.y": nil, "app/go.mod": nil, "app/link.go": nil, "app/vendor/x/x.go": nil, "app/used/u.go": nil, "way/a.go": nil, "go.work": nil,
		"app/key": ErrNotSource, "app/.env": ErrNotSource, "app/config.json": ErrNotSource, "app/leak.go": ErrNotSource, "app/link": ErrNotSource,
		"app/nested/deep/n.go": ErrElsewhere, "app/nested/go.mod": ErrElsewhere, "other/o.go": ErrElsewhere, "app/out.go": ErrElsewhere, "app/dir/o.go": ErrElsewhere,
		"application/p.go": ErrElsewhere, "above.go": ErrElsewhere, "app/../above.go": ErrElsewhere,
		"app/fifo.go": ErrNotRegular, "app/dir.go": ErrNotRegular, "app/none.go": os.ErrNotExist,
	} {
		data, err := sources.Read(at(name))
		if !errors.Is(err, want) || (err == nil) != (string(data) == "text") {
			t.Errorf("%s: %q, %v, want %v", name, data, err, want)
		}
	}
	if _, err := Sources(nil).Read(at("app/a.go")); !errors.Is(err, ErrElsewhere) {
		t.Errorf("of no module: %v", err)
	}
}
