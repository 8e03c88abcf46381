package source

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"go/types"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
)

// TestIncrementalIsFresh: whatever the order of edits, restarts and reverts, a
// checker that has seen all of them says what one says that sees the program for
// the first time, and finds the mistakes that are found where every package is
// checked from source.
func TestIncrementalIsFresh(t *testing.T) {
	seeds, steps := 8, 12
	if testing.Short() {
		seeds = 3
	}
	for seed := range seeds {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			w := newWorkshop(t, rand.New(rand.NewPCG(uint64(seed), 1)))
			var kept *Checker
			for step := range steps {
				for range w.rand.IntN(4) {
					w.log = append(w.log, w.edit())
				}
				w.log = append(w.log, fmt.Sprint("check ", step))
				prog, overlay := w.program()
				if kept == nil {
					kept = NewChecker(prog)
				} else {
					kept.Update(prog)
				}
				anew := NewChecker(prog)
				got, fresh := mustCheck(t, kept, overlay), mustCheck(t, anew, overlay)
				for _, c := range []*Checker{kept, anew} {
					if twice := twoIdentities(c); twice != "" {
						t.Fatalf("after %s: %s is known twice\n%s", strings.Join(w.log, ", "), twice, w.sources())
					}
				}
				if g, f := everything(got), everything(fresh); g != f {
					t.Fatalf("after %s:\n%s\na fresh checker:\n%s\n%s", strings.Join(w.log, ", "), g, f, w.sources())
				}
				all := prog
				all.Packages, all.Sources = append(slices.Clone(prog.Packages), prog.Sources...), nil
				truth := mustCheck(t, NewChecker(all), overlay)
				if g, f := mistakes(got), mistakes(truth); g != f {
					t.Fatalf("after %s:\n%s\nfrom source:\n%s\n%s", strings.Join(w.log, ", "), g, f, w.sources())
				}
			}
		})
	}
}

// twoIdentities returns an import path under which packages that were checked
// know different packages; empty if there is none.
func twoIdentities(c *Checker) (twice string) {
	known := map[string]*types.Package{}
	var visit func(p *types.Package)
	visit = func(p *types.Package) {
		if was, ok := known[p.Path()]; ok {
			if was != p {
				twice = p.Path()
			}
			return
		}
		known[p.Path()] = p
		for _, i := range p.Imports() {
			visit(i)
		}
	}
	for _, u := range units(c) {
		visit(u.Types)
	}
	return twice
}

// everything is all that a report says.
func everything(r *Report) string {
	var out strings.Builder
	for _, d := range r.Findings {
		fmt.Fprintln(&out, d)
	}
	fmt.Fprintf(&out, "complete %t, missing %v\n%s", r.Complete, r.Missing, describe(r))
	return out.String()
}

// mistakes are the errors of the compiler.
func mistakes(r *Report) string {
	var out strings.Builder
	for _, d := range r.Findings {
		if d.Code == manifest.CodeCompile {
			fmt.Fprintln(&out, d)
		}
	}
	return out.String()
}

// workshop is a program of random packages that is edited at random. Package i
// imports some of those before it; host packages come first, the handlers package
// last.
type workshop struct {
	t        *testing.T
	rand     *rand.Rand
	packages []*madePackage
	hosts    int
	live     []string // the texts of the host packages in the archives
	dir      string
	archives map[string]string
	log      []string
}

// madePackage is what the text of a package is made from.
type madePackage struct {
	imports map[int]bool
	field   int  // which type the field of T has
	pointer bool // getters return pointers
	name    int  // which text Name returns
	touched int  // comments
	broken  bool // it has a mistake of its own
}

func newWorkshop(t *testing.T, r *rand.Rand) *workshop {
	w := &workshop{t: t, rand: r, dir: t.TempDir(), hosts: 5 + r.IntN(4)}
	for i := range w.hosts + 1 + r.IntN(3) {
		p := &madePackage{imports: map[int]bool{}}
		for j := range i {
			if r.IntN(10) < 3 || j == i-1 && r.IntN(2) == 0 {
				p.imports[j] = true
			}
		}
		w.packages = append(w.packages, p)
	}
	w.restart()
	return w
}

func (w *workshop) path(i int) string {
	if i == len(w.packages)-1 {
		return "example.com/handlers"
	}
	return fmt.Sprintf("example.com/p%d", i)
}

func (w *workshop) file(i int) string { return fmt.Sprintf("/made/p%d/p.go", i) }

// text writes a package: it passes on values of what it imports, and checks that
// those that it gets from several are of one type.
func (w *workshop) text(i int) string {
	p := w.packages[i]
	imports := slices.Sorted(maps.Keys(p.imports))
	handlers := i == len(w.packages)-1
	var out strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&out, format+"\n", args...) }
	line("package %s\n", filepath.Base(w.path(i)))
	for _, j := range imports {
		line("import %q", w.path(j))
	}
	if handlers {
		line("import \"github.com/anvilforge/anvil-lsp/hotreload\"")
	}
	line("\ntype T struct {\n\tF %s", []string{"int", "string", "[]int"}[p.field])
	for _, j := range imports {
		line("\tP%d p%d.T", j, j)
	}
	line("}\n\nfunc Name() string { return \"p%d-%d\" }\n", i, p.name)
	for _, j := range imports {
		if p.pointer {
			line("func P%d() *p%d.T { return nil }", j, j)
		} else {
			line("func P%d() p%d.T { return p%d.T{} }", j, j, j)
		}
	}
	for _, j := range imports {
		line("var _ = p%d.T{}", j)
		for _, k := range imports {
			if !w.packages[k].imports[j] {
				continue
			}
			line("var _ p%d.T = p%d.T{}.P%d", j, k, j)
			line("var _ p%d.T = p%d.P%d()", j, k, j)
		}
	}
	if p.broken {
		line("var _ int = \"\"")
	}
	if handlers {
		line("func AnvilRegisterRoutes(r *hotreload.RouteSink) {")
		for _, j := range imports {
			line("\tr.Get(\"/\"+p%d.Name(), func(*hotreload.Ctx, struct{}) (p%d.T, error) { return p%d.T{}, nil })", j, j, j)
		}
		line("}")
	}
	return out.String() + strings.Repeat("// more\n", p.touched)
}

// edit changes something and says what.
func (w *workshop) edit() string {
	i := w.rand.IntN(len(w.packages))
	p := w.packages[i]
	say := func(what string) string { return fmt.Sprintf("%s %s", filepath.Base(w.path(i)), what) }
	switch w.rand.IntN(10) {
	case 0, 1:
		p.name++
		return say("body")
	case 2, 3:
		p.field = (p.field + 1) % 3
		return say("type")
	case 4:
		p.pointer = !p.pointer
		return say("signature")
	case 5:
		p.touched = 1 + w.rand.IntN(3)
		return say("comment")
	case 6:
		p.broken = !p.broken
		return say("mistake")
	case 7:
		if i == 0 {
			p.name++
			return say("body")
		}
		j := w.rand.IntN(i)
		if p.imports[j] = !p.imports[j]; !p.imports[j] {
			delete(p.imports, j)
		}
		return say(fmt.Sprintf("import of p%d", j))
	}
	if w.compiles() {
		w.restart()
		return "restart"
	}
	return "nothing"
}

// compiles reports whether the program as it is has no mistake.
func (w *workshop) compiles() bool {
	for _, p := range w.packages {
		if p.broken {
			return false
		}
		for k := range p.imports {
			for j := range w.packages[k].imports {
				if p.imports[j] && w.packages[k].pointer {
					return false
				}
			}
		}
	}
	return true
}

// restart compiles the host packages as they are.
func (w *workshop) restart() {
	w.t.Helper()
	w.archives = maps.Clone(testArchives(w.t))
	w.live = nil
	for i := range w.hosts {
		text := w.text(i)
		w.live = append(w.live, text)
		var cfg bytes.Buffer
		for j := range w.packages[:i] {
			fmt.Fprintf(&cfg, "packagefile %s=%s\n", w.path(j), w.archives[w.path(j)])
		}
		sum := sha256.Sum256([]byte(text + cfg.String()))
		archive := filepath.Join(w.dir, fmt.Sprintf("p%d-%x.a", i, sum[:8]))
		w.archives[w.path(i)] = archive
		if _, err := os.Stat(archive); err == nil {
			continue
		}
		src, config := filepath.Join(w.dir, fmt.Sprintf("p%d.go", i)), filepath.Join(w.dir, "importcfg")
		for name, data := range map[string]string{src: text, config: cfg.String()} {
			if err := os.WriteFile(name, []byte(data), 0o666); err != nil {
				w.t.Fatal(err)
			}
		}
		cmd := exec.Command("go", "tool", "compile", "-p", w.path(i), "-importcfg", config, "-o", archive, src)
		if out, err := cmd.CombinedOutput(); err != nil {
			w.t.Fatalf("%v\n%s", err, out)
		}
	}
}

// program is what the engine makes of the packages: hot ones, host packages that
// differ from the archives, and what imports these, are checked from source.
func (w *workshop) program() (Program, map[string][]byte) {
	prog := Program{Main: "example.com", Handlers: "example.com/handlers", Archives: w.archives}
	overlay := map[string][]byte{}
	stale := map[int]bool{}
	bare := func(text string) string { return strings.ReplaceAll(text, "// more\n", "") }
	for i, p := range w.packages {
		text := w.text(i)
		overlay[w.file(i)] = []byte(text)
		hot := i >= w.hosts
		for j := range p.imports {
			stale[i] = stale[i] || stale[j]
		}
		stale[i] = stale[i] || !hot && bare(text) != bare(w.live[i])
		pkg := Package{ImportPath: w.path(i), GoFiles: []string{w.file(i)}, GoVersion: "1.26", Hot: hot}
		if hot || stale[i] {
			prog.Packages = append(prog.Packages, pkg)
		} else {
			prog.Sources = append(prog.Sources, pkg)
		}
	}
	return prog, overlay
}

func (w *workshop) sources() string {
	var out strings.Builder
	for i := range w.packages {
		fmt.Fprintf(&out, "-- %s --\n%s", w.file(i), w.text(i))
	}
	return out.String()
}

// TestTwoIdentities: registration leads into p0, so it is checked from source. p1 is
// not, and refers to p0; p2, which changed and comes first, needs p1 alone. p3
// then has values of p0 through p1.
func TestTwoIdentities(t *testing.T) {
	w := &workshop{t: t, dir: t.TempDir(), hosts: 4}
	for _, imports := range [][]int{{}, {0}, {1}, {0, 1, 2}, {0}} {
		p := &madePackage{imports: map[int]bool{}}
		for _, j := range imports {
			p.imports[j] = true
		}
		w.packages = append(w.packages, p)
	}
	w.restart()
	w.packages[2].name++
	prog, overlay := w.program()
	if r := mustCheck(t, NewChecker(prog), overlay); !r.Complete || len(r.Findings) > 0 || len(r.Routes) != 1 {
		t.Errorf("the program is without mistakes:\n%s", everything(r))
	}
}
