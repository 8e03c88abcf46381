package feature

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"go.lsp.dev/protocol"
	"go.lsp.dev/uri"

	"github.com/anvilforge/anvil-lsp/lspserver/internal/text"
	"github.com/anvilforge/anvil-lsp/lspserver/internal/view"
)

// TestResolveActions: an edit is left to codeAction/resolve only if the client
// gives back what it needs.
func TestResolveActions(t *testing.T) {
	for capabilities, want := range map[string]bool{
		`{"resolveSupport":{"properties":["edit"]},"dataSupport":true}`:    true,
		`{"resolveSupport":{"properties":["edit"]}}`:                       false,
		`{"resolveSupport":{"properties":["command"]},"dataSupport":true}`: false,
		`{"dataSupport":true}`: false,
	} {
		var c protocol.ClientCapabilities
		if err := protocol.Unmarshal([]byte(`{"textDocument":{"codeAction":`+capabilities+`}}`), &c); err != nil {
			t.Fatal(err)
		}
		if got := view.NewClient(&c, protocol.ClientInfo{}).ResolveActions; got != want {
			t.Errorf("%s: %v", capabilities, got)
		}
	}
}

// TestDeclareIn: the register function goes into a file that is built, of the
// package that main imports.
func TestDeclareIn(t *testing.T) {
	const ignored = "//go:build ignore\n\npackage handlers\n"
	for _, tt := range []struct {
		name  string
		files map[string]string
		tags  []string
		want  string
	}{
		{"the only file", map[string]string{"b.go": "package handlers\n"}, nil, "b.go"},
		{"by name", map[string]string{"a.go": "package handlers\n", "routes.go": "package handlers\n"}, nil, "routes.go"},
		{"an ignored file", map[string]string{"a.go": ignored, "b.go": "package handlers\n"}, nil, "b.go"},
		{"another system", map[string]string{"a_plan9.go": "package handlers\n", "b.go": "package handlers\n"}, nil, "b.go"},
		{"another program", map[string]string{"a.go": "package main\n", "b.go": "package handlers\n", "c.go": "package handlers\n"}, nil, "b.go"},
		{"a test", map[string]string{"a_test.go": "package handlers\n", "b.go": "package handlers\n"}, nil, "b.go"},
		{"without its tag", map[string]string{"a.go": "//go:build dev\n\npackage handlers\n", "b.go": "package handlers\n"}, nil, "b.go"},
		{"with its tag", map[string]string{"a.go": "//go:build dev\n\npackage handlers\n", "b.go": "package handlers\n"}, []string{"dev"}, "a.go"},
		{"with the tag of every live server", map[string]string{"a.go": "//go:build anvilhot\n\npackage handlers\n", "b.go": "package handlers\n"}, nil, "a.go"},
		{"for builds without a live server", map[string]string{"a.go": "//go:build !anvilhot\n\npackage handlers\n", "b.go": "package handlers\n"}, nil, "b.go"},
		{"mentioned where it is not built", map[string]string{"a.go": ignored + "\n// AnvilRegisterRoutes\n", "b.go": "package handlers\n"}, nil, "b.go"},
		{"nothing that is built", map[string]string{"a.go": ignored}, nil, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			root := filepath.Join(t.TempDir(), "with [brackets")
			write := func(name, text string) string {
				path := filepath.Join(root, name)
				if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
					t.Fatal(err)
				}
				return path
			}
			write("go.mod", "module example.com/x\n")
			const text0 = "package main\n\nimport \"example.com/x/handlers\"\n\nfunc main() { hotreload.LiveServer(handlers.AnvilRegisterRoutes) }\n"
			main := write("main.go", text0)
			for name, text := range tt.files {
				write("handlers/"+name, text)
			}
			d := view.NewDocument(uri.File(main), main, 1, []byte(text0), text.UTF16)
			v := &view.View{Documents: &view.DocumentSet{ByURI: map[uri.URI]*view.Document{d.URI: d}, ByPath: map[string]*view.Document{main: d}}}
			change, err := changeFor(v, rewriteDeclareIn, &view.Folder{Settings: view.Settings{Tags: tt.tags}}, d, 0)
			if tt.want == "" {
				if err == nil {
					t.Errorf("it is written into %q", slices.Sorted(maps.Keys(change.Files)))
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if _, ok := change.Files[filepath.Join(root, "handlers", tt.want)]; !ok || len(change.Files) != 1 {
				t.Errorf("it is written into %q", slices.Sorted(maps.Keys(change.Files)))
			}
		})
	}
}
