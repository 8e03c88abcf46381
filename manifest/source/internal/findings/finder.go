// Package findings searches the syntax of a program for what a reload breaks or resets:
// what a process can do only once (ANV006), package-level state (ANV007), and what
// outlives its generation (ANV008). It needs types, but no values: nothing is run.
//
// What one package contributes depends on that package alone and is kept ([Finder]);
// what is found depends on all packages together.
package findings

import (
	"go/types"

	"github.com/anvilforge/anvil-lsp/manifest/source/internal/load"
	"github.com/anvilforge/anvil-lsp/manifest/source/internal/runtimeapi"
)

// Finder looks through the syntax of a program for what a reload resets, what
// outlives its generation, and what can be done only once.
type Finder struct {
	*load.Snapshot
	facts map[*load.Unit]*facts
}

// New returns a finder for a program. What last found in packages that did not
// change is used again; last may be nil.
func New(s *load.Snapshot, last *Finder) *Finder {
	f := &Finder{s, map[*load.Unit]*facts{}}
	for _, c := range s.Units {
		if last != nil {
			f.facts[c] = last.facts[c]
		}
		if f.facts[c] == nil {
			f.facts[c] = findFacts(c)
		}
	}
	return f
}

// function returns the facts of a declared function, nil if its source is not
// checked.
func (f *Finder) function(fn *types.Func) *functionFacts {
	own := f.facts[f.Unit(fn.Pkg())]
	if own == nil {
		return nil
	}
	return own.functions[fn]
}

// StateCalls returns the calls of hotreload.StateOf in hot packages.
func (f *Finder) StateCalls() []runtimeapi.StateCall {
	var calls []runtimeapi.StateCall
	for _, c := range f.Hot {
		calls = append(calls, f.facts[c].states...)
	}
	return calls
}

// Mutations are the package-level variables that something changes.
type Mutations struct {
	Changed map[*types.Var]bool
	Running map[*types.Var]bool // those of them that something changes later than initialisation
}

func (f *Finder) Mutations() Mutations {
	m := Mutations{map[*types.Var]bool{}, map[*types.Var]bool{}}
	var started map[*types.Func]bool
	if len(f.Units) > len(f.Hot) {
		started = f.startingFunctions(f.Units)
	}
	for _, c := range f.Units {
		note := func(v *types.Var, in surroundings) {
			m.Changed[v] = true
			if started != nil && (in.literal || !started[in.fn]) {
				m.Running[v] = true
			}
		}
		for _, change := range f.facts[c].changes {
			note(change.v, change.in)
		}
		for _, call := range f.facts[c].calls {
			if f.changes(call) {
				note(call.v, call.in)
			}
		}
	}
	return m
}
