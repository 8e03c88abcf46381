package source

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/manifest/source/internal/load"
	"golang.org/x/tools/txtar"
)

// dependencies are the packages that sources in tests may import.
var dependencies = []string{
	"github.com/anvilforge/anvil-lsp/hotreload", "github.com/go-chi/chi/v5",
	"bytes", "cmp", "container/list", "context", "database/sql", "embed", "encoding/gob", "encoding/json", "errors", "expvar", "flag", "fmt",
	"html/template", "iter", "log", "log/slog", "maps", "net/http", "net/netip", "net/rpc", "net/url", "os", "path", "regexp", "slices", "sort", "strconv", "strings",
	"sync", "sync/atomic", "text/template", "time",
}

// archivePaths compiles the dependencies, once for all tests.
var archivePaths = sync.OnceValues(func() (map[string]string, error) {
	args := append([]string{"list", "-export", "-deps", "-tags", "anvilhot", "-json=ImportPath,Export"}, dependencies...)
	listed, err := goList(".", args...)
	if err != nil {
		return nil, err
	}
	paths := map[string]string{}
	for _, p := range listed {
		if p.Export != "" {
			paths[p.ImportPath] = p.Export
		}
	}
	return paths, nil
})

// listedPackage is what go list says of a package.
type listedPackage struct {
	ImportPath, Name, Dir, Export string
	Standard                      bool
	GoFiles, Imports              []string
	ImportMap                     map[string]string
	Module                        *struct {
		Path, GoVersion string
		Main            bool
	}
}

func goList(dir string, args ...string) ([]listedPackage, error) {
	cmd := exec.Command("go", args...)
	cmd.Dir = dir
	out, err := cmd.Output()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return nil, fmt.Errorf("go %v: %w\n%s", args, err, exit.Stderr)
	}
	if err != nil {
		return nil, err
	}
	var all []listedPackage
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p listedPackage
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return all, nil
		} else if err != nil {
			return nil, err
		}
		all = append(all, p)
	}
}

func testArchives(t testing.TB) map[string]string {
	t.Helper()
	paths, err := archivePaths()
	if err != nil {
		t.Fatal(err)
	}
	return paths
}

// root is where the files of test programs are said to be. Nothing is there:
// all of them are unsaved buffers.
const root = "/app"

// archived makes a program from the Go files of a txtar archive. A file is in
// the package of its directory below example.com; host packages are those in
// directories named host....
func archived(t testing.TB, a *txtar.Archive) (Program, map[string][]byte) {
	t.Helper()
	p := Program{Main: "example.com", Handlers: "example.com/handlers", Archives: maps.Clone(testArchives(t)), GOARCH: runtime.GOARCH}
	overlay := map[string][]byte{}
	packages := map[string]*Package{}
	for _, f := range a.Files {
		if path.Ext(f.Name) != ".go" {
			continue
		}
		name := path.Join(root, f.Name)
		overlay[name] = f.Data
		dir := path.Dir(f.Name)
		if packages[dir] == nil {
			packages[dir] = &Package{
				ImportPath: "example.com/" + dir, Dir: path.Join(root, dir), GoVersion: "1.26", Hot: !strings.HasPrefix(dir, "host"),
			}
		}
		packages[dir].GoFiles = append(packages[dir].GoFiles, name)
	}
	for _, dir := range slices.Sorted(maps.Keys(packages)) {
		p.Packages = append(p.Packages, *packages[dir])
	}
	return p, overlay
}

func parseArchive(t testing.TB, name string) *txtar.Archive {
	t.Helper()
	a, err := txtar.ParseFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// handlersOnly is an archive with a handlers package of one file.
func handlersOnly(src string) *txtar.Archive {
	return &txtar.Archive{Files: []txtar.File{{Name: "handlers/routes.go", Data: []byte(src)}}}
}

// units returns what the last Check of a program had, by import path.
func units(c *Checker) map[string]*load.Unit {
	all := map[string]*load.Unit{}
	for _, u := range c.last.Units {
		all[u.Spec.ImportPath] = u
	}
	return all
}

func checkArchive(t testing.TB, a *txtar.Archive) *Report {
	t.Helper()
	p, overlay := archived(t, a)
	r, err := NewChecker(p).Check(t.Context(), overlay)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// want is an expected finding: /* want ANV004 "twice" */ before the node that
// it is about, or // want ANV004 "twice" at the end of the line.
type want struct {
	file    string
	line    int
	column  int // 0: any
	code    manifest.Code
	message *regexp.Regexp
	found   bool
}

var (
	wantMark  = regexp.MustCompile(`(/\*|//) want (.*?)(?: \*/ *|$)`)
	wantParts = regexp.MustCompile("^(ANV[0-9]{3}) (\"(?:[^\"\\\\]|\\\\.)*\"|`[^`]*`) ?")
)

func wants(t testing.TB, overlay map[string][]byte) []*want {
	t.Helper()
	var all []*want
	for _, name := range slices.Sorted(maps.Keys(overlay)) {
		for i, line := range strings.Split(string(overlay[name]), "\n") {
			for _, m := range wantMark.FindAllStringSubmatchIndex(line, -1) {
				column := 0
				if line[m[2]:m[3]] == "/*" {
					column = m[1] + 1
				}
				rest := line[m[4]:m[5]]
				for rest != "" {
					part := wantParts.FindStringSubmatch(rest)
					if part == nil {
						t.Fatalf("%s:%d: bad expectation %q", name, i+1, rest)
					}
					text, err := strconv.Unquote(part[2])
					if err != nil {
						t.Fatal(err)
					}
					all = append(all, &want{file: name, line: i + 1, column: column, code: manifest.Code(part[1]), message: regexp.MustCompile(text)})
					rest = rest[len(part[0]):]
				}
			}
		}
	}
	return all
}

// compareFindings reports findings that are missing or not expected.
func compareFindings(t *testing.T, findings []manifest.Diagnostic, expected []*want) {
	t.Helper()
	for _, d := range findings {
		i := slices.IndexFunc(expected, func(w *want) bool {
			return !w.found && w.file == d.File && w.line == d.Line && (w.column == 0 || w.column == d.Column) && w.code == d.Code && w.message.MatchString(d.Message)
		})
		if i < 0 {
			t.Errorf("not expected: %s", d)
			continue
		}
		expected[i].found = true
	}
	for _, w := range expected {
		if !w.found {
			t.Errorf("missing: %s:%d:%d: %s %q", w.file, w.line, w.column, w.code, w.message)
		}
	}
}

// describe writes what a report says of registrations, a line each.
func describe(r *Report) string {
	var b strings.Builder
	at := func(p manifest.Position) string {
		return fmt.Sprintf("%s:%d", strings.TrimPrefix(filepath.ToSlash(p.File), root+"/"), p.Line)
	}
	for _, x := range r.Routes {
		mark := ""
		if x.Conditional {
			mark = " (conditional)"
		}
		fmt.Fprintf(&b, "%s %s → %s [%s] %s at %s%s\n", x.Method, x.Pattern, x.Handler, x.Kind, x.Signature, at(x.Position), mark)
	}
	for _, x := range r.Unknown {
		fmt.Fprintf(&b, "unknown %s at %s: %s\n", x.Call, at(x.Position), x.Reason)
	}
	for _, x := range r.Registered {
		fmt.Fprintf(&b, "registered %s %q %s at %s\n", x.Registry, x.Key, x.Type, at(x.Position))
	}
	for _, x := range r.State {
		fmt.Fprintf(&b, "state %q %s at %s registering=%v\n", x.Key, x.Type, at(x.Position), x.Registering)
	}
	for _, x := range r.Missing {
		fmt.Fprintf(&b, "missing %s\n", x)
	}
	return b.String()
}

// section returns a file of an archive.
func section(a *txtar.Archive, name string) string {
	for _, f := range a.Files {
		if f.Name == name {
			return string(f.Data)
		}
	}
	return ""
}

// setSection replaces a file of an archive or adds it at the end.
func setSection(a *txtar.Archive, name, text string) {
	for i := range a.Files {
		if a.Files[i].Name == name {
			a.Files[i].Data = []byte(text)
			return
		}
	}
	a.Files = append(a.Files, txtar.File{Name: name, Data: []byte(text)})
}

func writeArchive(t *testing.T, name string, a *txtar.Archive) {
	t.Helper()
	if err := os.WriteFile(name, txtar.Format(a), 0o666); err != nil {
		t.Fatal(err)
	}
}

func sortedRoutes(routes []manifest.Route) []manifest.Route {
	out := slices.Clone(routes)
	slices.SortFunc(out, func(a, b manifest.Route) int {
		return cmp.Or(cmp.Compare(a.Pattern, b.Pattern), cmp.Compare(a.Method, b.Method))
	})
	return out
}
