//go:build unix

package engine

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/internal/build"
)

// TestCheckMistakes: code that does not compile is refused, wherever in the
// program it stands, and only there: with the place, with and without a manifest.
// What is no part of the program is not asked for.
func TestCheckMistakes(t *testing.T) {
	a := newApp(t)
	const (
		main  = "main.go"
		count = "visits/visits.go"
	)
	// other is a package that only main imports, and another that only that one does.
	writeFile(t, "package other\n\nimport \"example.com/hello/other/below\"\n\nvar X = below.X\n", a.dir, "other/other.go")
	writeFile(t, "package below\n\nvar X = 1\n", a.dir, "other/below/below.go")
	writeFile(t, "package native\n\n// #cgo LDFLAGS: -lm\n// static int one() { return 1; }\nimport \"C\"\n\nfunc One() int { return int(C.one()) }\n", a.dir, "native/native.go")
	a.edit(main, "import (\n", "import (\n\t_ \"example.com/hello/native\"\n\t_ \"example.com/hello/other\"\n")
	mainText, handlers := readFile(t, a.dir, main), readFile(t, a.dir, "handlers/handlers.go")
	check := func(against *manifest.Manifest) *CheckResult {
		t.Helper()
		b, err := build.New(t.Context(), build.Config{Dir: a.dir, OutDir: filepath.Join(a.dir, OutDir)})
		if err != nil {
			t.Fatal(err)
		}
		v, err := Check(t.Context(), b, against, BreakRestart, func(string) {})
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	good := check(nil)
	if good.Rung != manifest.RungHotSwap {
		t.Fatalf("before any mistake: %+v", good)
	}
	for _, test := range []struct {
		name       string
		file, text string
		want       []string // the errors, as file:line text; none if the code is fine
		rung       manifest.Rung
	}{
		{"undefined in main", main, mainText + "\nfunc f() { undefinedThing() }\n", []string{"main.go:%d undefined: undefinedThing"}, ""},
		{"a type in a host package", count, "package visits\n\nfunc broken() int { return \"x\" }\n", []string{"visits.go:3 cannot use \"x\""}, ""},
		{"an unused import below main", "other/below/below.go", "package below\n\nimport \"os\"\n\nvar X = 1\n", []string{"below.go:3 \"os\" imported and not used"}, ""},
		{"an unused variable", "other/other.go", "package other\n\nfunc f() { x := 1 }\n", []string{"other.go:3 declared and not used: x"}, ""},
		{"a missing package", "other/other.go", "package other\n\nimport _ \"example.com/hello/nowhere\"\n", []string{"other.go:3 no required module provides|is not in std|package example.com/hello/nowhere"}, ""},
		{"a missing module", "other/other.go", "package other\n\nimport _ \"example.org/nowhere\"\n", []string{"other.go:3 no required module provides package example.org/nowhere"}, ""},
		{"a cycle", "other/below/below.go", "package below\n\nimport _ \"example.com/hello/other\"\n\nvar X = 1\n", []string{".go:3 import cycle not allowed"}, ""},
		{"syntax", "other/below/below.go", "package below\n\nvar X = 1 +\n", []string{"below.go:3 syntax error"}, ""},
		{"syntax in main", main, mainText + "\nfunc f( {\n", []string{"main.go:%d "}, ""},
		{"two packages", "other/below/more.go", "package more\n", []string{".go:1 found packages"}, ""},
		{"what only the compiler sees, in a host package", "other/below/below.go", "package below\n\n//go:noinline\nvar X = 1\n", []string{"below.go:3 misplaced compiler directive"}, ""},
		{"what only the compiler sees, in hot code", "handlers/handlers.go", handlers + "\n//go:noinline\nvar x = 1\n", []string{"handlers.go:%d misplaced compiler directive"}, ""},
		{"a flag of cgo", "native/native.go", "package native\n\n// #cgo LDFLAGS: -fplugin=x.so\nimport \"C\"\n", []string{"native.go:3 invalid flag in #cgo LDFLAGS: -fplugin=x.so"}, ""},
		{"a flag of cgo in a block", "native/native.go", "package native\n\n/*\n#include <math.h>\n#cgo CFLAGS: -O2 -wrapper=sh\n*/\nimport \"C\"\n", []string{"native.go:5 invalid flag in #cgo CFLAGS: -wrapper=sh"}, ""},
		{"C", "native/native.go", "package native\n\n// int one() { return missing; }\nimport \"C\"\n", []string{"native.go:3 undeclared (first use|use of undeclared identifier"}, ""},
		{"a type in a package with cgo", "native/native.go", "package native\n\n// static int one() { return 1; }\nimport \"C\"\n\nfunc One() string { return 1 + int(C.one()) }\n", []string{"native.go:6 cannot use"}, ""},
		{"a package that nothing imports", "unused/unused.go", "package unused\n\nvar X int = \"\"\n", nil, manifest.RungHotSwap},
		{"a test", "visits/more_test.go", "package visits\n\nvar x int = \"\"\n", nil, manifest.RungHotSwap},
		{"another system's file", "visits/more_windows.go", "package visits\n\nvar x int = \"\"\n", nil, manifest.RungHotSwap},
		{"cgo that compiles", "native/native.go", "package native\n\n// static int two() { return 2; }\nimport \"C\"\n\nvar Two = C.two()\n\nfunc One() (int, error) { x, err := C.two(); return int(x), err }\n", nil, manifest.RungWarmRestart},
	} {
		t.Run(test.name, func(t *testing.T) {
			path := filepath.Join(a.dir, test.file)
			before, readErr := os.ReadFile(path)
			writeFile(t, test.text, path)
			defer func() {
				if readErr != nil {
					os.Remove(path)
					return
				}
				writeFile(t, string(before), path)
			}()
			for _, against := range []*manifest.Manifest{nil, good.Manifest} {
				v := check(against)
				var got []string
				for _, d := range v.Diagnostics {
					if d.Severity == manifest.SeverityError && d.Code == manifest.CodeCompile {
						got = append(got, fmt.Sprintf("%s:%d %s", filepath.Base(d.File), d.Line, d.Message))
						if !strings.HasPrefix(d.File, a.dir) || d.Line == 0 {
							t.Errorf("%v: that is no place in the application", d.Position)
						}
					}
				}
				rung := manifest.RungKeep
				if test.want == nil {
					rung = test.rung
				}
				if against == nil && rung == manifest.RungWarmRestart {
					rung = manifest.RungHotSwap // there is nothing to differ from
				}
				if v.Rung != rung || !slices.EqualFunc(got, test.want, matches) {
					t.Errorf("with a manifest: %t: %s, %q\nwant %s, %q\n%v", against != nil, v.Rung, got, rung, test.want, v.Diagnostics)
				}
			}
		})
	}
}

// TestPredictorMistakes: a predictor without an engine knows of host code on disk
// that does not compile, and of a buffer that mends it.
func TestPredictorMistakes(t *testing.T) {
	a := newApp(t)
	const good, bad = "package other\n\nvar X int = 1\n", "package other\n\nvar X int = \"\"\n"
	other := writeFile(t, bad, a.dir, "other/other.go")
	a.edit("main.go", "import (\n", "import (\n\t_ \"example.com/hello/other\"\n")
	o, err := NewPredictor(t.Context(), Options{Dir: a.dir})
	if err != nil {
		t.Fatal(err)
	}
	refresh := func(files []string) {
		t.Helper()
		if err := o.Refresh(t.Context(), files); err != nil {
			t.Fatal(err)
		}
	}
	refresh(nil)
	a.predicts(o, nil, manifest.RungKeep, manifest.CodeCompile)
	a.predicts(o, map[string][]byte{other: []byte(good)}, manifest.RungWarmRestart, manifest.CodeHostChanged)
	a.predicts(o, map[string][]byte{other: []byte(bad + "\nvar Y int = \"\"\n")}, manifest.RungKeep, manifest.CodeCompile, manifest.CodeHostChanged, manifest.CodeCompile)
	writeFile(t, good, other)
	refresh([]string{other})
	a.predicts(o, nil, "")
	a.predicts(o, map[string][]byte{other: []byte(bad)}, manifest.RungKeep, manifest.CodeHostChanged, manifest.CodeCompile)
	// Nothing but the compiler sees this one.
	writeFile(t, strings.Replace(good, "var", "//go:noinline\nvar", 1), other)
	refresh(nil)
	a.predicts(o, nil, manifest.RungKeep, manifest.CodeCompile)
	a.predicts(o, map[string][]byte{other: []byte(good)}, manifest.RungWarmRestart, manifest.CodeHostChanged)
}

// matches reports whether a finding is the one that is wanted: a place, whose
// line may be left open, and what the message holds, of which one of several.
func matches(got, want string) bool {
	place, text, _ := strings.Cut(got, " ")
	wantPlace, wantText, _ := strings.Cut(want, " ")
	if file, ok := strings.CutSuffix(wantPlace, "%d"); ok {
		place, wantPlace = place[:strings.LastIndex(place, ":")+1], file
	}
	return strings.HasSuffix(place, wantPlace) && slices.ContainsFunc(strings.Split(wantText, "|"), func(part string) bool { return strings.Contains(text, part) })
}
