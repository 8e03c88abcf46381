//go:build unix

package engine

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"runtime/pprof"
	"strconv"
	"strings"
	"testing"

	"github.com/anvilforge/anvil-lsp/hotreload/control"
)

// TestSoak saves the blog ANVIL_SOAK times and prints what the engine needs by
// then. Most saves are hot; some restart, import something new, or do not
// compile. With ANVIL_SOAK_PROFILES, a directory, heap profiles are left there;
// ANVIL_SOAK_FULL=1 links fully.
func TestSoak(t *testing.T) {
	saves, _ := strconv.Atoi(os.Getenv("ANVIL_SOAK"))
	if saves < 50 {
		t.Skip("set ANVIL_SOAK to the number of saves, 50 at least")
	}
	a := newBlog(t)
	a.start(func(o *Options) { o.FullLink = os.Getenv("ANVIL_SOAK_FULL") != "" })
	a.until(control.EventLive)
	var first footprint
	for n := 1; n <= saves; n++ {
		a.soak(n)
		if n%10 == 0 {
			f := measure(t, fmt.Sprintf("%03d", n))
			t.Logf("after %3d saves: heap %5.1f MB, resident %5.1f MB", n, f.heap, f.resident)
			if n == 20 {
				first = f
			}
			if last := n > saves-10; last && (f.heap > 1.2*first.heap || f.resident > 1.2*first.resident) {
				t.Errorf("more than 1.2 times as much as after 20 saves")
			}
		}
	}
	a.stop()
}

// soak makes one save, and waits for what becomes of it.
func (a *app) soak(n int) {
	a.Helper()
	const at = `"generation": a.generation,`
	const file = "handlers/debug.go"
	text := readFile(a.T, a.dir, file)
	edit := func(line string) {
		i := strings.Index(text, at)
		_, rest, _ := strings.Cut(text[i:], "\n")
		writeFile(a.T, text[:i]+line+"\n"+rest, a.dir, file)
	}
	switch {
	case n%10 == 3: // does not compile
		edit(at + fmt.Sprintf(` "round": undefined%d,`, n))
		a.until(control.EventKept)
	case n%10 == 6: // imports something new: the go command is asked
		edit(at + fmt.Sprintf(` "round": %d,`, n))
		writeFile(a.T, fmt.Sprintf("package handlers\n\nimport _ %q\n", []string{"errors", "sort"}[n/10%2]), a.dir, "handlers/soak.go")
		a.untilNow(control.EventLive)
	case n%10 == 9: // a host package
		writeFile(a.T, fmt.Sprintf("package feed\n\nconst soak = %d\n", n), a.dir, "feed/soak.go")
		a.until(control.EventLive)
	default:
		edit(at + fmt.Sprintf(` "round": %d,`, n))
		a.until(control.EventLive)
	}
}

// newBlog is newApp for the larger sample program.
func newBlog(t *testing.T) *app {
	a := newApp(t)
	mod := readFile(t, a.dir, "go.mod")
	runtime := strings.TrimSpace(mod[strings.LastIndex(mod, "=> ")+3:])
	a.dir = t.TempDir()
	if err := os.CopyFS(a.dir, os.DirFS("../../examples/blog")); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(filepath.Join(a.dir, OutDir)); err != nil {
		t.Fatal(err)
	}
	a.edit("go.mod", "=> ../../hotreload", "=> "+runtime)
	return a
}

// footprint is what a process needs, in megabytes.
type footprint struct{ heap, resident float64 }

// measure returns what this process needs when everything is collected that can
// be.
func measure(t *testing.T, name string) footprint {
	t.Helper()
	runtime.GC()
	runtime.GC()
	debug.FreeOSMemory()
	if dir := os.Getenv("ANVIL_SOAK_PROFILES"); dir != "" {
		f, err := os.Create(filepath.Join(dir, name+".heap"))
		if err == nil {
			err = pprof.Lookup("heap").WriteTo(f, 0)
		}
		if err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	f := footprint{heap: float64(m.HeapAlloc) / (1 << 20)}
	if data, err := os.ReadFile("/proc/self/statm"); err == nil {
		if fields := strings.Fields(string(data)); len(fields) > 1 {
			pages, _ := strconv.Atoi(fields[1])
			f.resident = float64(pages*os.Getpagesize()) / (1 << 20)
		}
	}
	return f
}
