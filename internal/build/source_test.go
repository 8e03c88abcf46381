package build

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
)

func contextWithCancel(t *testing.T) (context.Context, context.CancelFunc) {
	return context.WithCancel(t.Context())
}

func TestDigest(t *testing.T) {
	const base = "package p\n\nimport \"fmt\"\n\nfunc f() { fmt.Println(1) }\n"
	tests := []struct {
		name           string
		text           string
		tokens, header bool // differ from base
	}{
		{"comment", "// Package p.\npackage p\n\nimport \"fmt\"\n\nfunc f() { fmt.Println(1) } // f\n", false, false},
		{"formatting", "package p\nimport \"fmt\"\nfunc f() {\n\tfmt.Println(1)\n}\n", false, false},
		{"trailing comma", "package p\n\nimport \"fmt\"\n\nfunc f() {\n\tfmt.Println(\n\t\t1,\n\t)\n}\n", false, false},
		{"grouped import", "package p\n\nimport (\n\t\"fmt\"\n)\n\nfunc f() { fmt.Println(1) }\n", false, false},
		{"named import", "package p\n\nimport fmt \"fmt\"\n\nfunc f() { fmt.Println(1) }\n", true, false},
		{"statement more", "package p\n\nimport \"fmt\"\n\nfunc f() { fmt.Println(1); f() }\n", true, false},
		{"argument more", "package p\n\nimport \"fmt\"\n\nfunc f() { fmt.Println(1, 1) }\n", true, false},
		{"white space", "package p\n\nimport \"fmt\"\n\n\n\nfunc  f()  {  fmt.Println(1) }\n", false, false},
		{"body", "package p\n\nimport \"fmt\"\n\nfunc f() { fmt.Println(2) }\n", true, false},
		{"import", "package p\n\nimport (\n\t\"fmt\"\n\t_ \"os\"\n)\n\nfunc f() { fmt.Println(1) }\n", true, true},
		{"directive", "package p\n\nimport \"fmt\"\n\n//go:noinline\nfunc f() { fmt.Println(1) }\n", true, false},
		{"constraint", "//go:build linux\n\npackage p\n\nimport \"fmt\"\n\nfunc f() { fmt.Println(1) }\n", true, true},
		{"package", "package q\n\nimport \"fmt\"\n\nfunc f() { fmt.Println(1) }\n", true, true},
		{"embed", "package p\n\nimport \"fmt\"\n\n//go:embed x\nvar x string\n\nfunc f() { fmt.Println(1) }\n", true, true},
		{"half typed", "package p\n\nimport \"fmt\"\n\nfunc f() { fmt.Println(1) \n", true, false},
	}
	was := digestGo([]byte(base))
	for _, tt := range tests {
		now := digestGo([]byte(tt.text))
		if (now.tokens != was.tokens) != tt.tokens || (now.header != was.header) != tt.header || now.content == was.content {
			t.Errorf("%s: tokens differ: %t, header differs: %t; want %t, %t", tt.name, now.tokens != was.tokens, now.header != was.header, tt.tokens, tt.header)
		}
	}
	same := func(name, a, b string, want bool) {
		t.Helper()
		if got := digestGo([]byte(a)).tokens == digestGo([]byte(b)).tokens; got != want {
			t.Errorf("%s: the same tokens: %t, want %t", name, got, want)
		}
	}
	const two = "package p\n\nimport \"a\"\nimport x \"b\"\n"
	same("sorted and grouped imports", two, "package p\n\nimport (\n\tx \"b\"\n\n\t\"a\"\n)\n", true)
	same("on one line", two, `package p; import ("a"; x "b")`, true)
	same("the other import is named", two, "package p\n\nimport (\n\t\"b\"\n\tx \"a\"\n)\n", false)
	same("an import less", two, "package p\n\nimport \"a\"\n", false)
	same("a blank import", two, strings.Replace(two, "x ", "_ ", 1), false)
	same("a comma between brackets decides", "package p\n\ntype T[P *C,] struct{}\n", "package p\n\ntype T[P *C] struct{}\n", false)
	same("elements", "package p\n\nvar x = []int{1, 2}\n", "package p\n\nvar x = []int{\n\t1,\n\t2,\n}\n", true)
	same("an empty condition", "package p\n\nfunc f() { for ; ; { } }\n", "package p\n\nfunc f() { for ; { } }\n", false)
	cgo := "package p\n\n// int one;\nimport \"C\"\n"
	if digestGo([]byte(cgo)).tokens == digestGo([]byte(strings.Replace(cgo, "one", "two", 1))).tokens {
		t.Error("the C code in a cgo comment counts")
	}
}

// TestEmbedMatches compares with what the go command embeds.
func TestEmbedMatches(t *testing.T) {
	dir := t.TempDir()
	files := []string{"a.txt", ".hidden", "_x.txt", "d/b.txt", "d/.hidden", "d/_x.txt", "d/e/c.txt", "d/.e/c.txt", "x y.txt"}
	for _, f := range files {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, f)), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, f), []byte(f), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	write("go.mod", "module example.com/embed\n\ngo 1.26\n")
	b, err := New(t.Context(), Config{Dir: dir, OutDir: filepath.Join(t.TempDir(), ".anvil")})
	if err != nil {
		t.Fatal(err)
	}
	for _, pattern := range []string{"a.txt", "*.txt", "d", "all:d", "d/*", "d/e", ".hidden", "*", "all:*", "d/e/*.txt", "[a-d]*"} {
		write("embed.go", "package embed\n\nimport \"embed\"\n\n//go:embed "+pattern+"\nvar files embed.FS\n")
		pkgs, err := b.tools.Output(t.Context(), dir, "go", "list", "-json=EmbedFiles,EmbedPatterns,Dir", ".")
		if err != nil {
			t.Fatal(err)
		}
		var p Package
		if err := json.Unmarshal(pkgs, &p); err != nil {
			t.Fatal(err)
		}
		got := slices.DeleteFunc(slices.Clone(files), func(f string) bool { return !embedMatches(pattern, f) })
		// Whether * takes .anvil, go.mod and the like is not of interest here.
		want := slices.DeleteFunc(slices.Clone(p.EmbedFiles), func(f string) bool { return !slices.Contains(files, f) })
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("//go:embed %s takes %q, the go command %q", pattern, got, want)
		}
	}
}

func TestCompareDecls(t *testing.T) {
	const base = "package p\n\nimport \"fmt\"\n\nconst (\n\tA = iota\n\tB\n)\n\ntype T struct{ X int }\n\nfunc (t *T) M() int { return t.X }\n\nfunc f() { fmt.Println(1) }\n\nfunc init() {}\n\nfunc init() {}\n\nfunc long() {\n\tfmt.Println(1, 1)\n\n\tif true {\n\t\tfmt.Println(2, 2)\n\t}\n}\n\ntype S struct {\n\tA int\n\tB int\n}\n"
	tests := []struct{ name, old, new, at, want string }{
		{"body", "Println(1)", "Println(2)", "p.go:14:6", "the body of f changed"},
		{"method body", "return t.X", "return 0", "p.go:12:13", "the body of T.M changed"},
		{"signature", "func f()", "func f(n int)", "p.go:14:6", "f changed"},
		{"field", "X int", "X, Y int", "p.go:10:6", "T changed"},
		{"constant", "A = iota", "A = 1 + iota", "p.go:6:2", "A changed"},
		{"constant of a group", "\tB\n", "\tB = 7\n", "p.go:7:2", "B changed"},
		{"constant removed from a group", "\tB\n", "", "p.go:6:2", "B was removed"},
		{"function removed", "func f() { fmt.Println(1) }\n", "", "p.go", "f was removed"},
		{"type removed, body changed", "type T struct{ X int }\n\nfunc (t *T) M() int { return t.X }\n\nfunc f() { fmt.Println(1) }\n", "func f() { fmt.Println(2) }\n", "p.go:10:6", "f changed"},
		{"new function", "type T", "func g() {}\n\ntype T", "p.go:10:6", "g changed"},
		{"second init", "{}\n\nfunc init() {}", "{}\n\nfunc init() { f() }", "p.go:18:6", "the body of init changed"},
		{"line of a body", "Println(2, 2)", "Println(2, 3)", "p.go:24:3", "the body of long changed"},
		{"line and a comment above", "\tfmt.Println(1, 1)\n\n\tif true", "\t// once\n\tfmt.Println(1, 1)\n\n\n\tif !false", "p.go:25:2", "the body of long changed"},
		{"new line in a body", "\tif true {\n", "\tf()\n\tif true {\n", "p.go:23:2", "the body of long changed"},
		{"line of a body removed", "\tfmt.Println(1, 1)\n", "", "p.go:22:2", "the body of long changed"},
		{"last lines of a body removed", "\n\tif true {\n\t\tfmt.Println(2, 2)\n\t}\n", "", "p.go:21:2", "the body of long changed"},
		{"last field removed", "\tB int\n", "", "p.go:29:2", "S changed"},
		{"last field of another type", "\tB int\n", "\tB string\n", "p.go:30:2", "S changed"},
		{"comment", "func f", "// f prints.\nfunc f", "p.go", ""},
	}
	for _, tt := range tests {
		c := compareDecls("p.go", digestGo([]byte(base)), digestGo([]byte(strings.Replace(base, tt.old, tt.new, 1))))
		if c.pos.String() != tt.at || c.String() != tt.want {
			t.Errorf("%s: %s: %q, want %s: %q", tt.name, c.pos, c, tt.at, tt.want)
		}
	}
}

func FuzzDigest(f *testing.F) {
	f.Add([]byte("package p\n\nimport \"C\"\n"))
	f.Add([]byte("//go:build x\npackage"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if a, b := digestGo(data), digestGo(slices.Clone(data)); a.content != b.content || a.tokens != b.tokens || a.header != b.header || !reflect.DeepEqual(a.decls, b.decls) {
			t.Error("the digest of the same text differs")
		}
	})
}

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
		if got := (&Package{ImportPath: "example.com/m/p", Module: tt.module}).moduleText(); got != tt.want {
			t.Errorf("got %q, want %q", got, tt.want)
		}
	}
}
