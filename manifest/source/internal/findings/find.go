package findings

import (
	"go/types"
	"slices"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/manifest/source/internal/load"
	"github.com/anvilforge/anvil-lsp/manifest/source/internal/runtimeapi"
)

// Findings are what was found in a program.
type Findings struct {
	*load.Snapshot
	Diagnostics []manifest.Diagnostic // ANV007 and ANV008
	OneTime     []OneTime             // ANV006, by position
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

// Find searches a program. The facts of packages that did not change since last, which may be nil,
// are used again.
func Find(s *load.Snapshot, last *Findings) *Findings {
	found := &Findings{Snapshot: s, facts: map[*load.Unit]*facts{}}
	var all []*facts
	for _, u := range s.Units {
		if last != nil {
			found.facts[u] = last.facts[u]
		}
		if found.facts[u] == nil {
			found.facts[u] = collectFacts(u)
		}
		all = append(all, found.facts[u])
	}
	p := newProgram(s.Program.Handlers, all)
	found.Changed, found.Running = p.mutations()
	for _, f := range p.hot {
		found.States = append(found.States, f.states...)
	}
	var once []*finding
	once, found.Leads = p.oneTime()
	for _, f := range once {
		found.OneTime = append(found.OneTime, OneTime{found.diagnostic(f), f.registering, f.packages})
	}
	slices.SortStableFunc(found.OneTime, func(a, b OneTime) int { return a.Position.Compare(b.Position) })
	for _, f := range append(p.packageState(), p.outliving()...) {
		found.Diagnostics = append(found.Diagnostics, found.diagnostic(f))
	}
	return found
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
