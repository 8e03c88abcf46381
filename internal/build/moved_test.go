package build

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
)

// replace replaces text in all Go and module files but those of the runtime.
func (a *app) replace(old, new string) {
	a.t.Helper()
	err := filepath.WalkDir(a.dir, func(path string, d fs.DirEntry, err error) error {
		switch ext := filepath.Ext(path); {
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == "runtime" || d.Name() == ".anvil"):
			return fs.SkipDir
		case ext != ".go" && ext != ".mod":
			return nil
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(path, []byte(strings.ReplaceAll(string(data), old, new)), 0o666)
	})
	if err != nil {
		a.t.Fatal(err)
	}
}

// move renames a file or directory and returns its old path.
func (a *app) move(from, to string) string {
	a.t.Helper()
	to = filepath.Join(a.dir, to)
	if err := errors.Join(os.MkdirAll(filepath.Dir(to), 0o777), os.Rename(filepath.Join(a.dir, from), to)); err != nil {
		a.t.Fatal(err)
	}
	return filepath.Join(a.dir, from)
}

// TestMoved: whatever is moved or renamed, the program is found again.
func TestMoved(t *testing.T) {
	a := newApp(t, "app.txtar")
	a.write("cmd/web/main.go", "package main\n")
	a.move("main.go", "cmd/web/main.go")
	main, err := a.b.Main(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	res, _, err := a.b.Host(t.Context(), main, 1, nil, Stages{})
	if err != nil {
		t.Fatal(err)
	}
	a.snap = res.Snapshot

	t.Run("a directory goes with its files", func(t *testing.T) {
		gone := a.move("handlers/views", "other")
		if _, _, err := a.b.Plan(t.Context(), a.snap, []string{gone}); err == nil {
			t.Error("a package that is imported was not missed")
		}
		a.move("other", "handlers/views")
		if plan := a.plan(gone); plan.Rung != "" {
			t.Errorf("it is back: %q %v", plan.Rung, plan.Reasons)
		}
	})
	for _, tt := range []struct {
		name string
		move func() (changed []string)
		main string
		want string // in the reasons
	}{
		{"the main package", func() []string { return []string{a.move("cmd/web", "cmd/site")} }, "example.com/app/cmd/site",
			"the program is example.com/app/cmd/site now, that of the running process is example.com/app/cmd/web"},
		{"the handlers package", func() []string {
			gone := a.move("handlers", "pages")
			a.replace("example.com/app/handlers", "example.com/app/pages")
			a.replace("handlers.Anvil", "pages.Anvil")
			a.replace("package handlers", "package pages")
			return []string{gone, filepath.Join(a.dir, "cmd/site/main.go")}
		}, "example.com/app/cmd/site", "the handlers package is example.com/app/pages now, that of the running process is example.com/app/handlers"},
		{"the module", func() []string {
			a.replace("example.com/app", "example.com/shop")
			return []string{filepath.Join(a.dir, "go.mod"), filepath.Join(a.dir, "cmd/site/main.go")}
		}, "example.com/shop/cmd/site", "the program is example.com/shop/cmd/site now, that of the running process is example.com/app/cmd/web"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			plan := a.plan(tt.move()...)
			var reasons []string
			for _, d := range plan.Reasons {
				reasons = append(reasons, d.Message)
			}
			if plan.Rung != manifest.RungWarmRestart || plan.Watch().Main() != tt.main || !strings.Contains(strings.Join(reasons, "\n"), tt.want) {
				t.Errorf("%q, main package %s, %q; want %q", plan.Rung, plan.Watch().Main(), reasons, tt.want)
			}
		})
	}
}
