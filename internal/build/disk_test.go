package build

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestMissed: what was changed since a snapshot is found, and nothing else, whatever
// lies beside the source.
func TestMissed(t *testing.T) {
	for _, vendored := range []bool{false, true} {
		name := "modules"
		if vendored {
			name = "vendored"
		}
		t.Run(name, func(t *testing.T) {
			a := newApp(t, "app.txtar")
			a.edit("go.mod", "\nreplace ", "\nrequire example.com/dep v1.0.0\n\nreplace example.com/dep => ./dep\n\nreplace ")
			a.write("dep/go.mod", "module example.com/dep\n\ngo 1.26\n")
			a.write("dep/dep.go", "package dep\n\nimport _ \"embed\"\n\n//go:embed *.txt\nvar Text string\n")
			a.write("dep/dep_windows.go", "package dep\n")
			a.write("dep/dep_windows.s", "")
			a.write("dep/dep_test.go", "package dep\n")
			a.write("dep/a.txt", "a")
			a.write("handlers/with.go", "package handlers\n\nimport _ \"example.com/dep\"\n")
			a.write("handlers/with_plan9.go", "package handlers\n")
			if vendored {
				vendor := exec.Command("go", "mod", "vendor")
				vendor.Dir = a.dir
				if out, err := vendor.CombinedOutput(); err != nil {
					t.Fatalf("%v\n%s", err, out)
				}
			}
			b, err := New(t.Context(), Config{Dir: a.dir, OutDir: filepath.Join(a.dir, ".anvil")}) // which knows of vendor
			if err != nil {
				t.Fatal(err)
			}
			s, _, err := b.Inspect(t.Context(), ".")
			if err != nil {
				t.Fatal(err)
			}
			missed := func(dirs []string, want ...string) {
				t.Helper()
				for i, path := range want {
					want[i] = filepath.Join(a.dir, path)
				}
				if got := s.Missed(dirs); !slices.Equal(got, want) {
					t.Errorf("missed %q, want %q", got, want)
				}
			}
			missed(s.Dirs())
			dep := "dep"
			if vendored {
				dep = "vendor/example.com/dep"
			}
			a.edit("handlers/with.go", "import", "import ")
			a.write("handlers/more.go", "package handlers\n")
			a.edit(dep+"/dep.go", "var Text", "var More")
			a.write("main_test.go", "package main\n")
			missed(s.Dirs(), slices.Sorted(slices.Values([]string{"handlers/more.go", "handlers/with.go", dep + "/dep.go"}))...)
			missed([]string{filepath.Join(a.dir, "handlers")}, "handlers/more.go", "handlers/with.go")
			missed(nil)
			if err := os.RemoveAll(filepath.Join(a.dir, "handlers")); err != nil {
				t.Fatal(err)
			}
			for _, path := range s.Missed([]string{filepath.Join(a.dir, "handlers")}) {
				if !strings.HasPrefix(path, filepath.Join(a.dir, "handlers")+"/") {
					t.Errorf("missed %s", path)
				}
			}
			if n := len(s.Missed([]string{filepath.Join(a.dir, "handlers")})); n < 2 {
				t.Errorf("missed %d files of a directory that is gone", n)
			}
		})
	}
}

// TestChangedSince goes by what may decide, and by the directory where that has other
// entries than before.
func TestChangedSince(t *testing.T) {
	past := time.Now().Add(-time.Hour)
	for name, change := range map[string]func(dir string) error{
		"a file":      func(dir string) error { return os.Chtimes(filepath.Join(dir, "a.go"), time.Time{}, time.Now()) },
		"a directory": func(dir string) error { return os.Chtimes(dir, time.Time{}, time.Now()) },
		"":            func(dir string) error { return os.Chtimes(filepath.Join(dir, "a_test.go"), time.Time{}, time.Now()) },
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			for _, f := range []string{"a.go", "a_test.go"} {
				if err := os.WriteFile(filepath.Join(dir, f), nil, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			for _, path := range []string{"a.go", "a_test.go", "."} {
				if err := os.Chtimes(filepath.Join(dir, path), past, past); err != nil {
					t.Fatal(err)
				}
			}
			since := time.Now().Add(-time.Minute)
			if ChangedSince([]string{dir}, since) {
				t.Error("before anything was")
			}
			if err := change(dir); err != nil {
				t.Fatal(err)
			}
			if got := ChangedSince([]string{dir}, since); got != (name != "") {
				t.Errorf("%t", got)
			}
		})
	}
}
