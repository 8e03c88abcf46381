package e2e

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"go/build"
	"go/parser"
	"go/token"
	"io"
	"maps"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/manifest/source"
)

const (
	editsMain     = "example.com/edits"
	editsHandlers = editsMain + "/handlers"
)

// goCommand are the edits with which the go command cannot load the program, so
// that nothing is checked: what it says is the prediction. (What it says of
// modules is left out too, and what the plan of a build says of host packages.)
// With the last one it selects another version of a module.
var goCommand = []string{
	"compile-embed-file-gone", "compile-embed-no-match", "compile-internal-package", "compile-module-missing",
	"compile-package-missing", "compile-standard-package-missing", "register-package-not-imported",
	"mod-downgrade-breaks",
}

// TestEditsFromSource predicts every edit of the corpus from source alone:
// nothing is built or run, and the application before the edit is described by
// the checker too.
func TestEditsFromSource(t *testing.T) {
	base, edits := readCorpus(t)
	w := newEditWorkspace(t, base, edits)
	table := &confusion{}
	t.Cleanup(func() { t.Log("\n" + table.String()) })
	for _, e := range edits {
		if slices.Contains(goCommand, e.name) {
			continue
		}
		t.Run(e.name, func(t *testing.T) {
			before := w.check(t, e.before)
			for _, d := range before.report.Findings {
				if d.Severity == manifest.SeverityError && d.Code != manifest.CodeGlobal {
					t.Errorf("before the edit: %s", d)
				}
			}
			after := w.check(t, e.after)
			predicted := observed{rung: e.rung, diagnostics: slices.Concat(after.report.Findings, source.Compare(before.manifest(), after.report, after.hot))}
			predicted.findings = findingsOf(w.dir, predicted.diagnostics)
			want := slices.DeleteFunc(slices.Clone(e.want), func(f finding) bool {
				return f.code == manifest.CodeHostChanged || f.code == manifest.CodeModuleChanged
			})
			missed, alarm := differences(want, predicted.findings)
			if len(missed)+len(alarm) > 0 {
				t.Errorf("%s.txtar: %s\n\tpredicted: %s\n\tmissed: %v\n\ttoo much: %v", e.name, e.sentence, predicted, missed, alarm)
			}
			shown := *e
			shown.want = want
			table.count(&shown, predicted.expected(true), nil)
		})
	}
}

// editWorkspace checks states of the application that exist in memory only.
type editWorkspace struct {
	dir      string
	base     tree
	archives map[string]string
	checker  *source.Checker
}

func newEditWorkspace(t *testing.T, base tree, edits []*edit) *editWorkspace {
	t.Helper()
	if testing.Short() {
		t.Skip("compiles dependencies")
	}
	app := newEditedApp(t, base)
	w := &editWorkspace{dir: app.dir, base: base, archives: map[string]string{}}
	// One run of the go command gives the archives of all that any edit imports.
	args := []string{"list", "-export", "-deps", "-tags=anvilhot", "-json=ImportPath,Export", "./..."}
	for _, path := range slices.Sorted(maps.Keys(standardImports(edits))) {
		if _, err := build.Default.Import(path, "", build.FindOnly); err == nil {
			args = append(args, path)
		}
	}
	cmd := exec.Command("go", args...)
	cmd.Dir, cmd.Stderr = w.dir, os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p struct{ ImportPath, Export string }
		if err := dec.Decode(&p); err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		if p.Export != "" {
			w.archives[p.ImportPath] = p.Export
		}
	}
	return w
}

// standardImports returns the packages of the standard library that the corpus
// imports, or means to.
func standardImports(edits []*edit) map[string]bool {
	paths := map[string]bool{}
	for _, e := range edits {
		for _, files := range []tree{e.before, e.after} {
			for name, text := range files {
				for _, path := range importsOf(name, text) {
					if first, _, _ := strings.Cut(path, "/"); !strings.Contains(first, ".") {
						paths[path] = true
					}
				}
			}
		}
	}
	return paths
}

func importsOf(name, text string) []string {
	if path.Ext(name) != ".go" {
		return nil
	}
	f, _ := parser.ParseFile(token.NewFileSet(), name, text, parser.ImportsOnly)
	if f == nil {
		return nil
	}
	var paths []string
	for _, imp := range f.Imports {
		if p, err := strconv.Unquote(imp.Path.Value); err == nil {
			paths = append(paths, p)
		}
	}
	return paths
}

// sourceState is a state of the application as the checker sees it.
type sourceState struct {
	report *source.Report
	hot    []string // import paths
}

// check has the checker look at a state.
func (w *editWorkspace) check(t *testing.T, files tree) *sourceState {
	t.Helper()
	g := newEditGraph(w.dir, files)
	s := &sourceState{}
	prog := source.Program{Main: editsMain, Handlers: editsHandlers, Archives: w.archives}
	host := g.reach(editsMain, editsHandlers)
	edited := map[string]bool{}
	for _, path := range g.order() {
		p := g.packages[path]
		hot := !host[path]
		// A host package that was edited, and host packages that import it, are
		// not what their archives say.
		for name, text := range files {
			edited[path] = edited[path] || !hot && g.of(name) == path && text != w.base[name]
		}
		edited[path] = edited[path] || !hot && slices.ContainsFunc(p.imports, func(i string) bool { return edited[i] })
		if !hot && !edited[path] {
			continue
		}
		if hot {
			s.hot = append(s.hot, path)
		}
		prog.Packages = append(prog.Packages, source.Package{
			ImportPath: path, Name: p.name, Dir: p.dir, GoFiles: p.files, GoVersion: "1.26.0", Hot: hot,
		})
	}
	overlay := map[string][]byte{}
	for name, text := range files {
		overlay[filepath.Join(w.dir, filepath.FromSlash(name))] = []byte(text)
	}
	if w.checker == nil {
		w.checker = source.NewChecker(prog)
	}
	w.checker.Update(prog)
	report, err := w.checker.Check(context.Background(), overlay)
	if err != nil {
		t.Fatal(err)
	}
	s.report = report
	return s
}

// manifest is what a live server that runs the state would say.
func (s *sourceState) manifest() *manifest.Manifest {
	m := &manifest.Manifest{Format: manifest.FormatVersion, Handlers: editsHandlers, Hot: s.hot}
	for _, r := range s.report.Routes {
		m.Routes = append(m.Routes, r.Route)
	}
	for i, u := range s.report.Unknown {
		if u.Route != nil { // the live server knows the pattern; here any will do that fits
			route := u.Route.Route
			route.Pattern = cmp.Or(strings.ReplaceAll(route.Pattern, "…", ""), fmt.Sprintf("/unknown/%d", i))
			m.Routes = append(m.Routes, route)
		}
	}
	for _, st := range s.report.State {
		if st.Registering {
			m.State = append(m.State, st.State)
		}
	}
	m.Sort()
	return m
}

// editGraph is the import graph of the application, without the go command.
type editGraph struct {
	dir      string
	packages map[string]*editPackage // by import path
}

type editPackage struct {
	name, dir string
	files     []string // absolute
	imports   []string // those of the application
}

func newEditGraph(dir string, files tree) *editGraph {
	g := &editGraph{dir: dir, packages: map[string]*editPackage{}}
	ctx := build.Default
	ctx.BuildTags = []string{"anvilhot"}
	ctx.OpenFile = func(name string) (io.ReadCloser, error) {
		rel, err := filepath.Rel(dir, name)
		return io.NopCloser(strings.NewReader(files[filepath.ToSlash(rel)])), err
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		at := filepath.Join(dir, filepath.FromSlash(name))
		if ok, _ := ctx.MatchFile(filepath.Dir(at), filepath.Base(at)); path.Ext(name) != ".go" || strings.HasSuffix(name, "_test.go") || !ok {
			continue
		}
		p := g.packages[g.of(name)]
		if p == nil {
			p = &editPackage{dir: filepath.Dir(at)}
			g.packages[g.of(name)] = p
		}
		p.files = append(p.files, at)
		if f, _ := parser.ParseFile(token.NewFileSet(), name, files[name], parser.PackageClauseOnly); f != nil {
			p.name = f.Name.Name
		}
		for _, imp := range importsOf(name, files[name]) {
			if strings.HasPrefix(imp, editsMain+"/") {
				p.imports = append(p.imports, imp)
			}
		}
	}
	return g
}

// of returns the import path of the package that a file belongs to.
func (g *editGraph) of(name string) string { return path.Join(editsMain, path.Dir(name)) }

// reach returns what a package imports, directly or not, without going through
// another one.
func (g *editGraph) reach(from, without string) map[string]bool {
	seen := map[string]bool{from: true}
	for queue := []string{from}; len(queue) > 0; queue = queue[1:] {
		if p := g.packages[queue[0]]; p != nil {
			for _, imp := range p.imports {
				if !seen[imp] && imp != without {
					seen[imp] = true
					queue = append(queue, imp)
				}
			}
		}
	}
	return seen
}

// order returns the packages that the program consists of, dependencies first.
func (g *editGraph) order() []string {
	var order []string
	seen := map[string]bool{}
	var visit func(string)
	visit = func(path string) {
		if p := g.packages[path]; p != nil && !seen[path] {
			seen[path] = true
			for _, imp := range p.imports {
				visit(imp)
			}
			order = append(order, path)
		}
	}
	visit(editsMain)
	visit(editsHandlers)
	return order
}
