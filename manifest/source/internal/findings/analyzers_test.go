package findings_test

import (
	"testing"

	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/analysis/analysistest"

	"github.com/anvilforge/anvil-lsp/manifest/source/internal/findings"
)

// TestAnalyzers runs the analyzers by the driver of package analysistest: with the facts
// of what a package imports, and no others. The tests of package source run them on whole
// programs.
func TestAnalyzers(t *testing.T) {
	for path, choose := range map[string]func(*findings.Analyzers) *analysis.Analyzer{
		"onetime":      func(a *findings.Analyzers) *analysis.Analyzer { return a.OneTime },
		"packagestate": func(a *findings.Analyzers) *analysis.Analyzer { return a.PackageState },
		"outliving":    func(a *findings.Analyzers) *analysis.Analyzer { return a.Outliving },
	} {
		t.Run(path, func(t *testing.T) {
			hot := func(p string) bool { return p == path }
			a := findings.NewAnalyzers(findings.Config{Handlers: path, Hot: hot})
			analysistest.Run(t, analysistest.TestData(), choose(a), path)
		})
	}
}
