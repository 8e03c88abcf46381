package build

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/anvilforge/anvil-lsp/manifest"
)

// TestExisting: the compiler's places in files that nobody has are those in the
// files that it read; others stay.
func TestExisting(t *testing.T) {
	dir := t.TempDir()
	file, template := filepath.Join(dir, "p.go"), filepath.Join(dir, "there.qtpl")
	for name, text := range map[string]string{
		file:     "package p\n\n//line page.qtpl:10\nvar A = 1\nvar B = 2\n\n/*line gone/x.y:70:1*/ var C = 3\n//line there.qtpl:7\nvar D = 4\n",
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
		{"p.go", 1, manifest.Position{File: file, Line: 1}},
	} {
		found := existing([]manifest.Diagnostic{{Position: manifest.Position{File: filepath.Join(dir, test.file), Line: test.line}}}, []string{file})
		if found[0].Position != test.want {
			t.Errorf("%s:%d is %v, want %v", test.file, test.line, found[0].Position, test.want)
		}
	}
	if d := existing([]manifest.Diagnostic{{}}, []string{file})[0]; d.File != "" {
		t.Errorf("no place became %v", d.Position)
	}
}
