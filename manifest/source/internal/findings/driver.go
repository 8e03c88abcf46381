package findings

import (
	"go/types"
	"slices"

	"golang.org/x/tools/go/analysis"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/manifest/source/internal/load"
	"github.com/anvilforge/anvil-lsp/manifest/source/internal/runtimeapi"
)

// Findings are what was found in a program.
type Findings struct {
	*load.Snapshot
	Diagnostics []manifest.Diagnostic // ANV007 and ANV008
	OneTime     []OneTime             // ANV006
	// Leads are the import paths of packages whose source would tell more, sorted.
	Leads []string
	// States are the calls of hotreload.StateOf in hot packages.
	States []runtimeapi.StateCall
	// Changed are the package-level variables that something changes, Running those of them that
	// something changes later than initialisation.
	Changed, Running map[*types.Var]bool

	facts map[*load.Unit]*facts
}

// OneTime is a global registration that a second generation cannot make.
type OneTime struct {
	manifest.Diagnostic
	// Registering says that every generation makes it, because it is reached from
	// AnvilRegisterRoutes.
	Registering bool
	// Packages are the hot packages whose initialisation makes it, sorted: it takes effect in a
	// generation that compiles one of them.
	Packages []string
}

// Find runs the analyzers on a program. The facts of packages that did not change since last, which
// may be nil, are used again.
func Find(s *load.Snapshot, last *Findings) *Findings {
	found := &Findings{Snapshot: s, facts: map[*load.Unit]*facts{}}
	a := NewAnalyzers(Config{Handlers: s.Program.Handlers})
	var all []*facts
	for _, u := range s.Units {
		if last != nil {
			found.facts[u] = last.facts[u]
		}
		if found.facts[u] == nil {
			found.facts[u] = collectFacts(found.pass(nil, u), u.Spec.Hot)
		}
		all = append(all, found.facts[u])
	}
	p := newProgram(s.Program.Handlers, all)
	found.Changed, found.Running = p.mutations()
	for _, f := range p.hot {
		found.States = append(found.States, f.states...)
	}
	for _, u := range s.Units {
		for _, f := range found.run(a.OneTime, u, p) {
			found.OneTime = append(found.OneTime, OneTime{found.diagnostic(f), f.registering, f.packages})
		}
		for _, f := range slices.Concat(found.run(a.PackageState, u, p), found.run(a.Outliving, u, p)) {
			found.Diagnostics = append(found.Diagnostics, found.diagnostic(f))
		}
	}
	found.Leads = p.leads
	return found
}

// run runs an analyzer on a package of a program.
func (f *Findings) run(a *analysis.Analyzer, u *load.Unit, p *program) []*finding {
	pass := f.pass(a, u)
	pass.ResultOf = map[*analysis.Analyzer]any{a.Requires[0]: p}
	pass.Report = func(analysis.Diagnostic) {}
	result, err := a.Run(pass)
	if err != nil {
		panic(err) // they have none
	}
	return result.([]*finding)
}

func (f *Findings) pass(a *analysis.Analyzer, u *load.Unit) *analysis.Pass {
	pass := &analysis.Pass{Analyzer: a, Fset: f.Fset, Pkg: u.Types, TypesInfo: u.Info}
	for _, file := range u.Files {
		pass.Files = append(pass.Files, file.Syntax)
	}
	return pass
}

// diagnostic converts a finding.
func (f *Findings) diagnostic(d *finding) manifest.Diagnostic {
	out := manifest.Diagnose(manifest.Code(d.Category), f.Position(d.Pos), "%s", d.Message)
	out.Severity = d.severity
	for _, r := range d.Related {
		out.Related = append(out.Related, manifest.Related{Position: f.Position(r.Pos), Message: r.Message})
	}
	return out
}
