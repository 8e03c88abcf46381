package build

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/internal/build/gocmd"
)

// TestVariants builds and swaps once under settings that change how everything
// is compiled.
func TestVariants(t *testing.T) {
	tests := []struct {
		name   string
		change func(*Config)
	}{
		{"race", func(c *Config) { c.Race = true }},
		{"debug", func(c *Config) { c.Debug = true }},
		{"GOFLAGS", func(c *Config) { c.Env = append(os.Environ(), "GOFLAGS=-trimpath -tags=other -mod=mod") }},
		{"race from GOFLAGS", func(c *Config) { c.Env = append(os.Environ(), "GOFLAGS=-race") }},
		{"coverage from GOFLAGS", func(c *Config) { c.Env = append(os.Environ(), "GOFLAGS=--cover -race=false") }},
		{"what runs the tools from GOFLAGS", func(c *Config) { c.Env = append(os.Environ(), `GOFLAGS='-toolexec=no-such-tool -x'`) }},
		{"assembler flags from GOFLAGS", func(c *Config) {
			c.Env = append(os.Environ(), "GOFLAGS=-asmflags=-no-such-flag --asmflags=runtime/...=-no-such-flag -asmflags=all=-no-such-flag")
		}},
		{"overlay from GOFLAGS", func(c *Config) {
			// One file that is not on the disk, and another text for one that is.
			files, _ := json.Marshal(map[string]map[string]string{"Replace": {
				filepath.Join(c.Dir, "handlers/extra.go"): filepath.Join(c.Dir, "extra.txt"), filepath.Join(c.Dir, "handlers/double.go"): filepath.Join(c.Dir, "double.txt"),
			}})
			for name, text := range map[string]string{
				"extra.txt": "package handlers\n\nfunc init() { loads = 10 }\n", "double.txt": "package handlers\n\nfunc double(n int) int { return 100 * n }\n", "overlay.json": string(files),
			} {
				if err := os.WriteFile(filepath.Join(c.Dir, name), []byte(text), 0o666); err != nil {
					t.Fatal(err)
				}
			}
			c.Env = append(os.Environ(), "GOFLAGS=-overlay="+filepath.Join(c.Dir, "overlay.json"))
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a := newApp(t, "app.txtar", tt.change)
			if tt.name == "GOFLAGS" {
				a.write("handlers/other.go", "//go:build other\n\npackage handlers\n\nfunc init() { loads = 10 }\n")
			}
			if got := a.start(a.host().Path); tt.name != "GOFLAGS" && got != "v1 started loads 1 [page.html=<p>] renders 1 [2 4]" {
				t.Errorf("the executable says %q", got)
			}
			if raced := tt.name == "race" || tt.name == "race from GOFLAGS"; a.b.tools.Race != raced {
				t.Errorf("race detector: %t", a.b.tools.Race)
			} else if trial, err := New(t.Context(), a.b.trialConfig(t.TempDir())); err != nil {
				t.Error(err)
			} else if trial.tools.Race != raced {
				t.Errorf("race detector in the trial of thin links: %t", trial.tools.Race)
			}
			_, got := a.swap(a.edit("handlers/handlers.go", `"v1"`, `"v2"`))
			if !strings.HasPrefix(got, "v2 started") || tt.name == "GOFLAGS" && !strings.Contains(got, "loads 11") {
				t.Errorf("the process says %q", got)
			}
		})
	}
}

// TestRaceIsReported: the race detector finds races in plugins, and the process
// survives its report.
func TestRaceIsReported(t *testing.T) {
	for name, full := range map[string]bool{"thin": false, "full": true} {
		t.Run(name, func(t *testing.T) {
			a := newApp(t, "app.txtar", func(c *Config) { c.Race, c.FullLink = true, full })
			logs := t.TempDir()
			t.Setenv("GORACE", "exitcode=0 log_path="+filepath.Join(logs, "race"))
			a.start(a.host().Path)
			a.write("handlers/double.go", `package handlers

type large struct{ n [8]int }

func double(n int) int {
	l, done := new(large), make(chan bool)
	go func() {
		*l = large{[8]int{n}} // more than a word
		close(done)
	}()
	read := *l
	<-done
	return 2*n + read.n[1]
}
`)
			files := []string{filepath.Join(a.dir, "handlers/double.go"), a.edit("handlers/handlers.go", `"v1"`, `"v2"`)}
			if _, got := a.swap(files...); !strings.HasPrefix(got, "v2 started") {
				t.Errorf("the process says %q", got)
			}
			if _, got := a.swap(a.edit("handlers/handlers.go", `"v2"`, `"v3"`)); !strings.HasPrefix(got, "v3 started") {
				t.Errorf("the process says %q", got)
			}
			var report strings.Builder
			found, err := filepath.Glob(filepath.Join(logs, "*"))
			for _, name := range found {
				data, readErr := os.ReadFile(name)
				report.Write(data)
				err = errors.Join(err, readErr)
			}
			if text := report.String(); err != nil || !strings.Contains(text, "DATA RACE") || !strings.Contains(text, filepath.Join(a.dir, "handlers/double.go")) {
				t.Errorf("report %q, error %v", text, err)
			}
		})
	}
}

// TestNative: a package with cgo, assembly or linkname, and what is below it,
// is a host package; the ones beside it stay hot.
func TestNative(t *testing.T) {
	tests := []struct{ name, file, text string }{
		{"cgo", "handlers/views/c.go", "package views\n\n// static int one(void) { return 1; }\nimport \"C\"\n\nvar One = int(C.one())\n"},
		{"assembly", "handlers/views/x_amd64.s", "TEXT ·nothing(SB),4,$0\n\tRET\n"},
		{"linkname", "handlers/views/l.go", "package views\n\nimport _ \"unsafe\"\n\n//go:linkname nanotime runtime.nanotime\nfunc nanotime() int64\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a := newApp(t, "app.txtar")
			name := a.write(tt.file, tt.text)
			if tt.name == "linkname" {
				a.write("handlers/views/empty.s", "") // lets a function have no body
			}
			a.start(a.host().Path)
			if got, want := a.snap.Hot(), []string{hot, hot + "/internal/list"}; !slices.Equal(got, want) {
				t.Errorf("hot packages %q, want %q", got, want)
			}
			if r := a.snap.Reason(hot + "/views"); r.Native != hot+"/views" {
				t.Errorf("reason %+v", r)
			}
			if _, got := a.swap(a.edit("handlers/handlers.go", `"v1"`, `"v2"`)); !strings.HasPrefix(got, "v2 started") {
				t.Errorf("the process says %q", got)
			}
			a.write(tt.file, tt.text+"\n\n// more\n")
			if strings.HasSuffix(tt.file, ".go") {
				a.write(tt.file, tt.text+"\nvar more int\n")
			}
			if plan := a.plan(name); plan.Rung != manifest.RungWarmRestart || plan.Reasons[0].Code != manifest.CodeHostChanged {
				t.Errorf("an edit of it: %q %v", plan.Rung, plan.Reasons)
			} else if !strings.Contains(plan.Reasons[0].Message, "views changed, which uses cgo, assembly or linkname") {
				t.Errorf("an edit of it: %s", plan.Reasons[0].Message)
			}
		})
	}
	t.Run("it comes to use linkname, with nothing new to import", func(t *testing.T) {
		a := newApp(t, "app.txtar")
		a.edit("handlers/views/views.go", "\"strings\"", "\"strings\"\n\t_ \"unsafe\"")
		a.host()
		plan := a.plan(a.edit("handlers/views/views.go", "var renders int", "var renders int\n\n//go:linkname Page example.com/app/page"))
		if plan.Rung != manifest.RungWarmRestart || !plan.Resolved || !strings.Contains(plan.Reasons[0].Message, "views cannot be swapped in any more") {
			t.Errorf("%q %v", plan.Rung, plan.Reasons)
		}
	})
	t.Run("it comes to use cgo", func(t *testing.T) {
		a := newApp(t, "app.txtar")
		a.host()
		plan := a.plan(a.write(tests[0].file, tests[0].text))
		if plan.Rung != manifest.RungWarmRestart || !strings.Contains(plan.Reasons[0].Message, "views cannot be swapped in any more") {
			t.Errorf("%q %v", plan.Rung, plan.Reasons)
		}
	})
}

// TestMainWithCgo leaves the main package to the go command; plugins still
// load.
func TestMainWithCgo(t *testing.T) {
	a := newApp(t, "app.txtar")
	a.write("c.go", "package main\n\n// static int one(void) { return 1; }\nimport \"C\"\n\nvar one = int(C.one())\n")
	a.start(a.host().Path)
	if _, got := a.swap(a.edit("handlers/handlers.go", `"v1"`, `"v2"`)); !strings.HasPrefix(got, "v2 started") {
		t.Errorf("the process says %q", got)
	}
}

// TestWorkspaces builds the same program spread over modules in other ways.
func TestWorkspaces(t *testing.T) {
	t.Run("go.work with the handlers in a module of their own", func(t *testing.T) {
		a := newApp(t, "app.txtar")
		a.write("handlers/go.mod", "module example.com/app/handlers\n\ngo 1.26.0\n")
		a.write("go.work", "go 1.26.0\n\nuse (\n\t.\n\t./handlers\n\t./runtime\n)\n")
		// A module of its own cannot see the internal packages of another, and
		// store is one of the first.
		a.rebuild()
		a.start(a.host().Path)
		if !slices.Contains(a.snap.Hot(), hot+"/views") {
			t.Errorf("hot packages %q", a.snap.Hot())
		}
		if _, got := a.swap(a.edit("handlers/views/templates/page.html", "<p>", "<b>")); !strings.Contains(got, "page.html=<b>") {
			t.Errorf("the process says %q", got)
		}
		if plan := a.plan(a.edit("go.work", "go 1.26.0", "go 1.26.0\n\ngodebug panicnil=1")); plan.Rung != manifest.RungWarmRestart {
			t.Errorf("an edit of go.work: %q", plan.Rung)
		}
	})
	t.Run("vendored dependencies", func(t *testing.T) {
		a := newApp(t, "app.txtar")
		if out, err := a.command("go", "mod", "vendor").CombinedOutput(); err != nil {
			t.Fatalf("go mod vendor: %v\n%s", err, out)
		}
		a.start(a.host().Path)
		if _, got := a.swap(a.edit("handlers/handlers.go", `"v1"`, `"v2"`)); !strings.HasPrefix(got, "v2 started") {
			t.Errorf("the process says %q", got)
		}
	})
	t.Run("vendored module of some version", func(t *testing.T) {
		a := newApp(t, "app.txtar")
		// As `go mod vendor` leaves it.
		a.edit("go.mod", "v0.0.0\n", "v0.0.0\n\nrequire example.com/dep v1.0.0\n")
		a.write("vendor/example.com/dep/dep.go", "package dep\n\nfunc F() int { return 1 }\n")
		a.edit("store/store.go", "package store\n", "package store\n\nimport _ \"example.com/dep\"\n")
		const runtime = "vendor/github.com/anvilforge/anvil-lsp/hotreload"
		if err := os.CopyFS(filepath.Join(a.dir, runtime), os.DirFS(filepath.Join(a.dir, "runtime"))); err != nil {
			t.Fatal(err)
		}
		a.write("vendor/modules.txt", `# example.com/dep v1.0.0
## explicit; go 1.26
example.com/dep
# github.com/anvilforge/anvil-lsp/hotreload v0.0.0 => ./runtime
## explicit; go 1.26.0
github.com/anvilforge/anvil-lsp/hotreload
github.com/anvilforge/anvil-lsp/hotreload/internal/handoff
github.com/anvilforge/anvil-lsp/hotreload/program
# github.com/anvilforge/anvil-lsp/hotreload => ./runtime
`)
		a.host()
		for _, dir := range []string{"vendor", "vendor/example.com/dep"} {
			if !slices.Contains(a.snap.Dirs(), filepath.Join(a.dir, dir)) {
				t.Errorf("%s is not watched", dir)
			}
		}
		name := a.edit("vendor/example.com/dep/dep.go", "return 1", "return 2")
		if !a.snap.Relevant(name) {
			t.Error("a vendored file does not matter")
		}
		plan := a.plan(name)
		if plan.Rung != manifest.RungWarmRestart || plan.Reasons[0].Code != manifest.CodeHostChanged || plan.Reasons[0].File != name {
			t.Errorf("an edit of a vendored package: %q %v", plan.Rung, plan.Reasons)
		}
		a.edit("vendor/example.com/dep/dep.go", "return 2", "return 1")
		if plan := a.plan(name); plan.Rung != "" {
			t.Errorf("undone: %q %v", plan.Rung, plan.Reasons)
		}
	})
	t.Run("go.work above the application", func(t *testing.T) {
		a := newApp(t, "app.txtar")
		root := a.dir
		for _, name := range []string{"go.mod", "main.go", "store", "handlers"} {
			if err := os.MkdirAll(filepath.Join(root, "web"), 0o777); err != nil {
				t.Fatal(err)
			}
			if err := os.Rename(filepath.Join(root, name), filepath.Join(root, "web", name)); err != nil {
				t.Fatal(err)
			}
		}
		a.write("go.work", "go 1.26.0\n\nuse (\n\t./web\n\t./runtime\n)\n")
		a.edit("web/go.mod", "=> ./runtime", "=> ../runtime")
		a.b.cfg.Dir, a.b.cfg.OutDir = filepath.Join(root, "web"), filepath.Join(root, "web", ".anvil")
		a.rebuild()
		a.host()
		if !slices.Contains(a.snap.Dirs(), root) {
			t.Errorf("the directory of go.work is not watched: %q", a.snap.Dirs())
		}
		name := a.edit("go.work", "go 1.26.0", "go 1.26.0\n\ngodebug panicnil=1")
		if plan := a.plan(name); plan.Rung != manifest.RungWarmRestart || plan.Reasons[0].Code != manifest.CodeModuleChanged {
			t.Errorf("an edit of go.work: %q %v", plan.Rung, plan.Reasons)
		}
		a.write("go.work", "go 1.26.0\n\nuse ./none\n")
		_, g, err := a.b.Plan(t.Context(), a.snap, []string{name})
		if err == nil || g == nil || !slices.Contains(g.Dirs(), root) {
			t.Errorf("broken go.work: its directory is not watched, error %v", err)
		}
		f, _ := errors.AsType[*Failure](err)
		if want := (manifest.Position{File: name, Line: 3, Column: 5}); f == nil || f.Diagnostics[0].Position != want {
			t.Errorf("broken go.work: %v, want it at %v", err, want)
		}
	})
	t.Run("go.work above all modules", func(t *testing.T) {
		a := newApp(t, "app.txtar")
		for _, name := range []string{"go.mod", "main.go", "store", "handlers"} {
			if err := os.MkdirAll(filepath.Join(a.dir, "services/web"), 0o777); err != nil {
				t.Fatal(err)
			}
			if err := os.Rename(filepath.Join(a.dir, name), filepath.Join(a.dir, "services/web", name)); err != nil {
				t.Fatal(err)
			}
		}
		a.edit("services/web/go.mod", "=> ./runtime", "=> ../../runtime")
		a.write("lib/go.mod", "module example.com/lib\n\ngo 1.26.0\n")
		a.write("go.work", "go 1.26.0\n\nuse (\n\t./lib\n\t./runtime\n\t./services/web\n)\n")
		for dir, want := range map[string]string{".": "example.com/app", "services": "example.com/app", "lib": ""} {
			a.b.cfg.Dir = filepath.Join(a.dir, dir)
			a.rebuild()
			if got, err := a.b.Main(t.Context()); got != want || errors.Is(err, gocmd.ErrSetup) != (want == "") {
				t.Errorf("in %s: main package %q, error %v; want %q", dir, got, err, want)
			}
		}
		a.b.cfg.Dir = a.dir
		a.rebuild()
		res, _, err := a.b.Host(t.Context(), "example.com/app", 1, nil, Stages{})
		if err != nil {
			t.Fatal(err)
		}
		a.snap = res.Snapshot
		if !slices.Contains(a.snap.Hot(), hot+"/views") {
			t.Errorf("hot packages %q", a.snap.Hot())
		}
	})
	t.Run("main in a directory below", func(t *testing.T) {
		a := newApp(t, "app.txtar")
		main, err := os.ReadFile(filepath.Join(a.dir, "main.go"))
		if err != nil {
			t.Fatal(err)
		}
		a.write("cmd/web/main.go", string(main))
		a.write("cmd/other/main.go", "package main\n\nfunc main() {}\n")
		if err := os.Remove(filepath.Join(a.dir, "main.go")); err != nil {
			t.Fatal(err)
		}
		if got, err := a.b.Main(t.Context()); err != nil || got != "example.com/app/cmd/web" {
			t.Errorf("main package %q, %v", got, err)
		}
	})
}

// TestWorkspaceAppears: a go.work that is made while the builder works decides.
func TestWorkspaceAppears(t *testing.T) {
	a := newApp(t, "app.txtar")
	root := filepath.Dir(a.dir)
	a.host()
	if slices.Contains(a.snap.Dirs(), root) {
		t.Fatalf("%s is watched without a reason", root)
	}
	work := a.write("../go.work", "go 1.26.0\n\nuse (\n\t./"+filepath.Base(a.dir)+"\n\t./"+filepath.Base(a.dir)+"/runtime\n)\n")
	if plan := a.plan(a.edit("go.mod", "go 1.26.0", "go 1.26.0 // language")); !slices.Contains(plan.Watch().Dirs(), root) {
		t.Errorf("the directory of go.work is not watched: %q", plan.Watch().Dirs())
	} else if a.snap = plan.Watch(); !a.snap.Relevant(work) {
		t.Error("go.work does not matter")
	}
	if plan := a.plan(a.edit("../go.work", "go 1.26.0", "go 1.26.0\n\ngodebug panicnil=1")); plan.Rung != manifest.RungWarmRestart || plan.Reasons[0].Code != manifest.CodeModuleChanged {
		t.Errorf("an edit of go.work: %q %v", plan.Rung, plan.Reasons)
	}
}

// rebuild makes the builder anew, as the next start would.
func (a *app) rebuild() {
	a.t.Helper()
	b, err := New(a.t.Context(), a.b.cfg)
	if err != nil {
		a.t.Fatal(err)
	}
	a.b = b
}

func (a *app) command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(name, args...)
	cmd.Dir = a.dir
	return cmd
}

// TestCancel: a cancelled build ends at once with the context's error, and
// leaves nothing that the next one stumbles over.
func TestCancel(t *testing.T) {
	a := newApp(t, "app.txtar")
	a.start(a.host().Path)
	plan := a.plan(a.edit("handlers/handlers.go", `"v1"`, `"v2"`))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := a.b.Plugin(ctx, plan, a.gen+1); err == nil || ctx.Err() == nil {
		t.Errorf("a cancelled build: %v", err)
	}
	a.gen++
	res, err := a.b.Plugin(t.Context(), plan, a.gen+1)
	if err != nil {
		t.Fatal(err)
	}
	if got := a.load(res.Path); !strings.HasPrefix(got, "v2") {
		t.Errorf("the process says %q", got)
	}
}

// TestHostSources: which host packages registration may lead into.
func TestHostSources(t *testing.T) {
	a := newApp(t, "app.txtar")
	a.edit("go.mod", "v0.0.0\n", "v0.0.0\n\nrequire example.com/kit v0.0.0\n\nreplace example.com/kit => ./kit\n")
	a.write("kit/go.mod", "module example.com/kit\n\ngo 1.26.0\n")
	a.write("kit/kit.go", "package kit\n\nimport _ \"example.com/kit/native\"\n")
	a.write("kit/native/native.go", "package native\n")
	a.write("kit/native/native_amd64.s", "")
	a.write("kit/native/native_arm64.s", "")
	a.write("team/go.mod", "module example.com/team\n\ngo 1.26.0\n")
	a.write("team/team.go", "package team\n")
	a.write("go.work", "go 1.26.0\n\nuse (\n\t.\n\t./team\n)\n")
	a.edit("store/store.go", "package store\n", "package store\n\nimport (\n\t_ \"example.com/kit\"\n\t_ \"example.com/team\"\n)\n")
	s, _, err := a.b.Inspect(t.Context(), ".")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, p := range s.HostSources() {
		got = append(got, p.ImportPath)
	}
	slices.Sort(got)
	if want := []string{"example.com/app/store", "example.com/kit", "example.com/team"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
