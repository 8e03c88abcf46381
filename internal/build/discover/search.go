package discover

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/mod/modfile"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/internal/build/gocmd"
	"github.com/anvilforge/anvil-lsp/internal/build/golist"
	"github.com/anvilforge/anvil-lsp/internal/build/syntax"
	"github.com/anvilforge/anvil-lsp/internal/paths"
)

// ServeName is the function of the runtime that makes a program an application.
const ServeName = "LiveServer"

// Program is a main package that serves: it, or a package that it imports,
// refers to hotreload.LiveServer.
type Program struct {
	Dir    string // absolute
	Module string // directory of the module that it belongs to
	// Alone: no other program of the module serves, and the module's directory has no package.
	Alone bool
	// Reaches are the directories of the local packages that it imports, directly
	// or not, its own included.
	Reaches map[string]bool
}

// Result is the outcome of a search.
type Result struct {
	Programs []Program // sorted by directory
	// Registers tells whether a package exports AnvilRegisterRoutes.
	Registers bool
	// Uses tells whether any file imports the runtime.
	Uses bool
	// GaveUp says where a search that was too large ended; empty: it looked everywhere.
	GaveUp string
	// denied is the first error of what may not be read, and nil if all may.
	denied error
}

// searchLimits end a search. Only Go files count.
type searchLimits struct{ dirs, files int }

// FindPrograms searches a directory and what is below it for programs that
// serve, as built with some tags. It reads files and runs nothing, so it is safe
// in a workspace that is not trusted. What was set with `go env -w` does not count.
func FindPrograms(ctx context.Context, root string, tags []string) Result {
	return newSearch(ctx, root, gocmd.Matcher(gocmd.UsualContext(tags))).find()
}

func newSearch(ctx context.Context, root string, match gocmd.FileMatch) *search {
	return &search{
		ctx: ctx, root: root, match: match, most: searchLimits{dirs: 200_000, files: 50_000},
		packages: map[string]*outline{}, modules: map[string]*searchModule{},
	}
}

func (s *search) find() Result {
	s.walk()
	s.joined()
	s.readAll()
	return s.result()
}

// search is one call of FindPrograms.
type search struct {
	ctx      context.Context
	root     string
	match    gocmd.FileMatch
	most     searchLimits
	dirs     []string // with Go files, the outermost first
	modules  map[string]*searchModule
	packages map[string]*outline // by directory
	files    int
	gaveUp   string
	denied   error // of directories
}

// searchModule is what a go.mod says.
type searchModule struct {
	dir, path string
	replaced  map[string]string // directories, by module path
	likely    bool              // it mentions the runtime's module
}

// walk collects the directories with Go files and the modules, breadth first: an
// application is rarely deep down, and what is deep down is large.
func (s *search) walk() {
	visited := 0
	for level := []string{s.root}; len(level) > 0; {
		var next []string
		for _, dir := range level {
			if s.ctx.Err() != nil {
				return
			}
			if visited++; visited > s.most.dirs {
				s.gaveUp = fmt.Sprintf("there are more than %d directories; the search ended at %s", s.most.dirs, dir)
				return
			}
			entries, err := os.ReadDir(dir) // unreadable: without it
			if s.denied == nil && errors.Is(err, fs.ErrPermission) {
				s.denied = err
			}
			module := slices.ContainsFunc(entries, func(e fs.DirEntry) bool { return e.Name() == "go.mod" })
			if module {
				s.addModule(dir)
			}
			goFiles := false
			for _, e := range entries {
				name := e.Name()
				switch {
				case e.IsDir():
					if !Skipped(filepath.Join(dir, name)) {
						next = append(next, filepath.Join(dir, name))
					}
				case strings.HasSuffix(name, ".go") && !syntax.IgnoredGoName(name):
					goFiles = true
				}
			}
			if goFiles {
				s.dirs = append(s.dirs, dir)
			}
		}
		level = next
	}
}

// Skipped reports whether the go command would not look into a directory for packages:
// it does not for its name, or has vendored what is in it.
func Skipped(dir string) bool {
	name := filepath.Base(dir)
	return SkippedName(name) || name == "vendor" && vendored(dir)
}

// SkippedName reports whether the go command would not look into a directory of this
// name for packages; node_modules holds none.
func SkippedName(name string) bool {
	return strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_") || name == "testdata" || name == "node_modules"
}

// vendored reports whether a directory named vendor is the go command's: it may also be
// a package of the user's own.
func vendored(dir string) bool {
	for _, name := range []string{filepath.Join("..", "go.mod"), filepath.Join("..", "go.work"), "modules.txt"} {
		if _, err := os.Lstat(filepath.Join(dir, name)); err == nil {
			return true
		}
	}
	return false
}

func (s *search) addModule(dir string) {
	if s.modules[dir] != nil {
		return
	}
	m := &searchModule{dir: dir, replaced: map[string]string{}}
	s.modules[dir] = m
	name := filepath.Join(dir, "go.mod")
	data, err := readSmall(name)
	if err != nil {
		return
	}
	m.likely = strings.Contains(string(data), manifest.RuntimePath)
	file, err := modfile.Parse(name, data, nil)
	if err != nil { // it may be of a newer Go; without what dependencies cannot say, as replace
		file, err = modfile.ParseLax(name, data, nil)
	}
	if err != nil {
		return
	}
	if file.Module != nil {
		m.path = file.Module.Mod.Path
	}
	maps.Copy(m.replaced, golist.ReplacedDirs(dir, file.Replace))
}

// joined adds the modules that packages below the root may import: the one
// around it, and those that a go.work joins or a replace directive names.
func (s *search) joined() {
	for dir := s.root; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			s.addModule(dir)
		}
		name := filepath.Join(dir, "go.work")
		if data, err := readSmall(name); err == nil {
			if work, err := modfile.ParseWork(name, data, nil); err == nil {
				for _, use := range work.Use {
					in := golist.AbsoluteIn(dir, use.Path)
					s.addModule(in)
					maps.Copy(s.modules[in].replaced, golist.ReplacedDirs(dir, work.Replace))
				}
			}
		}
		if dir == filepath.Dir(dir) {
			break
		}
	}
	for _, m := range slices.Collect(maps.Values(s.modules)) {
		for _, dir := range m.replaced {
			s.addModule(dir)
		}
	}
}

// readAll reads the packages below the root, those of modules that name the runtime first.
func (s *search) readAll() {
	rank := func(dir string) int {
		if m := s.modules[s.moduleOf(dir)]; m != nil && m.likely {
			return 0
		}
		return 1
	}
	slices.SortStableFunc(s.dirs, func(a, b string) int { return rank(a) - rank(b) })
	for _, dir := range s.dirs {
		if s.ctx.Err() != nil {
			return
		}
		if s.files > s.most.files {
			s.gaveUp = fmt.Sprintf("there are more than %d Go files; the search ended at %s", s.most.files, dir)
			return
		}
		s.read(dir)
	}
}

// read returns what is known of the package in a directory.
func (s *search) read(dir string) *outline {
	if p := s.packages[dir]; p != nil {
		return p
	}
	p := readOutline(dir, s.match)
	s.packages[dir] = p
	s.files += p.files
	return p
}

// moduleOf returns the directory of the module that a directory belongs to: the
// nearest known one, else the root.
func (s *search) moduleOf(dir string) string {
	for at := dir; ; at = filepath.Dir(at) {
		if s.modules[at] != nil {
			return at
		}
		if at == filepath.Dir(at) {
			return s.root
		}
	}
}

// dirOf returns the directory of an imported package, if it is one of a module
// that is known; empty if not.
func (s *search) dirOf(importPath string) string {
	best, dir := "", ""
	for _, m := range s.modules {
		roots := maps.Clone(m.replaced)
		if m.path != "" {
			roots[m.path] = m.dir
		}
		for path, at := range roots {
			if rest, ok := strings.CutPrefix(importPath, path); ok && (rest == "" || rest[0] == '/') && len(path) > len(best) {
				best, dir = path, filepath.Join(at, filepath.FromSlash(rest))
			}
		}
	}
	return dir
}

// reach returns the directories of the local packages that one imports, and
// whether one of them serves.
func (s *search) reach(main string) (dirs map[string]bool, serves bool) {
	dirs = map[string]bool{main: true}
	for queue := []string{main}; len(queue) > 0; queue = queue[1:] {
		p := s.read(queue[0])
		serves = serves || p.serves
		for _, imp := range p.imports {
			// The runtime itself does not count.
			if dir := s.dirOf(imp); dir != "" && !dirs[dir] && imp != manifest.RuntimePath &&
				!strings.HasPrefix(imp, manifest.RuntimePath+"/") {
				dirs[dir] = true
				queue = append(queue, dir)
			}
		}
	}
	return dirs, serves
}

func (s *search) result() Result {
	found := Result{GaveUp: s.gaveUp, denied: s.denied}
	count := map[string]int{}
	for _, dir := range slices.Sorted(slices.Values(s.dirs)) {
		p := s.packages[dir]
		if p == nil {
			continue
		}
		found.Uses = found.Uses || p.uses
		found.Registers = found.Registers || p.registers
		found.denied = cmp.Or(found.denied, p.denied)
		if !p.main {
			continue
		}
		dirs, serves := s.reach(dir)
		if !serves {
			continue
		}
		for dir := range dirs {
			found.Registers = found.Registers || s.packages[dir].registers
		}
		module := s.moduleOf(dir)
		count[module]++
		found.Programs = append(found.Programs, Program{Dir: dir, Module: module, Reaches: dirs})
	}
	for i, p := range found.Programs {
		found.Programs[i].Alone = count[p.Module] == 1 && !s.read(p.Module).built
	}
	return found
}

// Enclosing returns the directories above dir from where the go command would
// look at it: of the nearest go.mod, and of the nearest go.work.
func Enclosing(dir string) []string {
	var out []string
	for _, name := range []string{"go.mod", "go.work"} {
		at := filepath.Dir(paths.Above(dir, name))
		if at != "." && at != dir && !slices.Contains(out, at) {
			out = append(out, at)
		}
	}
	return out
}
