package source

import (
	"context"

	"github.com/anvilforge/anvil-lsp/manifest/source/internal/findings"
	"github.com/anvilforge/anvil-lsp/manifest/source/internal/gotypes"
	"github.com/anvilforge/anvil-lsp/manifest/source/internal/load"
)

// Checker checks a program again and again, and keeps what did not change. It is for one user at a
// time.
type Checker struct {
	loader *load.Loader
	last   *findings.Findings // of the last call
}

// NewChecker returns a Checker for a program. Nothing is read before the first Check.
func NewChecker(p Program) *Checker { return &Checker{loader: load.New(p)} }

// Update replaces the program, because its graph or its archives changed. What did not change is
// kept.
func (c *Checker) Update(p Program) { c.loader.Update(p) }

// Check type-checks what changed since the last call, by content, and what imports it, and reports
// on the whole. The overlay holds unsaved buffers by absolute path.
//
// Code that does not type-check yields what can be known from the rest. Check never panics: a fault
// of its own becomes a finding. The error is that of the context, or an [ArchiveError].
func (c *Checker) Check(ctx context.Context, overlay map[string][]byte) (*Report, error) {
	for {
		s, err := c.loader.Load(ctx, overlay)
		if err != nil {
			return nil, err
		}
		b := &reporter{Snapshot: s, findings: c.last, shapes: gotypes.NewShapes(s.Program.HotPackages())}
		report := b.report(ctx)
		c.last = b.findings // complete: only following the register function ends early
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if !c.loader.Enter(report.leads) {
			return report, nil
		}
	}
}
