package golist

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/mod/modfile"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/hotreload/shared/regular"
	"github.com/anvilforge/anvil-lsp/internal/build/gocmd"
	"github.com/anvilforge/anvil-lsp/internal/build/syntax"
	"github.com/anvilforge/anvil-lsp/internal/paths"
)

// ModuleFile reports whether a file decides about modules, by its name or because it
// is read in place of go.mod or go.sum.
func (g *Graph) ModuleFile(path string) bool {
	return syntax.ModuleFile(path) || g.modFile != "" && (path == g.modFile || path == sumFile(g.modFile))
}

// sumFile returns the file of sums that belongs to a go.mod.
func sumFile(goMod string) string { return strings.TrimSuffix(goMod, ".mod") + ".sum" }

// moduleDirs returns the directories of module files, and of modules that others name, sorted:
// go.work may be above all packages, and a module may still have to appear where it is said to be.
func moduleDirs(g *Graph) []string {
	set := map[string]bool{}
	for _, f := range ModuleFiles(g) {
		set[filepath.Dir(f)] = true
	}
	for _, dir := range localModules(g) {
		set[dir] = true
	}
	return slices.Sorted(maps.Keys(set))
}

// missingDirs returns the directories in which broken packages are, or would be
// if the go command found them nowhere, sorted. Nothing else may lead there: the
// directory above is often no package, as internal or pkg.
func missingDirs(g *Graph, broken []*Package) []string {
	modules := localModules(g)
	for _, p := range g.Packages {
		if p.Local() && p.Module.Dir != "" {
			modules[p.Module.Path] = p.Module.Dir
		}
	}
	set := map[string]bool{}
	for _, m := range broken {
		if m.Dir != "" {
			if !m.Standard {
				set[m.Dir] = true
			}
			continue
		}
		in := "" // the module with the longest path
		for path := range modules {
			if (m.ImportPath == path || strings.HasPrefix(m.ImportPath, path+"/")) && len(path) > len(in) {
				in = path
			}
		}
		if in != "" {
			set[filepath.Join(modules[in], filepath.FromSlash(strings.TrimPrefix(m.ImportPath[len(in):], "/")))] = true
		}
	}
	return slices.Sorted(maps.Keys(set))
}

// ModuleFiles returns the files that decide about modules, whether they exist or not, sorted.
func ModuleFiles(g *Graph) []string {
	set := map[string]bool{}
	if m := g.goMod; m != "" && m != os.DevNull { // there may be no package yet
		set[m] = true
	}
	if m := g.modFile; m != "" {
		set[m], set[sumFile(m)] = true, true
	}
	if w := g.goWork; w != "" && w != "off" {
		set[w] = true
		set[w+".sum"] = true
		set[filepath.Join(filepath.Dir(w), "vendor", "modules.txt")] = true
	}
	for _, p := range g.Packages {
		if p.Local() && p.Module.GoMod != "" {
			set[p.Module.GoMod] = true
			set[sumFile(p.Module.GoMod)] = true
			set[filepath.Join(filepath.Dir(p.Module.GoMod), "vendor", "modules.txt")] = true
		}
	}
	return slices.Sorted(maps.Keys(set))
}

// localModules returns the directories that go.mod and go.work say modules are
// in, by module path; those whose go.mod cannot be read by their directory.
func localModules(g *Graph) map[string]string {
	out := map[string]string{}
	if f := parseGoMod(g.goMod); f != nil {
		maps.Copy(out, ReplacedDirs(filepath.Dir(g.goMod), f.Replace))
	}
	if g.goWork == "" || g.goWork == "off" {
		return out
	}
	data, err := regular.Read(g.goWork, regular.MaxSource)
	if err != nil {
		return out
	}
	f, err := modfile.ParseWork(g.goWork, data, nil)
	if err != nil {
		return out
	}
	maps.Copy(out, ReplacedDirs(filepath.Dir(g.goWork), f.Replace))
	for _, u := range f.Use {
		dir := AbsoluteIn(filepath.Dir(g.goWork), u.Path)
		path := dir
		if data, err := regular.Read(filepath.Join(dir, "go.mod"), regular.MaxSource); err == nil {
			path = modfile.ModulePath(data)
		}
		out[path] = dir
	}
	return out
}

// parseGoMod returns nil for a file that is not there, or makes no sense.
func parseGoMod(path string) *modfile.File {
	data, err := regular.Read(path, regular.MaxSource)
	if err != nil {
		return nil
	}
	f, _ := modfile.Parse(path, data, nil)
	return f
}

// ReplacedDirs returns the directories that replace directives of a file in dir
// name, by module path.
func ReplacedDirs(dir string, list []*modfile.Replace) map[string]string {
	out := map[string]string{}
	for _, r := range list {
		if r.New.Version == "" {
			out[r.Old.Path] = AbsoluteIn(dir, r.New.Path)
		}
	}
	return out
}

// AbsoluteIn returns a path that a module file in a directory names.
func AbsoluteIn(dir, path string) string { return gocmd.Absolute(filepath.FromSlash(path), dir) }

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

// ModulePosition returns the line of the main package's go.mod that decides about a module, by its
// path: that which replaces it, or else requires it. Without one, as for the empty path, it is the
// file.
func ModulePosition(main *Package, module string) manifest.Position {
	pos := ModuleFilePosition(main)
	file := parseGoMod(pos.File)
	if file == nil {
		return pos
	}
	for _, r := range file.Require {
		if r.Mod.Path == module {
			pos.Line = r.Syntax.Start.Line
		}
	}
	for _, r := range file.Replace {
		if r.Old.Path == module {
			pos.Line = r.Syntax.Start.Line
		}
	}
	return pos
}

// ModuleFilePosition returns the go.mod of the main package's module.
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
