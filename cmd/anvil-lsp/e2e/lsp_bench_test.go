package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/anvilforge/anvil-lsp/lspserver/lsptest"
	"github.com/anvilforge/anvil-lsp/manifest"
)

// manyPackages adds hot packages to the blog, each with a few functions, in
// layers: what the handlers package imports, imports what is below it.
func manyPackages(b *testing.B, dir string, n int) {
	b.Helper()
	var imports, uses strings.Builder
	for i := range n {
		var text strings.Builder
		fmt.Fprintf(&text, "// Package p%03d is one of many.\npackage p%03d\n\nimport (\n\t\"fmt\"\n", i, i)
		below := i / 2
		if i > 0 {
			fmt.Fprintf(&text, "\n\t\"example.com/blog/handlers/many/p%03d\"\n", below)
		}
		text.WriteString(")\n")
		for k := range 20 {
			fmt.Fprintf(&text, "\n// T%d is a type.\ntype T%d struct { A, B int; C string }\n\n// F%d does something.\nfunc (t *T%d) F%d(x int) string {\n\tif x > t.A {\n\t\treturn fmt.Sprint(t.B, t.C)\n\t}\n\treturn \"\"\n}\n", k, k, k, k, k)
		}
		if i > 0 {
			fmt.Fprintf(&text, "\n// Sum adds.\nfunc Sum() int { return 1 + p%03d.Sum() }\n", below)
		} else {
			text.WriteString("\n// Sum adds.\nfunc Sum() int { return 1 }\n")
		}
		writeBench(b, filepath.Join(dir, "handlers/many", fmt.Sprintf("p%03d", i), "p.go"), text.String())
		if 2*i >= n {
			fmt.Fprintf(&imports, "\t\"example.com/blog/handlers/many/p%03d\"\n", i)
			fmt.Fprintf(&uses, "\tp%03d.Sum,\n", i)
		}
	}
	writeBench(b, filepath.Join(dir, "handlers/many.go"), "package handlers\n\nimport (\n"+imports.String()+")\n\nvar _ = []func() int{\n"+uses.String()+"}\n")
}

func writeBench(b *testing.B, path, text string) {
	b.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		b.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
		b.Fatal(err)
	}
}

// BenchmarkEditor times what a person at an editor waits for: from initialize
// to the first diagnostics and to a live server, and from a keystroke to its
// prediction (a signature changes, and changes back). The delay that typing
// must rest is left out. Medians, in milliseconds.
func BenchmarkEditor(b *testing.B) {
	for _, packages := range []int{0, 200} {
		b.Run(fmt.Sprintf("blog+%d", packages), func(b *testing.B) {
			needProc(b)
			dir := copyApp(b, "blog")
			if packages > 0 {
				manyPackages(b, dir, packages)
			}
			// Once to fill the build cache.
			openEditor(b, dir, nil).end()
			begun := time.Now()
			e := startEditor(b, dir)
			e.Initialize(lsptest.Options{Root: dir, Settings: map[string]any{"checkDelay": 0}})
			e.Await("the application to be live", func(s *lsptest.State) bool { return s.Live(1) })
			live := time.Since(begun)
			e.Await("the first diagnostics", func(s *lsptest.State) bool { return s.Published > 0 })
			first := time.Since(begun)
			e.Open("handlers/pages.go")
			await := func(broken bool) {
				version := e.Version("handlers/pages.go")
				e.Await("the prediction", func(s *lsptest.State) bool {
					p := s.In("handlers/pages.go")
					return p.Version != nil && *p.Version == version && s.Has("handlers/pages.go", manifest.CodeSignature) == broken
				})
			}
			var times []time.Duration
			for b.Loop() {
				for _, change := range [][2]string{{showPost, showPostBroken}, {showPostBroken, showPost}} {
					begun := time.Now()
					e.Edit("handlers/pages.go", change[0], change[1])
					await(change[1] == showPostBroken)
					times = append(times, time.Since(begun))
				}
			}
			used := rss(b, e.cmd.Process.Pid)
			b.ReportMetric(0, "ns/op") // the medians say it better
			b.ReportMetric(median(times), "prediction-ms")
			b.ReportMetric(float64(live.Milliseconds()), "live-ms")
			b.ReportMetric(float64(first.Milliseconds()), "diagnostics-ms")
			b.ReportMetric(float64(used>>20), "rss-MB")
		})
	}
}
