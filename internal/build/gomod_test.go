package build

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
)

// TestModFile: what -modfile names in place of go.mod decides about modules as that does.
func TestModFile(t *testing.T) {
	const sums = `github.com/go-chi/chi/v5 v5.0.12 h1:9euLV5sTrTNTRUU9POmDUvfxyj6LAABLUcEWO+JJb4s=
github.com/go-chi/chi/v5 v5.0.12/go.mod h1:DslCQbL2OYiznFReuXYUmQ2hGd1aDpCnlMNITLSKoi8=
`
	const newer = `github.com/go-chi/chi/v5 v5.5.0 h1:xdKQ1dJmVJsmgahrXSKhUx8NyVPzpwdlyrrQFpMPJgg=
github.com/go-chi/chi/v5 v5.5.0/go.mod h1:d1IG7GtKPSjPyBP365PH8sAGVHk3qfB/IhjFNRH1wWM=
`
	for _, tt := range []struct {
		name, flag string // with the application's directory in place of $
		file       string
	}{
		{"relative", "-modfile=alt.mod", "alt.mod"},
		{"absolute", "--modfile=$/alt.mod", "alt.mod"},
		{"in another directory", "-modfile=none.mod -modfile=./conf/dev.mod", "conf/dev.mod"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a := newApp(t, "app.txtar", func(c *Config) {
				c.Env = append(os.Environ(), "GOFLAGS="+strings.ReplaceAll(tt.flag, "$", c.Dir))
			})
			name := a.write(tt.file, "")
			text, err := os.ReadFile(filepath.Join(a.dir, "go.mod"))
			if err != nil {
				t.Fatal(err)
			}
			a.write(tt.file, strings.Replace(string(text), "\nreplace ", "\nrequire github.com/go-chi/chi/v5 v5.0.12\n\nreplace ", 1))
			sum := a.write(strings.TrimSuffix(tt.file, ".mod")+".sum", sums)
			a.write("handlers/with.go", "package handlers\n\nimport \"github.com/go-chi/chi/v5/middleware\"\n\nvar _ = middleware.RealIP\n")
			a.host()
			for _, file := range []string{name, sum} {
				if !a.snap.Relevant(file) || !slices.Contains(a.snap.Dirs(), filepath.Dir(file)) {
					t.Errorf("%s is not followed", file)
				}
			}
			if plan := a.plan(a.edit(tt.file, "v5.0.12", "v5.0.12 // the old one")); plan.Rung != "" || !plan.Resolved {
				t.Errorf("a comment: %q, %v", plan.Rung, plan.Reasons)
			}

			a.edit(tt.file, "v5.0.12", "v5.5.0")
			fails := func(what, file string, line int) {
				t.Helper()
				_, _, err := a.b.Plan(t.Context(), a.snap, []string{name})
				f, ok := errors.AsType[*Failure](err)
				if !ok {
					t.Fatalf("%s: error %v, want a *Failure", what, err)
				}
				if d := f.Diagnostics[0]; d.File != file || d.Line != line || d.Code != manifest.CodeModuleChanged {
					t.Errorf("%s: %s", what, d)
				}
			}
			fails("a sum is missing", sum, 0)
			if _, graph, _ := a.b.Plan(t.Context(), a.snap, []string{name}); graph == nil || !graph.Mends(name) || !graph.Mends(sum) {
				t.Error("an edit of neither file would be noticed now")
			}
			a.edit(tt.file, "go 1.26.0", "go 1.26.0\nrequir x")
			fails("a mistake", name, 4)
			a.edit(tt.file, "requir x", "")
			a.write(strings.TrimSuffix(tt.file, ".mod")+".sum", sums+newer)

			for what, plan := range map[string]*Plan{"plan": a.plan(name), "draft": NewDrafts(a.b).Draft(a.snap, nil).Against(a.snap, a.snap)} {
				if plan.Rung != manifest.RungWarmRestart || len(plan.Reasons) == 0 || plan.Reasons[0].Code != manifest.CodeModuleChanged || plan.Reasons[0].File != name {
					t.Errorf("%s: another version: %q, %v", what, plan.Rung, plan.Reasons)
				}
			}
			if err := os.Remove(sum); err != nil {
				t.Fatal(err)
			}
			if _, _, err := a.b.Plan(t.Context(), a.snap, []string{sum}); err == nil {
				t.Error("no sums: planned")
			}
		})
	}
}
