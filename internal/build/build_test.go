package build

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
)

const hot = "example.com/app/handlers"

// TestHostCompiled: what the executable is linked from is told before it is
// there, and stays as it was told.
func TestHostCompiled(t *testing.T) {
	a := newApp(t, "app.txtar")
	var told *Snapshot
	var then Snapshot
	res, _, err := a.b.Host(t.Context(), ".", 1, nil, Stages{Compiled: func(s *Snapshot) {
		told, then = s, *s
		if executables, err := os.ReadDir(filepath.Join(a.dir, ".anvil/host")); len(executables) > 0 || !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("there are %v already, %v", executables, err)
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(*told, then) {
		t.Error("it was changed afterwards")
	}
	if !reflect.DeepEqual(told.Archives(), res.Snapshot.Archives()) || len(told.missing()) > 0 || !slices.Equal(told.Hot(), res.Snapshot.Hot()) {
		t.Errorf("told of %v, built from %v", told.Archives(), res.Snapshot.Archives())
	}
}

// TestSwap follows one process through every kind of edit that a hot swap
// takes.
func TestSwap(t *testing.T) {
	a := newApp(t, "app.txtar")
	host := a.host()
	if got, want := a.start(host.Path), "v1 started loads 1 [page.html=<p>] renders 1 [2 4]"; got != want {
		t.Fatalf("linked handlers say %q, want %q", got, want)
	}
	if got, want := a.snap.Hot(), []string{hot, hot + "/internal/list", hot + "/views"}; !slices.Equal(got, want) {
		t.Fatalf("hot packages %q, want %q", got, want)
	}
	steps := []struct {
		name    string
		edit    func() []string
		rebuilt []string
		asked   bool // the go command
		want    string
	}{
		{"body", func() []string {
			return []string{a.edit("handlers/handlers.go", `"v1"`, `"v2"`)}
		}, []string{hot}, false, "v2 started loads 1 [page.html=<p>] renders 2 [2 4]"},
		{"back to an earlier text", func() []string {
			return []string{a.edit("handlers/handlers.go", `"v2"`, `"v1"`)}
		}, []string{hot}, false, "v1 started loads 1 [page.html=<p>] renders 3 [2 4]"},
		{"generic helper below", func() []string {
			return []string{a.edit("handlers/internal/list/list.go", "f(x))", "f(x), f(x))")}
		}, []string{hot + "/internal/list", hot}, false, "v1 started loads 1 [page.html=<p>] renders 4 [2 2 4 4]"},
		{"embedded content", func() []string {
			return []string{a.edit("handlers/views/templates/page.html", "<p>", "<b>")}
		}, []string{hot + "/views", hot}, false, "v1 started loads 1 [page.html=<b>] renders 1 [2 2 4 4]"},
		{"new embedded file", func() []string {
			return []string{a.write("handlers/views/templates/more.html", "<i>")}
		}, []string{hot + "/views", hot}, true, "v1 started loads 1 [more.html=<i> page.html=<b>] renders 1 [2 2 4 4]"},
		{"new source file and function", func() []string {
			return []string{
				a.write("handlers/triple.go", "package handlers\n\nfunc triple(n int) int { return 3 * n }\n"),
				a.edit("handlers/handlers.go", "double)", "triple)"),
			}
		}, []string{hot}, true, "v1 started loads 1 [more.html=<i> page.html=<b>] renders 2 [3 3 6 6]"},
		{"deleted source file", func() []string {
			name := filepath.Join(a.dir, "handlers/double.go")
			if err := os.Remove(name); err != nil {
				t.Fatal(err)
			}
			return []string{name}
		}, []string{hot}, true, "v1 started loads 1 [more.html=<i> page.html=<b>] renders 3 [3 3 6 6]"},
		{"import that the process lacks", func() []string {
			return []string{a.edit("handlers/triple.go", "package handlers\n", "package handlers\n\nimport \"encoding/csv\"\n\nvar _ = csv.ErrQuote\n")}
		}, []string{hot}, true, "v1 started loads 1 [more.html=<i> page.html=<b>] renders 4 [3 3 6 6]"},
		{"new hot package", func() []string {
			return []string{
				a.write("handlers/word/word.go", "package word\n\nconst Version = \"v3\"\n"),
				a.edit("handlers/handlers.go", "import (", "import (\n\t\"example.com/app/handlers/word\""),
				a.edit("handlers/handlers.go", `"v1"`, `word.Version`),
			}
		}, []string{hot + "/word", hot}, true, "v3 started loads 1 [more.html=<i> page.html=<b>] renders 5 [3 3 6 6]"},
		{"comment", func() []string {
			return []string{a.edit("handlers/handlers.go", "var loads", "// loads counts.\nvar loads")}
		}, []string{hot}, false, "v3 started loads 1 [more.html=<i> page.html=<b>] renders 6 [3 3 6 6]"},
	}
	for _, s := range steps {
		files := s.edit()
		if plan := a.plan(files...); plan.Resolved != s.asked || plan.Rung != manifest.RungHotSwap {
			t.Errorf("%s: rung %q, go command asked: %t; want hot swap, %t", s.name, plan.Rung, plan.Resolved, s.asked)
		}
		res, got := a.swap(files...)
		if got != s.want {
			t.Errorf("%s: the process says %q, want %q", s.name, got, s.want)
		}
		if !slices.Equal(res.Rebuilt, s.rebuilt) {
			t.Errorf("%s: rebuilt %q, want %q", s.name, res.Rebuilt, s.rebuilt)
		}
	}
}

// TestPlan checks what a batch means, without building it.
func TestPlan(t *testing.T) {
	a := newApp(t, "app.txtar")
	a.host()
	original := map[string]string{}
	for path := range a.snap.sources {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		original[path] = string(data)
	}
	reset := func() {
		for path, text := range original {
			if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
				t.Fatal(err)
			}
		}
	}
	tests := []struct {
		name string
		edit func() string
		rung manifest.Rung
		code manifest.Code
	}{
		{"the same text again", func() string { return a.edit("handlers/handlers.go", "v1", "v1") }, "", ""},
		{"a test file", func() string { return a.edit("handlers/handlers_test.go", "var y", "var z") }, "", ""},
		{"a file left out by its tags", func() string { return a.edit("handlers/tagged.go", "var x", "var z") }, "", ""},
		{"a file that no package embeds", func() string { return a.write("notes.txt", "x") }, "", ""},
		{"a hidden file in an embedded directory", func() string { return a.edit("handlers/views/templates/.hidden", "not", "never") }, "", ""},
		{"a vim backup", func() string { return a.write("handlers/4913", "") }, "", ""},
		{"a comment in a host package", func() string { return a.edit("store/store.go", "is set", "was set") }, "", ""},
		{"formatting of a host package", func() string { return a.edit("store/store.go", "var Name string", "\n\nvar  Name  string") }, "", ""},
		{"grouped imports of a host package", func() string {
			return a.edit("main.go", "\t\"example.com/app/handlers\"\n\t\"example.com/app/store\"\n", "\t\"example.com/app/store\"\n\n\t\"example.com/app/handlers\"\n")
		}, "", ""},
		{"a trailing comma in a host package", func() string {
			return a.edit("main.go", "(*hotreload.RouteSink)(nil))", "\n\t\t(*hotreload.RouteSink)(nil),\n\t)")
		}, "", ""},
		{"a host package", func() string { return a.edit("store/store.go", "var Name", "var Other, Name") }, manifest.RungWarmRestart, manifest.CodeHostChanged},
		{"the main package", func() string { return a.edit("main.go", "started", "begun") }, manifest.RungWarmRestart, manifest.CodeHostChanged},
		{"a module that a replace directive takes from a directory", func() string { return a.edit("runtime/hotreload.go", "struct{}", "struct{ x int }") }, manifest.RungWarmRestart, manifest.CodeHostChanged},
		{"a new file in a host package", func() string { return a.write("store/new.go", "package store\n") }, manifest.RungWarmRestart, manifest.CodeHostChanged},
		{"a comment in go.mod", func() string { return a.edit("go.mod", "go 1.26.0", "go 1.26.0 // language") }, "", ""},
		{"the language version", func() string { return a.edit("go.mod", "go 1.26.0", "go 1.26.1") }, manifest.RungWarmRestart, manifest.CodeModuleChanged},
		{"a godebug line", func() string { return a.edit("go.mod", "go 1.26.0", "go 1.26.0\n\ngodebug panicnil=1") }, manifest.RungWarmRestart, manifest.CodeModuleChanged},
		{"a build tag switched on", func() string { return a.edit("handlers/tagged.go", "!anvilhot", "anvilhot") }, manifest.RungHotSwap, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			defer reset()
			name := tt.edit()
			defer func() {
				if _, ok := original[name]; !ok {
					_ = os.Remove(name)
				}
			}()
			plan, _, err := a.b.Plan(t.Context(), a.snap, []string{name})
			if err != nil {
				t.Fatal(err)
			}
			var code manifest.Code
			if len(plan.Reasons) > 0 {
				code = plan.Reasons[0].Code
			}
			if plan.Rung != tt.rung || code != tt.code {
				t.Errorf("rung %q, code %q, reasons %v; want %q, %q", plan.Rung, code, plan.Reasons, tt.rung, tt.code)
			}
		})
	}
}

// TestMovedDirectory: of a directory that is moved away the watcher names the
// directory, and not what is in it.
func TestMovedDirectory(t *testing.T) {
	a := newApp(t, "app.txtar")
	a.host()
	for _, name := range []string{"handlers/internal/list", "handlers/internal", "handlers/views/templates", "store"} {
		dir := filepath.Join(a.dir, name)
		if err := os.Rename(dir, dir+"2"); err != nil {
			t.Fatal(err)
		}
		if _, _, err := a.b.Plan(t.Context(), a.snap, []string{dir}); err == nil {
			t.Errorf("%s is gone, and nobody misses it", name)
		} else if _, ok := errors.AsType[*Failure](err); !ok {
			t.Errorf("%s is gone: %v", name, err)
		}
		if err := os.Rename(dir+"2", dir); err != nil {
			t.Fatal(err)
		}
		if plan := a.plan(dir); plan.Rung != "" {
			t.Errorf("%s is back: %q, %v", name, plan.Rung, plan.Reasons)
		}
	}
}

// TestImportCycle: which import is one too many only the user knows.
func TestImportCycle(t *testing.T) {
	a := newApp(t, "app.txtar")
	a.host()
	name := a.edit("store/store.go", "package store\n", "package store\n\nimport _ \"example.com/app/handlers/views\"\n")
	a.edit("handlers/views/views.go", "\"embed\"", "\"embed\"\n\t_ \"example.com/app/store\"")
	_, _, err := a.b.Plan(t.Context(), a.snap, []string{name, filepath.Join(a.dir, "handlers/views/views.go")})
	f, ok := errors.AsType[*Failure](err)
	if !ok {
		t.Fatalf("error %v, want a *Failure", err)
	}
	d := f.Diagnostics[0]
	places := []string{d.Position.String()}
	for _, r := range d.Related {
		places = append(places, r.Position.String())
	}
	slices.Sort(places)
	want := []string{filepath.Join(a.dir, "handlers/views/views.go:5:2"), name + ":4:8"}
	if !slices.Equal(places, want) || strings.Contains(d.Message, "app/handlers →") || !strings.Contains(d.Message, " → ") {
		t.Errorf("%s, related %v\nwant the places %q", d, d.Related, want)
	}
}

// TestMovedApplication: it is not the go command that is missed then.
func TestMovedApplication(t *testing.T) {
	a := newApp(t, "app.txtar")
	gone := filepath.Join(t.TempDir(), "gone")
	if _, err := a.b.tools.Output(t.Context(), gone, "go", "version"); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), gone) {
		t.Errorf("%v does not name %s", err, gone)
	}
	if _, err := a.b.tools.Output(t.Context(), a.dir, "go-that-is-not-there", "version"); err == nil || strings.Contains(err.Error(), a.dir) {
		t.Errorf("%v names %s", err, a.dir)
	}
}

// TestFaults checks that mistakes come back with their code and position, and
// that the plugin builds once they are mended.
func TestFaults(t *testing.T) {
	a := newApp(t, "app.txtar")
	a.host()
	tests := []struct {
		name           string
		file, old, new string
		at             string // file:line
		code           manifest.Code
		message        string
	}{
		{"syntax", "handlers/double.go", "{ return", "{ retur n", "handlers/double.go:3", manifest.CodeCompile, "syntax error"},
		{"type", "handlers/double.go", "2 * n", `"2"`, "handlers/double.go:3", manifest.CodeCompile, `cannot use "2"`},
		{"below", "handlers/internal/list/list.go", "f(x)", "g(x)", "handlers/internal/list/list.go:6", manifest.CodeCompile, "undefined: g"},
		{"import", "handlers/double.go", "package handlers", "package handlers\n\nimport _ \"example.com/none\"", "handlers/double.go:3", manifest.CodeCompile, "example.com/none"},
		{"import cycle", "handlers/views/views.go", "\"embed\"", "\"embed\"\n\t_ \"example.com/app/handlers\"", "handlers/views/views.go:5", manifest.CodeCompile, "import cycle"},
		{"imports out of place in main", "main.go", "import (", "func early() {}\n\nimport (", "main.go:5", manifest.CodeCompile, "imports must appear before"},
		{"embed", "handlers/views/views.go", "one.txt", "none.txt", "handlers/views/views.go:9", manifest.CodeCompile, "none.txt"},
		{"package clause", "handlers/double.go", "package handlers", "package other", "handlers/double.go:1", manifest.CodeCompile, "found packages"},
		{"register renamed", "handlers/handlers.go", "func AnvilRegisterRoutes", "func anvilRegisterRoutes", "handlers/double.go:1", manifest.CodeRegister, "must export"},
		{"go.mod", "go.mod", "go 1.26.0", "go 1.26.0\nrequir x", "go.mod:4", manifest.CodeModuleChanged, "unknown directive"},
		{"go.mod half typed", "go.mod", "go 1.26.0", "go 1.", "go.mod:3", manifest.CodeModuleChanged, "invalid go version"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			data, err := os.ReadFile(filepath.Join(a.dir, tt.file))
			if err != nil {
				t.Fatal(err)
			}
			defer a.write(tt.file, string(data))
			name := a.edit(tt.file, tt.old, tt.new)
			plan, _, err := a.b.Plan(t.Context(), a.snap, []string{name})
			if err == nil {
				a.gen++
				_, err = a.b.Plugin(t.Context(), plan, a.gen)
			}
			f, ok := errors.AsType[*Failure](err)
			if !ok {
				t.Fatalf("error %v, want a *Failure", err)
			}
			d := f.Diagnostics[0]
			if got, _ := filepath.Rel(a.dir, d.Position.String()); !strings.HasPrefix(got, tt.at) || d.Code != tt.code || !strings.Contains(d.Message, tt.message) || d.Severity != manifest.SeverityError {
				t.Errorf("%s: %s, severity %s\nwant %s: %s [%s]", got, d, d.Severity, tt.at, tt.message, tt.code)
			}
		})
	}
	a.gen++
	if _, err := a.b.Plugin(t.Context(), a.plan(a.edit("handlers/double.go", "2 * n", "4 * n")), a.gen); err != nil {
		t.Errorf("after the mistakes were mended: %v", err)
	}
}
