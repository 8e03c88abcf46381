package gocmd

import (
	"path/filepath"
	"slices"
	"testing"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
)

func TestParseErrors(t *testing.T) {
	const dir = "/app"
	tests := []struct {
		name, output string
		want         []string
	}{
		{"compiler", "/app/h.go:3:5: undefined: x\n/app/h.go:4:1: too many arguments\n\thave (int)\n\twant ()\n/app/h.go:9:1: too many errors\n",
			[]string{"/app/h.go:3:5: undefined: x [ANV009]", "/app/h.go:4:1: too many arguments\n\thave (int)\n\twant () [ANV009]"}},
		{"go command", "# example.com/app/handlers\nhandlers/h.go:3:5: undefined: x\n", []string{"/app/handlers/h.go:3:5: undefined: x [ANV009]"}},
		{"go.mod", "go: errors parsing go.mod:\n/app/go.mod:5: unknown directive: requir\n", []string{"/app/go.mod:5: unknown directive: requir [ANV009]"}},
		{"loader", "h.go:2:1: /app/h.go:2:1: expected declaration, found x", []string{"/app/h.go:2:1: expected declaration, found x [ANV009]"}},
		{"none", "go: downloading example.com/x v1.0.0\nexit status 2\n", nil},
	}
	for _, tt := range tests {
		var got []string
		for _, d := range ParseErrors(dir, tt.output) {
			got = append(got, d.String())
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("%s:\n%q\nwant\n%q", tt.name, got, tt.want)
		}
	}
}

func FuzzParseErrors(f *testing.F) {
	f.Add("# p\nh.go:3:5: undefined: x\n\thave\n")
	f.Add(":1:1: x\n\t\n")
	f.Fuzz(func(t *testing.T, output string) {
		for _, d := range ParseErrors("/app", output) {
			if d.Code != manifest.CodeCompile || !filepath.IsAbs(d.File) || d.Line < 0 {
				t.Errorf("%q gives %+v", output, d)
			}
		}
	})
}
