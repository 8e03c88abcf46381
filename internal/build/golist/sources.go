package golist

import (
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/anvilforge/anvil-lsp/hotreload/shared/regular"
	"github.com/anvilforge/anvil-lsp/internal/paths"
)

// Sources returns whose source is shown for an application in a directory: that
// of the modules that the user works on, which are the one around it, those that
// go.work joins, and those that are replaced by directories.
func Sources(dir string) regular.Sources {
	g := &Graph{goMod: paths.Above(dir, "go.mod"), goWork: os.Getenv("GOWORK")}
	if g.goWork == "" {
		g.goWork = paths.Above(dir, "go.work")
	}
	out := []string{dir}
	if g.goMod != "" {
		out = append(out, filepath.Dir(g.goMod))
	}
	if filepath.IsAbs(g.goWork) {
		out = append(out, g.goWork)
	}
	for _, module := range localModules(g) {
		out = append(out, module)
		if g.goWork != "" { // the go command then heeds what all of them replace
			out = slices.AppendSeq(out, maps.Values(localModules(&Graph{goMod: filepath.Join(module, "go.mod")})))
		}
	}
	sources := regular.Sources{}
	for _, path := range out {
		if real, err := filepath.EvalSymlinks(path); err == nil {
			sources = append(sources, real)
		}
	}
	slices.Sort(sources)
	return slices.Compact(sources)
}

// ReadSource returns a function that reads files of which lines are shown, for an
// application in a directory; see Sources.
func ReadSource(dir string) func(path string) ([]byte, error) {
	return func(path string) ([]byte, error) { return Sources(dir).Read(path) }
}
