package lspserver

import (
	"testing"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/lspserver/internal/view"
)

func TestLeftToGopls(t *testing.T) {
	const dir = "/src/app"
	compile := func(file string) manifest.Diagnostic {
		return manifest.Diagnose(manifest.CodeCompile, manifest.Position{File: file, Line: 3, Column: 1}, "undefined: x")
	}
	for _, tt := range []struct {
		name    string
		setting string
		tags    []string
		gopls   bool
		d       manifest.Diagnostic
		want    bool
	}{
		{"auto, beside gopls", view.CompileErrorsAuto, nil, true, compile(dir + "/handlers/a.go"), true},
		{"auto, alone", view.CompileErrorsAuto, nil, false, compile(dir + "/handlers/a.go"), false},
		{"auto, a file of our tags", view.CompileErrorsAuto, []string{"dev"}, true, compile(dir + "/handlers/a.go"), false},
		{"auto, a file elsewhere", view.CompileErrorsAuto, nil, true, compile("/src/lib/a.go"), false},
		{"auto, without a file", view.CompileErrorsAuto, nil, true, compile(""), false},
		{"auto, another code", view.CompileErrorsAuto, nil, true, manifest.Diagnose(manifest.CodeRoute, manifest.Position{File: dir + "/a.go", Line: 1}, "twice"), false},
		{"always, beside gopls", view.CompileErrorsAlways, nil, true, compile(dir + "/a.go"), false},
		{"never, alone", view.CompileErrorsNever, nil, false, compile(dir + "/a.go"), true},
		{"never, a file elsewhere", view.CompileErrorsNever, nil, false, compile("/src/lib/a.go"), false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := &Server{}
			s.neighbours.Look = func() bool { return tt.gopls }
			f := &session{s: s, dir: dir}
			settings := view.DefaultSettings()
			settings.CompileErrors, settings.Tags = tt.setting, tt.tags
			f.settings.Store(&settings)
			if got := f.leftToGopls(tt.d); got != tt.want {
				t.Errorf("left to gopls: %v, want %v", got, tt.want)
			}
		})
	}
}
