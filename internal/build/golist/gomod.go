package golist

import (
	"path/filepath"

	"golang.org/x/mod/modfile"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/hotreload/shared/regular"
)

// goMod is the go.mod of the main package's module.
type goMod struct {
	path   string
	parsed *modfile.File // nil if it is not there, or makes no sense
}

func ReadGoMod(main *Package) *goMod {
	f := &goMod{path: ModuleFilePosition(main).File}
	if data, err := regular.Read(f.path, regular.MaxSource); err == nil {
		f.parsed, _ = modfile.Parse(f.path, data, nil)
	}
	return f
}

// Position returns the line that decides about a module, by its path: that which replaces it, or
// else requires it. Without one, as for the empty path, it is the file.
func (f *goMod) Position(module string) manifest.Position {
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

func ModuleFilePosition(main *Package) manifest.Position {
	if main.Module == nil {
		return manifest.Position{}
	}
	return manifest.Position{File: main.Module.GoMod}
}

// MainPosition is the first file of the main package.
func MainPosition(g *Graph) manifest.Position {
	if len(g.Main.GoFiles) == 0 {
		return manifest.Position{}
	}
	return manifest.Position{File: filepath.Join(g.Main.Dir, g.Main.GoFiles[0])}
}
