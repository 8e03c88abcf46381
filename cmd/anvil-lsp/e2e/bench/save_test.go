package bench

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/anvilforge/anvil-lsp/hotreload/control"
	"github.com/anvilforge/anvil-lsp/internal/testkit/harness"
)

// benchApps are the saves that are timed: text in a handler, and the page that
// shows it.
var benchApps = []struct {
	name, file, old, new, page string
}{
	{"hello", "handlers/handlers.go", benchHelloOld, benchHelloNew, "/bench"},
	{"blog", "handlers/debug.go", `"ok"`, `"%s"`, "/healthz"},
}

// hello gets a route of its own for the benchmark.
const (
	benchHelloOld = "func AnvilRegisterRoutes(r *hotreload.RouteSink) {"
	benchHelloNew = benchHelloOld + "\n\tr.Get(\"/bench\", func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte(\"%s\")) })\n"
)

// BenchmarkSave times a save until the first response from the new code, and
// where the time goes. Beside it, from the same run on the same files: one run
// of the compiler on the changed package, which nothing can undercut, and `go
// build -buildmode=plugin`, which is what one would do by hand. All figures are
// medians in milliseconds.
func BenchmarkSave(b *testing.B) {
	for _, app := range benchApps {
		b.Run(app.name, func(b *testing.B) {
			dir := harness.CopyApp(b, app.name)
			writeShim(b, dir)
			s := harness.Start(b, dir)
			source := s.Read(app.file)
			times := map[string][]time.Duration{}
			add := func(name string, d time.Duration) { times[name] = append(times[name], d) }
			n := 0
			for b.Loop() {
				n++
				mark := fmt.Sprintf("mark-%d", n)
				text := strings.Replace(source, app.old, fmt.Sprintf(app.new, mark), 1)
				begun := time.Now()
				s.Save(app.file, text)
				for {
					if status, body := s.Try(app.page); status == 200 && strings.Contains(body, mark) {
						break
					}
					time.Sleep(time.Millisecond)
				}
				add("save", time.Since(begun))
				ev := s.Wait(control.EventLive)
				var load time.Duration
				for _, step := range ev.Steps {
					switch step.Name {
					case control.StepOpen, control.StepRegister:
						load += time.Duration(step.Duration)
					default:
						add(step.Name, time.Duration(step.Duration))
					}
				}
				add("load", load)
				b.StopTimer()
				add("go-tool-compile", bareCompile(b, dir, ev.Generation))
				add("go-build-plugin", goBuildPlugin(b, dir))
				b.StartTimer()
			}
			b.ReportMetric(0, "ns/op") // the medians say it better
			for _, name := range []string{"save", "settle", "plan", "predict", "compile", "link", "load", "go-tool-compile", "go-build-plugin"} {
				b.ReportMetric(median(times[name]), name+"-ms")
			}
			b.ReportMetric(median(times["save"])/median(times["go-tool-compile"]), "save/go-tool-compile")
			b.ReportMetric(median(times["save"])/(2*median(times["go-tool-compile"])+30), "save/(2*go-tool-compile+30ms)")
			b.ReportMetric(median(times["save"])/median(times["go-build-plugin"]), "save/go-build-plugin")
		})
	}
}

func median(ds []time.Duration) float64 {
	if len(ds) == 0 {
		return 0
	}
	ds = slices.Sorted(slices.Values(ds))
	return float64(ds[len(ds)/2].Microseconds()) / 1000
}

// writeShim adds the plugin's main package that one would write by hand.
func writeShim(b *testing.B, dir string) {
	b.Helper()
	mod, err := os.ReadFile(filepath.Join(dir, "go.mod"))
	if err != nil {
		b.Fatal(err)
	}
	first, _, _ := bytes.Cut(mod, []byte("\n"))
	module := strings.TrimSpace(strings.TrimPrefix(string(first), "module"))
	text := fmt.Sprintf("package main\n\nimport h %q\n\nvar AnvilRegisterRoutes any = h.AnvilRegisterRoutes\n\nfunc main() {}\n", module+"/handlers")
	if err := os.MkdirAll(filepath.Join(dir, "byhand"), 0o777); err != nil {
		b.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "byhand", "main.go"), []byte(text), 0o666); err != nil {
		b.Fatal(err)
	}
}

// bareCompile compiles the handlers package once more, as it was compiled for
// a generation, and nothing else.
func bareCompile(b *testing.B, dir string, generation int) time.Duration {
	b.Helper()
	cfgs, err := filepath.Glob(filepath.Join(dir, fmt.Sprintf(".anvil/work/g%d/*-handlers.importcfg", generation)))
	if err != nil || len(cfgs) != 1 {
		b.Fatalf("importcfg of generation %d: %q, %v", generation, cfgs, err)
	}
	files, err := filepath.Glob(filepath.Join(dir, "handlers/*.go"))
	if err != nil {
		b.Fatal(err)
	}
	files = slices.DeleteFunc(files, func(f string) bool { return strings.HasSuffix(f, "_test.go") })
	tool, err := exec.Command("go", "tool", "-n", "compile").Output()
	if err != nil {
		b.Fatal(err)
	}
	return timeCommand(b, dir, strings.TrimSpace(string(tool)), append([]string{"-o", filepath.Join(b.TempDir(), "h.a"), "-p", "bare/handlers", "-complete", "-pack", "-dynlink", "-importcfg", cfgs[0]}, files...)...)
}

func goBuildPlugin(b *testing.B, dir string) time.Duration {
	b.Helper()
	return timeCommand(b, dir, "go", "build", "-buildmode=plugin", "-o", filepath.Join(b.TempDir(), "p.so"), "./byhand")
}

func timeCommand(b *testing.B, dir, name string, args ...string) time.Duration {
	b.Helper()
	cmd := exec.Command(name, args...)
	cmd.Dir = dir
	begun := time.Now()
	if out, err := cmd.CombinedOutput(); err != nil {
		b.Fatalf("%s %s: %v\n%s", name, args, err, out)
	}
	return time.Since(begun)
}
