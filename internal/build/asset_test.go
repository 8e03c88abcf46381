package build

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
)

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
