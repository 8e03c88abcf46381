//go:build unix

package build

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/anvilforge/anvil-lsp/internal/build/gocmd"
	"github.com/anvilforge/anvil-lsp/internal/build/golist"
	"github.com/anvilforge/anvil-lsp/internal/build/syntax"
)

// TestLinks: a file that is a link changes where the link leads to, by any name
// on the way, and when it leads elsewhere.
func TestLinks(t *testing.T) {
	a := &app{t: t}
	root, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	a.dir = filepath.Join(root, "app")
	link := func(to, name string) {
		t.Helper()
		if err := os.Symlink(to, filepath.Join(a.dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	a.write("app/app.go", "package app\n")
	a.write("../common/real/shared.go", "package app\n\nvar shared = 1\n")
	a.write("../mod/go.mod", "module app\n")
	link("../../via/shared.go", "app/shared.go")
	link("../mod/go.mod", "go.mod")
	link("common", "../dirlink")
	a.write("../via/none", "")
	link("../dirlink/real/shared.go", "../via/shared.go")

	p := &Package{ImportPath: "app", Dir: filepath.Join(a.dir, "app"), GoFiles: []string{"app.go", "shared.go"}, Module: &golist.Module{Main: true, GoMod: filepath.Join(a.dir, "go.mod")}}
	g := &Graph{Packages: map[string]*Package{"app": p}, Order: []string{"app"}, Main: p}
	b := &Builder{tools: &gocmd.Toolchain{}}
	sources, err := b.readSources(g, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	s := &Snapshot{graph: g, boundary: &golist.Boundary{Main: "app", Handlers: "app"}, sources: sources}
	for _, name := range []string{"via/shared.go", "dirlink/real/shared.go", "common/real/shared.go", "mod/go.mod"} {
		path := filepath.Join(root, name)
		if !s.Relevant(path) || !slices.Contains(s.Dirs(), filepath.Dir(path)) {
			t.Errorf("%s: relevant %t, watched %q", name, s.Relevant(path), s.Dirs())
		}
	}
	if other := filepath.Join(root, "common/real/other.go"); s.Relevant(other) {
		t.Errorf("%s is relevant", other)
	}
	if got := s.Links()[filepath.Join(root, "common/real/shared.go")]; !slices.Equal(got, []string{filepath.Join(p.Dir, "shared.go")}) {
		t.Errorf("the file is known as %q", got)
	}
	p.Dir = filepath.Join(a.dir, "linked")
	link("app", "linked")
	if got := s.Links()[filepath.Join(a.dir, "app")]; !slices.Equal(got, []string{p.Dir}) {
		t.Errorf("the package is known as %q", got)
	}
	p.Dir = filepath.Join(a.dir, "app")
	changed := func(file string) bool {
		t.Helper()
		plan, _, err := b.plan(t.Context(), s, []string{file}, syntax.Read, false)
		if err != nil {
			t.Fatal(err)
		}
		shared := filepath.Join(p.Dir, "shared.go")
		return plan.next.sources[shared].Content != s.sources[shared].Content
	}
	a.write("../common/real/shared.go", "package app\n\nvar shared = 2\n")
	for _, name := range []string{"app/app/shared.go", "via/shared.go", "common/real/shared.go"} {
		if !changed(filepath.Join(root, name)) {
			t.Errorf("a change is not found by %s", name)
		}
	}
	if changed(filepath.Join(root, "app/app/app.go")) {
		t.Error("a change is found by another file")
	}
}
