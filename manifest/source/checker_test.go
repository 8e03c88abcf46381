package source

import (
	"context"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
)

var layers = txtar.Parse([]byte(`
-- handlers/routes.go --
package handlers

import (
	"example.com/handlers/api"
	"example.com/handlers/views"
	"github.com/anvilforge/anvil-lsp/hotreload"
)

func AnvilRegisterRoutes(r *hotreload.RouteSink) {
	api.Register(r)
	r.Get("/home", views.Home)
}
-- handlers/api/api.go --
package api

import (
	"example.com/handlers/model"
	"github.com/anvilforge/anvil-lsp/hotreload"
)

func Register(r *hotreload.RouteSink) { r.Get("/"+model.Name, show) }

func show(*hotreload.Ctx, struct{}) (model.Post, error) { return model.Post{}, nil }
-- handlers/model/model.go --
package model

const Name = "posts"

type Post struct{ Title string }
-- handlers/views/views.go --
package views

import "github.com/anvilforge/anvil-lsp/hotreload"

func Home(*hotreload.Ctx) error { return nil }
`))

func patterns(r *Report) []string {
	var out []string
	for _, route := range r.Routes {
		out = append(out, route.Pattern)
	}
	return out
}

func mustCheck(t *testing.T, c *Checker, overlay map[string][]byte) *Report {
	t.Helper()
	r, err := c.Check(t.Context(), overlay)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestIncremental: what did not change is not checked again, and what imports
// something that changed is.
func TestIncremental(t *testing.T) {
	p, overlay := archived(t, layers)
	c := NewChecker(p)
	if r := mustCheck(t, c, overlay); !r.Complete || !slices.Equal(patterns(r), []string{"/posts", "/home"}) {
		t.Fatalf("complete %v, %v, %v", r.Complete, patterns(r), r.Findings)
	}
	for _, step := range []struct {
		file, old, new string
		again          []string
		patterns       string
	}{
		{"handlers/views/views.go", "", "", nil, "/posts /home"},
		{"handlers/views/views.go", "return nil", "return error(nil)", []string{"example.com/handlers", "example.com/handlers/views"}, "/posts /home"},
		{"handlers/model/model.go", `"posts"`, `"articles"`, []string{"example.com/handlers", "example.com/handlers/api", "example.com/handlers/model"}, "/articles /home"},
		{"handlers/routes.go", `"/home"`, `"/start"`, []string{"example.com/handlers"}, "/articles /start"},
		{"handlers/model/model.go", "type Post", "type Broken", []string{"example.com/handlers", "example.com/handlers/api", "example.com/handlers/model"}, "/start"},
		{"handlers/model/model.go", "type Broken", "type Post", []string{"example.com/handlers", "example.com/handlers/api", "example.com/handlers/model"}, "/articles /start"},
	} {
		before := units(c)
		name := filepath.Join(root, step.file)
		overlay[name] = []byte(strings.Replace(string(overlay[name]), step.old, step.new, 1))
		r := mustCheck(t, c, overlay)
		var again []string
		for path, checked := range units(c) {
			if before[path] != checked {
				again = append(again, path)
			}
		}
		slices.Sort(again)
		if !slices.Equal(again, step.again) {
			t.Errorf("%s %q: checked again %q, want %q", step.file, step.new, again, step.again)
		}
		if got := strings.Join(patterns(r), " "); got != step.patterns {
			t.Errorf("%s %q: got %s, want %s", step.file, step.new, got, step.patterns)
		}
	}
}

// countedContext is cancelled the next time that it is asked, when left is 0.
type countedContext struct {
	context.Context
	left int
}

func (c *countedContext) Err() error {
	if c.left--; c.left < 0 {
		return context.Canceled
	}
	return nil
}

// TestCancelledCheckKeepsFacts: what a cancelled check has found out of the packages is
// not found out again.
func TestCancelledCheckKeepsFacts(t *testing.T) {
	p, overlay := archived(t, layers)
	const enough = 1 << 20
	ctx := &countedContext{t.Context(), enough}
	if _, err := NewChecker(p).Check(ctx, overlay); err != nil {
		t.Fatal(err)
	}
	c := NewChecker(p)
	if _, err := c.Check(&countedContext{t.Context(), enough - ctx.left - 1}, overlay); !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v from a context that ends with the check", err)
	}
	before := facts(c)
	mustCheck(t, c, overlay)
	if after := facts(c); len(before) == 0 || !maps.Equal(before, after) {
		t.Errorf("facts %v after the cancelled check, %v after the next", before, after)
	}
}

// facts returns the addresses of the facts that a checker keeps, by those of their packages.
func facts(c *Checker) map[uintptr]uintptr {
	kept := map[uintptr]uintptr{}
	if c.last != nil {
		for all := reflect.ValueOf(c.last).Elem().FieldByName("facts").MapRange(); all.Next(); {
			kept[all.Key().Pointer()] = all.Value().Pointer()
		}
	}
	return kept
}

// TestPositionsAreGivenBack: a long session does not collect files.
func TestPositionsAreGivenBack(t *testing.T) {
	p, overlay := archived(t, layers)
	c := NewChecker(p)
	count := func() (n int) {
		for range c.last.Fset.Iterate {
			n++
		}
		return n
	}
	mustCheck(t, c, overlay)
	before := count()
	name := filepath.Join(root, "handlers/views/views.go")
	for range 5 {
		overlay[name] = append(overlay[name], "\n// more\n"...)
		mustCheck(t, c, overlay)
	}
	if got := count(); got != before {
		t.Errorf("%d files before, %d after", before, got)
	}
}

// TestFilesOnDisk: an unsaved buffer hides the file, a file that is gone is no
// part of its package.
func TestFilesOnDisk(t *testing.T) {
	p, overlay := archived(t, layers)
	dir := t.TempDir()
	for i := range p.Packages {
		for j, name := range p.Packages[i].GoFiles {
			path := filepath.Join(dir, strings.TrimPrefix(name, root))
			if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, overlay[name], 0o666); err != nil {
				t.Fatal(err)
			}
			p.Packages[i].GoFiles[j] = path
		}
	}
	c := NewChecker(p)
	if r := mustCheck(t, c, nil); !r.Complete {
		t.Fatal(r.Findings)
	}
	routes := filepath.Join(dir, "handlers", "routes.go")
	text, err := os.ReadFile(routes)
	if err != nil {
		t.Fatal(err)
	}
	buffer := map[string][]byte{routes: []byte(strings.Replace(string(text), "/home", "/unsaved", 1))}
	if got := patterns(mustCheck(t, c, buffer)); !slices.Contains(got, "/unsaved") {
		t.Errorf("with a buffer: got %v", got)
	}
	if got := patterns(mustCheck(t, c, nil)); !slices.Contains(got, "/home") {
		t.Errorf("without: got %v", got)
	}
	if err := os.Remove(filepath.Join(dir, "handlers", "views", "views.go")); err != nil {
		t.Fatal(err)
	}
	r := mustCheck(t, c, nil)
	if r.Complete || !slices.ContainsFunc(r.Findings, func(d manifest.Diagnostic) bool { return d.Message == "undefined: views.Home" }) {
		t.Errorf("a file is gone: complete %v, %v", r.Complete, r.Findings)
	}
	if err := os.Mkdir(filepath.Join(dir, "handlers", "views", "views.go"), 0o777); err != nil {
		t.Fatal(err)
	}
	r = mustCheck(t, c, nil)
	if r.Complete || !slices.ContainsFunc(r.Findings, func(d manifest.Diagnostic) bool { return strings.HasPrefix(d.Message, "reading source") }) {
		t.Errorf("a file cannot be read: complete %v, %v", r.Complete, r.Findings)
	}
}

// TestNewImports: what the program does not have yet is no error of the code.
func TestNewImports(t *testing.T) {
	p, overlay := archived(t, handlersOnly(`package handlers

import (
	"encoding/csv"

	"example.com/new"
	"github.com/anvilforge/anvil-lsp/hotreload"
)

func AnvilRegisterRoutes(r *hotreload.RouteSink) {
	r.Get("/a", func(*hotreload.Ctx) error { return csv.ErrQuote })
	new.Routes(r)
	r.Get("/b", new.Handler)
	r.Get("/c", func(*hotreload.Ctx) error { return nil })
}
`))
	c := NewChecker(p)
	r := mustCheck(t, c, overlay)
	if r.Complete || len(r.Findings) > 0 || !slices.Equal(r.Missing, []string{"encoding/csv", "example.com/new"}) || !slices.Equal(patterns(r), []string{"/a", "/c"}) {
		t.Errorf("complete %v, missing %v, findings %v, routes %v", r.Complete, r.Missing, r.Findings, patterns(r))
	}
	listed, err := goList(".", "list", "-export", "-json=ImportPath,Export", "encoding/csv")
	if err != nil {
		t.Fatal(err)
	}
	p.Archives["encoding/csv"] = listed[0].Export
	name := "/new/new.go"
	p.Packages = append(p.Packages, Package{ImportPath: "example.com/new", GoFiles: []string{name}, Hot: true})
	overlay[name] = []byte("package new\n\nimport \"github.com/anvilforge/anvil-lsp/hotreload\"\n\nfunc Routes(r *hotreload.RouteSink) {}\n\nfunc Handler(*hotreload.Ctx) error { return nil }\n")
	c.Update(p)
	r = mustCheck(t, c, overlay)
	if !r.Complete || !slices.Equal(patterns(r), []string{"/a", "/b", "/c"}) {
		t.Errorf("after Update: complete %v, missing %v, findings %v, routes %v", r.Complete, r.Missing, r.Findings, patterns(r))
	}
	p.Packages = p.Packages[:1]
	c.Update(p)
	if r = mustCheck(t, c, overlay); !slices.Equal(r.Missing, []string{"example.com/new"}) {
		t.Errorf("after it is gone: missing %v", r.Missing)
	}
}

// TestImportMap: the source names a package by another path than the program.
func TestImportMap(t *testing.T) {
	a := txtar.Parse(slices.Clone(txtar.Format(layers)))
	for i := range a.Files {
		a.Files[i].Data = []byte(strings.Replace(string(a.Files[i].Data), "example.com/handlers/views", "example.org/views", 1))
	}
	p, overlay := archived(t, a)
	for i := range p.Packages {
		p.Packages[i].ImportMap = map[string]string{"example.org/views": "example.com/handlers/views"}
	}
	if r := mustCheck(t, NewChecker(p), overlay); !r.Complete || !slices.Equal(patterns(r), []string{"/posts", "/home"}) {
		t.Errorf("complete %v, %v, %v", r.Complete, patterns(r), r.Findings)
	}
}

func TestImportCycle(t *testing.T) {
	a := txtar.Parse(slices.Clone(txtar.Format(layers)))
	for i := range a.Files {
		if a.Files[i].Name == "handlers/model/model.go" {
			a.Files[i].Data = append(a.Files[i].Data, "\nvar _ = api.Register\n"...)
			a.Files[i].Data = []byte(strings.Replace(string(a.Files[i].Data), "package model\n", "package model\n\nimport \"example.com/handlers/api\"\n", 1))
		}
	}
	p, overlay := archived(t, a)
	c := NewChecker(p)
	for range 2 {
		r := mustCheck(t, c, overlay)
		if r.Complete || !slices.ContainsFunc(r.Findings, func(d manifest.Diagnostic) bool { return strings.Contains(d.Message, "import cycle not allowed") }) {
			t.Errorf("complete %v, %v", r.Complete, r.Findings)
		}
	}
}

func TestCancelled(t *testing.T) {
	p, overlay := archived(t, layers)
	c := NewChecker(p)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if r, err := c.Check(ctx, overlay); r != nil || !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, %v", r, err)
	}
	if r := mustCheck(t, c, overlay); !r.Complete {
		t.Errorf("afterwards: %v", r.Findings)
	}
}

// TestEmptyProgram: there may be nothing at all.
func TestEmptyProgram(t *testing.T) {
	if r := mustCheck(t, NewChecker(Program{}), nil); len(r.Findings)+len(r.Routes)+len(r.Missing) > 0 {
		t.Errorf("got %+v", r)
	}
}
