package build

import (
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"github.com/anvilforge/anvil-lsp/internal/build/golist"
	"github.com/anvilforge/anvil-lsp/internal/build/syntax"
	"github.com/anvilforge/anvil-lsp/manifest/source"
)

// hotSnapshot returns a snapshot of hot packages only, from source: h is the
// handlers package, and files are h/name.go.
func hotSnapshot(t *testing.T, archive string) *Snapshot {
	t.Helper()
	ours := &golist.Module{Path: "m", Main: true}
	s := &Snapshot{
		graph:    &Graph{Packages: map[string]*Package{"main": {ImportPath: "main"}}},
		compiled: map[string]compiled{}, sources: map[string]syntax.File{},
	}
	for _, f := range txtar.Parse([]byte(archive)).Files {
		dir, name := path.Split(f.Name)
		dir = strings.TrimSuffix(dir, "/")
		p := s.graph.Packages[dir]
		if p == nil {
			p = &Package{ImportPath: dir, Name: path.Base(dir), Dir: filepath.Join("/app", dir), Module: ours}
			s.graph.Packages[dir] = p
			s.graph.Order = append(s.graph.Order, dir) // the archive has dependencies first
			s.compiled[dir] = compiled{path: dir}
		}
		p.GoFiles = append(p.GoFiles, name)
		src := syntax.Digest(f.Name, f.Data, false)
		s.sources[filepath.Join(p.Dir, name)] = src
		for _, imp := range src.Initialization.Imports {
			p.Imports = append(p.Imports, imp.Path)
		}
	}
	s.graph.Main = s.graph.Packages["main"]
	s.boundary = golist.NewBoundary(s.graph, "h", func(*Package) bool { return false })
	return s
}

// initialisation is a program of which the handlers package, h, is rebuilt.
type initialisation struct {
	name, archive string
	want          string // what is rebuilt
}

func initialisations() (programs []initialisation) {
	const table = `
-- h/table/table.go --
package table

import "errors"

var (
	All []string
	ByName = map[string]int{}
	ErrNone = errors.New("none")
	last string
	one registry
	Add2 = func(s string) { last = s }
)

type registry struct{ list []string }

func (r *registry) add(s string) { r.list = append(r.list, s) }
func (r *registry) Keep(s string) { All = append(All, s) }

func Add(s string) { All = append(All, s) }
func One(s string) { one.add(s) }
func Set(s string) { put(&last, s) }
func Has(s string) bool { _, ok := ByName[s]; return ok && last == s }
func None(s string) error { return ErrNone }
func List() []string { return All }
func Registry() *registry { return new(registry) }
func put(to *string, s string) { *to = s }
func Map[T any](s T) T { return s }
func Store[T any](s T) { last = "x" }
`
	for _, tt := range []struct{ name, handlers, want string }{
		{"no use", `func Routes() { table.Add("/") }`, "h"},
		{"init adds", `func init() { table.Add("/") }`, "h/table h/user h"},
		{"a variable adds", `var _ = register(); func register() int { table.Add("/"); return 1 }`, "h/table h/user h"},
		{"through a method", `type t struct{}; func (t) go1() { table.Add("/") }; func init() { t{}.go1() }`, "h/table h/user h"},
		{"through a method of the package's variable", `func init() { table.One("/") }`, "h/table h/user h"},
		{"through a method of another package", `func init() { table.Registry().Keep("/") }`, "h/table h/user h"},
		{"through a pointer", `func init() { table.Set("/") }`, "h/table h/user h"},
		{"through a function in a variable", `func init() { table.Add2("/") }`, "h/table h/user h"},
		{"through a generic function", `func init() { table.Store[int](1) }`, "h/table h/user h"},
		{"assigns", `func init() { table.All = nil }`, "h/table h/user h"},
		{"assigns an element", `func init() { table.ByName["/"] = 1 }`, "h/table h/user h"},
		{"what a function hands out", `func init() { table.List()[0] = "/" }`, "h/table h/user h"},
		{"in a literal that is called", `func init() { func() { table.Add("/") }() }`, "h/table h/user h"},
		{"in a literal that is called later", `func init() { f := func() { table.Add("/") }; f() }`, "h/table h/user h"},
		{"once", `var once sync.Once; func init() { once.Do(func() { table.Add("/") }) }`, "h/table h/user h"},
		{"through a third package", `func init() { user.Use() }`, "h/table h/user h"},
		{"reads", `func init() { if table.Has("/") { println(len(table.All)) } }`, "h"},
		{"an error", `func init() { if table.None("/") == table.ErrNone { panic(table.ErrNone) } }`, "h"},
		{"a function without effect", `var x = table.Map(1)`, "h"},
		{"a function that is only named", `var x = map[string]any{"/": show}; func show() { table.Add("/") }`, "h"},
		{"a literal that is only kept", `var x = []func(){func() { table.Add("/") }}`, "h"},
		{"its own variable", `var all []string; func init() { all = append(all, "/") }`, "h"},
		{"renamed import", `func init() { other.Add("/") }`, "h/table h/user h"},
		{"dot import", `func init() { Add("/") }`, "h/table h/user h"},
	} {
		imports := `"h/table"; "h/user"; "sync"`
		switch tt.name {
		case "renamed import":
			imports = `other "h/table"`
		case "dot import":
			imports = `. "h/table"`
		}
		programs = append(programs, initialisation{tt.name, table + `
-- h/user/user.go --
package user

import "h/table"

func Use() { table.Add("/user") }
-- h/beside/beside.go --
package beside

var n int

func Count() { n++ }
-- h/h.go --
package h

import "h/beside"

import (` + imports + `)

func Beside() { beside.Count() }

` + tt.handlers + "\n", tt.want})
	}
	return append(programs, initialisation{"a package without hot imports", table, ""})
}

// TestRebuilt: what the initialisation of a rebuilt package changes is rebuilt,
// and nothing else that did not change.
func TestRebuilt(t *testing.T) {
	for _, p := range initialisations() {
		s := hotSnapshot(t, p.archive)
		changed, want := "h", strings.Fields(p.want)
		switch h := s.graph.Packages["h"]; {
		case h == nil:
			changed, want = "h/table", []string{"h/table"}
		case !slices.Contains(h.Imports, "h/user"): // user imports table, whoever imports it
			h.Imports = append(h.Imports, "h/user")
		}
		if got := s.rebuilt([]string{changed}); !slices.Equal(got, want) {
			t.Errorf("%s: rebuilt %q, want %q", p.name, got, want)
		}
	}
}

// outliving matches what a finding says of a table that outlives a generation.
var outliving = regexp.MustCompile(`^(\w+)\.\w+ outlives the generation`)

// TestTypedInitialisation: a package whose table gets an entry in each generation, as the
// checker finds with types, is one that the builder rebuilds, so that it does not. To the
// checker the packages that did not change are host packages, which outlive a generation.
func TestTypedInitialisation(t *testing.T) {
	archives := map[string]string{}
	out, err := exec.Command("go", "list", "-export", "-deps", "-f", "{{.ImportPath}} {{.Export}}", "errors", "sync").Output()
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(out)) {
		path, archive, _ := strings.Cut(strings.TrimSpace(line), " ")
		archives[path] = archive
	}
	compared := 0
	for _, program := range initialisations() {
		s := hotSnapshot(t, program.archive)
		p := source.Program{Main: "main", Handlers: "h", Archives: archives, GOARCH: runtime.GOARCH}
		overlay := map[string][]byte{}
		for _, path := range s.graph.Order {
			pkg := s.graph.Packages[path]
			p.Packages = append(p.Packages, source.Package{ImportPath: path, Dir: pkg.Dir, GoVersion: "1.26", GoFiles: pkg.SourceFiles(), Hot: path == "h"})
		}
		for _, f := range txtar.Parse([]byte(program.archive)).Files {
			overlay[filepath.Join("/app", f.Name)] = f.Data
		}
		report, err := source.NewChecker(p).Check(t.Context(), overlay)
		if err != nil {
			t.Fatal(err)
		}
		for _, found := range report.OneTime {
			for _, r := range found.Related {
				m := outliving.FindStringSubmatch(r.Message)
				if m == nil || !slices.Contains(found.Packages, "h") {
					continue
				}
				compared++
				if got := s.rebuilt([]string{"h"}); !slices.Contains(got, "h/"+m[1]) {
					t.Errorf("%s: rebuilt %q, though %s", program.name, got, r.Message)
				}
			}
		}
	}
	if compared < 8 {
		t.Errorf("%d programs were compared", compared)
	}
}

// TestSelfRegistration: what handlers add to another hot package when they are
// initialised is there once, in every generation.
func TestSelfRegistration(t *testing.T) {
	a := newApp(t, "app.txtar")
	a.write("handlers/table/table.go", "package table\n\nvar all []string\n\nfunc Add(s string) { all = append(all, s) }\n\nfunc All() []string { return all }\n")
	a.write("handlers/self.go", "package handlers\n\nimport (\n\t\"fmt\"\n\n\t\"example.com/app/handlers/table\"\n)\n\nfunc init() { table.Add(\"/self\") }\n\nfunc self() string { return fmt.Sprint(table.All()) }\n")
	a.edit("handlers/handlers.go", `"v1", `, `"v1", self(), `)
	a.start(a.host().Path)
	for _, v := range []string{"v2", "v3"} {
		res, said := a.swap(a.edit("handlers/handlers.go", `fmt.Println("`, `fmt.Println("`+v+` " + "`))
		if !strings.HasPrefix(said, v+" ") || !strings.Contains(said, " [/self] ") {
			t.Errorf("the process says %q", said)
		}
		if want := []string{hot + "/table", hot}; !slices.Equal(res.Rebuilt, want) {
			t.Errorf("rebuilt %q, want %q", res.Rebuilt, want)
		}
	}
}
