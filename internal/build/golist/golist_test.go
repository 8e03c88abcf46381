package golist

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/anvilforge/anvil-lsp/internal/build/gocmd"
)

// TestBoundary draws the line on graphs made up for the purpose.
func TestBoundary(t *testing.T) {
	ours := &Module{Path: "m", Main: true}
	graph := func(edges map[string]string) *Graph {
		g := &Graph{Packages: map[string]*Package{}}
		for from, to := range edges {
			p := &Package{ImportPath: from, Imports: strings.Fields(to), Module: ours}
			if strings.HasPrefix(from, "dep") {
				p.Module = &Module{Path: "dep"}
			}
			g.Packages[from] = p
			g.Order = append(g.Order, from)
		}
		g.Main = g.Packages["main"]
		return g
	}
	tests := []struct {
		name   string
		edges  map[string]string
		native string
		hot    []string
		why    map[string]string
	}{
		{"the usual", map[string]string{"main": "h store dep", "h": "h/views store dep2", "h/views": "dep", "store": "", "dep": "", "dep2": ""}, "",
			[]string{"h", "h/views"}, map[string]string{"store": "main → store", "dep": "main → dep", "dep2": "outside the workspace"}},
		{"main reaches below the handlers", map[string]string{"main": "h web", "web": "h/views", "h": "h/views h/api", "h/views": "", "h/api": ""}, "",
			[]string{"h", "h/api"}, map[string]string{"h/views": "main → web → h/views"}},
		{"handlers are reached another way too", map[string]string{"main": "h web", "web": "h", "h": "x", "x": ""}, "",
			[]string{"h", "x"}, nil},
		{"native in the middle", map[string]string{"main": "h", "h": "a b", "a": "c", "b": "d", "c": "", "d": ""}, "a",
			[]string{"b", "d", "h"}, map[string]string{"a": "uses cgo, assembly or linkname: a", "c": "uses cgo, assembly or linkname: a"}},
		{"a dependency imports the workspace", map[string]string{"main": "h", "h": "dep a", "dep": "lib", "lib": "below", "below": "", "a": "below"}, "",
			[]string{"a", "h"}, map[string]string{"lib": "dep → lib", "below": "dep → lib → below"}},
		{"native handlers", map[string]string{"main": "h", "h": "a", "a": ""}, "h", nil, nil},
	}
	for _, tt := range tests {
		g := graph(tt.edges)
		b := NewBoundary(g, "h", func(p *Package) bool { return p.ImportPath == tt.native })
		if got := b.HotPackages(); !slices.Equal(got, tt.hot) {
			t.Errorf("%s: hot packages %q, want %q", tt.name, got, tt.hot)
		}
		for path, why := range tt.why {
			if got := b.Reason(path).String(); got != why {
				t.Errorf("%s: %s is a host package because of %q, want %q", tt.name, path, got, why)
			}
		}
	}
}

func TestModuleText(t *testing.T) {
	tests := []struct {
		module *Module
		want   string
	}{
		{&Module{Path: "example.com/m", Version: "v1.2.3", GoVersion: "1.26"}, "example.com/m@v1.2.3 go1.26"},
		{&Module{Path: "example.com/m", Version: "v1.2.3"}, "example.com/m@v1.2.3"},
		{&Module{Path: "example.com/m", Version: "v1.2.3", Replace: &Module{Path: "../m"}}, "example.com/m@v1.2.3 => ../m"},
		{&Module{Path: "example.com/m", Version: "v1.2.3", Replace: &Module{Path: "example.com/fork", Version: "v2.0.0"}}, "example.com/m@v1.2.3 => example.com/fork@v2.0.0"},
		{&Module{Path: "example.com/m", GoVersion: "1.26", Main: true}, "example.com/m go1.26"},
		{nil, "example.com/m/p"},
	}
	for _, tt := range tests {
		if got := (&Package{ImportPath: "example.com/m/p", Module: tt.module}).ModuleText(); got != tt.want {
			t.Errorf("got %q, want %q", got, tt.want)
		}
	}
}

// TestEmbedMatches compares with what the go command embeds.
func TestEmbedMatches(t *testing.T) {
	l := newModule(t)
	files := []string{"a.txt", ".hidden", "_x.txt", "d/b.txt", "d/.hidden", "d/_x.txt", "d/e/c.txt", "d/.e/c.txt", "x y.txt"}
	for _, f := range files {
		l.write(f, f)
	}
	l.write("go.mod", "module example.com/embed\n\ngo 1.26\n")
	for _, pattern := range []string{"a.txt", "*.txt", "d", "all:d", "d/*", "d/e", ".hidden", "*", "all:*", "d/e/*.txt", "[a-d]*"} {
		l.write("embed.go", "package embed\n\nimport \"embed\"\n\n//go:embed "+pattern+"\nvar files embed.FS\n")
		pkgs, err := l.Output(t.Context(), l.Dir, "go", "list", "-json=EmbedFiles,EmbedPatterns,Dir", ".")
		if err != nil {
			t.Fatal(err)
		}
		var p Package
		if err := json.Unmarshal(pkgs, &p); err != nil {
			t.Fatal(err)
		}
		got := slices.DeleteFunc(slices.Clone(files), func(f string) bool { return !EmbedMatches(pattern, f) })
		// Whether * takes .anvil, go.mod and the like is not of interest here.
		want := slices.DeleteFunc(slices.Clone(p.EmbedFiles), func(f string) bool { return !slices.Contains(files, f) })
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("//go:embed %s takes %q, the go command %q", pattern, got, want)
		}
	}
}

// module is a lister with its module.
type module struct {
	*Lister
	t *testing.T
}

func newModule(t *testing.T) module { return moduleIn(t, t.TempDir()) }

// moduleIn returns the module in a directory, of which the go.mod is read now.
func moduleIn(t *testing.T, dir string) module {
	t.Helper()
	settings := gocmd.Settings{Dir: dir, Go: "go", Environ: os.Environ()}
	tools, err := gocmd.New(t.Context(), settings)
	if err != nil {
		t.Fatal(err)
	}
	return module{&Lister{Toolchain: tools}, t}
}

// write writes a file of the module, and returns its path.
func (m module) write(name, text string) string {
	m.t.Helper()
	path := filepath.Join(m.Dir, name)
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o777), os.WriteFile(path, []byte(text), 0o666)); err != nil {
		m.t.Fatal(err)
	}
	return path
}
