package build

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/anvilforge/anvil-lsp/internal/build/gocmd"
	"github.com/anvilforge/anvil-lsp/internal/build/golist"
	"github.com/anvilforge/anvil-lsp/internal/build/syntax"
)

func TestUnfinished(t *testing.T) {
	const whole = "package app\n\nvar a, b = 1, 2\n\nfunc f() {}\n\ntype t int\n\nfunc (t) m() {}\n"
	tests := map[string]struct {
		files map[string]string // written after the snapshot was taken; "" is empty, "-" gone
		want  string
	}{
		"another edit":                   {files: map[string]string{"app.go": whole + "\nfunc g() {}\n"}},
		"emptied":                        {files: map[string]string{"app.go": ""}, want: "app.go is empty"},
		"new and empty":                  {files: map[string]string{"new.go": "\n"}, want: "new.go is empty"},
		"copy":                           {files: map[string]string{"new.go": whole}, want: "new.go only repeats what app.go declares"},
		"part of a copy":                 {files: map[string]string{"new.go": "package app\n\nfunc (t) m() { println() }\n\nfunc init() {}\n"}, want: "new.go only repeats what app.go declares"},
		"something new":                  {files: map[string]string{"new.go": whole + "\nfunc g() {}\n"}},
		"nothing to repeat":              {files: map[string]string{"new.go": "package app\n\nfunc init() {}\n\nvar _ = 1\n"}},
		"moved":                          {files: map[string]string{"app.go": "-", "new.go": whole}},
		"moved in part":                  {files: map[string]string{"app.go": "package app\n\nvar a, b = 1, 2\n", "new.go": "package app\n\nfunc f() {}\n\ntype t int\n\nfunc (t) m() {}\n"}},
		"copy for another system":        {files: map[string]string{"new_plan9.go": whole}},
		"copy that no build takes":       {files: map[string]string{"new.go": "//go:build none\n\n" + whole}},
		"test":                           {files: map[string]string{"new_test.go": whole}},
		"copy in a directory of its own": {files: map[string]string{"../other/new.go": whole}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			a := &app{t: t, dir: t.TempDir()}
			b := &Builder{tools: &gocmd.Toolchain{}}
			b.tools.Env.GOOS, b.tools.Env.GOARCH = "linux", "amd64"
			file := a.write("app/app.go", whole)
			p := &Package{ImportPath: "app", Dir: filepath.Join(a.dir, "app"), GoFiles: []string{"app.go"}, Module: &golist.Module{Main: true}}
			src, err := syntax.Read(file, false)
			if err != nil {
				t.Fatal(err)
			}
			s := &Snapshot{graph: &Graph{Packages: map[string]*Package{"app": p}}, sources: map[string]syntax.File{file: src}}
			var changed []string
			for name, text := range tt.files {
				path := filepath.Join(p.Dir, name)
				if text == "-" {
					if err := os.Remove(path); err != nil {
						t.Fatal(err)
					}
				} else {
					a.write(filepath.Join("app", name), text)
				}
				changed = append(changed, path)
			}
			slices.Sort(changed)
			got := ""
			if f, what := b.Unfinished(s, changed); f != "" {
				got = filepath.Base(f) + " " + what
			}
			if got != tt.want {
				t.Errorf("%q, want %q", got, tt.want)
			}
		})
	}
}
