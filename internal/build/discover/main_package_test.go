package discover

import (
	"os"
	"strings"
	"testing"

	"github.com/anvilforge/anvil-lsp/internal/build/gocmd"
	"github.com/anvilforge/anvil-lsp/internal/build/golist"
)

// TestMain finds the program as the go command builds it.
func TestMainFound(t *testing.T) {
	tests := []struct{ name, files, want, wrong string }{
		{name: "tag", files: "-- magefile.go --\n//go:build mage\n\npackage main\n\nfunc main() {}\n-- cmd/server/main.go --\npackage main" + serves, want: "./cmd/server"},
		{name: "another program in the root", files: "-- main.go --\npackage main\n\nfunc main() {}\n-- cmd/server/main.go --\npackage main" + serves, want: "./cmd/server"},
		{name: "commands", files: "-- cmd/app/main.go --\npackage main\n\nimport \"example.com/hello/internal/cmd\"\n\nfunc main() { cmd.Execute() }\n-- internal/cmd/serve.go --\npackage cmd" + serves, want: "./cmd/app"},
		{name: "two", files: "-- cmd/a/main.go --\npackage main" + serves + "-- cmd/b/main.go --\npackage main" + serves, wrong: "./cmd/a, ./cmd/b; choose one with --main ./cmd/a"},
		{name: "the root and another", files: "-- main.go --\npackage main" + serves + "-- cmd/b/main.go --\npackage main" + serves, want: "."},
		{name: "only in the root, and it does not serve", files: "-- main.go --\npackage main\n\nfunc main() {}\n", want: "."},
		{name: "none", files: "-- cmd/a/main.go --\npackage main\n\nfunc main() {}\n", wrong: "no program in "},
	}
	for _, tt := range tests {
		dir := t.TempDir()
		unpack(t, dir, strings.Replace(helloModule, "v0.0.0\n", "v0.0.0\n\nreplace github.com/anvilforge/anvil-lsp/hotreload => ./runtime\n", 1)+helloHandlers+tt.files+
			"-- runtime/go.mod --\nmodule github.com/anvilforge/anvil-lsp/hotreload\n-- runtime/h.go --\npackage hotreload\n")
		tools, err := gocmd.New(t.Context(), gocmd.Settings{Dir: dir, Go: "go", Environ: os.Environ()})
		if err != nil {
			t.Fatal(err)
		}
		got, err := Main(t.Context(), &golist.Lister{Toolchain: tools}, "")
		if got != tt.want || (tt.wrong == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), tt.wrong) {
			t.Errorf("%s: %q, error %v; want %q, %q", tt.name, got, err, tt.want, tt.wrong)
		}
	}
}
