package source

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/internal/testkit"
)

// registers is a main program that registers the routes of a handlers package
// and prints them as a live server describes them.
const registers = `package main

import (
	"encoding/json"
	"os"

	"example.com/handlers"
	"github.com/anvilforge/anvil-lsp/hotreload"
	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/hotreload/manifest/shape"
	"github.com/anvilforge/anvil-lsp/hotreload/manifest/symbol"
)

func main() {
	shapes := shape.NewReflector([]string{HOT})
	var routes []manifest.Route
	err := hotreload.NewLiveState(hotreload.NewContainer()).Register(func(r *hotreload.RouteSink) {
		handlers.AnvilRegisterRoutes(r)
		for _, e := range r.Entries() {
			text := shapes.Of(e.Handler.Type())
			routes = append(routes, manifest.Route{
				Method: e.Method, Pattern: e.Pattern, Mount: e.Mount, Handler: e.Handler.Name(), Kind: e.Handler.Kind(),
				Signature: symbol.NameOf(e.Handler.Type()), Fingerprint: shape.Fingerprint(text), Shape: text,
				Position: e.Position(),
			})
		}
	})
	if err != nil {
		panic(err)
	}
	if err := json.NewEncoder(os.Stdout).Encode(routes); err != nil {
		panic(err)
	}
}
`

// runRegistration runs the register function of an archive in a real process.
// Functions are not copied into their callers, so that function literals have
// the names that are predicted.
func runRegistration(t *testing.T, a *txtar.Archive, dir string, hot []string) []manifest.Route {
	t.Helper()
	repository := testkit.Repository(t)
	sums, err := os.ReadFile("../../examples/hello/go.sum")
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{
		"go.mod": "module example.com\n\ngo 1.26.0\n\nrequire (\n\tgithub.com/anvilforge/anvil-lsp/hotreload v0.0.0\n\tgithub.com/go-chi/chi/v5 v5.5.0\n)\n\n" +
			"replace github.com/anvilforge/anvil-lsp/hotreload => " + repository + "/hotreload\n",
		"go.sum":  string(sums),
		"main.go": strings.Replace(registers, "HOT", `"`+strings.Join(hot, `", "`)+`"`, 1),
	}
	for _, f := range a.Files {
		files[f.Name] = string(f.Data)
	}
	testkit.WriteTree(t, dir, files)
	run := exec.Command("go", "run", "-tags=anvilhot", "-gcflags=example.com/...=-l", ".")
	run.Dir = dir
	var stderr strings.Builder
	run.Stderr = &stderr
	out, err := run.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, &stderr)
	}
	var routes []manifest.Route
	if err := json.Unmarshal(out, &routes); err != nil {
		t.Fatal(err)
	}
	return routes
}

// TestTruth runs the programs of which everything is known, and compares what
// they register with what is found in their source, to the line.
func TestTruth(t *testing.T) {
	if testing.Short() {
		t.Skip("builds and runs programs")
	}
	for _, name := range []string{"routes", "generics", "computed"} {
		t.Run(name, func(t *testing.T) {
			a := parseArchive(t, filepath.Join("testdata", name+".txtar"))
			p, _ := archived(t, a)
			dir, err := filepath.EvalSymlinks(t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			live := runRegistration(t, a, dir, p.HotPackages())
			for i := range p.Packages {
				for j, f := range p.Packages[i].GoFiles {
					p.Packages[i].GoFiles[j] = filepath.Join(dir, strings.TrimPrefix(f, root))
				}
			}
			r, err := NewChecker(p).Check(t.Context(), nil)
			if err != nil {
				t.Fatal(err)
			}
			if !r.Complete || len(r.Unknown) > 0 {
				t.Errorf("complete: %v, unknown: %v, findings: %v", r.Complete, r.Unknown, r.Findings)
			}
			compareRoutes(t, r, live)
		})
	}
}
