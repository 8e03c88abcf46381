package lspserver

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

const (
	mainText     = "package main\n\nimport \"github.com/anvilforge/anvil-lsp/hotreload\"\n\nfunc main() { hotreload.LiveServer(nil, hotreload.Options{}) }\n"
	handlersText = "package h\n\nimport \"github.com/anvilforge/anvil-lsp/hotreload\"\n\nfunc AnvilRegisterRoutes(r *hotreload.RouteSink) {}\n"
)

func TestFindApplications(t *testing.T) {
	for _, tt := range []struct {
		name  string
		files map[string]string
		want  []string
	}{
		{"none", map[string]string{"main.go": "package main\n", "h/h.go": "package h // AnvilRegisterRoutes"}, nil},
		{"no register function", map[string]string{"main.go": mainText}, nil},
		{"no main", map[string]string{"go.mod": "", "h/h.go": handlersText}, nil},
		{"one", map[string]string{"go.mod": "", "main.go": mainText, "h/h.go": handlersText}, []string{"."}},
		{"main below", map[string]string{"go.mod": "", "cmd/web/main.go": mainText, "h/h.go": handlersText}, []string{"."}},
		{"main below, Go files above", map[string]string{"go.mod": "", "x.go": "package x\n", "cmd/web/main.go": mainText, "h/h.go": handlersText}, []string{"cmd/web"}},
		{"two in a module", map[string]string{"go.mod": "", "cmd/a/main.go": mainText, "cmd/b/main.go": mainText, "h/h.go": handlersText}, []string{"cmd/a", "cmd/b"}},
		{"two modules", map[string]string{"a/go.mod": "", "a/main.go": mainText, "a/h/h.go": handlersText, "b/go.mod": "", "b/main.go": mainText, "b/h/h.go": handlersText}, []string{"a", "b"}},
		{"joined by go.work", map[string]string{"go.work": "", "web/go.mod": "", "web/main.go": mainText, "h/go.mod": "", "h/h.go": handlersText}, []string{"web"}},
		{"what the go command skips", map[string]string{"testdata/main.go": mainText, "_x/main.go": mainText, ".y/main.go": mainText, "vendor/z/main.go": mainText, "h/h.go": handlersText}, nil},
		{"tests", map[string]string{"main_test.go": mainText, "h/h.go": handlersText}, nil},
	} {
		root := t.TempDir()
		for name, text := range tt.files {
			path := filepath.Join(root, name)
			if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
				t.Fatal(err)
			}
		}
		var got []string
		for _, dir := range findApplications(t.Context(), root) {
			rel, err := filepath.Rel(root, dir)
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, rel)
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("%s: found %q, want %q", tt.name, got, tt.want)
		}
	}
}
