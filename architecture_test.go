package anvil_test

import (
	"errors"
	"go/build"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/anvilforge/anvil-lsp/"

// TestArchitecture keeps the imports of both modules, with and without the engine's
// build tag, to the table of packages in docs/architecture.md. Tests may import more.
func TestArchitecture(t *testing.T) {
	allowed, built := packageTable(t), readImports(t)
	for _, name := range slices.Sorted(maps.Keys(built)) {
		allows, ok := allowed[name]
		if !ok {
			t.Errorf("package %s has no row in docs/architecture.md", name)
			continue
		}
		for _, path := range slices.Sorted(maps.Keys(built[name])) {
			if !slices.ContainsFunc(allows, func(a string) bool { return within(path, a) }) {
				t.Errorf("%s imports %s, which its row in docs/architecture.md does not allow", name, path)
			}
			if strings.HasPrefix(path, module+"cmd/") && !strings.HasPrefix(name, "cmd/") {
				t.Errorf("%s imports %s: only cmd may know cmd", name, path)
			}
			if strings.HasPrefix(path, "go.lsp.dev/") && !strings.HasPrefix(name, "lspserver") {
				t.Errorf("%s imports %s: only lspserver knows the protocol", name, path)
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(allowed)) {
		if built[name] == nil {
			t.Errorf("docs/architecture.md has a row for %s, which is no package", name)
		}
	}
}

// TestProductionIsFree: without the engine's build tag the development half of
// the runtime is not compiled in.
func TestProductionIsFree(t *testing.T) {
	for _, dep := range goList(t, "-deps", module+"hotreload") {
		if dep == "plugin" || dep == "encoding/gob" || strings.Contains(dep, "fsnotify") ||
			strings.HasPrefix(dep, "golang.org/x/tools") {
			t.Errorf("a production build of the runtime contains %s", dep)
		}
	}
}

// packageTable reads the table of packages: for each, by its path below the module,
// the paths of the packages and modules that it may import. In the table a package
// has as many elements of its path as tell it from all others, and is in backticks; a
// module that go.mod requires is not.
func packageTable(t *testing.T) map[string][]string {
	rows := docsTable(t, "docs/architecture.md", "package", "role", "may import")
	var names []string
	for _, row := range rows {
		names = append(names, strings.Trim(row[0], "`"))
	}
	required := goList(t, "-m", "-f", "{{if not (or .Main .Indirect)}}{{.Path}}{{end}}", "all")
	allowed := map[string][]string{}
	for i, row := range rows {
		if _, again := allowed[names[i]]; again {
			t.Errorf("docs/architecture.md has two rows for %s", names[i])
		}
		allowed[names[i]] = nil
		if row[2] == "the standard library" {
			continue
		}
		for entry := range strings.SplitSeq(row[2], ", ") {
			candidates, prefix := required, ""
			short := strings.Trim(entry, "`")
			if short != entry {
				candidates, prefix = names, module
			}
			var matches []string
			for _, c := range candidates {
				if strings.Contains("/"+c+"/", "/"+short+"/") && (prefix == "" || strings.HasSuffix("/"+c, "/"+short)) {
					matches = append(matches, prefix+c)
				}
			}
			if slices.Contains(matches, prefix+short) {
				matches = []string{prefix + short}
			}
			if len(matches) == 0 || len(matches) > 1 && prefix != "" {
				t.Errorf("docs/architecture.md, row %s: %q means %d packages or modules: %s", names[i], entry, len(matches), matches)
			}
			allowed[names[i]] = append(allowed[names[i]], matches...)
		}
	}
	return allowed
}

// within reports whether allowed allows the import of path: it is that package, or a
// module that has it.
func within(path, allowed string) bool {
	if strings.HasPrefix(allowed, module) {
		return path == allowed
	}
	return path == allowed || strings.HasPrefix(path, allowed+"/")
}

// docsTable returns the cells of the rows of the table with that header.
func docsTable(t *testing.T, file string, header ...string) [][]string {
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	_, table, found := strings.Cut(string(text), "\n| "+strings.Join(header, " | ")+" |\n")
	if !found {
		t.Fatalf("%s has no table with the columns %s", file, header)
	}
	var rows [][]string
	for line := range strings.Lines(table) {
		line = strings.TrimSpace(line)
		if !strings.HasPrefix(line, "|") {
			break
		}
		cells := strings.Split(strings.Trim(line, "|"), "|")
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		if len(cells) != len(header) {
			t.Fatalf("%s: %d cells instead of %d: %s", file, len(cells), len(header), line)
		}
		if strings.Trim(cells[0], "-") != "" {
			rows = append(rows, cells)
		}
	}
	return rows
}

// readImports returns what each package of both modules imports from outside the
// standard library, on every platform, with and without the build tag. Packages that
// are only tests are left out.
func readImports(t *testing.T) map[string]map[string]bool {
	var builds []build.Context
	for _, system := range []string{"linux", "darwin", "freebsd", "windows"} {
		for _, tags := range [][]string{nil, {"anvilhot"}} {
			context := build.Default
			context.GOOS, context.BuildTags, context.CgoEnabled = system, tags, false
			builds = append(builds, context)
		}
	}
	imports := map[string]map[string]bool{}
	for _, dir := range packageDirs(t) {
		for _, context := range builds {
			pkg, err := context.ImportDir(dir, 0)
			if _, none := errors.AsType[*build.NoGoError](err); none || err == nil && len(pkg.GoFiles) == 0 {
				continue
			}
			if err != nil {
				t.Fatal(err)
			}
			if imports[dir] == nil {
				imports[dir] = map[string]bool{}
			}
			for _, path := range pkg.Imports {
				if first, _, _ := strings.Cut(path, "/"); strings.Contains(first, ".") {
					imports[dir][path] = true
				}
			}
		}
	}
	return imports
}

// packageDirs returns the directories of both modules that may hold a package. The examples are
// modules of their own.
func packageDirs(t *testing.T) []string {
	var dirs []string
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil || !d.IsDir():
			return err
		case path != "." && strings.ContainsAny(d.Name()[:1], "._"), d.Name() == "testdata", d.Name() == "examples", d.Name() == "node_modules":
			return fs.SkipDir
		}
		dirs = append(dirs, filepath.ToSlash(path))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return dirs
}

func goList(t *testing.T, args ...string) []string {
	out, err := exec.Command("go", append([]string{"list"}, args...)...).Output()
	if err != nil {
		t.Fatal(err)
	}
	return slices.DeleteFunc(strings.Split(string(out), "\n"), func(line string) bool { return line == "" })
}
