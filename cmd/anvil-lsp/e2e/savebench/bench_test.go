package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/anvilforge/anvil-lsp/internal/testkit"
	"golang.org/x/tools/txtar"
)

// TestRun measures everything once, but air, and reads what it prints.
func TestRun(t *testing.T) {
	if testing.Short() {
		t.Skip("builds and runs an application")
	}
	dir := testkit.CopyApp(t, "hello")
	before := sourcesOf(t, dir)
	args := []string{"-q", "-json", "-n", "1", "-generations", "1", "-air=false", "-tool", buildTool(t, t.Context()), dir, "visits.Counter.Add", "handlers.now"}
	var stdout, stderr bytes.Buffer
	if err := run(t.Context(), args, &stdout, &stderr); err != nil {
		t.Fatalf("%v\n%s", err, &stderr)
	}
	var got struct {
		N         int
		Functions []struct {
			Function, Package string
			Hot               bool
			Live              []float64            `json:"live_ms"`
			AfterRestart      []float64            `json:"live_after_restart_ms"`
			Steps             map[string][]float64 `json:"steps_ms"`
			GoBuild           []float64            `json:"go_build_ms"`
			Compile           []float64            `json:"go_tool_compile_ms"`
			Links             map[string]int
		}
		Memory *struct {
			RSS    []int64 `json:"rss_bytes"`
			Plugin int64   `json:"plugin_bytes_per_generation"`
		}
	}
	if err := json.Unmarshal(stdout.Bytes(), &got); err != nil {
		t.Fatalf("%v\n%s", err, &stdout)
	}
	if len(got.Functions) != 2 || got.N != 1 {
		t.Fatalf("%s", &stdout)
	}
	host, hot := got.Functions[0], got.Functions[1]
	if host.Hot || host.Package != "example.com/hello/visits" || !hot.Hot || hot.Package != "example.com/hello/handlers" {
		t.Errorf("host and hot: %+v, %+v", host, hot)
	}
	for _, f := range got.Functions {
		if len(f.Live) != 1 || f.Live[0] <= 0 || len(f.GoBuild) != 1 || f.GoBuild[0] <= 0 || len(f.Compile) != 1 || f.Compile[0] <= 0 || len(f.Steps["link"]) != 1 {
			t.Errorf("%s: %+v", f.Function, f)
		}
	}
	if len(host.AfterRestart) != 0 || len(hot.AfterRestart) != 1 {
		t.Errorf("after a restart: %v, %v", host.AfterRestart, hot.AfterRestart)
	}
	links := 0
	for _, n := range hot.Links {
		links += n
	}
	if links != 2 || len(host.Links) != 0 { // a restart links the executable
		t.Errorf("links: %v, %v", host.Links, hot.Links)
	}
	if got.Memory != nil && (len(got.Memory.RSS) != 2 || got.Memory.Plugin <= 0) { // not every system tells it
		t.Errorf("memory: %+v", got.Memory)
	}
	if after := sourcesOf(t, dir); !maps.Equal(after, before) {
		t.Errorf("the files were not put back:\n%s", after)
	}
}

// TestTouch: each hot package is edited once, and what was done is listed.
func TestTouch(t *testing.T) {
	if testing.Short() {
		t.Skip("builds and runs applications")
	}
	tool := buildTool(t, t.Context())
	for _, tt := range []struct {
		name string
		dir  string
		hot  int
		host string // a package that is not touched
		kept string // what is said of one that a process can take only once
	}{
		{"hello", testkit.CopyApp(t, "hello"), 1, "example.com/hello/visits", ""},
		{"kinds", kinds(t), 8, "example.com/kinds/native", "codec.Name is not live: kept not initialised in the running process"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			before := sourcesOf(t, tt.dir)
			var stdout, stderr bytes.Buffer
			if err := run(t.Context(), []string{"-q", "-touch", "-tool", tool, tt.dir}, &stdout, &stderr); err != nil {
				t.Fatalf("%v\n%s", err, &stderr)
			}
			if text := stdout.String(); !strings.Contains(text, "/handlers ") || strings.Contains(text, tt.host) || !strings.Contains(text, fmt.Sprintf("\nlinks: %d of %[1]d thin\n", tt.hot)) {
				t.Errorf("printed\n%s", text)
			} else if !strings.Contains(text, tt.kept) || tt.kept == "" && strings.Contains(text, "not live") {
				t.Errorf("does not say %q:\n%s", tt.kept, text)
			} else {
				t.Log("\n" + text)
			}
			if after := sourcesOf(t, tt.dir); !maps.Equal(after, before) {
				t.Errorf("the files were not put back:\n%s", after)
			}
		})
	}
}

// kinds returns the directory of the application of testdata/kinds.txtar.
func kinds(t *testing.T) string {
	t.Helper()
	ar, err := txtar.ParseFile("testdata/kinds.txtar")
	if err != nil {
		t.Fatal(err)
	}
	sums, err := os.ReadFile("../../../../examples/hello/go.sum")
	if err != nil {
		t.Fatal(err)
	}
	ar.Files = append(ar.Files, txtar.File{Name: "go.sum", Data: sums})
	files, err := txtar.FS(ar)
	if err != nil {
		t.Fatal(err)
	}
	return testkit.CopyTree(t, "kinds", files)
}

// TestInterrupted ends a run while an edit is in a file.
func TestInterrupted(t *testing.T) {
	if testing.Short() {
		t.Skip("builds and runs an application")
	}
	dir := testkit.CopyApp(t, "hello")
	before := sourcesOf(t, dir)
	ctx, interrupt := context.WithCancel(t.Context())
	edited := false
	b := &bench{options: options{dir: dir, functions: []string{"handlers.now"}, n: 1, tool: buildTool(t, t.Context()), timeout: testTimeout}, work: t.TempDir()}
	b.say = func(format string, _ ...any) {
		if strings.HasPrefix(format, "round") {
			edited = !maps.Equal(sourcesOf(t, dir), before)
			interrupt()
		}
	}
	if _, err := b.measure(ctx); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	if !edited {
		t.Error("nothing was edited when it was interrupted")
	}
	if after := sourcesOf(t, dir); !maps.Equal(after, before) {
		t.Errorf("the files were not put back:\n%s", after)
	}
}

func TestFindCompilation(t *testing.T) {
	const out = `WORK=/tmp/go-build1
mkdir -p $WORK/b002/
cd /src/app
/go/tool/compile -o $WORK/b003/_pkg_.a -trimpath "$WORK/b003=>" -p example.com/app/handlers/v2 -pack ./handlers/v2/a.go
cd /src
/go/tool/compile -o $WORK/b002/_pkg_.a -trimpath "$WORK/b002=>" -p example.com/app/handlers -pack ./app/handlers/a.go
/go/tool/link -o $WORK/b001/exe/a.out $WORK/b001/_pkg_.a
`
	c, err := findCompilation(out, "example.com/app/handlers")
	if err != nil || c.work != "/tmp/go-build1" || c.dir != "/src" || !strings.HasSuffix(c.command, " ./app/handlers/a.go") {
		t.Errorf("%+v, %v", c, err)
	}
	if c, err := findCompilation(out, "example.com/app"); err == nil {
		t.Errorf("found %+v", c)
	}
}

func TestStatistics(t *testing.T) {
	ms := func(ds ...time.Duration) (s Samples) {
		for _, d := range ds {
			s.add(d * time.Millisecond)
		}
		return s
	}
	for _, c := range []struct {
		in   Samples
		want time.Duration
	}{{nil, 0}, {ms(5), 5}, {ms(9, 1), 5}, {ms(9, 1, 2), 2}, {ms(100, 1, 2, 4), 3}} {
		if got := c.in.median(); got != c.want*time.Millisecond {
			t.Errorf("median of %v: %v, want %v ms", c.in, got, c.want)
		}
	}
	for _, c := range []struct {
		in   []int64
		want int64
	}{{nil, 0}, {[]int64{7}, 0}, {[]int64{100, 110, 120, 130}, 10}, {[]int64{100, 110, 9999, 130, 140}, 10}} {
		if got := slope(c.in); got != c.want {
			t.Errorf("slope of %v: %d, want %d", c.in, got, c.want)
		}
	}
}

func TestTable(t *testing.T) {
	r := &Report{Dir: "/src/app", N: 2, Functions: []*Result{
		{Function: "handlers.Index", Hot: true, Live: Samples{100e6, 140e6}, Compile: Samples{30e6}, GoBuild: Samples{1200e6}, Steps: map[string]*Samples{"link": {20e6}, "compile": {40e6}}, Links: map[string]int{"thin": 3, "full: no such symbol": 1}},
		{Function: "store.Get", Live: Samples{900e6}, Compile: Samples{30e6}, GoBuild: Samples{1000e6}},
	}, Air: &Air{Version: "v1", Started: []*Samples{{2500e6}, {2600e6}}}, Memory: &Memory{Function: "handlers.Index", PerGeneration: 43 << 10, Plugin: 12 << 10}}
	var out strings.Builder
	if err := r.write(&out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"handlers.Index  hot\n", "120   [100 – 140]    compile 40, link 20", "1200  [1200 – 1200]", "0.10 of go build, 1.00 of two compilations and 60 ms",
		"store.Get  restart\n", "0.90 of go build\n", "2500", "links: 3 of 4 thin\n  1 × full: no such symbol\n", "memory: 43 KB a generation (handlers.Index), of which the plugin 12 KB\n",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is not in\n%s", want, &out)
		}
	}
}

func TestOptions(t *testing.T) {
	var stderr strings.Builder
	o, err := parseOptions([]string{"-n", "3", ".", "handlers.Index", "main.run", "--", "-db", "--", "x"}, &stderr)
	if err != nil || o.n != 3 || len(o.functions) != 2 || strings.Join(o.args, " ") != "-db -- x" {
		t.Errorf("%+v, %v", o, err)
	}
	for _, args := range [][]string{{}, {"."}, {".", "--", "handlers.Index"}, {"-n", "0", ".", "handlers.Index"}, {"-x"}} {
		if o, err := parseOptions(args, &stderr); err == nil {
			t.Errorf("%q: %+v", args, o)
		}
	}
	stderr.Reset()
	if _, err := parseOptions([]string{"--help"}, &stderr); err == nil || !strings.Contains(stderr.String(), "handlers.Index") || !strings.Contains(stderr.String(), "-generations") {
		t.Errorf("%v\n%s", err, &stderr)
	}
}
