package doctor

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/anvilforge/anvil-lsp/cmd/anvil-lsp/internal/scaffold"
	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/internal/testkit"
)

func socket(dir string) string { return filepath.Join(dir, ".anvil", "engine.sock") }

// app makes a project, with more files and with extra code in main.
func app(t *testing.T, files map[string]string) string {
	t.Helper()
	if testing.Short() {
		t.Skip("builds real programs")
	}
	src, err := scaffold.FindSource()
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "shop")
	if _, err := scaffold.Init(scaffold.Options{Dir: dir, Source: src}); err != nil {
		t.Fatal(err)
	}
	testkit.WriteTree(t, dir, files)
	return dir
}

func examine(t *testing.T, o Options) *Report {
	t.Helper()
	o.Socket = socket
	if o.PluginLimit == 0 {
		o.PluginLimit = time.Minute // a build cache may be cold
	}
	r, err := Run(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func (r *Report) check(t *testing.T, name string) Check {
	t.Helper()
	for _, c := range r.Checks {
		if c.Name == name {
			return c
		}
	}
	t.Fatalf("no check %q in %+v", name, r.Checks)
	return Check{}
}

func TestHealthy(t *testing.T) {
	dir := app(t, map[string]string{
		"extra.go":             "package main\n\nimport _ \"example.com/shop/store\"\n",
		"store/store.go":       "package store\n\nimport _ \"example.com/shop/store/db\"\n",
		"store/db/db.go":       "package db\n",
		"handlers/extra.go":    "package handlers\n\nimport (\n\t_ \"example.com/shop/handlers/views\"\n\t_ \"example.com/shop/store/db\"\n)\n",
		"handlers/views/v.go":  "package views\n\nimport _ \"example.com/shop/native\"\n",
		"native/native.go":     "package native\n\nimport _ \"example.com/shop/native/low\"\n\nfunc f()\n",
		"native/native.s":      "TEXT ·f(SB),0,$0\n\tRET\n",
		"native/low/low.go":    "package low\n",
		"handlers/x_test.go":   "package handlers\n",
		"unused/unused.go":     "package unused\n",
		"handlers/ignored.txt": "text",
	})
	var mu sync.Mutex
	told := map[string]bool{}
	r := examine(t, Options{Dir: dir, Progress: func(m string) {
		mu.Lock()
		defer mu.Unlock()
		told[m] = true
	}})
	if !r.OK() {
		t.Errorf("not healthy: %+v", r.Checks)
	}
	for _, m := range []string{"building a plugin", "reloading a small program", "loading the program"} {
		if !told[m] {
			t.Errorf("of %q nothing is told, but of %v", m, told)
		}
	}
	var names []string
	for _, c := range r.Checks {
		names = append(names, c.Name)
		if c.Status != OK {
			t.Errorf("%s: %+v", c.Name, c)
		}
	}
	if want := []string{"go", "cgo", "C compiler", "linker", "plugins", "thin plugins", ".anvil", "socket", "program", "file watching"}; !reflect.DeepEqual(names, want) {
		t.Errorf("checks %q, want %q", names, want)
	}
	want := &Boundary{
		Main: "example.com/shop", Handlers: "example.com/shop/handlers", Module: "example.com/shop",
		Hot: []string{"example.com/shop/handlers", "example.com/shop/handlers/views"},
		Host: []HostPackage{
			{Path: "example.com/shop", Chain: []string{"example.com/shop"}},
			{Path: "example.com/shop/native", Native: "example.com/shop/native"},
			{Path: "example.com/shop/native/low", Native: "example.com/shop/native"},
			{Path: "example.com/shop/store", Chain: []string{"example.com/shop", "example.com/shop/store"}},
			{Path: "example.com/shop/store/db", Chain: []string{"example.com/shop", "example.com/shop/store", "example.com/shop/store/db"}},
		},
	}
	shop := "example.com/shop"
	want.imports = map[string][]string{
		shop: {shop + "/handlers", shop + "/store"}, shop + "/handlers": {shop + "/handlers/views", shop + "/store/db"},
		shop + "/handlers/views": {shop + "/native"}, shop + "/native": {shop + "/native/low"}, shop + "/native/low": nil,
		shop + "/store": {shop + "/store/db"}, shop + "/store/db": nil,
	}
	if !reflect.DeepEqual(r.Boundary, want) {
		t.Errorf("boundary\n%+v, want\n%+v", r.Boundary, want)
	}
	if _, err := os.Stat(filepath.Join(dir, ".anvil")); err == nil {
		t.Error(".anvil was left behind")
	}
}

func TestBrokenCode(t *testing.T) {
	dir := app(t, map[string]string{"handlers/bad.go": "package handlers\n\nimport _ \"example.com/shop/none\"\n"})
	r := examine(t, Options{Dir: dir})
	if c := r.check(t, "program"); c.Status != Failed || r.OK() || r.Boundary != nil {
		t.Errorf("program: %+v", c)
	}
	if len(r.Problems) != 1 || r.Problems[0].Line != 3 || filepath.Base(r.Problems[0].File) != "bad.go" {
		t.Errorf("problems %v", r.Problems)
	}
}

func TestNoProgram(t *testing.T) {
	dir := t.TempDir()
	r := examine(t, Options{Dir: dir})
	if c := r.check(t, "program"); c.Status != Skipped || !strings.Contains(c.Advice, "anvil-lsp init") || !r.OK() {
		t.Errorf("outside of a module: %+v", c)
	}
	if err := os.WriteFile(filepath.Join(dir, "go.mod"), []byte("module example.com/empty\n\ngo 1.26\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	r = examine(t, Options{Dir: dir})
	if c := r.check(t, "program"); c.Status != Failed || !strings.Contains(c.Detail, "no program in") || strings.HasPrefix(c.Detail, "cannot") {
		t.Errorf("in an empty module: %+v", c)
	}
}

// TestAboveModules: a directory with a go.work is in no module, but has some.
func TestAboveModules(t *testing.T) {
	dir := t.TempDir()
	if err := os.Rename(app(t, nil), filepath.Join(dir, "shop")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "go.work"), []byte("go 1.26.0\n\nuse ./shop\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	r := examine(t, Options{Dir: dir})
	if c := r.check(t, "program"); c.Status != OK || r.Boundary == nil || r.Boundary.Main != "example.com/shop" {
		t.Errorf("above the modules of a go.work: %+v", c)
	}
}

// TestBadMachine takes away what a machine needs.
func TestBadMachine(t *testing.T) {
	for _, tt := range []struct {
		name    string
		prepare func(t *testing.T, dir string)
		options Options
		check   string
		status  Status
		says    string
	}{
		{"no go command", nil, Options{Go: "no-such-go"}, "go", Failed, "no go command"},
		{"old go", fakeGo(`{"GOVERSION":"go1.25.3"}`), Options{}, "go", Failed, "go1.25.3 / in  is too old"},
		{"development go", fakeGo(`{"GOVERSION":"devel go1.27-abc"}`), Options{}, "go", Warning, "development version"},
		{"broken go", fakeGo(`no JSON`), Options{}, "go", Failed, "no JSON"},
		{"no cgo", func(t *testing.T, _ string) { t.Setenv("CGO_ENABLED", "0") }, Options{}, "cgo", Failed, `CGO_ENABLED is "0", set in the environment`},
		{"another platform", func(t *testing.T, _ string) { t.Setenv("GOARCH", "riscv64") }, Options{}, "cgo", Failed, `GOARCH is "riscv64", set in the environment`},
		{"no plugins", func(t *testing.T, _ string) { t.Setenv("GOOS", "windows"); t.Setenv("CGO_ENABLED", "1") }, Options{}, "plugins", Failed, "not supported on windows"},
		{"no compiler", func(t *testing.T, _ string) { t.Setenv("CC", "no-such-cc") }, Options{}, "C compiler", Failed, "not in PATH"},
		{"useless compiler", func(t *testing.T, _ string) { t.Setenv("CC", "false") }, Options{}, "C compiler", Failed, "cannot make a shared library"},
		{"no time", nil, Options{PluginLimit: time.Nanosecond}, "plugins", Skipped, "not built within 1ns"},
		{"file in the way", func(t *testing.T, dir string) {
			if err := os.WriteFile(filepath.Join(dir, ".anvil"), nil, 0o666); err != nil {
				t.Fatal(err)
			}
		}, Options{}, ".anvil", Failed, "not a directory"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			if tt.prepare != nil {
				tt.prepare(t, dir)
			}
			o := tt.options
			o.Dir = dir
			r := examine(t, o)
			c := r.check(t, tt.check)
			if c.Status != tt.status || !strings.Contains(c.Detail, tt.says) {
				t.Errorf("%+v, want %s and %q", c, tt.status, tt.says)
			}
			if tt.status == Failed && (r.OK() || c.Advice == "") {
				t.Errorf("OK %v, advice %q", r.OK(), c.Advice)
			}
		})
	}
}

// TestRuntime: what is not compared with a newer Go is said, and only then.
func TestRuntime(t *testing.T) {
	for _, tt := range []struct {
		version string
		says    string // nothing, if it is empty
	}{
		{"go1.26", ""},
		{"go1.26.8", ""},
		{"go1.26.8 X:nodwarf5", ""},
		{"go1.27rc1", "up to go1.26; with go1.27rc1 new code"},
		{"go1.27.3", "up to go1.26; with go1.27.3 new code"},
		{"go1.100", "up to go1.26; with go1.100 new code"},
		{"devel go1.28-abc", "with devel go1.28-abc new code"},
	} {
		d := &doctor{env: goEnv{GOVERSION: tt.version}, report: &Report{}}
		d.runtime()
		if tt.says == "" {
			if len(d.report.Checks) > 0 {
				t.Errorf("%s: %+v", tt.version, d.report.Checks)
			}
			continue
		}
		if c := d.report.check(t, "Go runtime"); c.Status != Warning || !strings.Contains(c.Detail, tt.says) || c.Advice == "" {
			t.Errorf("%s: %+v", tt.version, c)
		}
	}
}

// fakeGo puts a go command into PATH that prints what it is told.
func fakeGo(output string) func(*testing.T, string) {
	return func(t *testing.T, _ string) {
		bin := t.TempDir()
		script := "#!/bin/sh\necho '" + output + "'\n"
		if err := os.WriteFile(filepath.Join(bin, "go"), []byte(script), 0o777); err != nil {
			t.Fatal(err)
		}
		t.Setenv("PATH", bin+string(filepath.ListSeparator)+os.Getenv("PATH"))
	}
}

func TestNoDirectory(t *testing.T) {
	if _, err := Run(t.Context(), Options{Dir: filepath.Join(t.TempDir(), "none"), Socket: socket}); err == nil {
		t.Error("no error for a directory that does not exist")
	}
}

func TestHints(t *testing.T) {
	const m = "example.com/shop"
	host := func(paths ...string) []HostPackage {
		out := []HostPackage{{Path: m, Chain: []string{m}}}
		for _, p := range paths {
			out = append(out, HostPackage{Path: m + "/" + p, Chain: []string{m, m + "/core", m + "/" + p}})
		}
		return out
	}
	for _, tt := range []struct {
		name string
		b    Boundary
		want []string
	}{
		{"good", Boundary{Hot: []string{m + "/handlers"}, Host: host("a", "b")}, nil},
		{"everything host", Boundary{Host: host("a")}, []string{"nothing is hot"}},
		{"native handlers", Boundary{Host: append(host(), HostPackage{Path: m + "/handlers", Native: m + "/handlers"}, HostPackage{Path: m + "/views", Native: m + "/handlers"})},
			[]string{"handlers uses cgo, assembly or linkname, so it cannot be replaced while the program runs, and neither can the 1 package that it imports; it is the handlers package"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.b.Main, tt.b.Module, tt.b.Handlers = m, m, m+"/handlers"
			got := hints(&tt.b)
			if len(got) != len(tt.want) {
				t.Fatalf("hints %q, want %q", got, tt.want)
			}
			for i := range got {
				if !strings.HasPrefix(got[i], tt.want[i]) {
					t.Errorf("hint %q, want %q", got[i], tt.want[i])
				}
			}
		})
	}
}

func TestPrint(t *testing.T) {
	const m = "example.com/shop"
	dir := t.TempDir()
	r := &Report{
		Checks: []Check{
			{Name: "go", Status: OK, Detail: "go1.26.8 linux/amd64 in /go"},
			{Name: "C compiler", Status: Failed, Detail: "gcc cannot make a shared library: exit status 1: a\nb", Advice: "install one"},
			{Name: "plugins", Status: Skipped, Detail: "not tried"},
			{Name: "socket", Status: Warning, Detail: "odd"},
		},
		Problems: []manifest.Diagnostic{manifest.Diagnose(manifest.CodeCompile, manifest.Position{File: filepath.Join(dir, "a.go"), Line: 3}, "bad")},
		Boundary: &Boundary{Main: m, Handlers: m + "/handlers", Module: m, Hot: []string{m + "/handlers", m + "/handlers/views"}, Host: []HostPackage{
			{Path: m, Chain: []string{m}}, {Path: m + "/store", Chain: []string{m, m + "/core", m + "/store"}},
			{Path: m + "/c", Native: m + "/c"}, {Path: m + "/c/low", Native: m + "/c"}, {Path: "example.com/other", Chain: []string{m, "example.com/other"}},
		}},
		Hints: []string{"one", "two"},
	}
	var out bytes.Buffer
	if err := Print(&out, false, dir, r); err != nil {
		t.Fatal(err)
	}
	r.Boundary.Hot = nil
	out.WriteString("=== nothing hot\n")
	if err := Print(&out, true, dir, &Report{Boundary: r.Boundary}); err != nil {
		t.Fatal(err)
	}
	testkit.Golden(t, filepath.Join("testdata", "print.golden"), out.Bytes())
}

func TestJSON(t *testing.T) {
	data, err := json.Marshal(&Report{Dir: "/d", Checks: []Check{{Name: "go", Status: OK, Detail: "x"}}, Boundary: &Boundary{Main: "m", Hot: []string{}, Host: []HostPackage{}}})
	const want = `{"dir":"/d","checks":[{"name":"go","status":"ok","detail":"x"}],"boundary":{"main":"m","handlers":"","module":"","hot":[],"host":[]}}`
	if err != nil || string(data) != want {
		t.Errorf("got  %s, %v\nwant %s", data, err, want)
	}
}

func TestWhyOutside(t *testing.T) {
	b := &Boundary{Main: "example.com/app", Module: "example.com/app"}
	if got := b.why(HostPackage{Path: "example.com/lib"}); !strings.Contains(got, "outside of the workspace") || !strings.Contains(got, "go work use") {
		t.Errorf("a package of a replaced module: %q", got)
	}
	if got := b.why(HostPackage{Path: "example.com/app/store", Chain: []string{"example.com/app", "example.com/app/store"}}); strings.Contains(got, "outside") {
		t.Errorf("a package of the workspace: %q", got)
	}
}
