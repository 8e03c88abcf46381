//go:build unix

package engine

import (
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/anvilforge/anvil-lsp/hotreload/control"
	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/internal/build"
)

// buffer is a file of the application with a change that is not saved.
func (a *app) buffer(name, old, new string) map[string][]byte {
	a.Helper()
	path := filepath.Join(a.dir, name)
	text := readFile(a.T, path)
	if !strings.Contains(text, old) {
		a.Fatalf("%s does not contain %q", name, old)
	}
	return map[string][]byte{path: []byte(strings.Replace(text, old, new, 1))}
}

// predicts checks what a predictor says about buffers.
func (a *app) predicts(o *Predictor, buffers map[string][]byte, rung manifest.Rung, codes ...manifest.Code) *Prediction {
	a.Helper()
	fc, err := o.Predict(a.Context(), buffers)
	if err != nil {
		a.Fatal(err)
	}
	var got []manifest.Code
	for _, d := range fc.Diagnostics {
		if d.Code.Rung() != manifest.RungHotSwap {
			got = append(got, d.Code)
		}
	}
	if fc.Rung != rung || !slices.Equal(got, codes) {
		a.Errorf("rung %q, %v; want %q, %v", fc.Rung, fc.Diagnostics, rung, codes)
	}
	return fc
}

// edits are what a predictor is asked about, of an application that is live.
func (a *app) edits(o *Predictor) {
	const comment, host = "// Package handlers", "\nfunc "
	a.predicts(o, nil, "")
	a.predicts(o, a.buffer("handlers/handlers.go", comment, "//\n"+comment), manifest.RungHotSwap)
	a.predicts(o, a.buffer("handlers/handlers.go", "func AnvilRegisterRoutes(", "func AnvilRegister("), manifest.RungKeep, manifest.CodeRegister)
	// Of a host package a comment means nothing, all else a restart.
	a.predicts(o, a.buffer("visits/visits.go", host, "\n// nothing"+host), "")
	fc := a.predicts(o, a.buffer("visits/visits.go", host, "\nvar More = 1\n"+host), manifest.RungWarmRestart, manifest.CodeHostChanged)
	if !slices.ContainsFunc(fc.Diagnostics, func(d manifest.Diagnostic) bool { return strings.Contains(d.Message, "More") && d.Line > 0 }) {
		a.Errorf("%v do not say what changed", fc.Diagnostics)
	}
	// A host package and its user, both unsaved.
	both := a.buffer("visits/visits.go", host, "\nfunc More() int { return 1 }\n"+host)
	for path, text := range a.buffer("handlers/handlers.go", "func AnvilRegisterRoutes(", "var _ = visits.More()\n\nfunc AnvilRegisterRoutes(") {
		both[path] = text
	}
	a.predicts(o, both, manifest.RungWarmRestart, manifest.CodeHostChanged)
	a.predicts(o, a.buffer("go.mod", "go 1.26", "// new\n\ngo 1.26"), "")
	a.predicts(o, a.buffer("go.mod", "go 1.26", "godebug madvdontneed=1\n\ngo 1.26"), manifest.RungWarmRestart, manifest.CodeModuleChanged)
	// A file that was never saved, and one that the build leaves out.
	file := filepath.Join(a.dir, "handlers", "new.go")
	a.predicts(o, map[string][]byte{file: []byte("package handlers\n\nvar X int = \"\"\n")}, manifest.RungKeep, manifest.CodeCompile)
	a.predicts(o, map[string][]byte{file: []byte("//go:build never\n\npackage handlers\n\nvar X int = \"\"\n")}, "")
	// An import that nobody knows yet.
	fc = a.predicts(o, a.buffer("handlers/handlers.go", `"fmt"`, `"fmt"`+"\n\t_ \"archive/zip\""), manifest.RungHotSwap)
	if !slices.Contains(fc.Report.Missing, "archive/zip") {
		a.Errorf("missing are %q", fc.Report.Missing)
	}
	a.predicts(o, nil, "")
}

// TestPredictor: what an engine says of unsaved buffers, with and without it.
func TestPredictor(t *testing.T) {
	a := newApp(t)
	alone, err := NewPredictor(t.Context(), Options{Dir: a.dir})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := alone.Predict(t.Context(), nil); !errors.Is(err, ErrNotPredictable) {
		t.Errorf("before there is anything: %v", err)
	}
	a.start()
	o := a.e.Predictor()
	if _, err := o.Predict(t.Context(), nil); !errors.Is(err, ErrNotPredictable) {
		t.Errorf("before there is anything: %v", err)
	}
	a.until(control.EventLive)
	a.edits(o)
	if err := alone.Refresh(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	a.edits(alone)

	// What was saved is what is compared with; without an engine after Refresh.
	a.edit("visits/visits.go", "\nfunc ", "\nvar Saved = 1\n\nfunc ")
	a.until(control.EventLive)
	a.predicts(o, nil, "")
	if err := alone.Refresh(t.Context(), []string{filepath.Join(a.dir, "visits/visits.go")}); err != nil {
		t.Fatal(err)
	}
	a.predicts(alone, nil, "")
	a.edits(alone)

	// An import that nobody has: what is typed may be it, what is on disk is not.
	for _, o := range []*Predictor{o, alone} {
		if err := o.Loads(t.Context()); err != nil {
			t.Errorf("what is live cannot be loaded: %v", err)
		}
	}
	a.edit("handlers/handlers.go", `"fmt"`, `"fmt"`+"\n\t_ \"nowhere.example/x\"")
	a.until(control.EventKept)
	for _, o := range []*Predictor{o, alone} {
		if _, ok := errors.AsType[*build.Failure](o.Loads(t.Context())); !ok {
			t.Error("an import that nobody has is loaded")
		}
	}
}

// TestPredictorBeforeLive: while the first live server is linked and started it is
// known what it will find fault with, but nothing is broken yet: not what an
// earlier process had, and not what that one has not.
func TestPredictorBeforeLive(t *testing.T) {
	a := newApp(t)
	a.edit("main.go", "ctx, stop :=", `for _, err := os.Stat("go"); err != nil; _, err = os.Stat("go") {
		time.Sleep(5 * time.Millisecond)
	}
	ctx, stop :=`)
	a.edit("main.go", `"syscall"`, `"syscall"`+"\n\t\"time\"")
	earlier := &manifest.Manifest{Format: manifest.FormatVersion, ABI: 1, Routes: []manifest.Route{{Method: "GET", Pattern: "/time", Fingerprint: "of another signature"}}}
	text, err := earlier.Encode()
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, string(text), ManifestPath(a.dir))
	predictable := make(chan struct{}, 1)
	a.start(func(o *Options) { o.OnPredictable = func() { predictable <- struct{}{} } })
	<-predictable
	o := a.e.Predictor()
	fc := a.predicts(o, nil, "")
	if len(fc.Report.Routes) != 2 || fc.Live != nil {
		t.Errorf("%d routes, compared with %v", len(fc.Report.Routes), fc.Live)
	}
	const register = `r.Get("/time", now)`
	a.predicts(o, a.buffer("handlers/handlers.go", register, register+"\n\t"+register), manifest.RungKeep, manifest.CodeRoute)
	a.predicts(o, a.buffer("handlers/handlers.go", register, register+"\n\thttp.HandleFunc(\"/once\", now)"), "", manifest.CodeGlobal)
	host := a.buffer("visits/visits.go", "\nfunc ", "\nvar More = 1\n\nfunc ")
	a.predicts(o, host, "")
	a.predicts(o, a.buffer("go.mod", "go 1.26", "godebug madvdontneed=1\n\ngo 1.26"), "")
	if st := a.e.Status(t.Context()); st.Generation != 0 || st.State != control.StateBuilding {
		t.Errorf("generation %d is %s: this was to be asked before it is live", st.Generation, st.State)
	}
	writeFile(t, "", a.dir, "go")
	a.untilLive(1, "")
	a.predicts(o, nil, "")
	a.predicts(o, host, manifest.RungWarmRestart, manifest.CodeHostChanged)
}
