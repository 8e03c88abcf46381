package build

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
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

// TestAssetOfHost: an asset that main embeds for production restarts nothing, and
// is in the next executable all the same.
func TestAssetOfHost(t *testing.T) {
	for name, used := range map[string]string{"said by the code": "", "said by the setting": "var Exported, again = &static, static\n"} {
		t.Run(name, func(t *testing.T) {
			testAssetOfHost(t, used)
		})
	}
}

// testAssetOfHost has more code use the assets, and a setting say that it does not
// matter.
func testAssetOfHost(t *testing.T, used string) {
	a := newApp(t, "app.txtar", func(c *Config) {
		if used != "" {
			c.Assets = []string{"static", "", "store"}
		}
	})
	a.write("runtime/mode.go", "package hotreload\n\nfunc IsHotMode() bool { return true }\n")
	a.write("static/app.css", "one")
	a.write("assets.go", `package main

import (
	"embed"
	"io/fs"
	"os"

	"github.com/anvilforge/anvil-lsp/hotreload"
)

//go:embed static
var static embed.FS

func assets() fs.FS {
	if hotreload.IsHotMode() {
		return os.DirFS(".")
	}
	return static
}

var _ = assets
`+used)
	a.write("store/self.go", "package store\n\nimport \"embed\"\n\n//go:embed *\nvar self embed.FS\n\nvar _ = self\n")
	a.host()
	before := a.snap.Host()
	for _, tt := range []struct {
		name   string
		change func() string
	}{
		{"changed", func() string { return a.write("static/app.css", "two") }},
		{"new", func() string { return a.write("static/new.css", "three") }},
		{"removed", func() string { // not the last one: there must be some to embed
			file := filepath.Join(a.dir, "static/app.css")
			if err := os.Remove(file); err != nil {
				t.Fatal(err)
			}
			return file
		}},
	} {
		plan := a.plan(tt.change())
		if plan.Rung != "" {
			t.Errorf("%s: %s, %v", tt.name, plan.Rung, plan.Reasons)
		}
		a.snap = plan.Watch()
	}
	if after := a.snap.Host(); !slices.Equal(after, before) {
		t.Errorf("a manifest would say %v, before %v", after, before)
	}
	if used != "" {
		plan := a.plan(a.edit("store/store.go", "package store", "package store\n\nconst More = 1"))
		if plan.Rung != manifest.RungWarmRestart {
			t.Errorf("code of a package that embeds itself: %q", plan.Rung)
		}
	}
	a.write("static/app.css", "four")
	a.write("static/other/more.css", "five")
	if plan := a.plan(a.edit("assets.go", "return static", "return fs.FS(static)")); plan.Rung != manifest.RungWarmRestart {
		t.Errorf("the code that embeds: %q", plan.Rung)
	}
}
