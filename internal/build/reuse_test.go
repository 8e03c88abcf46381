package build

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// TestKept edits packages that others import. Of those the compiler makes again
// only what it has to, and the answers are those of a program that was compiled as a
// whole.
func TestKept(t *testing.T) {
	a := newApp(t, "kept.txtar")
	first := a.start(a.host().Path)
	if want := "[wexample 3 s1 intg1 Tg1 v1 p1 sub1 19 0 on] 21 1 a.T b.W v1 b.W true m1 10 title within"; first != want {
		t.Fatalf("the program says %s, want %s", first, want)
	}
	every := []string{"a", "b", "c", "handlers"}
	all := []string{"a", "b", "c"} // of the handlers package nothing can be another
	only := []string{"a"}
	tests := []struct {
		name, file, old, new string
		compiled             []string
		was, is              string // what differs in what is said
	}{
		{"a body", "a/small.go", `"v1"`, `"v2"`, []string{"a", "handoff"}, "v1", "v2"},
		{"a body again", "a/small.go", `"v2"`, `"v3"`, only, "v2", "v3"},
		{"a body, with functions behind it moved", "a/work.go", "strings.Repeat(\"w\", n)", "strings.Repeat(\n\"W\",\nn)", []string{"a", "c"}, "wexample", "Wexample"},
		{"a function that is made by one", "a/made.go", `"m1"`, `"m2"`, only, "m1", "m2"},
		{"what is inlined", "a/small.go", `"s1"`, `"s2"`, all, "s1", "s2"},
		{"a number that is told on", "a/size.go", "Size = 10", "Size = 20", every, "m2 10", "m2 20"},
		{"a field that is told on", "a/size.go", "Draft int32", "Draft int64", every, "", ""},
		{"what is told on without a trace", "a/size.go", "return false", "return true", every, "within", "over"},
		{"what is inlined without a trace", "a/small.go", "On() bool { return true }", "On() bool { return false }", all, " on", ""},
		{"what is made for each type", "a/small.go", `"g1"`, `"g2"`, all, "g1", "g2"},
		{"a method that is inlined", "a/small.go", `"p1"`, `"p2"`, all, "p1", "p2"},
		{"a parameter that escapes now", "a/work.go", "return *p\n", "kept = p\n\treturn *p\n", nil, "", ""},
		{"a constant", "a/small.go", "Default = 1", "Default = 2", all, "", ""},
		{"a field", "a/small.go", "N int }", "M string; N int }", all, "", ""},
		{"a comment that moves all", "a/small.go", "package a\n", "package a\n\n// One.\n", []string{"a", "b"}, "", ""},
		{"a comment at the end", "a/small.go", "Default = 2", "Default = 2 // two", only, "", ""},
		{"what is not inlined any more", "a/small.go", "func Small()", "//go:noinline\nfunc Small()", all, "", ""},
		{"its body", "a/small.go", `"s2"`, `"s3"`, only, "s2", "s3"},
		{"a path that begins alike", "a/sub/sub.go", `"sub1"`, `"sub2"`, []string{"sub"}, "sub1", "sub2"},
		{"after that", "a/small.go", `"v3"`, `"v4"`, only, "v3", "v4"},
		{"in the middle", "b/b.go", "return 1", "return 2", []string{"b"}, " 1 a.T", " 2 a.T"},
		{"the handlers", "handlers/handlers.go", "over())", `over(), "!")`, []string{"handlers"}, "over", "over !"},
		{"below the handlers", "a/small.go", `"v4"`, `"v5"`, only, "v4", "v5"},
		{"and again", "a/small.go", `"v5"`, `"v6"`, only, "v5", "v6"},
		{"two at once", "a/small.go", `"v6"`, `"v7"`, only, "v6", "v7"},
		{"does not compile", "a/small.go", `"v7"`, `v8`, nil, "", ""},
		{"mended", "a/small.go", `v8`, `"v8"`, only, "v7", "v8"},
		{"another file", "a/more.go", "", "package a\n", only, "", ""}, // which tells nothing
		{"lines that are told", "a/more.go", "package a\n", "package a\n\n//line other.txt:10\nfunc More() int { return line() }\n", all, "", ""},
		{"and used", "c/c.go", "a.Later(), b", "a.Later(), a.More(), b", []string{"c"}, "2 a.T", "10 2 a.T"},
		{"and moved", "a/more.go", "other.txt:10", "other.txt:11", all, "10 2 a.T", "11 2 a.T"},
	}
	want := first
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if tt.old == "" {
				a.write(tt.file, tt.new)
			} else {
				a.edit(tt.file, tt.old, tt.new)
			}
			files := []string{filepath.Join(a.dir, tt.file)}
			switch tt.name {
			case "a parameter that escapes now":
				files = append(files, a.write("a/kept.go", "package a\n\nvar kept *int\n"))
				tt.compiled = all
			case "does not compile":
				a.gen++
				if _, err := a.b.Plugin(t.Context(), a.plan(files...), a.gen); err == nil {
					t.Error("built")
				}
				return
			}
			res, got := a.swap(files...)
			if tt.was != "" {
				want = strings.ReplaceAll(want, tt.was, tt.is)
			}
			want = withLine(want, lineOf(t, filepath.Join(a.dir, "a/work.go"), "func Later()"))
			if got != want {
				t.Errorf("the program says\n%s, want\n%s", got, want)
			}
			if !res.Thin {
				t.Error("linked fully")
			}
			compiled := compiledIn(t, res.work)
			if !slices.Equal(compiled, tt.compiled) {
				t.Errorf("compiled %q, want %q", compiled, tt.compiled)
			}
		})
	}
}

// compiledIn returns the names of the packages that were compiled in a directory,
// sorted.
func compiledIn(t *testing.T, dir string) []string {
	t.Helper()
	configs, err := filepath.Glob(filepath.Join(dir, "*.importcfg"))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, config := range configs {
		// plain-000-name for a plugin, name-0123456789ab for an executable.
		name := strings.TrimSuffix(filepath.Base(config), ".importcfg")
		name = regexp.MustCompile("^plain-[0-9]+-|-[0-9a-f]{12}$").ReplaceAllString(name, "")
		names = append(names, strings.TrimPrefix(name, "plain-"))
	}
	slices.Sort(names)
	return names
}

// lineOf returns the number of the line that a text is in.
func lineOf(t *testing.T, file, text string) int {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	before, _, ok := strings.Cut(string(data), text)
	if !ok {
		t.Fatalf("%s does not contain %q", file, text)
	}
	return strings.Count(before, "\n") + 1
}

// withLine puts a line's number in the place of the one that is said.
func withLine(said string, line int) string {
	before, rest, _ := strings.Cut(said, "] ")
	_, rest, _ = strings.Cut(rest, " ")
	return before + "] " + strconv.Itoa(line) + " " + rest
}

// TestNotRenamed: packages whose import path cannot be told from a name are compiled
// under a new path each time, and with them what knows their types.
func TestNotRenamed(t *testing.T) {
	a := newApp(t, "app.txtar")
	for _, name := range []string{"main.go", "store", "handlers"} {
		if err := os.RemoveAll(filepath.Join(a.dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	a.edit("go.mod", "module example.com/app", "module app")
	a.write("cmd/app/main.go", `package main

import (
	"app"

	"github.com/anvilforge/anvil-lsp/hotreload"
	"github.com/anvilforge/anvil-lsp/hotreload/program"
)

func main() {
	app.AnvilRegisterRoutes((*hotreload.RouteSink)(nil))
	program.Run()
}
`)
	a.write("below/below.go", `package below

type T struct{}

func Is(x any) bool {
	_, ok := x.(interface{ M() })
	switch x.(type) {
	case T:
		return ok
	}
	return false
}

func (T) M() { defer func() {}() }

func Word() string {
	defer func() {}()
	return "b1"
}
`)
	a.write("app.go", `package app

import (
	"fmt"

	"app/below"
	"github.com/anvilforge/anvil-lsp/hotreload"
)

func AnvilRegisterRoutes(r *hotreload.RouteSink) { fmt.Println("a1", below.Word(), below.Is(below.T{})) }
`)
	a.gen++
	res, _, err := a.b.Host(t.Context(), "./cmd/app", a.gen, nil, Stages{})
	if err != nil {
		t.Fatal(err)
	}
	a.snap = res.Snapshot
	if said := a.start(res.Path); said != "a1 b1 true" {
		t.Errorf("the program says %q", said)
	}
	for _, tt := range []struct{ file, old, new, want string }{
		{"app.go", "a1", "a2", "a2 b1 true"},
		{"below/below.go", "b1", "b2", "a2 b2 true"},
		{"app.go", "a2", "a3", "a3 b2 true"},
	} {
		if res, said := a.swap(a.edit(tt.file, tt.old, tt.new)); said != tt.want || !res.Thin {
			t.Errorf("the program says %q, want %q; thin: %t", said, tt.want, res.Thin)
		}
	}
}
