package lspserver

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/anvilforge/anvil-lsp/lspserver/internal/view"
)

func TestHome(t *testing.T) {
	const program = "package main\n"
	for _, tt := range []struct {
		name    string
		files   []string // with the text of a program, but for go.mod
		dir     string   // of the session
		main    string   // as the engine says
		setting string
		want    string
	}{
		{name: "main beside the module file", files: []string{"go.mod", "a.go", "main.go"}, main: "example.com/x", want: "main.go"},
		{name: "no main.go", files: []string{"go.mod", "server.go", "web.go"}, main: "example.com/x", want: "server.go"},
		{name: "main below the module", files: []string{"go.mod", "cmd/server/app.go"}, main: "example.com/x/cmd/server", want: "cmd/server/app.go"},
		{name: "the session is where main is", files: []string{"go.mod", "cmd/server/app.go"}, dir: "cmd/server", want: "cmd/server/app.go"},
		{name: "no engine", files: []string{"go.mod", "cmd/server/app.go"}, setting: "./cmd/server", want: "cmd/server/app.go"},
		{name: "nothing is known of main", files: []string{"go.mod", "cmd/server/app.go"}, want: "go.mod"},
		{name: "the module is around the session", files: []string{"go.mod", "apps/one/handlers/x.go"}, dir: "apps/one", want: "go.mod"},
		{name: "another system and a test", files: []string{"go.mod", "a_plan9.go", "b_test.go", "c.go"}, want: "c.go"},
		{name: "everything is gone", want: ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := newDesk(t)
			f := d.session("root")
			root := f.dir
			for _, name := range tt.files {
				text := program
				if name == "go.mod" {
					text = "module example.com/x\n"
				}
				d.write(filepath.Join(root, filepath.FromSlash(name)), text)
			}
			f.dir = filepath.Join(root, filepath.FromSlash(tt.dir))
			f.status.Main = tt.main
			settings := view.DefaultSettings()
			settings.Main = tt.setting
			f.settings.Store(&settings)
			want := tt.want
			if want != "" {
				want = filepath.Join(root, filepath.FromSlash(want))
			}
			got := f.findingHome()
			if got != want {
				t.Errorf("it is %s, want %s", got, want)
			}
			if _, err := os.Stat(got); err != nil && got != "" {
				t.Error(err)
			}
		})
	}
}
