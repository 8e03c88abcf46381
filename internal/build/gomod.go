package build

import (
	"maps"
	pathpkg "path"
	"slices"

	"golang.org/x/mod/modfile"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/hotreload/shared/regular"
)

// goMod is the go.mod of the main package's module.
type goMod struct {
	path   string
	parsed *modfile.File // nil if it is not there, or makes no sense
}

func readGoMod(main *Package) *goMod {
	f := &goMod{path: moduleFilePosition(main).File}
	if data, err := regular.Read(f.path, regular.MaxSource); err == nil {
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

// ModulesChanged returns the diagnostics for what changed about modules, by their
// paths, at the lines of the main module's go.mod that decide; the empty path
// stands for the file itself.
func (s *Snapshot) ModulesChanged(texts map[string]string) []manifest.Diagnostic {
	if len(texts) == 0 {
		return nil
	}
	var out []manifest.Diagnostic
	file := readGoMod(s.graph.Main)
	for _, path := range slices.Sorted(maps.Keys(texts)) {
		what := "the GODEBUG defaults changed"
		short := what
		if path != "" {
			what, short = "module "+path+" changed", "module "+pathpkg.Base(path)+" changed"
		}
		d := manifest.Diagnose(manifest.CodeModuleChanged, file.position(path), "%s", manifest.Fit(texts[path], what, short))
		if d.Message != texts[path] {
			d.Related = []manifest.Related{{Position: d.Position, Message: texts[path]}}
		}
		out = append(out, d)
	}
	return out
}
