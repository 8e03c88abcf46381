package engine

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/internal/build"
	"github.com/anvilforge/anvil-lsp/internal/build/golist"
	"github.com/anvilforge/anvil-lsp/manifest/source"
)

// CheckResult is what Check has to say about a workspace.
type CheckResult struct {
	// Rung is what a live server that runs what the manifest describes would do with the code as it is
	// now; RungHotSwap also if nothing differs.
	Rung        manifest.Rung         `json:"rung"`
	Diagnostics []manifest.Diagnostic `json:"diagnostics"` // sorted
	// Manifest is what the code would register, as far as it can be known from source.
	Manifest *manifest.Manifest `json:"manifest,omitempty"`
	Unknown  []source.Unknown   `json:"unknown,omitempty"`
	// Main is the import path of the program that was checked.
	Main string `json:"main,omitempty"`
}

// Describes reports whether a manifest is of the program that was checked: a main package is always
// a host package of its own program, and of no other. One without host packages does not say.
func (r *CheckResult) Describes(m *manifest.Manifest) bool {
	return r.Main == "" || len(m.Host) == 0 || slices.ContainsFunc(m.Host, func(p manifest.Package) bool {
		return p.Path == r.Main
	})
}

// Check compares the code of an application with a manifest, from source, without a live server.
// against may be nil: then only what would not load is found. The policy is that of the server that
// the answer is about. Dependencies are compiled if they are not in the build cache.
func Check(
	ctx context.Context, b *build.Builder, against *manifest.Manifest, policy BreakPolicy, progress build.Progress,
) (*CheckResult, error) {
	main, err := b.Main(ctx)
	if err != nil {
		return failed(err)
	}
	s, _, err := b.Prepare(ctx, main, progress)
	if err != nil {
		return failed(err)
	}
	report, err := source.NewChecker(program(s, s.Sources())).Check(ctx, nil)
	if err != nil {
		return nil, err
	}
	var reasons []manifest.Diagnostic
	if against != nil {
		reasons = hostChanges(b, s, against)
	}
	reasons = append(reasons, uncompiled(s, report)...)
	v := newPrediction(report, against, s.Hot(), reasons).under(&Options{OnBreak: policy})
	m := &manifest.Manifest{
		Format: manifest.FormatVersion, ABI: manifest.ABIVersion, Toolchain: b.Toolchain(), Handlers: s.Handlers(),
		Host: s.Host(), Hot: s.Hot(),
		Modules: s.Modules(), GODEBUG: s.GODEBUG(),
		Routes: []manifest.Route{},
	}
	for _, r := range report.Routes {
		m.Routes = append(m.Routes, r.Route)
	}
	for _, st := range report.State {
		m.State = append(m.State, st.State)
	}
	m.Sort()
	return &CheckResult{Rung: v.rung, Diagnostics: slices.Concat([]manifest.Diagnostic{}, v.diagnostics), Manifest: m,
		Unknown: report.Unknown, Main: s.Main()}, nil
}

// failed is the result for code that does not load at all.
func failed(err error) (*CheckResult, error) {
	if f, ok := errors.AsType[*build.Failure](err); ok {
		return &CheckResult{Rung: manifest.RungKeep, Diagnostics: f.Diagnostics}, nil
	}
	return nil, err
}

// hostChanges compares what a manifest says of the host with the code.
func hostChanges(b *build.Builder, s *build.Snapshot, against *manifest.Manifest) []manifest.Diagnostic {
	var out []manifest.Diagnostic
	if was, now := against.Toolchain, b.Toolchain(); was != "" && was != now {
		out = append(out, manifest.Diagnose(manifest.CodeModuleChanged, manifest.Position{},
			"the manifest was made with %s, this is %s", was, now))
	}
	out = append(out, moduleChanges(s, against)...)
	hashes := map[string]string{}
	for _, p := range against.Host {
		hashes[p.Path] = p.Hash
	}
	for _, p := range s.Host() {
		was, ok := hashes[p.Path]
		pkg := s.Package(p.Path)
		if ok && was == p.Hash || !ok && !pkg.Workspace() { // a new dependency of hot code is no difference
			continue
		}
		pos := manifest.Position{}
		if files := sourcePackage(pkg).GoFiles; len(files) > 0 {
			pos.File = files[0]
		}
		d := manifest.Diagnose(manifest.CodeHostChanged, pos, "%s", manifest.Fit(
			p.Path+" differs from the one in the manifest", path.Base(p.Path)+" differs from the one in the manifest"))
		d.Related = []manifest.Related{{Position: pos, Message: p.Path + " is a host package: " + s.Reason(p.Path).String()}}
		out = append(out, d)
	}
	return out
}

// moduleChanges compares the modules that a manifest recorded with those that are selected now.
// Modules that are new are none of the process's.
func moduleChanges(s *build.Snapshot, against *manifest.Manifest) []manifest.Diagnostic {
	if len(against.Modules) == 0 {
		return nil // an earlier version wrote it
	}
	name := func(id string) string { p, _, _ := strings.Cut(id, "@"); return p }
	was := map[string]string{}
	for _, id := range against.Modules {
		was[name(id)] = id
	}
	changed := map[string]string{}
	for _, now := range s.Modules() {
		if before, ok := was[name(now)]; ok && before != now {
			changed[name(now)] = fmt.Sprintf("the manifest was made with %s, go.mod now says %s", golist.ModuleText(before),
				golist.ModuleText(now))
		}
	}
	if before, now := against.GODEBUG, s.GODEBUG(); before != now {
		changed[""] = fmt.Sprintf("the manifest was made with the GODEBUG defaults %q, go.mod now says %q", before, now)
	}
	return s.ModulesChanged(changed)
}
