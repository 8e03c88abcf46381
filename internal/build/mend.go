package build

import (
	"cmp"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/mod/modfile"

	"github.com/anvilforge/anvil-lsp/hotreload/shared/regular"
	"github.com/anvilforge/anvil-lsp/internal/build/gocmd"
	"github.com/anvilforge/anvil-lsp/internal/build/syntax"
)

// Mends reports whether a change of a file or directory may make a graph hold
// that does not: any Go or module file may, a file that an embed pattern waits
// for, and a new directory that may become a package or leads to such a file. It
// is cheap, and right for what does not exist yet.
func (g *Graph) Mends(path string) bool {
	if PossiblyRelevant(path) || g.moduleFile(path) {
		return true
	}
	for _, p := range g.Packages {
		if p.Local() && (filepath.Dir(path) == p.Dir && nativeName(path) || p.embeds(path)) {
			return true
		}
	}
	return false
}

// PossiblyRelevant is what can be said of a file while there is no graph: any Go
// file or module file may decide, and a new directory may become a package.
func PossiblyRelevant(path string) bool {
	base := filepath.Base(path)
	if syntax.ModuleFile(path) || strings.HasSuffix(base, ".go") {
		return !syntax.IgnoredGoName(base)
	}
	// A name with a dot is hardly a package's: this keeps a busy data file from
	// being looked up each time.
	if strings.ContainsAny(base, "._") || base == "testdata" || base == "node_modules" {
		return false
	}
	info, err := os.Lstat(path)
	return err == nil && info.IsDir()
}

// Builds reports whether a file is among those that packages were built from.
func (s *Snapshot) Builds(path string) bool { return s.graph.Builds(path) }

// Builds reports whether a file is among those of local packages.
func (g *Graph) Builds(path string) bool {
	dir, name := filepath.Split(path)
	dir = filepath.Clean(dir)
	for _, p := range g.Packages {
		if p.Dir == dir && p.Local() && (slices.Contains(p.GoFiles, name) || slices.Contains(p.CgoFiles, name)) {
			return true
		}
	}
	return false
}

// nativeName reports whether the go command builds files of this name that are
// not Go (see cmd/go/internal/imports and go/build).
func nativeName(path string) bool {
	base := filepath.Base(path)
	return !strings.HasPrefix(base, "_") && !strings.HasPrefix(base, ".") && slices.Contains([]string{
		".c", ".cc", ".cpp", ".cxx", ".m", ".h", ".hh", ".hpp", ".hxx", ".f", ".F", ".for", ".f90", ".s", ".S", ".sx", ".swig", ".swigcxx", ".syso",
	}, filepath.Ext(base))
}

// Dirs returns the directories whose files decide what is built, sorted: those
// of local packages, of what they embed, and of module files. Some need not
// exist: of packages that are still to be written, and of what is to be embedded.
func (g *Graph) Dirs() []string {
	set := map[string]bool{}
	for _, d := range slices.Concat(g.moduleDirs, g.missingDirs, g.embedDirs) {
		set[d] = true
	}
	for _, p := range g.Packages {
		if !p.Local() {
			continue
		}
		set[p.Dir] = true
		if p.Module.Dir != "" {
			set[p.Module.Dir] = true
		}
	}
	return slices.Sorted(maps.Keys(set))
}

// embedDirs returns the directories in which there is, or may come to be, what
// local packages embed.
func embedDirs(g *Graph) []string {
	set := map[string]bool{}
	for _, p := range g.Packages {
		if !p.Local() {
			continue
		}
		for _, f := range p.EmbedFiles {
			// Every directory between the file and the package: a new file or
			// directory in any of them may be embedded too.
			for d := filepath.Dir(filepath.Join(p.Dir, f)); len(d) > len(p.Dir); d = filepath.Dir(d) {
				set[d] = true
			}
		}
		for _, pattern := range p.EmbedPatterns {
			for _, d := range patternDirs(p.Dir, pattern) {
				set[d] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(set))
}

// patternDirs returns the directories below dir in which an embed pattern looks
// for files. Those that do not exist yet lead to it when they appear.
func patternDirs(dir, pattern string) []string {
	pattern, all := strings.CutPrefix(pattern, "all:")
	var out []string
	at := []string{dir}
	for elem := range strings.SplitSeq(pattern, "/") {
		var next []string
		for _, d := range at {
			found, _ := filepath.Glob(filepath.Join(globQuote(d), elem)) // the go command reports a bad pattern
			next = append(next, slices.DeleteFunc(found, func(f string) bool {
				info, err := os.Lstat(f)
				return err != nil || !info.IsDir()
			})...)
		}
		out = append(out, next...)
		at = next
	}
	for _, root := range at { // a directory stands for all that is in it
		_ = filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
			switch {
			case err != nil || !e.IsDir():
			case path != root && !all && hidden(e.Name()):
				return fs.SkipDir
			default:
				out = append(out, path)
			}
			return nil
		})
	}
	return out
}

// globQuote returns a pattern that matches a path and nothing else.
func globQuote(path string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(path)
}

// embeds reports whether the package would embed a file of this name, or a file
// in a directory of this name.
func (p *Package) embeds(path string) bool {
	if len(p.EmbedPatterns) == 0 {
		return false
	}
	rel, err := filepath.Rel(p.Dir, path)
	if err != nil || strings.HasPrefix(rel, "..") {
		return false
	}
	return slices.ContainsFunc(p.EmbedPatterns, func(pattern string) bool {
		return embedMatches(pattern, filepath.ToSlash(rel)) || embedLeads(pattern, filepath.ToSlash(rel))
	})
}

// noMatch is the go command's complaint about an embed pattern.
var noMatch = regexp.MustCompile(`pattern (\S+): (?:no matching files found|cannot embed directory \S+: contains no embeddable files)`)

// unmatched returns the pattern if that is what is wrong with a package: nothing
// matches what it embeds.
func unmatched(p *Package) (pattern string, ok bool) {
	if p.Error == nil {
		return "", false
	}
	m := noMatch.FindStringSubmatch(p.Error.Err)
	if m == nil {
		return "", false
	}
	return m[1], true
}

// Unmatched returns the first embed pattern that matches nothing; none if
// anything else is wrong with the graph, too.
func (g *Graph) Unmatched() string {
	first := ""
	for _, path := range g.Order {
		p := g.Packages[path]
		if p.Error == nil {
			continue
		}
		pattern, ok := unmatched(p)
		if !ok {
			return ""
		}
		first = cmp.Or(first, pattern)
	}
	return first
}

// Outdated reports whether an embed pattern that matched nothing has a match by
// now: what it waits for came while the go command was at work.
func (g *Graph) Outdated() bool {
	return slices.ContainsFunc(slices.Collect(maps.Values(g.Packages)), func(p *Package) bool {
		pattern, ok := unmatched(p)
		if !ok || !strings.HasSuffix(p.Error.Err, "no matching files found") {
			return false
		}
		found, err := filepath.Glob(filepath.Join(globQuote(p.Dir), strings.TrimPrefix(pattern, "all:")))
		return err == nil && len(found) > 0
	})
}

// localModules returns the directories that go.mod and go.work say modules are
// in, by module path; those whose go.mod cannot be read by their directory.
func localModules(g *Graph) map[string]string {
	out := map[string]string{}
	if g.goMod != "" && g.goMod != os.DevNull {
		if data, err := regular.Read(g.goMod, regular.MaxSource); err == nil {
			if f, err := modfile.Parse(g.goMod, data, nil); err == nil {
				maps.Copy(out, replacedDirs(filepath.Dir(g.goMod), f.Replace))
			}
		}
	}
	if g.goWork != "" && g.goWork != "off" {
		if data, err := regular.Read(g.goWork, regular.MaxSource); err == nil {
			if f, err := modfile.ParseWork(g.goWork, data, nil); err == nil {
				maps.Copy(out, replacedDirs(filepath.Dir(g.goWork), f.Replace))
				for _, u := range f.Use {
					dir := absoluteIn(filepath.Dir(g.goWork), u.Path)
					path := dir
					if data, err := regular.Read(filepath.Join(dir, "go.mod"), regular.MaxSource); err == nil {
						path = modfile.ModulePath(data)
					}
					out[path] = dir
				}
			}
		}
	}
	return out
}

// replacedDirs returns the directories that replace directives of a file in dir
// name, by module path.
func replacedDirs(dir string, list []*modfile.Replace) map[string]string {
	out := map[string]string{}
	for _, r := range list {
		if r.New.Version == "" {
			out[r.Old.Path] = absoluteIn(dir, r.New.Path)
		}
	}
	return out
}

func absoluteIn(dir, path string) string {
	return gocmd.Absolute(filepath.FromSlash(path), dir)
}
