package source

import (
	"context"
	"fmt"
	"go/ast"
	"go/types"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/internal/testkit"
)

// loadApp lists an application as the engine builds it. hot says which packages
// are hot.
func loadApp(t testing.TB, dir, handlers string, hot func(path string) bool) Program {
	t.Helper()
	listed, err := goList(dir, "list", "-export", "-deps", "-buildmode=plugin", "-tags=anvilhot", "-trimpath=false", "-buildvcs=false", "-pgo=off",
		"-json=ImportPath,Name,Dir,Export,Standard,GoFiles,Imports,ImportMap,Module", ".")
	if err != nil {
		t.Fatal(err)
	}
	p := Program{Main: listed[len(listed)-1].ImportPath, Handlers: handlers, Archives: map[string]string{}}
	for _, l := range listed {
		if !hot(l.ImportPath) {
			p.Archives[l.ImportPath] = l.Export
			if l.Module != nil && strings.HasPrefix(l.ImportPath, "example.com/") && l.ImportPath != p.Main {
				p.Sources = append(p.Sources, l.source(false))
			}
			continue
		}
		p.Packages = append(p.Packages, l.source(true))
	}
	return p
}

// source returns a listed package as a Program has it.
func (l *listedPackage) source(hot bool) Package {
	p := Package{ImportPath: l.ImportPath, Name: l.Name, Dir: l.Dir, ImportMap: l.ImportMap, Hot: hot}
	for _, f := range l.GoFiles {
		p.GoFiles = append(p.GoFiles, filepath.Join(l.Dir, f))
	}
	if l.Module != nil {
		p.GoVersion = l.Module.GoVersion
	}
	return p
}

func below(prefix string) func(string) bool {
	return func(path string) bool { return path == prefix || strings.HasPrefix(path, prefix+"/") }
}

// TestLiveManifest compares what is found in the sources of the sample
// applications with the manifest that a real live server wrote.
func TestLiveManifest(t *testing.T) {
	if testing.Short() {
		t.Skip("builds and runs applications")
	}
	command := filepath.Join(t.TempDir(), "anvil-lsp")
	if out, err := exec.Command("go", "build", "-o", command, "../../cmd/anvil-lsp").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, app := range []string{"hello", "blog"} {
		t.Run(app, func(t *testing.T) {
			dir := testkit.CopyApp(t, app)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			run := exec.CommandContext(ctx, command, "--serve", dir, "--once", "--addr", "127.0.0.1:0")
			run.Dir = dir
			if out, err := run.CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			file := filepath.Join(dir, ".anvil", "manifest.json")
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			live, err := manifest.Decode(file, data)
			if err != nil {
				t.Fatal(err)
			}
			p := loadApp(t, dir, live.Handlers, func(path string) bool { return slices.Contains(live.Hot, path) })
			r, err := NewChecker(p).Check(t.Context(), nil)
			if err != nil {
				t.Fatal(err)
			}
			if !r.Complete || len(r.Unknown) > 0 {
				t.Errorf("complete: %v, unknown: %v, findings: %v", r.Complete, r.Unknown, r.Findings)
			}
			compareRoutes(t, r, live.Routes)
			var states []manifest.State
			for _, s := range r.State {
				if s.Registering {
					states = append(states, s.State)
				}
			}
			if !slices.Equal(states, live.State) {
				t.Errorf("state: got %+v, want %+v", states, live.State)
			}
			if found := Compare(live, r, p.HotPackages()); len(found) > 0 {
				t.Errorf("differences: %v", found)
			}
			for _, d := range r.Findings {
				if d.Code != manifest.CodePackageState {
					t.Errorf("not expected: %s", d)
				}
			}
		})
	}
}

// compareRoutes compares routes with those of a live manifest.
func compareRoutes(t *testing.T, r *Report, live []manifest.Route) {
	t.Helper()
	var got []manifest.Route
	for _, route := range r.Routes {
		route.Position.Column = 0 // the live server knows no columns
		got = append(got, route.Route)
	}
	got, live = sortedRoutes(got), sortedRoutes(live)
	for i, w := range live {
		if i >= len(got) {
			t.Errorf("missing: %+v", w)
			continue
		}
		g := got[i]
		if SameHandler(g.Handler, w.Handler) {
			g.Handler = w.Handler
		}
		if g != w {
			t.Errorf("got  %+v\nwant %+v", g, w)
		}
	}
	for _, g := range got[min(len(live), len(got)):] {
		t.Errorf("not live: %+v", g)
	}
}

func TestSameHandler(t *testing.T) {
	for _, test := range []struct {
		name, live string
		want       bool
	}{
		{"handlers.health.func1", "handlers.AnvilRegisterRoutes.health.func4", true},
		{"views.Static.func1", "handlers.AnvilRegisterRoutes.Static.func2", true},
		{"handlers.health.func1", "handlers.AnvilRegisterRoutes.func2.health.1", true},
		{"handlers.health.func1", "handlers.AnvilRegisterRoutes.func2.index.1", false},
		{"handlers.health", "handlers.AnvilRegisterRoutes.health.func4", false},
		{"handlers.health", "handlers.health", true},
		{"handlers.health", "handlers.index", false},
		{"handlers.(*app).health", "handlers.(*app).health", true},
		{"handlers.AnvilRegisterRoutes.func1", "handlers.AnvilRegisterRoutes.func2", true},
		{"handlers.AnvilRegisterRoutes.func1", "handlers.now", false},
		{"", "handlers.health.func1", false},
	} {
		if got := SameHandler(test.name, test.live); got != test.want {
			t.Errorf("%s, %s: got %v", test.name, test.live, got)
		}
	}
}

// blog is the blog with an edit that changes each time.
type blog struct {
	dir     string
	program Program
	text    []byte
	file    string
}

func loadBlog(b *testing.B) *blog {
	dir := testkit.CopyApp(b, "blog")
	x := &blog{dir: dir, program: loadApp(b, dir, "example.com/blog/handlers", below("example.com/blog/handlers"))}
	x.file = filepath.Join(dir, "handlers", "pages.go")
	var err error
	if x.text, err = os.ReadFile(x.file); err != nil {
		b.Fatal(err)
	}
	return x
}

// edit returns the file with another body of a function.
func (x *blog) edit(i int) map[string][]byte {
	edited := strings.Replace(string(x.text), "older := 0", fmt.Sprintf("older := %d * 0", i), 1)
	return map[string][]byte{x.file: []byte(edited)}
}

// imported imports packages that are there already.
type imported map[string]*types.Package

func (m imported) Import(path string) (*types.Package, error) { return m[path], nil }

// BenchmarkCheck measures a keystroke in the handlers package of the blog, from
// the changed buffer to the prediction, with dependencies loaded; the limit for
// the median is 30 ms. The floor is what go/types takes for that package alone.
func BenchmarkCheck(b *testing.B) {
	x := loadBlog(b)
	c := NewChecker(x.program)
	first, err := c.Check(b.Context(), nil)
	if err != nil {
		b.Fatal(err)
	}
	last := live(first, x.program.HotPackages())
	b.Run("keystroke", func(b *testing.B) {
		i := 0
		var times []time.Duration
		for b.Loop() {
			i++
			begun := time.Now()
			r, err := c.Check(b.Context(), x.edit(i))
			if err != nil || !r.Complete {
				b.Fatal(err, r)
			}
			if found := Compare(last, r, x.program.HotPackages()); len(found) > 0 {
				b.Fatal(found)
			}
			times = append(times, time.Since(begun))
		}
		slices.Sort(times)
		b.ReportMetric(float64(times[len(times)/2].Microseconds())/1000, "p50-ms")
	})
	b.Run("floor", func(b *testing.B) {
		handlers := units(c)[x.program.Handlers]
		var files []*ast.File
		for _, f := range handlers.Files {
			files = append(files, f.Syntax)
		}
		conf := types.Config{Importer: imported(handlers.Imports)}
		for b.Loop() {
			info := &types.Info{
				Types: map[ast.Expr]types.TypeAndValue{}, Instances: map[*ast.Ident]types.Instance{},
				Defs: map[*ast.Ident]types.Object{}, Uses: map[*ast.Ident]types.Object{},
				Implicits: map[ast.Node]types.Object{}, Selections: map[*ast.SelectorExpr]*types.Selection{},
			}
			if _, err := conf.Check(handlers.Spec.ImportPath, c.last.Fset, files, info); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("leaf", func(b *testing.B) { // a package that others import
		file := filepath.Join(x.dir, "handlers", "internal", "session", "session.go")
		text, err := os.ReadFile(file)
		if err != nil {
			b.Fatal(err)
		}
		i := 0
		for b.Loop() {
			i++
			overlay := map[string][]byte{file: fmt.Appendf(slices.Clone(text), "\nvar _ = %d\n", i)}
			if r, err := c.Check(b.Context(), overlay); err != nil || !r.Complete {
				b.Fatal(err, r)
			}
		}
	})
	b.Run("unchanged", func(b *testing.B) {
		for b.Loop() {
			if _, err := c.Check(b.Context(), nil); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("first", func(b *testing.B) {
		for b.Loop() {
			if _, err := NewChecker(x.program).Check(b.Context(), nil); err != nil {
				b.Fatal(err)
			}
		}
	})
}
