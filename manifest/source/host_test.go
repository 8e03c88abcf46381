package source

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/internal/testkit"
)

var hosted = txtar.Parse([]byte(`
-- go.mod --
module example.com/app

go 1.26.0

require github.com/anvilforge/anvil-lsp/hotreload v0.0.0

require github.com/go-chi/chi/v5 v5.5.0 // indirect

replace github.com/anvilforge/anvil-lsp/hotreload => REPOSITORY/hotreload
-- main.go --
package main

import (
	"example.com/app/handlers"
	"example.com/app/pool"
	"github.com/anvilforge/anvil-lsp/hotreload"
)

var _ = pool.New

func main() { handlers.AnvilRegisterRoutes(new(hotreload.RouteSink)) }
-- store/store.go --
package store

type Post struct{ Title string }

func (p *Post) Short() string { return p.Title }
-- pool/pool.go --
package pool

import "example.com/app/store"

type Pool struct{ Posts []*store.Post }

func New(p *store.Post) *Pool { return &Pool{[]*store.Post{p}} }
-- handlers/routes.go --
package handlers

import (
	"example.com/app/pool"
	"example.com/app/store"
	"github.com/anvilforge/anvil-lsp/hotreload"
)

func AnvilRegisterRoutes(r *hotreload.RouteSink) { r.Get("/", show) }

func show(*hotreload.Ctx, struct{}) (*store.Post, error) {
	p := pool.New(&store.Post{Title: "x"})
	return p.Posts[0], nil
}
`))

// writeModule writes an archive to disk.
func writeModule(t *testing.T, a *txtar.Archive) string {
	t.Helper()
	dir := t.TempDir()
	repository := testkit.Repository(t)
	sums, err := os.ReadFile("../../examples/hello/go.sum")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range append(slices.Clone(a.Files), txtar.File{Name: "go.sum", Data: sums}) {
		testkit.WriteFile(t, filepath.Join(dir, f.Name), strings.ReplaceAll(string(f.Data), "REPOSITORY", repository))
	}
	return dir
}

// TestHostPackageFromSource: a host package that was edited is checked from
// source, while another one that imports it comes from its archive. Both mean
// the same types, whatever was imported first, and in every edit anew.
func TestHostPackageFromSource(t *testing.T) {
	dir := writeModule(t, hosted)
	p := loadApp(t, dir, "example.com/app/handlers", below("example.com/app/handlers"))
	c := NewChecker(p)
	if r := mustCheck(t, c, nil); !r.Complete {
		t.Fatal(r.Findings)
	}
	file := filepath.Join(dir, "store", "store.go")
	edited := p
	edited.Packages = append([]Package{{ImportPath: "example.com/app/store", Name: "store", Dir: filepath.Dir(file), GoFiles: []string{file}, GoVersion: "1.26.0"}}, p.Packages...)
	c.Update(edited)
	text := string(hosted.Files[2].Data)
	for _, step := range []struct {
		text, want string
	}{
		{text, ""},
		{strings.Replace(text, "Title string", "Title string; Tags []string", 1), ""},
		{strings.ReplaceAll(text, "Title", "Name"), "unknown field Title in struct literal of type store.Post"},
		{strings.Replace(text, "Post struct", "Post2 struct", 1), "undefined: Post"},
		{text, ""},
	} {
		r := mustCheck(t, c, map[string][]byte{file: []byte(step.text)})
		if step.want == "" {
			if !r.Complete || len(r.Routes) != 1 || r.Routes[0].Signature != "func(*hotreload.Ctx, struct {}) (*store.Post, error)" {
				t.Errorf("complete %v, %v, %v", r.Complete, r.Findings, r.Routes)
			}
		} else if !slices.ContainsFunc(r.Findings, func(d manifest.Diagnostic) bool {
			return d.Code == manifest.CodeCompile && strings.Contains(d.Message, step.want)
		}) {
			t.Errorf("got %v, want %s", r.Findings, step.want)
		}
	}
	c.Update(p) // saved and compiled again
	if r := mustCheck(t, c, nil); !r.Complete {
		t.Errorf("without it: %v", r.Findings)
	}
}

// TestArchivesChange: an archive that was replaced is read again.
func TestArchivesChange(t *testing.T) {
	dir := writeModule(t, hosted)
	p := loadApp(t, dir, "example.com/app/handlers", below("example.com/app/handlers"))
	c := NewChecker(p)
	name := filepath.Join(dir, "handlers", "routes.go")
	edit := map[string][]byte{name: []byte(strings.Replace(string(hosted.Files[4].Data), `Title: "x"`, "Name: 1", 1))}
	if r := mustCheck(t, c, edit); len(r.Findings) != 1 || !strings.Contains(r.Findings[0].Message, "unknown field Name") {
		t.Errorf("before: %v", r.Findings)
	}
	file := filepath.Join(dir, "store", "store.go")
	if err := os.WriteFile(file, []byte("package store\n\ntype Post struct{ Title string; Name int }\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	c.Update(loadApp(t, dir, "example.com/app/handlers", below("example.com/app/handlers")))
	if r := mustCheck(t, c, edit); !r.Complete {
		t.Errorf("after: %v", r.Findings)
	}
}
