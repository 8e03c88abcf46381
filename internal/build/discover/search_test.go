package discover

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"github.com/anvilforge/anvil-lsp/internal/build/gocmd"
	"github.com/anvilforge/anvil-lsp/internal/paths"
	"github.com/anvilforge/anvil-lsp/internal/testkit"
)

// unpack writes the files of a txtar text into a directory.
func unpack(t *testing.T, dir, text string) {
	t.Helper()
	for _, f := range txtar.Parse([]byte(text)).Files {
		testkit.WriteFile(t, filepath.Join(dir, f.Name), string(f.Data))
	}
}

const (
	helloModule   = "-- go.mod --\nmodule example.com/hello\n\ngo 1.26\n\nrequire github.com/anvilforge/anvil-lsp/hotreload v0.0.0\n"
	helloHandlers = "-- handlers/h.go --\npackage handlers\n\nimport \"github.com/anvilforge/anvil-lsp/hotreload\"\n\nfunc AnvilRegisterRoutes(r *hotreload.RouteSink) {}\n"
	serves        = "\n\nimport \"github.com/anvilforge/anvil-lsp/hotreload\"\n\nfunc Execute() { hotreload.LiveServer(nil, hotreload.Options{}) }\n\nfunc main() { Execute() }\n"
)

func TestFindPrograms(t *testing.T) {
	tests := []struct {
		name, files string
		tags        []string
		want        string // directories; * behind one that stands alone
	}{
		{name: "main serves", files: "-- main.go --\npackage main" + serves, want: "."},
		{name: "its commands do", files: "-- main.go --\npackage main\n\nimport \"example.com/hello/cmd\"\n\nfunc main() { cmd.Execute() }\n-- cmd/serve.go --\npackage cmd" + serves, want: "."},
		{name: "two packages down", files: "-- cmd/app/main.go --\npackage main\n\nimport \"example.com/hello/internal/cmd\"\n\nfunc main() { cmd.Execute() }\n" +
			"-- internal/cmd/cmd.go --\npackage cmd\n\nimport \"example.com/hello/internal/cmd/serve\"\n\nvar Execute = serve.Execute\n-- internal/cmd/serve/s.go --\npackage serve" + serves, want: "cmd/app*"},
		{name: "dot import", files: "-- main.go --\npackage main\n\nimport . \"github.com/anvilforge/anvil-lsp/hotreload\"\n\nfunc main() { LiveServer(nil, Options{}) }\n", want: "."},
		{name: "named import", files: "-- main.go --\npackage main\n\nimport hr \"github.com/anvilforge/anvil-lsp/hotreload\"\n\nfunc main() { hr.LiveServer(nil, hr.Options{}) }\n", want: "."},
		{name: "as a value", files: "-- main.go --\npackage main\n\nimport \"github.com/anvilforge/anvil-lsp/hotreload\"\n\nfunc main() { serve := hotreload.LiveServer; serve(nil, hotreload.Options{}) }\n", want: "."},
		{name: "a method of the name", files: "-- main.go --\npackage main\n\nimport _ \"github.com/anvilforge/anvil-lsp/hotreload\"\n\nvar x interface{ LiveServer() }\n\nfunc main() { x.LiveServer() }\n", want: ""},
		{name: "in a comment", files: "-- main.go --\npackage main\n\nimport _ \"github.com/anvilforge/anvil-lsp/hotreload\"\n\n// main calls hotreload.LiveServer(…)\nfunc main() {}\n", want: ""},
		{name: "a tool of the root that a tag selects", files: "-- magefile.go --\n//go:build mage\n\npackage main\n\nfunc main() {}\n-- cmd/server/main.go --\npackage main" + serves, want: "cmd/server*"},
		{name: "a generator", files: "-- gen.go --\n//go:build generate\n\npackage main\n\nfunc main() {}\n-- cmd/server/main.go --\npackage main" + serves, want: "cmd/server*"},
		{name: "a tag that is set", files: "-- main.go --\n//go:build special && !other\n\npackage main" + serves, tags: []string{"special"}, want: "."},
		{name: "another system", files: "-- main_windows.go --\npackage main" + serves, want: ""},
		{name: "a package in the root", files: "-- x.go --\npackage hello\n-- cmd/web/main.go --\npackage main" + serves, want: "cmd/web"},
		{name: "two", files: "-- cmd/a/main.go --\npackage main" + serves + "-- cmd/b/main.go --\npackage main" + serves + "-- cmd/tool/main.go --\npackage main\n\nimport _ \"example.com/hello/handlers\"\n\nfunc main() {}\n", want: "cmd/a cmd/b"},
		{name: "delegates to a replaced module", files: "-- cmd/web/main.go --\npackage main\n\nimport \"example.com/lib/serve\"\n\nfunc main() { serve.Execute() }\n" +
			"-- go.mod --\nmodule example.com/hello\n\nreplace example.com/lib => ./lib\n-- lib/go.mod --\nmodule example.com/lib\n-- lib/serve/s.go --\npackage serve" + serves, want: "cmd/web*"},
		{name: "delegates to a module that replaces one of another name", files: "-- cmd/web/main.go --\npackage main\n\nimport \"example.com/lib/serve\"\n\nfunc main() { serve.Execute() }\n" +
			"-- go.mod --\nmodule example.com/hello\n\nreplace example.com/lib v1.2.0 => ./fork\n-- fork/go.mod --\nmodule example.com/fork\n-- fork/serve/s.go --\npackage serve" + serves, want: "cmd/web*"},
		{name: "with words of a newer Go", files: "-- cmd/web/main.go --\npackage main\n\nimport \"example.com/hello/cmd\"\n\nfunc main() { cmd.Execute() }\n-- cmd/cmd.go --\npackage cmd" + serves +
			"-- go.mod --\nmodule example.com/hello\n\nfuture example.com/lib => ./fork\n", want: "cmd/web*"},
		{name: "go.work replaces", files: "-- cmd/web/main.go --\npackage main\n\nimport \"example.com/lib/serve\"\n\nfunc main() { serve.Execute() }\n" +
			"-- go.work --\ngo 1.26\n\nuse .\n\nreplace example.com/lib => ./fork\n-- fork/go.mod --\nmodule example.com/fork\n-- fork/serve/s.go --\npackage serve" + serves, want: "cmd/web*"},
		{name: "a vendor directory of the user's", files: "-- handlers/internal/vendor/v.go --\npackage vendor\n-- cmd/vendor/main.go --\npackage main" + serves, want: "cmd/vendor*"},
		{name: "a vendor directory of the go command's", files: "-- vendor/modules.txt --\n-- vendor/example.com/x/main.go --\npackage main" + serves, want: ""},
		{name: "tests and what is skipped", files: "-- main_test.go --\npackage main" + serves + "-- testdata/main.go --\npackage main" + serves + "-- _x/main.go --\npackage main" + serves, want: ""},
	}
	for _, tt := range tests {
		root := t.TempDir()
		unpack(t, root, helloModule+helloHandlers+tt.files)
		found := FindPrograms(t.Context(), root, tt.tags)
		var got []string
		for _, p := range found.Programs {
			rel, err := filepath.Rel(root, p.Dir)
			if err != nil || p.Module != root {
				t.Errorf("%s: %s, module %s, error %v", tt.name, p.Dir, p.Module, err)
			}
			if p.Alone {
				rel += "*"
			}
			got = append(got, rel)
		}
		if strings.Join(got, " ") != tt.want || !found.Registers || !found.Uses || found.GaveUp != "" {
			t.Errorf("%s: found %q, want %q; %+v", tt.name, got, tt.want, found)
		}
	}
}

// TestFindProgramsAmongMany: files that are no Go files do not count, and a
// search that ends early says so.
func TestFindProgramsAmongMany(t *testing.T) {
	root := t.TempDir()
	unpack(t, root, helloModule+helloHandlers+"-- cmd/app/main.go --\npackage main"+serves)
	assets := filepath.Join(root, "assets")
	if err := os.Mkdir(assets, 0o777); err != nil {
		t.Fatal(err)
	}
	first := filepath.Join(assets, "a")
	if err := os.WriteFile(first, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	for i := range 3000 {
		if err := os.Link(first, filepath.Join(assets, fmt.Sprint(i))); err != nil {
			t.Fatal(err)
		}
	}
	s := newSearch(t.Context(), root, gocmd.Matcher(gocmd.UsualContext(nil)))
	s.most = searchLimits{dirs: 100, files: 100}
	if found := s.find(); len(found.Programs) != 1 || found.GaveUp != "" {
		t.Errorf("found %+v", found)
	}
	for _, most := range []searchLimits{{dirs: 2, files: 100}, {dirs: 100, files: 0}} {
		s := newSearch(t.Context(), root, gocmd.Matcher(gocmd.UsualContext(nil)))
		s.most = most
		if found := s.find(); !strings.Contains(found.GaveUp, "the search ended at "+root) {
			t.Errorf("%+v: gave up: %q", most, found.GaveUp)
		}
	}
	ended, end := context.WithCancel(t.Context())
	end()
	if found := FindPrograms(ended, root, nil); len(found.Programs) > 0 {
		t.Errorf("after its end: %+v", found)
	}
}

func TestEnclosing(t *testing.T) {
	root := t.TempDir()
	unpack(t, root, "-- go.work --\n-- app/go.mod --\n-- app/handlers/h.go --\n")
	for dir, want := range map[string][]string{
		"app/handlers": {filepath.Join(root, "app"), root}, "app": {root}, ".": nil,
	} {
		got := Enclosing(filepath.Join(root, dir))
		got = slices.DeleteFunc(got, func(d string) bool { return !paths.Below(d, root) })
		if !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", dir, got, want)
		}
	}
}
