package discover

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// TestSkipped: only a vendor directory of the go command's is passed over.
func TestSkipped(t *testing.T) {
	root := t.TempDir()
	for _, name := range []string{"app/go.mod", "app/vendor/x.go", "app/internal/vendor/x.go", "work/go.work", "work/vendor/x.go", "part/vendor/modules.txt", "app/vendored/modules.txt"} {
		path := filepath.Join(root, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o777), os.WriteFile(path, nil, 0o666)); err != nil {
			t.Fatal(err)
		}
	}
	for name, want := range map[string]bool{
		"app/vendor": true, "work/vendor": true, "part/vendor": true,
		"app/internal/vendor": false, "app/vendored": false, "app": false, "nowhere/vendor": false,
	} {
		if got := Skipped(filepath.Join(root, name)); got != want {
			t.Errorf("%s: %t", name, got)
		}
	}
}
