package build

import (
	"maps"
	"path"
	"slices"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/internal/build/golist"
)

// ModulesChanged returns the diagnostics for what changed about modules, by their
// paths, at the lines of the main module's go.mod that decide; the empty path
// stands for the file itself.
func (s *Snapshot) ModulesChanged(texts map[string]string) []manifest.Diagnostic {
	if len(texts) == 0 {
		return nil
	}
	var out []manifest.Diagnostic
	file := golist.ReadGoMod(s.graph.Main)
	for _, module := range slices.Sorted(maps.Keys(texts)) {
		what := "the GODEBUG defaults changed"
		short := what
		if module != "" {
			what, short = "module "+module+" changed", "module "+path.Base(module)+" changed"
		}
		d := manifest.Diagnose(manifest.CodeModuleChanged, file.Position(module), "%s", manifest.Fit(texts[module], what, short))
		if d.Message != texts[module] {
			d.Related = []manifest.Related{{Position: d.Position, Message: texts[module]}}
		}
		out = append(out, d)
	}
	return out
}
