package doctor

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// loaded examines only the program.
func loaded(t *testing.T, dir string, limit time.Duration) *Report {
	t.Helper()
	dir, err := filepath.EvalSymlinks(dir)
	if err != nil {
		t.Fatal(err)
	}
	d := &doctor{o: Options{Dir: dir, Go: "go", PluginLimit: limit}, dir: dir, tmp: t.TempDir(), report: &Report{}}
	if !d.toolchain(t.Context()) {
		t.Fatalf("%+v", d.report.Checks)
	}
	d.program(t.Context())
	return d.report
}

// TestMistakes: a program that does not compile is not found fit, wherever the
// mistake stands; what is no part of it is not asked for.
func TestMistakes(t *testing.T) {
	dir := app(t, map[string]string{
		"extra.go":       "package main\n\nimport _ \"example.com/shop/store\"\n",
		"store/store.go": "package store\n\nimport _ \"example.com/shop/store/db\"\n",
		"store/db/db.go": "package db\n",
	})
	if r := loaded(t, dir, time.Minute); r.check(t, "program").Status != OK || len(r.Problems) > 0 {
		t.Fatalf("before any mistake: %+v", r)
	}
	for _, tt := range []struct {
		file, text string
		says       string // of the first problem; empty if the program is fine
	}{
		{"bad.go", "package main\n\nvar x = undefinedThing\n", "bad.go:3:9: undefined: undefinedThing"},
		{"store/bad.go", "package store\n\nfunc broken() int { return \"x\" }\n", "bad.go:3:28: cannot use \"x\""},
		{"store/db/bad.go", "package db\n\nimport \"os\"\n", "bad.go:3:8: \"os\" imported and not used"},
		{"handlers/bad.go", "package handlers\n\nfunc f() { x := 1 }\n", "bad.go:3:12: declared and not used: x"},
		{"store/bad_test.go", "package store\n\nvar x int = \"\"\n", ""},
		{"unused/bad.go", "package unused\n\nvar x int = \"\"\n", ""},
	} {
		t.Run(tt.file, func(t *testing.T) {
			file := filepath.Join(dir, filepath.FromSlash(tt.file))
			if err := os.MkdirAll(filepath.Dir(file), 0o777); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(file, []byte(tt.text), 0o666); err != nil {
				t.Fatal(err)
			}
			defer os.Remove(file)
			// With an empty build cache there is no time to compile what it imports. What
			// is found then is tested in package build.
			limits := []time.Duration{time.Minute}
			if tt.says == "" || strings.HasPrefix(tt.file, "handlers") {
				limits = append(limits, time.Nanosecond)
			}
			for _, limit := range limits {
				r := loaded(t, dir, limit)
				c := r.check(t, "program")
				if r.Boundary == nil {
					t.Error("no boundary, though the program can be loaded")
				}
				if tt.says == "" {
					if c.Status != OK || len(r.Problems) > 0 {
						t.Errorf("%s: %+v %v", limit, c, r.Problems)
					}
					continue
				}
				if c.Status != Failed || c.Detail != "does not compile" || r.OK() || len(r.Problems) == 0 {
					t.Fatalf("%s: %+v %v", limit, c, r.Problems)
				}
				if got := fmt.Sprint(r.Problems[0]); !strings.Contains(got, tt.says) || !strings.HasPrefix(got, dir) {
					t.Errorf("%s: %s, want %s", limit, got, tt.says)
				}
			}
		})
	}
}

// TestNoTimeToCompile: with an empty build cache the dependencies take longer
// than anybody waits for a diagnosis. The boundary is drawn, and types are checked,
// all the same.
func TestNoTimeToCompile(t *testing.T) {
	r := loaded(t, app(t, nil), time.Nanosecond)
	if c := r.check(t, "program"); c.Status != OK || !strings.Contains(c.Detail, "type-checked only") || r.Boundary == nil || !r.OK() {
		t.Errorf("%+v %+v", c, r.Boundary)
	}
}
