package cli

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// TestLookIn: a search for the application ends where none can be.
func TestLookIn(t *testing.T) {
	for _, tt := range []struct {
		name  string
		files []string
		home  string
		from  string
		named string
		last  string // directory that is looked at last
	}{
		{"root of the module", []string{"a/app/go.mod"}, "", "a/app/cmd/web", "", "a/app"},
		{"the innermost module", []string{"a/go.mod", "a/app/go.mod"}, "", "a/app/cmd", "", "a/app"},
		{"modules that go.work joins", []string{"a/go.work", "a/app/go.mod"}, "", "a/app/cmd", "", "a"},
		{"go.work above a module of none", []string{"a/go.work", "a/go.mod"}, "", "a", "", "a"},
		{"go.mod is a directory", []string{"a/go.mod", "a/app/go.mod/x"}, "", "a/app/cmd", "", "a"},
		{"home", nil, "a/home", "a/home/project/cmd", "", "a/home"},
		{"a module above home is out of reach", []string{"a/go.mod"}, "a/home", "a/home/project", "", "a/home"},
		{"named", []string{"a/go.mod"}, "", "a/app", "cmd", "a/app/cmd"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			root := t.TempDir()
			at := func(name string) string { return filepath.Join(root, filepath.FromSlash(name)) }
			for _, name := range tt.files {
				if err := errors.Join(os.MkdirAll(filepath.Dir(at(name)), 0o700), os.WriteFile(at(name), nil, 0o600)); err != nil {
					t.Fatal(err)
				}
			}
			if err := os.MkdirAll(at(tt.from), 0o700); err != nil {
				t.Fatal(err)
			}
			home := tt.home
			if home == "" {
				home = "elsewhere"
			}
			t.Setenv("HOME", at(home))
			p := &program{dir: at(tt.from)}
			got := p.searchDirs(tt.named)
			var want []string
			for dir := filepath.Join(at(tt.from), tt.named); ; dir = filepath.Dir(dir) {
				want = append(want, dir)
				if dir == at(tt.last) {
					break
				}
			}
			if !slices.Equal(got, want) {
				t.Errorf("looks in %q, want %q", got, want)
			}
		})
	}
}
