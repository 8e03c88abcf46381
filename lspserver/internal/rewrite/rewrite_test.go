package rewrite

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"go/format"
	"io"
	"maps"
	"os/exec"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"golang.org/x/tools/txtar"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/internal/testkit"
	"github.com/anvilforge/anvil-lsp/manifest/source"
)

// archives compiles what sources in tests may import, once for all tests.
var archives = sync.OnceValues(func() (map[string]string, error) {
	out, err := exec.Command("go", "list", "-export", "-deps", "-tags", "anvilhot", "-json=ImportPath,Export",
		manifest.RuntimePath, "context", "errors", "fmt", "log", "maps", "net/http", "slices", "strings", "sync", "sync/atomic", "time").Output()
	if err != nil {
		return nil, err
	}
	paths := map[string]string{}
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p struct{ ImportPath, Export string }
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return paths, nil
		} else if err != nil {
			return nil, err
		}
		if p.Export != "" {
			paths[p.ImportPath] = p.Export
		}
	}
})

// checked checks an application: its packages are the directories, and host
// packages are those whose names begin with host.
func checked(t *testing.T, overlay map[string][]byte) *source.Report {
	t.Helper()
	exports, err := archives()
	if err != nil {
		t.Fatal(err)
	}
	packages := map[string]*source.Package{}
	for _, name := range slices.Sorted(maps.Keys(overlay)) {
		dir := path.Base(path.Dir(name))
		if packages[dir] == nil {
			packages[dir] = &source.Package{ImportPath: "example.com/" + dir, Dir: path.Dir(name), GoVersion: "1.26", Hot: !strings.HasPrefix(dir, "host")}
		}
		if !strings.HasSuffix(name, "_test.go") && dir != "main" {
			packages[dir].GoFiles = append(packages[dir].GoFiles, name)
		}
	}
	p := source.Program{Main: "example.com", Handlers: "example.com/handlers", Archives: maps.Clone(exports), GOARCH: runtime.GOARCH}
	for _, dir := range slices.SortedFunc(maps.Keys(packages), func(a, b string) int { // dependencies first
		rank := func(s string) int { return strings.Index("hapm", s[:1])*2 + strings.Count(s, "handlers")*100 }
		return rank(a) - rank(b)
	}) {
		p.Packages = append(p.Packages, *packages[dir])
	}
	r, err := source.NewChecker(p).Check(t.Context(), overlay)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestRewrite runs testdata/*.txtar. Each file is one application; its comment
// has lines with what to do: a verb, a file, and the text to stand on, marked by
// its first occurrence. What comes out is in files below "want N/", or in the
// lines as "refused: why".
func TestRewrite(t *testing.T) {
	names, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(names) == 0 {
		t.Fatal("no tests", err)
	}
	for _, name := range names {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			a, err := txtar.ParseFile(name)
			if err != nil {
				t.Fatal(err)
			}
			overlay, want := map[string][]byte{}, map[string]string{}
			for _, f := range a.Files {
				if strings.HasPrefix(f.Name, "want ") {
					want[f.Name] = string(f.Data)
				} else {
					overlay["/app/"+f.Name] = f.Data
				}
			}
			report := checked(t, overlay)
			for _, d := range report.Findings {
				if d.Code == manifest.CodeCompile {
					t.Fatal(d)
				}
			}
			got := map[string]string{}
			var comment strings.Builder
			n := 0
			for line := range strings.Lines(string(a.Comment)) {
				do, expected, _ := strings.Cut(strings.TrimSpace(line), " => ")
				verb, rest, ok := strings.Cut(do, " ")
				if !ok || strings.HasPrefix(do, "#") {
					comment.WriteString(line)
					continue
				}
				n++
				file, on, _ := strings.Cut(rest, " ")
				c, err := try(t, report, overlay, verb, "/app/"+file, on)
				found := ""
				if err != nil {
					found = "refused: " + err.Error()
				} else {
					found = c.Title
					for f, text := range c.Files {
						got[fmt.Sprintf("want %d/%s", n, strings.TrimPrefix(f, "/app/"))] = string(text)
					}
					verify(t, overlay, c, verb, on)
				}
				fmt.Fprintf(&comment, "%s => %s\n", do, found)
				if found != expected && !testkit.Updating() {
					t.Errorf("%s\n got %s\nwant %s", do, found, expected)
				}
			}
			if testkit.Updating() {
				out := &txtar.Archive{Comment: []byte(comment.String())}
				for _, f := range a.Files {
					if !strings.HasPrefix(f.Name, "want ") {
						out.Files = append(out.Files, f)
					}
				}
				for _, name := range slices.Sorted(maps.Keys(got)) {
					out.Files = append(out.Files, txtar.File{Name: name, Data: []byte(got[name])})
				}
				if err := writeFile(name, txtar.Format(out)); err != nil {
					t.Fatal(err)
				}
				return
			}
			for _, name := range slices.Sorted(maps.Keys(want)) {
				if got[name] != want[name] {
					t.Errorf("%s:\n%s\nwant:\n%s", name, got[name], want[name])
				}
			}
			for name := range got {
				if _, ok := want[name]; !ok {
					t.Errorf("unexpected %s", name)
				}
			}
		})
	}
}

func try(t *testing.T, report *source.Report, overlay map[string][]byte, verb, file, on string) (*Change, error) {
	t.Helper()
	offset := bytes.Index(overlay[file], []byte(on))
	if offset < 0 {
		t.Fatalf("%s has no %q", file, on)
	}
	if verb == "declare-in" {
		files := map[string][]byte{}
		for name, text := range overlay {
			if path.Dir(name) == path.Dir(file) {
				files[name] = text
			}
		}
		return DeclareIn(files)
	}
	p, err := New(report.Code(file), func(name string) []byte { return overlay[name] })
	if err != nil {
		return nil, err
	}
	switch verb {
	case "move":
		around := Surroundings{Unchecked: map[string][]byte{}, Keys: map[string]bool{}}
		for name, text := range overlay {
			if path.Dir(name) == path.Dir(file) && strings.HasSuffix(name, "_test.go") {
				around.Unchecked[path.Base(name)] = text
			}
			if path.Base(path.Dir(name)) == "main" {
				around.Importers = append(around.Importers, text)
			}
		}
		for _, s := range report.State {
			around.Keys[s.Key] = true
		}
		asked := false
		c, err := p.MoveState(file, offset+strings.LastIndex(on, " ")+1, func() (Surroundings, error) {
			asked = true
			return around, nil
		})
		if asked && err != nil && strings.HasSuffix(err.Error(), "more than a plain value") {
			t.Error("the surroundings of what is no plain value were asked for")
		}
		return c, err
	case "register":
		return p.RegisterHandler(file, offset, report)
	case "correct":
		return p.CorrectRegister(file, offset)
	case "declare":
		return p.DeclareRegister(file)
	}
	t.Fatalf("what is %s?", verb)
	return nil, nil
}

// verify checks a change as the user's tools will: it is formatted, the program
// is without errors, and what it was made for is done.
func verify(t *testing.T, overlay map[string][]byte, c *Change, verb, on string) {
	t.Helper()
	next := maps.Clone(overlay)
	for name, text := range c.Files {
		next[name] = text
		if was, err := format.Source(overlay[name]); err == nil && bytes.Equal(was, overlay[name]) {
			if is, err := format.Source(text); err != nil || !bytes.Equal(is, text) {
				t.Errorf("%s is not formatted: %v\n%s", name, err, text)
			}
		}
		if back, err := apply(overlay[name], asEdits(Diff(overlay[name], text))); err != nil || !bytes.Equal(back, text) {
			t.Errorf("the difference of %s does not make it: %v", name, err)
		}
	}
	r := checked(t, next)
	for _, d := range r.Findings {
		switch {
		case d.Severity == manifest.SeverityError:
			t.Errorf("after %s: %s", c.Title, d)
		case verb == "move" && d.Code == manifest.CodePackageState && strings.HasPrefix(d.Message, on[strings.LastIndex(on, " ")+1:]+" "):
			t.Errorf("after %s: still %s", c.Title, d)
		}
	}
}

func asEdits(in []Edit) []edit {
	var out []edit
	for _, e := range in {
		out = append(out, edit{e.From, e.To, e.Text})
	}
	return out
}
