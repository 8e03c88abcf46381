package build

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/anvilforge/anvil-lsp/internal/build/gocmd"
	"github.com/anvilforge/anvil-lsp/internal/build/syntax"
)

// TestMends: what may mend a graph that does not hold is watched for, and what
// cannot is not looked at.
func TestMends(t *testing.T) {
	tests := map[string]struct {
		app     string // package app, beside main
		mod     string // more of go.mod
		files   []string
		watched []string // directories that must be watched, or that lead to them
		mends   []string
		not     []string
	}{
		"embedded directory": {
			app: "//go:embed icons\nvar _ embed.FS\n", watched: []string{"app"},
			mends: []string{"app/icons", "app/icons/a.svg", "app/icons/sub/b.svg", "app/x.s", "app/x.h", "app/y.go"},
			not:   []string{"app/icons/.hidden", "app/log.txt", "app/icons.txt", "icons/a.svg"},
		},
		"embedded directory that is empty": {
			app: "//go:embed icons\nvar _ embed.FS\n", files: []string{"app/icons/deep/.keep"},
			watched: []string{"app", "app/icons", "app/icons/deep"}, mends: []string{"app/icons/deep/a.svg"}, not: []string{"app/icons/deep/.keep2"},
		},
		"file in a directory": {
			app: "//go:embed t.d/page.html\nvar _ embed.FS\n", watched: []string{"app"},
			mends: []string{"app/t.d", "app/t.d/page.html"}, not: []string{"app/t.d/other.html", "app/t.e"},
		},
		"pattern for directories": {
			app: "//go:embed a.x/*/x?.html\nvar _ embed.FS\n", files: []string{"app/a.x/one.d/none"}, watched: []string{"app", "app/a.x", "app/a.x/one.d"},
			mends: []string{"app/a.x/two.d", "app/a.x/two.d/x1.html", "app/a.x/one.d/x2.html"}, not: []string{"app/a.x/one.d/y.html", "app/a.x/one.d/two.d/x1.html"},
		},
		"hidden files": {
			app: "//go:embed all:.well-known\nvar _ embed.FS\n", watched: []string{"app"},
			mends: []string{"app/.well-known", "app/.well-known/.a/b"}, not: []string{"app/.other"},
		},
		"missing package": {
			app: "import _ \"example.com/mend/lib.v2/sub\"\n", watched: []string{"lib.v2/sub"}, mends: []string{"lib.v2/sub/x.go"}, not: []string{"lib.v2/x.txt"},
		},
		"missing module": {
			app: "import _ \"example.com/other/sub\"\n", mod: "require example.com/other v0.0.0\nreplace example.com/other => ./other.d\n",
			watched: []string{"other.d", "other.d/sub"}, mends: []string{"other.d/go.mod", "other.d/sub/x.go"},
		},
		"package without Go files": {
			app: "import _ \"example.com/mend/lib\"\n", files: []string{"lib/x_test.go"}, watched: []string{"lib"}, mends: []string{"lib/x.go"}, not: []string{"lib/y_test.go"},
		},
		"package for another system": {
			app: "import _ \"example.com/mend/lib\"\n", files: []string{"lib/x_plan9.go"}, watched: []string{"lib"}, mends: []string{"lib/x_plan9.go", "lib/x.go"},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			a := &app{t: t, dir: t.TempDir()}
			a.write("go.mod", "module example.com/mend\n\ngo 1.26\n\n"+tt.mod)
			a.write("main.go", "package main\n\nimport _ \"example.com/mend/app\"\n\nfunc main() {}\n")
			text := tt.app
			if strings.Contains(text, "embed.FS") {
				text = "import \"embed\"\n\n" + text
			}
			a.write("app/app.go", "package app\n\n"+text)
			for _, f := range tt.files {
				text := ""
				if strings.HasSuffix(f, ".go") {
					text = "package lib\n"
				}
				a.write(f, text)
			}
			b, err := New(t.Context(), Config{Dir: a.dir, OutDir: filepath.Join(a.dir, ".anvil")})
			if err != nil {
				t.Fatal(err)
			}
			g, err := b.Graph(t.Context(), ".")
			if g == nil {
				t.Fatal(err)
			}
			dirs := g.Dirs()
			for _, d := range tt.watched {
				if !slices.Contains(dirs, filepath.Join(a.dir, d)) {
					t.Errorf("%s is not watched: %q", d, dirs)
				}
			}
			for _, d := range slices.Concat(tt.mends, tt.not) {
				// What begins to exist is a directory if something is in it.
				if isDir := slices.ContainsFunc(tt.mends, func(m string) bool { return strings.HasPrefix(m, d+"/") }); isDir {
					if err := os.MkdirAll(filepath.Join(a.dir, d), 0o777); err != nil {
						t.Fatal(err)
					}
				}
				if got, want := g.Mends(filepath.Join(a.dir, d)), slices.Contains(tt.mends, d); got != want {
					t.Errorf("%s mends the graph: %t, want %t", d, got, want)
				}
			}
		})
	}
}

// TestOutdated: what an embed pattern waits for may come while the go command is
// at work.
func TestOutdated(t *testing.T) {
	a := &app{t: t, dir: t.TempDir()}
	a.write("go.mod", "module example.com/mend\n\ngo 1.26\n")
	a.write("main.go", "package main\n\nimport \"embed\"\n\n//go:embed *.d/x\nvar _ embed.FS\n\nfunc main() {}\n")
	b, err := New(t.Context(), Config{Dir: a.dir, OutDir: filepath.Join(a.dir, ".anvil")})
	if err != nil {
		t.Fatal(err)
	}
	g, err := b.Graph(t.Context(), ".")
	if err == nil || g.Outdated() || g.Unmatched() != "*.d/x" {
		t.Fatalf("error %v, outdated %t, unmatched %q", err, g.Outdated(), g.Unmatched())
	}
	a.write("one.d/x", "")
	if !g.Outdated() {
		t.Error("not outdated, though there is a match")
	}
	if g, err = b.Graph(t.Context(), "."); err != nil || g.Outdated() || g.Unmatched() != "" {
		t.Errorf("error %v, outdated %t, unmatched %q", err, g.Outdated(), g.Unmatched())
	}
}

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
			p := &Package{ImportPath: "app", Dir: filepath.Join(a.dir, "app"), GoFiles: []string{"app.go"}, Module: &Module{Main: true}}
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
