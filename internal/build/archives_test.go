package build

import (
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
)

// TestBuildCacheCleaned: what the build cache loses while an application is
// being worked on is made again.
func TestBuildCacheCleaned(t *testing.T) {
	a := newApp(t, "app.txtar")
	a.start(a.host().Path)
	cleaned := filepath.Join(t.TempDir(), "cache")
	// lose has archives be where the cache has none any more.
	lose := func(s *Snapshot, packages ...string) {
		s.archives, s.compiled = maps.Clone(s.archives), maps.Clone(s.compiled)
		for _, path := range packages {
			if c, ok := s.compiled[path]; ok {
				lost := filepath.Join(cleaned, filepath.Base(c.archive))
				if c.plain = lost; c.path == path {
					c.archive = lost
				}
				s.compiled[path] = c
			} else {
				s.archives[path] = filepath.Join(cleaned, filepath.Base(s.archives[path]))
			}
		}
	}
	says := func(want string, files ...string) {
		t.Helper()
		res, got := a.swap(files...)
		if !strings.HasPrefix(got, want+" ") {
			t.Errorf("the process says %q, want %s", got, want)
		}
		if !res.Thin {
			t.Errorf("%s: linked fully: %s", want, res.why)
		}
	}
	says("v2", a.edit("handlers/handlers.go", `"v1"`, `"v2"`))

	t.Log("a part")
	lose(a.snap, "fmt", hot+"/views")
	says("v3", a.edit("handlers/handlers.go", `"v2"`, `"v3"`))

	t.Log("all")
	all := slices.Collect(maps.Keys(a.snap.archives))
	lose(a.snap, append(all, hot+"/views")...)
	says("v4", a.edit("handlers/handlers.go", `"v3"`, `"v4"`))

	t.Log("between the plan and the build")
	plan := a.plan(a.edit("handlers/handlers.go", `"v4"`, `"v5"`))
	lose(plan.next, "fmt", hot+"/views")
	a.gen++
	res, err := a.b.Plugin(t.Context(), plan, a.gen)
	if err != nil {
		t.Fatal(err)
	}
	a.snap = res.Snapshot
	if got := a.load(res.Path); !strings.HasPrefix(got, "v5 ") {
		t.Errorf("the process says %q", got)
	}

	t.Log("of a host package that was changed since")
	const store = "example.com/app/store"
	runs := a.snap.archives[store]
	lose(a.snap, store)
	old, err := os.ReadFile(filepath.Join(a.dir, "store/store.go"))
	if err != nil {
		t.Fatal(err)
	}
	if plan := a.plan(a.write("store/store.go", string(old)+"\nfunc More() int { return 1 }\n")); filepath.Base(plan.next.archives[store]) != filepath.Base(runs) {
		t.Error("the archive of other code stands for the one that runs")
	}
	a.write("store/store.go", string(old))
	says("v6", a.edit("handlers/handlers.go", `"v5"`, `"v6"`))

	t.Log("and they cannot be made")
	plan = a.plan(a.edit("handlers/handlers.go", `"v6"`, `"v7"`))
	lose(plan.next, "fmt")
	a.b.tools.Go = "false"
	_, err = a.b.Plugin(t.Context(), plan, a.gen+1)
	f, blamed := errors.AsType[*Failure](err)
	if err == nil || blamed && slices.ContainsFunc(f.Diagnostics, func(d manifest.Diagnostic) bool { return strings.HasSuffix(d.File, ".go") }) {
		t.Errorf("the error is %v", err)
	}
}
