package build

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/anvilforge/anvil-lsp/hotreload/control"
	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/internal/build/gocmd"
)

// TestExisting: the compiler's places in files that nobody has are those in the
// files that it read; others stay.
func TestExisting(t *testing.T) {
	dir := t.TempDir()
	outside := t.TempDir()
	file, other, template := filepath.Join(dir, "p.go"), filepath.Join(dir, "other.go"), filepath.Join(dir, "there.qtpl")
	elsewhere, leak := filepath.Join(outside, "a.go"), filepath.Join(outside, "a.qtpl")
	b := &Builder{cfg: Config{Dir: dir}, tools: &gocmd.Toolchain{Settings: gocmd.Settings{Dir: dir}}}
	for name, text := range map[string]string{
		other: "package p\n\n\n\n", elsewhere: "package secret\n\n\n", leak: "secret\n",
		file:     "package p\n\n//line page.qtpl:10\nvar A = 1\nvar B = 2\n\n/*line gone/x.y:70:1*/ var C = 3\n//line there.qtpl:7\nvar D = 4\n//line other.go:3\nvar E = 5\n//line " + elsewhere + ":2\nvar F = 6\n//line " + leak + ":1\nvar G = 7\n",
		template: "{% D %}\n",
	} {
		if err := os.WriteFile(name, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	for _, test := range []struct {
		file string
		line int
		want manifest.Position
	}{
		{"page.qtpl", 10, manifest.Position{File: file, Line: 4}},
		{"page.qtpl", 11, manifest.Position{File: file, Line: 5}},
		{"page.qtpl", 99, manifest.Position{File: filepath.Join(dir, "page.qtpl"), Line: 99}},
		{"there.qtpl", 7, manifest.Position{File: template, Line: 7}},
		{"other.go", 3, manifest.Position{File: file, Line: 11}},
		{"other.go", 2, manifest.Position{File: other, Line: 2}},
		{elsewhere, 2, manifest.Position{File: file, Line: 13}},
		{leak, 1, manifest.Position{File: file, Line: 15}},
		{leak, 2, manifest.Position{File: file, Line: 16}}, // where the file ends
		{"p.go", 1, manifest.Position{File: file, Line: 1}},
	} {
		name := test.file
		if !filepath.IsAbs(name) {
			name = filepath.Join(dir, name)
		}
		found := b.existing([]manifest.Diagnostic{{Position: manifest.Position{File: name, Line: test.line}}}, []string{other, file})
		if found[0].Position != test.want {
			t.Errorf("%s:%d is %v, want %v", test.file, test.line, found[0].Position, test.want)
		}
	}
	column := manifest.Diagnostic{Position: manifest.Position{File: other, Line: 3, Column: 5}}
	if d := b.existing([]manifest.Diagnostic{column}, []string{other, file})[0]; d.Position != column.Position {
		t.Errorf("what the compiler says of other.go itself is at %v", d.Position)
	}
	if d := b.existing([]manifest.Diagnostic{{}}, []string{file})[0]; d.File != "" {
		t.Errorf("no place became %v", d.Position)
	}
}

// TestPruneLines: what is told of lines goes when its plugin does.
func TestPruneLines(t *testing.T) {
	a := newApp(t, "app.txtar")
	gen, err := a.b.below("gen")
	if err != nil {
		t.Fatal(err)
	}
	needed := filepath.Join(gen, "0002.so")
	for _, name := range []string{"0001.so", "0002.so", "0003-full.so", "0009.so"} {
		for _, path := range []string{name, control.LinesPath(name)} {
			if err := os.WriteFile(filepath.Join(gen, path), nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	a.b.Prune(10, &Snapshot{images: []*image{newImage(needed)}})
	entries, err := os.ReadDir(gen)
	if err != nil {
		t.Fatal(err)
	}
	var left []string
	for _, e := range entries {
		left = append(left, e.Name())
	}
	if want := []string{"0002.so", "0002.so.lines", "0009.so", "0009.so.lines"}; !slices.Equal(left, want) {
		t.Errorf("left are %q, want %q", left, want)
	}
}

// TestPruneAfterRollback: what an earlier generation needs is there as long as that
// itself is, because it can be live again and then be started anew.
func TestPruneAfterRollback(t *testing.T) {
	a := newApp(t, "app.txtar")
	gen, err := a.b.below("gen")
	if err != nil {
		t.Fatal(err)
	}
	path := func(n int) string { return filepath.Join(gen, fmt.Sprintf("%04d.so", n)) }
	third := newImage(path(3))
	var left []bool
	for n := 3; n <= 20; n++ {
		if err := os.WriteFile(path(n), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		own := newImage(path(n))
		images := []*image{own}
		if n > 3 && n <= 9 { // the tenth brings the package of the third anew
			own.needs, images = []*image{third}, []*image{third, own}
		}
		a.b.Prune(n, &Snapshot{images: images})
		_, err := os.Stat(path(3))
		left = append(left, err == nil)
	}
	last := 9 + keepGenerations - 1 // while the ninth is there
	for i, there := range left {
		if n := i + 3; there != (n <= last) {
			t.Errorf("when generation %d is live, that of the third is there: %t", n, there)
		}
	}
}
