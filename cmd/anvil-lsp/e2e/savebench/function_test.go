package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/anvilforge/anvil-lsp/internal/testkit"
)

func TestParseName(t *testing.T) {
	for _, c := range []struct {
		in   string
		want []name
	}{
		{"handlers.Index", []name{{"handlers", "", "Index"}}},
		{"handlers.(*Server).Index", []name{{"handlers", "Server", "Index"}}},
		{"handlers.(Server).Index", []name{{"handlers", "Server", "Index"}}},
		{"handlers.Server.Index", []name{{"handlers", "Server", "Index"}, {"handlers.Server", "", "Index"}}},
		{"./internal/web.(*Box[go.example/x.T]).Get", []name{{"internal/web", "Box", "Get"}}},
		{"store.Map[string, []int]", []name{{"store", "", "Map"}}},
		{"example.com/app/handlers.Index", []name{{"example.com/app/handlers", "", "Index"}}},
		{"gopkg.in/yaml.v3.(*Node).Kind", []name{{"gopkg.in/yaml.v3", "Node", "Kind"}}},
		{"gopkg.in/yaml.v3.Node.Kind", []name{{"gopkg.in/yaml.v3", "Node", "Kind"}, {"gopkg.in/yaml.v3.Node", "", "Kind"}}},
		{"main.run", []name{{"main", "", "run"}}},
		{"Index", nil},
		{".Index", nil},
		{"handlers.", nil},
		{"handlers.(*Server)", nil},
		{"example.com/app/handlers", []name{}},
		{"", nil},
	} {
		if got := parseName(c.in); !slices.Equal(got, c.want) {
			t.Errorf("%q: %+v, want %+v", c.in, got, c.want)
		}
	}
}

func TestLookUp(t *testing.T) {
	packages := []listed{
		{ImportPath: "example.com/app", Name: "main"},
		{ImportPath: "example.com/app/web", Name: "web"},
		{ImportPath: "example.com/app/admin/web", Name: "web"},
		{ImportPath: "example.com/app/admin/pages-v2", Name: "pages"},
	}
	for in, want := range map[string]string{
		"example.com/app/web": "example.com/app/web",
		"admin/web":           "example.com/app/admin/web",
		"pages-v2":            "example.com/app/admin/pages-v2",
		"pages":               "example.com/app/admin/pages-v2",
		"main":                "example.com/app",
		"app":                 "example.com/app",
		"b":                   "",
		"min/web":             "", // the end of a name is not the end of a path
	} {
		p, err := lookUp(packages, in)
		if err != nil {
			t.Errorf("%s: %v", in, err)
			continue
		}
		got := ""
		if p != nil {
			got = p.ImportPath
		}
		if got != want {
			t.Errorf("%s: %q, want %q", in, got, want)
		}
	}
	if _, err := lookUp(packages, "web"); err == nil || !strings.Contains(err.Error(), "example.com/app/admin/web, example.com/app/web") {
		t.Errorf("two packages are meant: %v", err)
	}
}

func TestFindBody(t *testing.T) {
	const text = `package p

//line elsewhere.go:100
func (b *Box[T]) Get() T { /* pointer */ return b.v }

func (Pair[K, V]) Key() (k K) { /* pair */ return }

func (s (Server)) Index() { /* parentheses */ }

func Index(f func() (struct{ a int })) { /* function */ }

func Linked() int
`
	for _, c := range []struct {
		n    name
		want string // what follows
	}{
		{name{"p", "Box", "Get"}, " /* pointer"},
		{name{"p", "Pair", "Key"}, " /* pair"},
		{name{"p", "Server", "Index"}, " /* parentheses"},
		{name{"p", "", "Index"}, " /* function"},
		{name{"p", "", "Linked"}, ""}, // it has no body
		{name{"p", "", "Get"}, ""},
		{name{"p", "Box", "Index"}, ""},
	} {
		offset, err := findBody("p.go", text, c.n)
		if err != nil {
			t.Fatal(err)
		}
		if c.want == "" {
			if offset != 0 {
				t.Errorf("%+v: found at %d", c.n, offset)
			}
		} else if offset == 0 || !strings.HasPrefix(text[offset:], c.want) {
			t.Errorf("%+v: offset %d, before %.20q", c.n, offset, text[offset:])
		}
	}
}

func TestFindFunction(t *testing.T) {
	dir := testkit.CopyApp(t, "hello")
	main, err := mainPackage(t.Context(), dir)
	if err != nil || main != "example.com/hello" {
		t.Fatalf("main package %q, %v", main, err)
	}
	packages, err := listPackages(t.Context(), dir, main, "")
	if err != nil {
		t.Fatal(err)
	}
	for in, want := range map[string]string{
		"handlers.now":                         "handlers/handlers.go",
		"example.com/hello/visits.Counter.Add": "visits/visits.go",
		"visits.(*Counter).Add":                "visits/visits.go",
		"main.main":                            "main.go",
	} {
		if f, err := findFunction(packages, in); err != nil || !strings.HasSuffix(f.file, "/"+want) {
			t.Errorf("%s: %s, %v", in, f.file, err)
		}
	}
	for in, want := range map[string]string{
		"handlers.then":        "package example.com/hello/handlers has no such function",
		"visits.Add":           "package example.com/hello/visits has no such function",
		"net/http.Error":       "no such package in this workspace",
		"hotreload.MustLookup": "no such package in this workspace",
		"just":                 "names no function",
		"handlers.(*T).[]":     "names no function",
	} {
		if _, err := findFunction(packages, in); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", in, err, want)
		}
	}
}
