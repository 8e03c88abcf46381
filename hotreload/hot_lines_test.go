//go:build anvilhot

package hotreload

import (
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/anvilforge/anvil-lsp/hotreload/control"
	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
)

//line yaccpar_test.go:100
func registerDirected(r *RouteSink) {
	r.Get("/", panicDirected)
}

//line yaccpar_test.go:110
func twiceDirected(r *RouteSink) {
	r.Get("/", panicDirected)
	r.Get("/", panicDirected)
}

//line page_test.go:200
func panicDirected(http.ResponseWriter, *http.Request) {
	panic("directed")
}

//line page_test.go:210
func failDirected(*RouteSink) { panic("at once") }

//line hot_lines_test.go:39

// TestLines: what a generation reports stands where the engine says, that of an
// earlier one also when its files are gone.
func TestLines(t *testing.T) {
	b := newBench(t)
	plugins := map[int]string{}
	load := func(register func(*RouteSink), first int) control.LoadResult {
		t.Helper()
		return b.try(fakePlugin{symbols: symbols(register)}, func(req *control.LoadRequest) {
			plugins[req.Generation] = req.Plugin
			var lines manifest.Lines
			add := func(function, file string, said int) {
				lines = append(lines, manifest.LineRun{
					Package: manifest.RuntimePath, Function: function, Said: manifest.Position{File: file, Line: said},
					Real: manifest.Position{File: "/app/handlers/a_test.go", Line: first + said}, Count: 3,
				})
			}
			add("registerDirected", "yaccpar_test.go", 100)
			add("twiceDirected", "yaccpar_test.go", 110)
			add("panicDirected", "page_test.go", 200)
			add("failDirected", "page_test.go", 210)
			data, err := json.Marshal(lines)
			if err = errors.Join(err, os.WriteFile(control.LinesPath(req.Plugin), data, 0o600)); err != nil {
				t.Fatal(err)
			}
		})
	}
	isLive := func(result control.LoadResult, want string) {
		t.Helper()
		if result.Outcome != control.OutcomeLive || result.Manifest.Routes[0].Position.String() != "/app/handlers/a_test.go:"+want {
			t.Fatalf("%s, %v, %v; want line %s", result.Outcome, result.Diagnostics, result.Manifest, want)
		}
	}
	isLive(load(registerDirected, 1000), "1101")
	events := b.events.Subscribe(t.Context())
	if w := browse(b.state, "GET", "/"); w.Code != http.StatusInternalServerError || !strings.Contains(w.Body.String(), "a_test.go:1201") || strings.Contains(w.Body.String(), "page_test.go") {
		t.Errorf("the page is\n%s", w.Body)
	}
	for ev := range events {
		if ev.Kind == control.LivePanic {
			if d := ev.Diagnostic; d.Position.String() != "/app/handlers/a_test.go:1201" || !strings.Contains(d.Detail, "\n\t/app/handlers/a_test.go:1201\n") {
				t.Errorf("the panic is at %s: %s", d.Position, d.Detail)
			}
			break
		}
	}
	isLive(load(registerDirected, 2000), "2101")
	if err := os.Remove(control.LinesPath(plugins[1])); err != nil {
		t.Fatal(err)
	}
	back, err := b.rollback(1)
	if err != nil {
		t.Fatal(err)
	}
	isLive(back, "1101")
	twice := load(twiceDirected, 3000)
	if ds := twice.Diagnostics; len(ds) != 1 || ds[0].Line != 3112 || len(ds[0].Related) != 1 || ds[0].Related[0].Line != 3111 {
		t.Errorf("%s, %v", twice.Outcome, ds)
	}
	if ds := load(failDirected, 4000).Diagnostics; len(ds) != 1 || ds[0].Line != 4210 || !strings.Contains(ds[0].Detail, "a_test.go:4210") {
		t.Errorf("%v", ds)
	}
}
