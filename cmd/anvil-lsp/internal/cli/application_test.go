package cli

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// TestHasCode: a package may be called vendor; what the go command has vendored is
// no application.
func TestHasCode(t *testing.T) {
	for name, want := range map[string]bool{
		"main.go": true, "vendor/main.go": false, "internal/vendor/v.go": true, "cmd/vendor/main.go": true,
		"testdata/x.go": false, "x_test.go": false,
	} {
		dir := t.TempDir()
		for _, file := range []string{"go.mod", name} {
			path := filepath.Join(dir, filepath.FromSlash(file))
			if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o777), os.WriteFile(path, nil, 0o666)); err != nil {
				t.Fatal(err)
			}
		}
		if got := hasCode(dir); got != want {
			t.Errorf("%s: %t", name, got)
		}
	}
}
