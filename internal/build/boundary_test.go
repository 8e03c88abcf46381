package build

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
)

// TestBecomesHost: a hot package that a new package needs under its own path is the
// one in the executable, or else takes a restart.
func TestBecomesHost(t *testing.T) {
	const (
		count = "package count\n\nvar n int\n\nfunc Next() int {\n\tdefer func() {}()\n\tn += 1\n\treturn n\n}\n"
		by    = "package by\n\nimport \"example.com/app/count\"\n\nfunc Next() int { return count.Next() }\n"
		names = "package native\n\nimport (\n\t_ \"unsafe\"\n\n\t\"example.com/app/count\"\n)\n\n//go:linkname Next example.com/app/next\nfunc Next() int { return count.Next() }\n"
		cgo   = "package native\n\n// static int one(void) { return 1; }\nimport \"C\"\n\nimport \"example.com/app/by\"\n\nfunc Next() int { return by.Next() }\n"
	)
	// uses has the handlers call Next of packages.
	uses := func(a *app, packages ...string) string {
		text := "package handlers\n\nimport (\n\t\"fmt\"\n"
		var calls []string
		for _, p := range packages {
			path := "example.com/app/" + p
			if p == "module" {
				path = "github.com/anvilforge/anvil-lsp/hotreload/module"
			}
			text += "\n\t\"" + path + "\""
			calls = append(calls, p+".Next()")
		}
		return a.write("handlers/next.go", text+"\n)\n\nfunc next() string { return fmt.Sprint("+strings.Join(calls, ", ")+") }\n")
	}
	edited := func(a *app) { a.swap(a.edit("count/count.go", "n += 1", "n += 10")) }
	tests := []struct {
		name   string
		before func(a *app)          // after the start, swapped in
		save   func(a *app) []string // then
		reason string                // of a restart
		says   string                // otherwise
	}{
		{"edited before, linkname", edited, func(a *app) []string {
			return []string{a.write("native/native.go", names), uses(a, "count", "native")}
		}, "example.com/app/count cannot be swapped in any more", ""},
		{"edited before, cgo and a package between", edited, func(a *app) []string {
			return []string{a.write("native/native.go", cgo), uses(a, "count", "native")}
		}, "example.com/app/count cannot be swapped in any more", ""},
		{"edited before, in a module that is replaced", edited, func(a *app) []string {
			return []string{a.write("runtime/module/module.go", strings.Replace(by, "package by", "package module", 1)), uses(a, "count", "module")}
		}, "example.com/app/count cannot be swapped in any more", ""},
		{"edited before, not imported for a while", func(a *app) {
			edited(a)
			a.swap(uses(a))
		}, func(a *app) []string {
			return []string{a.write("native/native.go", cgo), uses(a, "native")}
		}, "example.com/app/count cannot be swapped in any more", ""},
		{"edited while not imported", func(a *app) {
			a.swap(uses(a))
			a.edit("count/count.go", "n += 1", "n += 10")
		}, func(a *app) []string {
			return []string{a.write("native/native.go", cgo), uses(a, "native")}
		}, "in count changed, which the process has linked", ""},
		{"edited in the same save", func(a *app) {}, func(a *app) []string {
			return []string{a.edit("count/count.go", "n += 1", "n += 10"), a.write("native/native.go", cgo), uses(a, "count", "native")}
		}, "example.com/app/count cannot be swapped in any more", ""},
		{"as it was linked", func(a *app) {}, func(a *app) []string {
			return []string{a.write("native/native.go", cgo), uses(a, "count", "native")}
		}, "", "2 3"},
		{"as it was linked, not imported for a while", func(a *app) { a.swap(uses(a)) }, func(a *app) []string {
			return []string{a.write("native/native.go", cgo), uses(a, "native", "count")}
		}, "", "2 3"},
		{"brought by a plugin", func(a *app) { a.swap(uses(a, "count", "by")) }, func(a *app) []string {
			return []string{a.write("native/native.go", cgo), uses(a, "native", "count")}
		}, "example.com/app/by cannot be swapped in any more", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a := newApp(t, "app.txtar")
			a.write("count/count.go", count)
			a.write("by/by.go", by)
			uses(a, "count")
			a.edit("handlers/handlers.go", `"v1"`, `next(), "v1"`)
			if got := a.start(a.host().Path); !strings.HasPrefix(got, "1 v1 ") {
				t.Fatalf("the program says %q", got)
			}
			tt.before(a)
			files := tt.save(a)
			plan := a.plan(files...)
			if tt.reason == "" {
				if plan.Rung != manifest.RungHotSwap {
					t.Fatalf("%s, %v", plan.Rung, plan.Reasons)
				}
				if _, got := a.swap(files...); !strings.HasPrefix(got, tt.says+" v1 ") {
					t.Errorf("the program says %q, want %s", got, tt.says)
				}
				plan = a.plan(a.edit("count/count.go", "n += 1", "n += 10"))
				tt.reason = "Next in count changed, which the process has linked"
			}
			if plan.Rung != manifest.RungWarmRestart || len(plan.Reasons) == 0 {
				t.Fatalf("%s, %v", plan.Rung, plan.Reasons)
			}
			found := false
			for _, d := range plan.Reasons {
				found = found || d.Code == manifest.CodeHostChanged && strings.Contains(d.Message, tt.reason)
			}
			if !found {
				t.Errorf("reasons %v, want %s", plan.Reasons, tt.reason)
			}
			for _, d := range plan.Reasons {
				if _, err := os.Stat(d.File); err != nil || !filepath.IsAbs(d.File) {
					t.Errorf("%s: %v", d, err)
				}
			}
		})
	}
}
