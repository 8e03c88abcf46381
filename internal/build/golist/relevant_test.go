package golist

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
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
			a := newModule(t)
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
			g, err := a.Graph(t.Context(), ".")
			if g == nil {
				t.Fatal(err)
			}
			dirs := g.Dirs()
			for _, d := range tt.watched {
				if !slices.Contains(dirs, filepath.Join(a.Dir, d)) {
					t.Errorf("%s is not watched: %q", d, dirs)
				}
			}
			for _, d := range slices.Concat(tt.mends, tt.not) {
				// What begins to exist is a directory if something is in it.
				if isDir := slices.ContainsFunc(tt.mends, func(m string) bool { return strings.HasPrefix(m, d+"/") }); isDir {
					if err := os.MkdirAll(filepath.Join(a.Dir, d), 0o777); err != nil {
						t.Fatal(err)
					}
				}
				if got, want := g.Mends(filepath.Join(a.Dir, d)), slices.Contains(tt.mends, d); got != want {
					t.Errorf("%s mends the graph: %t, want %t", d, got, want)
				}
			}
		})
	}
}

// TestOutdated: what an embed pattern waits for may come while the go command is
// at work.
func TestOutdated(t *testing.T) {
	a := newModule(t)
	a.write("go.mod", "module example.com/mend\n\ngo 1.26\n")
	a.write("main.go", "package main\n\nimport \"embed\"\n\n//go:embed *.d/x\nvar _ embed.FS\n\nfunc main() {}\n")
	g, err := a.Graph(t.Context(), ".")
	if err == nil || g.Outdated() || g.Unmatched() != "*.d/x" {
		t.Fatalf("error %v, outdated %t, unmatched %q", err, g.Outdated(), g.Unmatched())
	}
	a.write("one.d/x", "")
	if !g.Outdated() {
		t.Error("not outdated, though there is a match")
	}
	if g, err = a.Graph(t.Context(), "."); err != nil || g.Outdated() || g.Unmatched() != "" {
		t.Errorf("error %v, outdated %t, unmatched %q", err, g.Outdated(), g.Unmatched())
	}
}
