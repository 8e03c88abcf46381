package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/internal/testkit"
	"github.com/anvilforge/anvil-lsp/lspserver/lsptest"
)

// editorBench is a workspace to measure in.
type editorBench struct {
	name string
	make func(testing.TB) string
	// hinted has an ANV007 as soon as anything is known.
	hinted string
	// typed are the files that are typed in: their handler old becomes new, and
	// back.
	typed    map[string]string // by what they stand for
	old, new string
}

var editorBenches = []editorBench{
	{
		name: "blog", make: func(t testing.TB) string { return copyApp(t, "blog") },
		hinted: "handlers/routes.go", typed: map[string]string{"handlers": "handlers/pages.go"},
		old: showPost, new: showPostBroken,
	},
	{
		name: "200-packages", make: makeLarge,
		hinted: "handlers/handlers.go", typed: map[string]string{"leaf": "handlers/p119/p119.go", "deep": "handlers/p000/p000.go"},
		old: "in Input) (Output, error) {", new: "in Input) (Input, error) {\n\tif in.ID > 0 {\n\t\treturn in, nil\n\t}\n\tpanic(0)\n}\n\nfunc typed2(c *hotreload.Ctx, in Input) (Output, error) {",
	},
}

// BenchmarkEditor times the language server over its streams: from initialize to
// the first diagnostics and to a live application, with everything in the build
// cache; from a keystroke to the prediction for it, with the delay in which
// typing must rest and without; and its memory afterwards. Times are medians in
// milliseconds.
func BenchmarkEditor(b *testing.B) {
	for _, w := range editorBenches {
		b.Run(w.name, func(b *testing.B) {
			needProc(b)
			dir := w.make(b)
			openEditor(b, dir, nil).end() // compiles what is not in the cache
			times := map[string][]time.Duration{}
			add := func(name string, since time.Time) { times[name] = append(times[name], time.Since(since)) }
			var memory int64
			for b.Loop() {
				e := startEditor(b, dir)
				begun := time.Now()
				e.Initialize(lsptest.Options{Root: dir})
				e.Open(w.hinted)
				e.Await("the first diagnostics", func(s *lsptest.State) bool { return s.Has(w.hinted, manifest.CodePackageState) })
				add("first-diagnostics", begun)
				e.Await("live", func(s *lsptest.State) bool { return s.Live(1) })
				add("live", begun)
				for what, file := range w.typed {
					e.Open(file)
					for _, delay := range []int{60, 0} {
						e.Configure(map[string]any{"checkDelay": delay})
						e.Must("anvil/statusOf", nil, nil) // the settings have been asked for
						name := "keystroke-" + what
						if delay == 0 {
							name += "-undelayed"
						}
						for range 10 {
							for _, broken := range []bool{true, false} {
								from, to := w.old, w.new
								if !broken {
									from, to = to, from
								}
								begun := time.Now()
								e.Edit(file, from, to)
								version := e.Version(file)
								e.Await("the prediction", func(s *lsptest.State) bool {
									p := s.In(file)
									return p.Version != nil && *p.Version == version && s.Has(file, manifest.CodeSignature) == broken
								})
								add(name, begun)
							}
						}
					}
				}
				memory = max(memory, rss(b, e.cmd.Process.Pid))
				e.end()
			}
			b.ReportMetric(0, "ns/op") // the medians say it better
			for name, ds := range times {
				b.ReportMetric(median(ds), name+"-ms")
			}
			b.ReportMetric(float64(memory>>20), "MB")
		})
	}
}

// makeLarge generates an application of two hundred packages: 120 hot ones with
// handlers, in chains of ten that import each other; 77 host packages in chains
// of seven, which main imports; and the three of examples/hello.
func makeLarge(t testing.TB) string {
	t.Helper()
	dir := copyApp(t, "hello")
	write := func(name, text string) { testkit.WriteFile(t, filepath.Join(dir, filepath.FromSlash(name)), text) }
	edit := func(name, old, new string) {
		data, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(name)))
		if err != nil || !strings.Contains(string(data), old) {
			t.Fatalf("%s has no %q: %v", name, old, err)
		}
		write(name, strings.Replace(string(data), old, new, 1))
	}
	const module = "example.com/hello"
	var imports, calls, hosts strings.Builder
	for i := range 120 {
		name := fmt.Sprintf("p%03d", i)
		below, use := "", "nil"
		if i%10 > 0 {
			before := fmt.Sprintf("p%03d", i-1)
			below, use = fmt.Sprintf("\n\t%q", module+"/handlers/"+before), before+".Names()"
		}
		write("handlers/"+name+"/"+name+".go", fmt.Sprintf(hotPackage, name, below, use))
		fmt.Fprintf(&imports, "\n\t%q", module+"/handlers/"+name)
		fmt.Fprintf(&calls, "\n\t%s.Register(r)", name)
	}
	for i := range 77 {
		name := fmt.Sprintf("l%03d", i)
		below, use := "", "0"
		if i%7 > 0 {
			before := fmt.Sprintf("l%03d", i-1)
			below, use = fmt.Sprintf("import %q\n", module+"/lib/"+before), before+".Sum(1)"
		} else if i > 0 {
			fmt.Fprintf(&hosts, "\n\t_ %q", module+"/lib/"+fmt.Sprintf("l%03d", i-1))
		}
		write("lib/"+name+"/"+name+".go", fmt.Sprintf(hostPackage, name, below, use))
	}
	fmt.Fprintf(&hosts, "\n\t_ %q", module+"/lib/l076")
	edit("handlers/handlers.go", "\n\t\"example.com/hello/visits\"", imports.String()+"\n\t\"example.com/hello/visits\"")
	edit("handlers/handlers.go", "\tr.Get(\"/time\", now)", "\tr.Get(\"/time\", now)"+calls.String())
	edit("main.go", "\n\t\"example.com/hello/visits\"", hosts.String()+"\n\t\"example.com/hello/visits\"")
	return dir
}

const hotPackage = `// Package %[1]s answers some requests.
package %[1]s

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/anvilforge/anvil-lsp/hotreload"%[2]s
)

// Input is what a request says.
type Input struct {
	ID   int    ` + "`path:\"id\"`" + `
	Name string ` + "`query:\"name\"`" + `
}

// Output is what is answered.
type Output struct {
	Names []string
	Total int
}

// Names are those of this package and of those below.
func Names() []string { return append([]string{"%[1]s"}, %[3]s...) }

// Register registers the routes.
func Register(r *hotreload.RouteSink) {
	r.Group("/%[1]s", func(r *hotreload.RouteSink) {
		r.Get("/", index)
		r.Get("/plain", plain)
		r.Get("/typed/{id}", typed)
		r.Post("/typed/{id}", typed)
	})
}

func index(c *hotreload.Ctx) error { return c.JSON(http.StatusOK, Names()) }

func plain(w http.ResponseWriter, r *http.Request) {
	for i, name := range Names() {
		fmt.Fprintln(w, i, strings.ToUpper(name), r.URL.Path)
	}
}

func typed(c *hotreload.Ctx, in Input) (Output, error) {
	out := Output{Names: Names()}
	for _, name := range out.Names {
		out.Total += len(name) + in.ID
	}
	return out, nil
}
`

const hostPackage = `// Package %[1]s adds.
package %[1]s

%[2]s
// Sum adds the sum of what is below.
func Sum(n int) int {
	for i := range n {
		n += i
	}
	return n + %[3]s
}
`

// TestEditorLarge: in two hundred packages everything is found, and a keystroke
// in one of them is answered.
func TestEditorLarge(t *testing.T) {
	e := openEditor(t, makeLarge(t), nil)
	e.Look(func(s *lsptest.State) {
		if n := len(s.Messages); n > 0 {
			t.Errorf("messages: %q", s.Messages)
		}
	})
	if status, body := e.get("/p119/"); status != 200 || strings.Count(body, "p11") != 10 {
		t.Errorf("%d %s", status, body)
	}
	w := editorBenches[1]
	file := w.typed["leaf"]
	e.Open(file)
	e.Edit(file, w.old, w.new)
	e.Await("ANV001", func(s *lsptest.State) bool { return s.Has(file, manifest.CodeSignature) })
}
