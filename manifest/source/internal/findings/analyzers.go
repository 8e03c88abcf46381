// Package findings searches the syntax of a program for what a reload breaks or resets: what a
// process can do only once (ANV006), package-level state (ANV007), and what outlives its generation
// (ANV008). It needs types, but no values: nothing is run.
//
// [Find] works from the facts of the packages of a program, which are what each package contributes
// by itself. It keeps the facts of packages that did not change, and works on unsaved and half-typed
// code. [NewAnalyzers] is for the drivers of golang.org/x/tools/go/analysis: they make a program of
// each package, because facts refer to syntax and types and cannot be sent to another process.
package findings

import (
	"go/token"
	"reflect"

	"golang.org/x/tools/go/analysis"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/manifest/source/internal/load"
)

// Config says what a reload replaces.
type Config struct {
	Handlers string // import path of the handlers package
	Hot      func(importPath string) bool
}

// Analyzers are the analyzers for one configuration.
type Analyzers struct {
	program      *analysis.Analyzer
	OneTime      *analysis.Analyzer // ANV006
	PackageState *analysis.Analyzer // ANV007
	Outliving    *analysis.Analyzer // ANV008
}

// NewAnalyzers makes the analyzers.
func NewAnalyzers(c Config) *Analyzers {
	a := &Analyzers{}
	a.program = &analysis.Analyzer{
		Name: "anvilprogram", Doc: "makes a program of a package",
		RunDespiteErrors: true, ResultType: reflect.TypeFor[*program](),
		Run: func(pass *analysis.Pass) (any, error) {
			path := pass.Pkg.Path()
			spec := load.Package{ImportPath: path, Hot: c.Hot(path)}
			u := load.NewUnit(spec, pass.Pkg, pass.TypesInfo, pass.Files)
			return newProgram(c.Handlers, []*facts{collectFacts(u)}), nil
		},
	}
	reporting := func(name, doc string, find func(*program) []*finding) *analysis.Analyzer {
		run := func(pass *analysis.Pass) (any, error) {
			for _, f := range find(pass.ResultOf[a.program].(*program)) {
				pass.Report(f.Diagnostic)
			}
			return nil, nil
		}
		requires := []*analysis.Analyzer{a.program}
		return &analysis.Analyzer{Name: name, Doc: doc, Run: run, RunDespiteErrors: true, Requires: requires}
	}
	a.OneTime = reporting("anv006", "finds registrations that a process can make only once",
		func(p *program) []*finding { once, _ := p.oneTime(); return once })
	a.PackageState = reporting("anv007", "finds package-level state, which a reload resets", (*program).packageState)
	a.Outliving = reporting("anv008", "finds goroutines and timers that outlive their generation", (*program).outliving)
	return a
}

// finding is a diagnostic, and what only [Find] makes use of.
type finding struct {
	analysis.Diagnostic
	severity manifest.Severity
	// Of ANV006: registering says that it is reached from the register function; packages are those
	// whose initialisation reaches it.
	registering bool
	packages    []string
}

// newFinding makes a finding with the severity of its code.
func newFinding(code manifest.Code, pos token.Pos, message string, related ...analysis.RelatedInformation) *finding {
	d := analysis.Diagnostic{Pos: pos, Category: string(code), Message: message, Related: related}
	return &finding{Diagnostic: d, severity: code.Severity()}
}

// because makes a related position.
func because(pos token.Pos, message string) analysis.RelatedInformation {
	return analysis.RelatedInformation{Pos: pos, Message: message}
}
