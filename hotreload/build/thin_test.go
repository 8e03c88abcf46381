package build

import (
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/anvilforge/anvil-lsp/hotreload/build/thin"
	"golang.org/x/tools/txtar"
)

// TestThinFeatures edits the handlers of one process into programs that use
// much of the language, each as a thin plugin, while garbage is collected all
// the time; and has every generation say again what it said at first.
func TestThinFeatures(t *testing.T) {
	files, err := filepath.Glob("testdata/thin/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	for _, mode := range []struct {
		name   string
		change func(*Config)
	}{
		{"thin", func(c *Config) {}},
		{"full", func(c *Config) { c.FullLink = true }},
	} {
		t.Run(mode.name, func(t *testing.T) {
			a := newApp(t, "thin/base.txtar", mode.change)
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
	builtin, err := os.ReadFile(filepath.Join(a.b.env.GOROOT, "src/cmd/compile/internal/typecheck/_builtin/runtime.go"))
	if err != nil {
		t.Skipf("the toolchain comes without its sources: %v", err)
	}
	// Those that only instrumented code or other processors need, or that the
	// compiler never calls by name.
	except := regexp.MustCompile(`^(race|msan|asan|libfuzzer|check|unsafe.*checkptr|addCovMeta|arm|loong|riscv|u?int64|u?int32|float64tou?int|makemap64|makechan64|makeslice64|goPanic|panicmakeslicecap|throwinit|goschedguarded|printiface|slicebytetostringtmp|slicecopy|assertE2I|rand32|selectsetpc|growslice.*NoAlias|moveSliceNoScan|memhash0|mapassign_fast32ptr)`)
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
}
