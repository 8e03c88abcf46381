package build

import (
	"os"

	"golang.org/x/mod/modfile"

	"github.com/anvilforge/anvil-lsp/manifest"
)

// goMod is the go.mod of the main package's module.
type goMod struct {
	path   string
	parsed *modfile.File // nil if it is not there, or makes no sense
}

func readGoMod(main *Package) *goMod {
	if main.Module == nil {
		return &goMod{}
	}
	f := &goMod{path: main.Module.GoMod}
	if data, err := os.ReadFile(f.path); err == nil {
		f.parsed, _ = modfile.Parse(f.path, data, nil)
	}
	return f
}

// position returns the line that decides about a module, by its path: that which
// replaces it, or else requires it. Without one, as for the empty path, it is the
// file.
func (f *goMod) position(module string) manifest.Position {
	pos := manifest.Position{File: f.path}
	if f.parsed == nil {
		return pos
	}
	for _, r := range f.parsed.Require {
		if r.Mod.Path == module {
			pos.Line = r.Syntax.Start.Line
		}
	}
	for _, r := range f.parsed.Replace {
		if r.Old.Path == module {
			pos.Line = r.Syntax.Start.Line
		}
	}
	return pos
}

func moduleFilePosition(main *Package) manifest.Position {
	if main.Module == nil {
		return manifest.Position{}
	}
	return manifest.Position{File: main.Module.GoMod}
}

// ModulePosition returns the line of the main module's go.mod that decides about
// a module, by its path; the file if there is none.
func (s *Snapshot) ModulePosition(module string) manifest.Position {
	return readGoMod(s.graph.Main).position(module)
}
