package build

import (
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/anvilforge/anvil-lsp/hotreload/control"
)

// TestRehost makes one executable after the other of a changed program, each with
// as little compiling as the change allows.
func TestRehost(t *testing.T) {
	a := newApp(t, "app.txtar")
	a.host()
	store, handlers := filepath.Join(a.dir, "store/store.go"), "handlers/handlers.go"
	last := map[string]string{}
	for path, s := range a.snap.static {
		last[path] = s.archive
	}
	tests := []struct {
		name     string
		edit     func() string
		compiled []string
		says     string
		resolved bool
	}{
		// What the go command compiled is compared with what the compiler alone makes.
		{"hot body", func() string { return a.edit(handlers, `"v1"`, `"v2"`) }, []string{"handlers", "main"}, "v2 started", false},
		{"host body", func() string {
			return a.write("store/store.go", "package store\n\nvar Name string\n\n//go:noinline\nfunc Set(s string) { Name = s + \"!\" }\n")
		}, []string{"store", "handlers", "main"}, "v2 started", false}, // Set is new
		{"use in main", func() string { return a.edit("main.go", `store.Name = "started"`, `store.Set("started")`) }, []string{"main"}, "v2 started!", false},
		{"host body again", func() string { return a.edit("store/store.go", `"!"`, `"?"`) }, []string{"store"}, "v2 started?", false},
		{"comment moves lines", func() string { return a.edit("store/store.go", "//go:noinline", "// Set sets.\n//\n//go:noinline") }, nil, "", false},
		{"host body after the comment", func() string { return a.edit("store/store.go", `"?"`, `"."`) }, []string{"store"}, "v2 started.", false}, // which are exported, and used by nobody
		{"inlined body", func() string { return a.edit("store/store.go", "//go:noinline\n", "") }, []string{"store", "handlers", "main"}, "v2 started.", false},
		{"new file and import", func() string {
			a.write("store/more/more.go", "package more\n\nfunc More(s string) string { return s + \" more\" }\n")
			return a.write("store/store.go", "package store\n\nimport \"example.com/app/store/more\"\n\nvar Name string\n\nfunc Set(s string) { Name = more.More(s) }\n")
		}, []string{"store", "more", "handlers", "main"}, "v2 started more", true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			plan := a.plan(tt.edit())
			if plan.Rung == "" {
				a.snap = plan.Watch()
				return
			}
			if plan.Resolved != tt.resolved {
				t.Errorf("resolved: %t", plan.Resolved)
			}
			a.gen++
			res, _, err := a.b.Rehost(t.Context(), plan, a.gen, nil, Stages{})
			if err != nil {
				t.Fatal(err)
			}
			if s := res.Steps[0].Name; s != control.StepCompile {
				t.Errorf("the first step is %s", s)
			}
			a.snap = res.Snapshot
			var other []string
			for path, s := range a.snap.static {
				if s.archive != last[path] {
					other = append(other, path)
				}
				last[path] = s.archive
			}
			if slices.Sort(other); !slices.Equal(other, slices.Sorted(slices.Values(res.Rebuilt))) {
				t.Errorf("told that %q are others, but %q are", res.Rebuilt, other)
			}
			if compiled, want := compiledIn(t, res.work), slices.Sorted(slices.Values(tt.compiled)); !slices.Equal(compiled, want) {
				t.Errorf("compiled %q, want %q", compiled, want)
			}
			a.b.Prune(a.gen, a.snap)
			if got := a.start(res.Path); !strings.HasPrefix(got, tt.says+" loads 1 ") {
				t.Errorf("the program says %q, want %q", got, tt.says)
			}
		})
	}
	if res, said := a.swap(a.edit(handlers, `"v2"`, `"v3"`)); !res.Thin || !strings.HasPrefix(said, "v3 started more ") {
		t.Errorf("thin %t, the program says %q", res.Thin, said)
	}

	// What does not compile is a fault of the code.
	plan := a.plan(a.edit("store/store.go", "more.More(s)", "more.More(n)"))
	if _, _, err := a.b.Rehost(t.Context(), plan, a.gen+1, nil, Stages{}); err == nil {
		t.Error("built")
	} else if f, ok := errors.AsType[*Failure](err); !ok || len(f.Diagnostics) != 1 || f.Diagnostics[0].File != store {
		t.Errorf("%v", err)
	}

	// A swapped package is compiled under its own path for the next process, also
	// if it is as it was when it was swapped in.
	plan = a.plan(a.edit("store/store.go", "more.More(n)", "more.More(s + s)"))
	a.gen++
	res, _, err := a.b.Rehost(t.Context(), plan, a.gen, nil, Stages{})
	if err != nil {
		t.Fatal(err)
	}
	a.snap = res.Snapshot
	if got := a.start(res.Path); !strings.HasPrefix(got, "v3 startedstarted more loads 1 ") {
		t.Errorf("the program says %q", got)
	}
	for _, path := range slices.Sorted(maps.Keys(a.snap.compiled)) {
		if c := a.snap.compiled[path]; c.path != path {
			t.Errorf("%s is linked as %s", path, c.path)
		}
	}

	// Only the go command knows a module's other version, and compiles C.
	for _, edit := range []func() string{
		func() string { return a.edit("go.mod", "go 1.26.0", "go 1.26.1") },
		func() string {
			return a.write("store/c.go", "package store\n\n// int one(void) { return 1; }\nimport \"C\"\n\nvar One = int(C.one())\n")
		},
		func() string { return a.edit("store/c.go", "return 1", "return 2") },
	} {
		plan = a.plan(edit())
		a.gen++
		if res, _, err = a.b.Rehost(t.Context(), plan, a.gen, nil, Stages{}); err != nil {
			t.Fatal(err)
		}
		a.snap = res.Snapshot
		if got := a.start(res.Path); !strings.HasPrefix(got, "v3 startedstarted more loads 1 ") {
			t.Errorf("the program says %q", got)
		}
	}
}

// TestRehostTakes: what was compiled for plugins is what the next executable is
// linked from, as far as nothing else that it imports is another.
func TestRehostTakes(t *testing.T) {
	a := newApp(t, "kept.txtar")
	a.write("host/host.go", "package host\n\nfunc Line() int { return 1 }\n\nfunc Name() string {\n\tdefer func() {}()\n\treturn \"h1\"\n}\n")
	a.edit("a/work.go", "import \"strings\"", "import (\n\t\"strings\"\n\n\t\"example.com/app/host\"\n)")
	a.edit("a/work.go", "+ path[:7]", "+ path[:7] + host.Name()")
	a.edit("main.go", "func main() {", "func main() {\n\tname = host.Name()")
	a.edit("main.go", "import (", "import (\n\t\"example.com/app/host\"")
	a.write("name.go", "package main\n\nvar name string\n")
	want := a.start(a.host().Path)
	a.gen = 20 // numbers of generations differ in length
	type edit struct{ file, old, new string }
	tests := []struct {
		name     string
		swaps    []edit
		host     []edit
		compiled []string // for the executable
		was, is  string   // what else differs in what is said
	}{
		{"nothing before", nil, []edit{{"host/host.go", "h1", "h2"}}, []string{"host"}, "", ""},
		{"a body", []edit{{"a/small.go", `"v1"`, `"v2"`}}, []edit{{"host/host.go", "h2", "h3"}}, []string{"host"}, "", ""},
		{"nothing since", nil, []edit{{"host/host.go", "h3", "h4"}}, []string{"host"}, "", ""},
		{"what importers inline", []edit{{"a/small.go", `"s1"`, `"s2"`}}, []edit{{"host/host.go", "h4", "h5"}}, []string{"host"}, "", ""},
		{"the handlers", []edit{{"handlers/handlers.go", "over())", `over(), "!")`}}, []edit{{"host/host.go", "h5", "h6"}}, []string{"host", "main"}, "within", "within !"},
		{"the handlers and below", []edit{{"handlers/handlers.go", `"!"`, `"?"`}, {"a/small.go", `"v2"`, `"v3"`}}, []edit{{"host/host.go", "h6", "h7"}}, []string{"host", "main"}, "", ""},
		{"at the same time", []edit{{"b/b.go", "return 1", "return 2"}}, []edit{{"host/host.go", "h7", "h8"}, {"a/small.go", `"v3"`, `"v4"`}}, []string{"a", "host"}, " 1 a.T", " 2 a.T"},
		{"what hot code inlines", []edit{{"a/small.go", `"v4"`, `"v5"`}}, []edit{{"host/host.go", "return 1", "return 2"}}, []string{"a", "host", "main"}, "", ""},
		{"a number that is told on", nil, []edit{{"a/size.go", "Size = 10", "Size = 20"}}, []string{"a", "b", "c", "handlers"}, "m1 10", "m1 20"},
		{"a field that is told on", nil, []edit{{"a/size.go", "Draft int32", "Draft int64"}, {"host/host.go", "h8", "h9"}}, []string{"a", "b", "c", "handlers", "host"}, "", ""},
		{"not at all for a plugin", nil, []edit{{"name.go", "name string", "name, other string"}}, []string{"main"}, "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, e := range tt.swaps {
				a.swap(a.edit(e.file, e.old, e.new))
			}
			var files []string
			for _, e := range tt.host {
				files = append(files, a.edit(e.file, e.old, e.new))
			}
			res := a.rehost(files...)
			if compiled := compiledIn(t, res.work); !slices.Equal(compiled, tt.compiled) {
				t.Errorf("compiled %q, want %q", compiled, tt.compiled)
			}
			for _, e := range slices.Concat(tt.swaps, tt.host) {
				if word := strings.Trim(e.old, `"`); len(word) <= 2 {
					want = strings.ReplaceAll(want, word, strings.Trim(e.new, `"`))
				}
			}
			if tt.was != "" {
				want = strings.ReplaceAll(want, tt.was, tt.is)
			}
			if got := a.start(res.Path); got != want {
				t.Errorf("the program says\n%s, want\n%s", got, want)
			}
		})
	}
}

// TestRehostAhead: the executable for code that is not saved yet is built before
// it is, and is only that of the same code.
func TestRehostAhead(t *testing.T) {
	a := newApp(t, "app.txtar")
	a.host()
	name := filepath.Join(a.dir, "main.go")
	old, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	said := func(word string) string { return strings.Replace(string(old), "started", word, 1) }
	rehost := func(word string) *Result {
		t.Helper()
		res := a.rehost(a.write("main.go", said(word)))
		if got := a.start(res.Path); !strings.HasPrefix(got, "v1 "+word+" ") {
			t.Errorf("the program says %q, want %s", got, word)
		}
		return res
	}
	ahead := func(word string) {
		a.b.Speculate(t.Context(), a.snap, a.gen+1, Overlay{name: []byte(said(word))})
	}
	ahead("one")
	ahead("two") // instead
	if res := rehost("two"); res.Steps[0].Detail != "built ahead" || res.Steps[1].Name != control.StepLink {
		t.Errorf("steps %v", res.Steps)
	}
	ahead("three")
	if res := rehost("four"); res.Steps[0].Detail != "" {
		t.Errorf("steps %v", res.Steps)
	}
	ahead("five")
	a.b.Close()
	for dir, most := range map[string]int{"host": 3, "work": 2} {
		files, err := filepath.Glob(filepath.Join(a.dir, ".anvil", dir, "*"))
		if err != nil || len(files) > most {
			t.Errorf("left are %q, %v", files, err)
		}
	}
}

// TestRehostOfOtherHandlers: another package becomes the handlers package, which was
// compiled for a plugin as an ordinary one; and the function moves away from one that
// stays.
func TestRehostOfOtherHandlers(t *testing.T) {
	a := newApp(t, "kept.txtar")
	a.write("c/register.go", `package c

import (
	"fmt"

	"github.com/anvilforge/anvil-lsp/hotreload"
)

func AnvilRegisterRoutes(r *hotreload.RouteSink) { fmt.Println("c", word(), b.Only()) }

func word() string { return "one" }
`)
	a.edit("c/register.go", "\t\"fmt\"\n", "\t\"fmt\"\n\n\t\"example.com/app/b\"\n")
	a.start(a.host().Path)
	a.swap(a.edit("c/register.go", `"one"`, `"two"`))
	rehost := func(want string, files ...string) {
		t.Helper()
		if got := a.start(a.rehost(files...).Path); got != want {
			t.Errorf("the program says %s, want %s", got, want)
		}
	}
	a.edit("main.go", "example.com/app/handlers", "example.com/app/c")
	rehost("c two 1", a.edit("main.go", "handlers.Anvil", "c.Anvil"))
	if _, got := a.swap(a.edit("b/b.go", "return 1", "return 2")); got != "c two 2" {
		t.Errorf("the program says %s", got)
	}
	a.write("routes/routes.go", `package routes

import (
	"example.com/app/c"
	"github.com/anvilforge/anvil-lsp/hotreload"
)

func AnvilRegisterRoutes(r *hotreload.RouteSink) { c.Register(r) }
`)
	files := []string{filepath.Join(a.dir, "routes/routes.go"), a.edit("c/register.go", "AnvilRegisterRoutes", "Register"), a.edit("main.go", "example.com/app/c", "example.com/app/routes")}
	rehost("c two 2", append(files, a.edit("main.go", "c.Anvil", "routes.Anvil"))...)
	if _, got := a.swap(a.edit("c/register.go", `"two"`, `"three"`)); got != "c three 2" {
		t.Errorf("the program says %s", got)
	}
}
