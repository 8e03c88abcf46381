package build

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/anvilforge/anvil-lsp/internal/build/gocmd"
)

// TestMainSetting: what names the main package is no flag of the go command,
// some of which run programs.
func TestMainSetting(t *testing.T) {
	dir := t.TempDir()
	ran := filepath.Join(dir, "ran")
	program := writeTool(t, filepath.Join(dir, "program"), "touch "+ran)
	tests := []struct {
		setting, want string // empty: refused
	}{
		{"", "."},
		{".", "."},
		{"./cmd/web", "./cmd/web"},
		{"cmd/web", "./cmd/web"},
		{"example.com/app/cmd/web", "example.com/app/cmd/web"},
		{"-odd", "./-odd"},
		{"-toolexec=" + program, ""},
		{"--", ""},
	}
	for _, tt := range tests {
		a := newApp(t, "app.txtar", func(c *Config) { c.Main = tt.setting })
		for _, name := range []string{"cmd/web", "-odd"} {
			if err := os.MkdirAll(filepath.Join(a.dir, name), 0o777); err != nil {
				t.Fatal(err)
			}
		}
		got, err := a.b.Main(t.Context())
		if got != tt.want || errors.Is(err, gocmd.ErrSetup) != (tt.want == "") {
			t.Errorf("%q: %q, error %v; want %q", tt.setting, got, err, tt.want)
		}
		if tt.want == "" { // whoever asks
			if _, _, err := a.b.Host(t.Context(), tt.setting, 1, nil, Stages{}); err == nil {
				t.Errorf("%q was built", tt.setting)
			}
		}
	}
	if _, err := os.Stat(ran); err == nil {
		t.Error("the go command ran a program")
	}
}
