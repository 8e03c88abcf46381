package golist

import (
	"os"
	"path/filepath"
	"testing"
)

// TestUnusedAsset: an embedded file is of no use to the live server only if that
// is certain.
func TestUnusedAsset(t *testing.T) {
	const head = "package main\n\nimport (\n\t\"embed\"\n\t\"io/fs\"\n\t\"os\"\n\n\t\"github.com/anvilforge/anvil-lsp/hotreload\"\n)\n\n"
	const embed = "//go:embed static \"more files\"\nvar static embed.FS\n\n"
	for _, tt := range []struct {
		name, text string
		want       bool
	}{
		{"else", embed + "func files() (f fs.FS) {\n\tif hotreload.IsHotMode() {\n\t\tf = os.DirFS(\"static\")\n\t} else {\n\t\tf = static\n\t}\n\treturn f\n}\n", true},
		{"returned before", embed + "func files() fs.FS {\n\tif hotreload.IsHotMode() {\n\t\treturn os.DirFS(\"static\")\n\t}\n\tx, _ := fs.Sub(static, \"static\")\n\treturn x\n}\n", true},
		{"not hot", embed + "func files() (f fs.FS) {\n\tf = os.DirFS(\"static\")\n\tif !(hotreload.IsHotMode()) {\n\t\tf = static\n\t}\n\treturn f\n}\n", true},
		{"in a group", "var (\n\t//go:embed static\n\tstatic embed.FS\n\tother int\n)\n", true},
		{"used", embed + "func files() fs.FS { return static }\n", false},
		{"used in the hot branch", embed + "func files() (f fs.FS) {\n\tif hotreload.IsHotMode() {\n\t\tf = static\n\t}\n\treturn f\n}\n", false},
		{"used besides", embed + "var again = static\n\nfunc files() (f fs.FS) {\n\tif !hotreload.IsHotMode() {\n\t\tf = static\n\t}\n\treturn f\n}\n", false},
		{"another condition", embed + "func files(dev bool) (f fs.FS) {\n\tif !hotreload.IsHotMode() || dev {\n\t\tf = static\n\t}\n\treturn f\n}\n", false},
		{"does not return", embed + "func files() (f fs.FS) {\n\tif hotreload.IsHotMode() {\n\t\tprintln()\n\t}\n\treturn static\n}\n", false},
		{"exported", "//go:embed static\nvar Static embed.FS\n", false},
		{"not embedded", "//go:embed other\nvar other embed.FS\n", false},
		{"broken", embed + "func files( {\n", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, "main.go"), []byte(head+tt.text), 0o666); err != nil {
				t.Fatal(err)
			}
			p := &Package{Dir: dir, GoFiles: []string{"main.go"}}
			if got := p.unusedAssets()(filepath.Join(dir, "static/app.css")); got != tt.want {
				t.Errorf("%t, want %t", got, tt.want)
			}
			if tt.name == "else" && !p.unusedAssets()(filepath.Join(dir, "more files/a.js")) {
				t.Error("a pattern with a space")
			}
			if p.CgoFiles = []string{"c.go"}; p.unusedAssets()(filepath.Join(dir, "static/app.css")) {
				t.Error("a file that uses cgo was not looked at")
			}
		})
	}
}
