package build

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/tools/txtar"

	"github.com/anvilforge/anvil-lsp/internal/build/thin"
	"github.com/anvilforge/anvil-lsp/internal/testkit"
)

// TestThinFeatures edits the handlers of one process into programs that use
// much of the language, each as a thin plugin, while garbage is collected all
// the time; and has every generation say again what it said at first.
func TestThinFeatures(t *testing.T) {
	files, err := filepath.Glob("testdata/thin/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	const base = "thin/base.txtar"
	for _, mode := range []struct {
		name string
		app  func(t *testing.T) *app
	}{
		{"thin", func(t *testing.T) *app { return newApp(t, base) }},
		{"full", func(t *testing.T) *app { return newApp(t, base, func(c *Config) { c.FullLink = true }) }},
		{"arm64", func(t *testing.T) *app { return newEmulated(t, base) }},
	} {
		t.Run(mode.name, func(t *testing.T) {
			a := mode.app(t)
			host := a.host()
			if got := a.start(host.Path); got != "ready" {
				t.Fatalf("the program says %q", got)
			}
			for range 2 { // the second time everything was loaded before
				for _, file := range files {
					name := strings.TrimSuffix(filepath.Base(file), ".txtar")
					if name == "base" {
						continue
					}
					ar, err := txtar.ParseFile(file)
					if err != nil {
						t.Fatal(err)
					}
					var edited []string
					for _, f := range ar.Files {
						edited = append(edited, a.write(f.Name, string(f.Data)))
					}
					res, said := a.swap(edited...)
					if got, err := strconv.Unquote(said); err != nil || got != strings.TrimSpace(string(ar.Comment)) {
						t.Errorf("%s: the program says %s, want %q", name, said, ar.Comment)
					}
					if res.Thin == (mode.name == "full") {
						t.Errorf("%s: linked %s", name, res.Steps[len(res.Steps)-1].Detail)
					}
				}
			}
		})
	}
}

// newEmulated is newApp for arm64, on machines of another kind. It needs Debian's
// qemu-user, gcc-aarch64-linux-gnu and libc6-dev-arm64-cross.
func newEmulated(t *testing.T, archive string) *app {
	t.Helper()
	const prefix = "aarch64-linux-gnu"
	var found [3]string
	for i, name := range []string{"qemu-aarch64", prefix + "-gcc", prefix + "-ld"} {
		found[i] = testkit.Program(t, name, "apt-get install qemu-user gcc-aarch64-linux-gnu libc6-dev-arm64-cross")
	}
	a := newApp(t, archive, func(c *Config) {
		c.Env = append(os.Environ(), "GOOS=linux", "GOARCH=arm64", "CGO_ENABLED=1", "CC="+found[1])
	})
	a.b.thin.Linker.SystemLink = found[2]
	a.emulate = []string{found[0], "-L", "/usr/" + prefix}
	return a
}

// TestLanguageIsKept: a program has every function of the runtime that the
// compiler may call, so that a change of hot code does not need another.
func TestLanguageIsKept(t *testing.T) {
	a := newApp(t, "app.txtar")
	host := a.host()
	im, err := thin.OpenImage(host.Path)
	if err != nil {
		t.Fatal(err)
	}
	defer im.Close()
	builtin, err := os.ReadFile(filepath.Join(a.b.tools.Env.GOROOT, "src/cmd/compile/internal/typecheck/_builtin/runtime.go"))
	if err != nil {
		t.Skipf("the toolchain comes without its sources: %v", err)
	}
	// Those that only instrumented code or other processors need, or that the
	// compiler never calls by name.
	except := regexp.MustCompile(`^(race|msan|asan|libfuzzer|check|unsafe.*checkptr|addCovMeta|arm|loong|riscv|u?int64|u?int32|float64tou?int|makemap64|makechan64|makeslice64|goPanic|panicmakeslicecap|throwinit|goschedguarded|printiface|slicebytetostringtmp|slicecopy|rand32|selectsetpc|growslice.*NoAlias|moveSliceNoScan|memhash0|mapassign_fast32ptr)`)
	seen := 0
	for _, m := range regexp.MustCompile(`(?m)^func (\w+)`).FindAllStringSubmatch(string(builtin), -1) {
		if name := m[1]; !except.MatchString(name) && !im.Has("runtime."+name) {
			t.Errorf("the program lacks runtime.%s", name)
		}
		seen++
	}
	if seen < 100 {
		t.Errorf("found %d functions of the runtime", seen)
	}
	// What other packages of the standard library have from package runtime: nobody
	// else provides it. Not what tests, or experiments and other forms of the
	// library use, nor what packages have under their own names anyway.
	foreign := regexp.MustCompile(`^(_rt0|arena\.|crypto/|go:|internal/|os\.(ignore|restore)SIGSYS|os/signal\.signalWait|runtime\.|runtime/(metrics_test|pprof|secret)\.|sync\.|sync_test\.|syscall\.(cgocaller|runtime_doAll)|type:|unique\.|reflect\.(gcbits|mapiter|memclr))`)
	archive, err := a.b.tools.Output(t.Context(), a.dir, "go", "list", "-export", "-buildmode=plugin", "-gcflags=all="+strings.Join(a.b.tools.CompilerFlags(), " "), "-f", "{{.Export}}", "runtime")
	if err != nil {
		t.Fatal(err)
	}
	symbols, err := exec.Command("go", "tool", "nm", strings.TrimSpace(string(archive))).Output()
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, m := range regexp.MustCompile(`(?m) T ([\w/.:]+)$`).FindAllStringSubmatch(string(symbols), -1) {
		if name := m[1]; !foreign.MatchString(name) {
			found++
			if !im.Has(name) {
				t.Errorf("the program lacks %s", name)
			}
		}
	}
	if found < 50 {
		t.Errorf("found %d functions of the runtime with names of other packages", found)
	}
	for _, name := range strings.Fields("bool string error interface{} unsafe.Pointer uintptr int int8 int16 int32 int64 uint uint8 uint16 uint32 uint64 float32 float64 complex64 complex128") {
		name = strings.ReplaceAll(name, "{}", " {}")
		for _, form := range []string{"type:%s", "type:*%s", "type:[]%s", "type:*[]%s"} {
			if form = fmt.Sprintf(form, name); !im.HasType(form) {
				t.Errorf("the program lacks %s", form)
			}
		}
	}
}

// TestTrial: whether thin links work is tried once, and remembered.
func TestTrial(t *testing.T) {
	cache := t.TempDir()
	a := newApp(t, "app.txtar", func(c *Config) { c.CacheDir = cache })
	if err := a.b.Trial(t.Context()); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(cache, "thin-*.json"))
	if err != nil || len(files) != 1 {
		t.Fatalf("%q, %v", files, err)
	}
	// A failure that was not told from one of the machine, as an earlier version
	// wrote it, and one that is old do not count.
	for _, old := range []string{`{"ok": false, "reason": "no space left on device"}`, `{"ok": false, "reason": "x", "until": "2020-01-01T00:00:00Z"}`} {
		if err := os.WriteFile(files[0], []byte(old), 0o666); err != nil {
			t.Fatal(err)
		}
		a.rebuild()
		if v, ok := a.b.thin.Recall(); ok {
			t.Errorf("%s: %+v", old, v)
		}
	}
	// What the machine lacks now is not remembered, and ends what was.
	a.b.cfg.OutDir = filepath.Join(files[0], "not a directory")
	if _, err := a.b.RepeatTrial(t.Context()); err == nil || !strings.HasPrefix(err.Error(), "the trial could not be made: ") {
		t.Errorf("without a directory: %v", err)
	}
	if left, err := filepath.Glob(filepath.Join(cache, "*")); err != nil || len(left) > 0 {
		t.Errorf("remembered is %q, %v", left, err)
	}
	a.b.cfg.OutDir = filepath.Join(a.dir, ".anvil")
	answer := fmt.Sprintf(`{"ok": false, "reason": "remembered", "until": %q}`, time.Now().Add(time.Hour).Format(time.RFC3339))
	if err := os.WriteFile(files[0], []byte(answer), 0o666); err != nil {
		t.Fatal(err)
	}
	a.rebuild()
	if err := a.b.Trial(t.Context()); err == nil || err.Error() != "remembered" {
		t.Errorf("the answer is %v", err)
	}
	a.start(a.host().Path)
	res, said := a.swap(a.edit("handlers/handlers.go", `"v1"`, `"v2"`))
	if res.Thin || !strings.HasPrefix(said, "v2 ") {
		t.Errorf("thin %t, the program says %q", res.Thin, said)
	}
}

// TestThinPreconditions takes away one thing after another that thin links need.
// Each time the same save ends in a full link that says why, and the right code
// is live.
func TestThinPreconditions(t *testing.T) {
	tool := func(t *testing.T, script string) string {
		t.Helper()
		return writeTool(t, filepath.Join(t.TempDir(), "tool"), script)
	}
	tests := []struct {
		name   string
		remove func(t *testing.T, a *app)
		why    string
	}{
		{"no system linker", func(t *testing.T, a *app) {
			a.b.thin.Linker.SystemLink = filepath.Join(t.TempDir(), "ld")
		}, "no such file or directory"},
		{"system linker fails", func(t *testing.T, a *app) {
			a.b.thin.Linker.SystemLink = tool(t, "echo out of luck >&2; exit 1")
		}, "out of luck"},
		{"Go linker of another release", func(t *testing.T, a *app) {
			a.b.thin.Linker.GoLink = tool(t, "echo flag provided but not defined: -linkshared >&2; exit 2")
		}, "not defined: -linkshared"},
		{"Go linker writes no object", func(t *testing.T, a *app) {
			a.b.thin.Linker.GoLink = tool(t, "exit 0")
		}, "the Go linker wrote no object"},
		{"Go linker writes something else", func(t *testing.T, a *app) {
			a.b.thin.Linker.GoLink = tool(t, `while [ "$1" != -tmpdir ]; do shift; done; echo nonsense > "$2/go.o"`)
		}, "unexpected object file"},
		{"the stub is damaged", func(t *testing.T, a *app) {
			link := a.b.thin.Linker.GoLink
			a.b.thin.Linker.GoLink = tool(t, `d="$*"; d=${d#*-tmpdir }; d=${d%% *}; printf broken > "$d/loaded.so"; exec `+link+` "$@"`)
		}, "cannot open shared library"},
		{"a symbol is missing", func(t *testing.T, a *app) {
			a.snap.images[0] = newImage(without(t, a.snap.images[0].path, "runtime.convTstring"))
		}, "runtime.convTstring"},
		{"the executable is gone", func(t *testing.T, a *app) {
			a.snap.images[0] = newImage(filepath.Join(t.TempDir(), "gone"))
		}, "no such file or directory"},
		{"the executable is not ELF", func(t *testing.T, a *app) {
			a.snap.images[0] = newImage(tool(t, ""))
		}, "cannot be read"},
		{"switched off", func(t *testing.T, a *app) { a.b.thin.Disable("for a reason") }, "for a reason"},
	}
	a := newApp(t, "app.txtar")
	a.start(a.host().Path)
	version := 1
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a.rebuild()
			images := a.snap.images[0]
			defer func() { a.snap.images[0] = images }()
			a.snap.images[0] = &image{path: images.path, whole: true, open: images.open}
			a.snap.images = a.snap.images[:1]
			tt.remove(t, a)
			version++
			want := "v" + strconv.Itoa(version)
			res, said := a.swap(a.edit("handlers/handlers.go", `"v`+strconv.Itoa(version-1)+`"`, `"`+want+`"`))
			if !strings.HasPrefix(said, want+" ") {
				t.Errorf("the program says %q, want %s", said, want)
			}
			if detail := res.Steps[len(res.Steps)-1].Detail; res.Thin || !strings.HasPrefix(detail, "full: ") || !strings.Contains(detail, tt.why) {
				t.Errorf("linked %s; want a full link because of %q", detail, tt.why)
			}
		})
	}
}

// TestNeedsInitialised: a plugin needs those that brought what it imports, also for
// nothing but its initialisation.
func TestNeedsInitialised(t *testing.T) {
	for _, linked := range []string{"thin", "full"} {
		t.Run(linked, func(t *testing.T) {
			a := newApp(t, "app.txtar")
			a.start(a.host().Path)
			a.swap(a.edit("handlers/handlers.go", `"v1`, `"v2`)) // it brings what the handlers need besides
			if linked == "full" {
				a.b.DoubtThin("for this test")
			}
			brought, _ := a.swap(
				a.write("handlers/drivers/drivers.go", "// Package drivers says which there are.\npackage drivers\n\nimport _ \"image/png\"\n"),
				a.write("handlers/import.go", "package handlers\n\nimport _ \"example.com/app/handlers/drivers\"\n"))
			if brought.Thin != (linked == "thin") {
				t.Fatalf("linked %s", brought.Steps[len(brought.Steps)-1].Detail)
			}
			res, _ := a.swap(a.edit("handlers/handlers.go", `"v2`, `"v3`))
			if !res.Thin || !slices.Contains(res.Needs, brought.Path) {
				t.Errorf("thin %t, needs %q, without %s", res.Thin, res.Needs, brought.Path)
			}
		})
	}
}

// writeTool writes a shell script and returns its path.
func writeTool(t *testing.T, path, script string) string {
	t.Helper()
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+script+"\n"), 0o777); err != nil {
		t.Fatal(err)
	}
	return path
}

// without returns a copy of an executable that exports a symbol under another
// name.
func without(t *testing.T, path, symbol string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	old := []byte("\x00" + symbol + "\x00")
	if !bytes.Contains(data, old) {
		t.Fatalf("%s does not export %s", path, symbol)
	}
	changed := bytes.Clone(old)
	changed[1] = '!'
	name := filepath.Join(t.TempDir(), "host")
	if err := os.WriteFile(name, bytes.ReplaceAll(data, old, changed), 0o666); err != nil {
		t.Fatal(err)
	}
	return name
}

// TestSpeculate: what was built before it was saved is loaded when it is, and
// otherwise not.
func TestSpeculate(t *testing.T) {
	a := newApp(t, "app.txtar")
	a.start(a.host().Path)
	name := filepath.Join(a.dir, "handlers/handlers.go")
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	version := func(v string) string {
		return strings.Replace(string(data), `"v1", `, v+`, where(), `, 1)
	}
	// where is in a file of its own, so that nothing new is imported.
	where := a.write("handlers/where.go", "package handlers\n\nimport \"runtime\"\n\nfunc where() string {\n\t_, file, _, _ := runtime.Caller(1)\n\treturn file\n}\n")
	a.swap(where)
	steps := func(res *Result) string { return res.Steps[0].Detail }
	ahead := func(text string) {
		a.b.Speculate(t.Context(), a.snap, a.gen+1, Overlay{name: []byte(text)})
	}

	ahead(version(`"unsaved"`))
	ahead(version(`"v2"`)) // instead
	res, said := a.swap(a.write("handlers/handlers.go", version(`"v2"`)))
	if !strings.HasPrefix(said, "v2 "+name+" ") || steps(res) != "built ahead" || !res.Thin {
		t.Errorf("the program says %q; steps %v", said, res.Steps)
	}

	ahead(version(`"v3"`)) // something else is saved
	res, said = a.swap(a.write("handlers/handlers.go", version(`"v4"`)))
	if !strings.HasPrefix(said, "v4 "+name+" ") || steps(res) != "" {
		t.Errorf("the program says %q; steps %v", said, res.Steps)
	}

	ahead(version(`"v5" +`)) // does not compile
	res, said = a.swap(a.write("handlers/handlers.go", version(`"v6"`)))
	if !strings.HasPrefix(said, "v6 ") || steps(res) != "" {
		t.Errorf("the program says %q; steps %v", said, res.Steps)
	}

	// Of another package the file on disk is not what was built ahead.
	ahead(version(`"v7"`))
	a.edit("handlers/double.go", "2 * n", "3 * n")
	res, said = a.swap(a.write("handlers/handlers.go", version(`"v7"`)), filepath.Join(a.dir, "handlers/double.go"))
	if !strings.HasPrefix(said, "v7 ") || !strings.HasSuffix(said, "[3 6]") || steps(res) != "" {
		t.Errorf("the program says %q; steps %v", said, res.Steps)
	}
	a.b.Prune(a.gen, a.snap)
}

// TestSpeculateFromDisk: a file that is not live on disk has no part in what is
// built ahead, whenever it was saved and undone.
func TestSpeculateFromDisk(t *testing.T) {
	a := newApp(t, "app.txtar")
	a.start(a.host().Path)
	text, err := os.ReadFile(filepath.Join(a.dir, "handlers/handlers.go"))
	if err != nil {
		t.Fatal(err)
	}
	version := func(v string) string { return strings.Replace(string(text), `"v1"`, strconv.Quote(v), 1) }
	ahead := func(v string) {
		a.b.Speculate(t.Context(), a.snap, a.gen+1, Overlay{filepath.Join(a.dir, "handlers/handlers.go"): []byte(version(v))})
	}
	save := func(v, double string) {
		t.Helper()
		_, said := a.swap(a.write("handlers/handlers.go", version(v)), double)
		if !strings.HasPrefix(said, v+" ") || !strings.HasSuffix(said, "[2 4]") {
			t.Errorf("the program says %q; want %s, and [2 4] as on disk", said, v)
		}
	}
	double := a.edit("handlers/double.go", "2 * n", "3 * n") // saved, kept
	ahead("v2")
	if a.b.ahead.current != nil {
		t.Error("built beside a file that is not live")
	}
	a.edit("handlers/double.go", "3 * n", "2 * n")
	save("v2", double)

	// The compiler waits until another file is saved.
	tools := a.b.tools.Env.GOTOOLDIR
	compiles, goOn := a.haltCompiler()
	ahead("v3")
	sp := a.b.ahead.current
	if sp == nil {
		t.Fatal("nothing is built ahead")
	}
	compiles()
	a.edit("handlers/double.go", "2 * n", "3 * n")
	goOn()
	<-sp.done
	a.b.tools.Env.GOTOOLDIR = tools
	if sp.res != nil {
		t.Error("a file that changed while it was compiled is taken for what it was before")
	}
	a.edit("handlers/double.go", "3 * n", "2 * n")
	save("v3", double)
}

// haltCompiler puts a compiler in place that waits. compiles returns when it has
// been started, goOn lets it work.
func (a *app) haltCompiler() (compiles, goOn func()) {
	a.t.Helper()
	dir := a.t.TempDir()
	started, pipe := filepath.Join(dir, "started"), filepath.Join(dir, "pipe")
	if err := exec.Command("mkfifo", started, pipe).Run(); err != nil {
		a.t.Fatal(err)
	}
	writeTool(a.t, filepath.Join(dir, "compile"), "echo > "+started+"; read x < "+pipe+"; exec "+a.b.tools.Tool("compile")+` "$@"`)
	a.b.tools.Env.GOTOOLDIR = dir
	compiles = func() {
		a.t.Helper()
		if _, err := os.ReadFile(started); err != nil {
			a.t.Fatal(err)
		}
	}
	goOn = func() {
		a.t.Helper()
		if err := os.WriteFile(pipe, []byte("on\n"), 0); err != nil {
			a.t.Fatal(err)
		}
	}
	return compiles, goOn
}

// TestCloseEndsSpeculation: nothing is built any more once Close has returned,
// and nothing of what was built ahead is left.
func TestCloseEndsSpeculation(t *testing.T) {
	a := newApp(t, "app.txtar")
	live := a.host().Snapshot
	name := filepath.Join(a.dir, "handlers/double.go")
	ahead := func() *speculation {
		a.b.Speculate(t.Context(), live, a.gen+1, Overlay{name: []byte("package handlers\n\nfunc double(n int) int { return 3 * n }\n")})
		return a.b.ahead.current
	}
	for _, halted := range []bool{false, true} {
		t.Run(map[bool]string{false: "built", true: "being built"}[halted], func(t *testing.T) {
			a.rebuild()
			var compiles func()
			if halted {
				compiles, _ = a.haltCompiler()
			}
			sp := ahead()
			if halted {
				compiles()
			} else if <-sp.done; sp.res == nil {
				t.Fatal("it was not built")
			}
			a.b.Close()
			select {
			case <-sp.done:
			default:
				t.Error("it is still being built")
			}
			for _, pattern := range []string{"gen/*", "work/g*"} {
				if left, _ := filepath.Glob(filepath.Join(a.b.cfg.OutDir, pattern)); len(left) > 0 {
					t.Errorf("left behind: %q", left)
				}
			}
			if ahead() != nil {
				t.Error("a closed builder builds ahead")
			}
		})
	}
}

// TestThinAfterCrash: of a type that no image had, one plugin has the methods, and
// later ones have copies without. A process that loads only what the newest needs
// has them all the same.
func TestThinAfterCrash(t *testing.T) {
	a := newApp(t, "thin/base.txtar")
	host := a.host()
	a.start(host.Path)
	below := func(n int) string {
		return a.write("handlers/below/below.go", fmt.Sprintf(`package below

import "example.com/app/set"

func Name() string { return "below" }

func Len() interface{ Len() int } { return set.New(%d.5) }
`, n))
	}
	handlers := func(n int) string {
		return a.write("handlers/handlers.go", fmt.Sprintf(`package handlers

import (
	"fmt"

	"example.com/app/handlers/below"
	"example.com/app/set"
	"github.com/anvilforge/anvil-lsp/hotreload"
)

func AnvilRegisterRoutes(r *hotreload.RouteSink) {
	r.Say = func() string {
		var mine interface{ Len() int } = set.New(1.5, 2.5)
		same := map[any]bool{[1]float64{1.5}: true}
		_, isSame := below.Len().(set.Set[float64])
		return fmt.Sprint("v%d ", mine.Len(), below.Len().Len(), isSame, same[[1]float64{1.5}])
	}
}
`, n))
	}
	a.swap(below(1), handlers(1))
	for n := 2; n < 6; n++ {
		edit := handlers
		if n%2 == 1 {
			edit = below
		}
		want := fmt.Sprintf("v%d 2 1 true true", n-n%2)
		res, said := a.swap(edit(n))
		if said != strconv.Quote(want) || !res.Thin {
			t.Errorf("the program says %s, want %q; linked %s", said, want, res.Steps[len(res.Steps)-1].Detail)
		}
		a.start(host.Path) // anew
		for _, path := range append(slices.Clone(res.Needs), res.Path) {
			said = a.load(path)
		}
		if said != strconv.Quote(want) {
			t.Errorf("a process that loads what generation %d needs says %s, want %q", n, said, want)
		}
	}
}
