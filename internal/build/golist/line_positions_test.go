package golist

import (
	"os"
	"path/filepath"
	"testing"

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
	l := &Lister{Toolchain: &gocmd.Toolchain{Settings: gocmd.Settings{Dir: dir}}}
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
		found := l.Existing([]manifest.Diagnostic{{Position: manifest.Position{File: name, Line: test.line}}}, []string{other, file})
		if found[0].Position != test.want {
			t.Errorf("%s:%d is %v, want %v", test.file, test.line, found[0].Position, test.want)
		}
	}
	column := manifest.Diagnostic{Position: manifest.Position{File: other, Line: 3, Column: 5}}
	if d := l.Existing([]manifest.Diagnostic{column}, []string{other, file})[0]; d.Position != column.Position {
		t.Errorf("what the compiler says of other.go itself is at %v", d.Position)
	}
	if d := l.Existing([]manifest.Diagnostic{{}}, []string{file})[0]; d.File != "" {
		t.Errorf("no place became %v", d.Position)
	}
}
