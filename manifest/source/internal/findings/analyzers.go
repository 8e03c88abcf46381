// Package findings searches the syntax of a program for what a reload breaks or resets: what a
// process can do only once (ANV006), package-level state (ANV007), and what outlives its generation
// (ANV008). It needs types, but no values: nothing is run.
//
// It has the shape of golang.org/x/tools/go/analysis: an analyzer for each code works from the facts
// of the packages of a program, which are what each package contributes by itself. The driver here
// ([Find]) knows the whole program, keeps the facts of packages that did not change, and works on
// unsaved and half-typed code. Any other driver makes a program of each package: facts refer to
// syntax and types, so they cannot be sent from one process to another.
package findings

import (
	"go/token"
	"reflect"
	"slices"

	"golang.org/x/tools/go/analysis"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
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
			return newProgram(c.Handlers, []*facts{collectFacts(pass, c.Hot(pass.Pkg.Path()))}), nil
		},
	}
	reporting := func(name, doc string, find func(*program) []*finding) *analysis.Analyzer {
		run := func(pass *analysis.Pass) (any, error) {
			found := slices.DeleteFunc(slices.Clone(find(pass.ResultOf[a.program].(*program))), func(f *finding) bool {
				return !standsIn(pass, f.Pos)
			})
			for _, f := range found {
				pass.Report(f.Diagnostic)
			}
			return found, nil
		}
		return &analysis.Analyzer{
			Name: name, Doc: doc, Run: run,
			RunDespiteErrors: true, ResultType: reflect.TypeFor[[]*finding](), Requires: []*analysis.Analyzer{a.program},
		}
	}
	a.OneTime = reporting("anv006", "finds registrations that a process can make only once",
		func(p *program) []*finding { return p.oneTime() })
	a.PackageState = reporting("anv007", "finds package-level state, which a reload resets",
		func(p *program) []*finding { return p.packageState() })
	a.Outliving = reporting("anv008", "finds goroutines and timers that outlive their generation", (*program).outliving)
	return a
}

// finding is a diagnostic, and what only the driver here makes use of.
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

// standsIn reports whether a position is in a file of the package of a pass.
func standsIn(pass *analysis.Pass, pos token.Pos) bool {
	for _, f := range pass.Files {
		if f.FileStart <= pos && pos <= f.FileEnd {
			return true
		}
	}
	return false
}
