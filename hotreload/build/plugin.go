package build

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/anvilforge/anvil-lsp/hotreload/control"
	"github.com/anvilforge/anvil-lsp/manifest"
)

// Result is something that the live server can run.
type Result struct {
	// Path of the plugin or executable.
	Path string
	// Rebuilt lists the packages of the workspace that were compiled.
	Rebuilt []string
	Steps   []control.Step
	// Snapshot is what it was built from, to be kept if it goes live.
	Snapshot *Snapshot
}

// Plugin carries out a plan for a hot swap: it compiles what the plan says and
// links a plugin. The generation's number must not have been used for the
// same live server before. Errors in the code are a *Failure.
func (b *Builder) Plugin(ctx context.Context, plan *Plan, generation int) (_ *Result, err error) {
	dir := filepath.Join(b.cfg.OutDir, "work", fmt.Sprintf("g%d", generation))
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return nil, writeError(err)
	}
	defer func() {
		if err != nil {
			_ = os.RemoveAll(dir)
		}
	}()
	s := plan.next
	res := &Result{Path: filepath.Join(b.cfg.OutDir, "gen", fmt.Sprintf("%04d.so", generation))}
	if err := os.MkdirAll(filepath.Dir(res.Path), 0o777); err != nil {
		return nil, writeError(err)
	}
	watch := stopwatch{last: time.Now()}
	if missing := s.missing(); len(missing) > 0 {
		// Why the go command did not compile them is in its own words.
		if _, err := b.exportArchives(ctx, nil, 0, s.boundary.Main); err != nil {
			return nil, err
		}
		return nil, fmt.Errorf("the go command gave no archive of %s", missing[0])
	}
	res.Rebuilt = s.importers(plan.Changed)
	now, err := b.compileHot(ctx, s, res.Rebuilt, generation, dir)
	if err != nil {
		return nil, err
	}
	shim, err := b.compileShim(ctx, s, now, dir, generation)
	if err != nil {
		return nil, err
	}
	res.Steps = append(res.Steps, watch.step(control.StepCompile))
	if err := b.linker.link(ctx, linkJob{
		out: res.Path, main: shim, pluginPath: pluginPath(generation), importcfg: linkConfig(s, now),
	}); err != nil {
		return nil, err
	}
	res.Steps = append(res.Steps, watch.step(control.StepLink))
	next := *s
	next.compiled = now
	res.Snapshot = &next
	return res, nil
}

// importers returns packages and the hot packages that import them, dependencies
// first; and those that were never compiled.
func (s *Snapshot) importers(changed []string) []string {
	dirty := map[string]bool{}
	var out []string
	for _, path := range s.graph.Order {
		if !s.hot(path) {
			continue
		}
		_, known := s.compiled[path]
		if !known || slices.Contains(changed, path) || slices.ContainsFunc(s.graph.Packages[path].Imports, func(i string) bool { return dirty[i] }) {
			dirty[path] = true
			out = append(out, path)
		}
	}
	return out
}

// pluginPath names a plugin. The runtime looks symbols up under it, escaped if
// there is a dot in its last element.
func pluginPath(generation int) string { return fmt.Sprintf("anvil/g%d", generation) }

// compileShim compiles the plugin's main package, which hands the handlers
// package's register function to the live server whatever its type is: the
// live server names a wrong one better than a linker would.
func (b *Builder) compileShim(ctx context.Context, s *Snapshot, now map[string]compiled, dir string, generation int) (string, error) {
	text := fmt.Sprintf(`package main

import (
	h %q
	"%s"
)

var AnvilRegisterRoutes any = h.%s
var AnvilABIVersion int = hotreload.ABIVersion

func main() {}
`, s.boundary.Handlers, RuntimePath, RegisterName)
	file := filepath.Join(dir, "shim.go")
	if err := os.WriteFile(file, []byte(text), 0o666); err != nil {
		return "", writeError(err)
	}
	out := filepath.Join(dir, "shim.a")
	err := b.compile(ctx, compileJob{
		pkg: &Package{ImportPath: "main", Name: "main", Dir: dir}, path: pluginPath(generation),
		out: out, files: []string{file}, importcfg: importConfig(s, now, ""),
	})
	if _, ok := errors.AsType[*Failure](err); ok {
		p := s.graph.Packages[s.boundary.Handlers]
		pos := manifest.Position{File: p.Dir}
		if len(p.GoFiles) > 0 {
			pos = manifest.Position{File: filepath.Join(p.Dir, p.GoFiles[0]), Line: 1}
		}
		return "", failure(manifest.Diagnose(manifest.CodeRegister, pos,
			"package %s must export func %s(r *hotreload.RouteSink)", s.boundary.Handlers, RegisterName))
	}
	return out, err
}

// stopwatch times consecutive steps.
type stopwatch struct{ last time.Time }

func (w *stopwatch) step(name string) control.Step {
	now := time.Now()
	d := now.Sub(w.last)
	w.last = now
	return control.Step{Name: name, Duration: control.Duration(d)}
}
