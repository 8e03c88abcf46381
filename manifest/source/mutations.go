package source

import "go/types"

// finder looks through the syntax of a program for what a reload resets, what
// outlives its generation, and what can be done only once.
type finder struct {
	*snapshot
	facts map[*checked]*facts
}

// newFinder returns a finder for a program. What last found in packages that did not
// change is used again; last may be nil.
func newFinder(s *snapshot, last *finder) *finder {
	f := &finder{s, map[*checked]*facts{}}
	for _, c := range s.units {
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
func (f *finder) function(fn *types.Func) *functionFacts {
	own := f.facts[f.unit(fn.Pkg())]
	if own == nil {
		return nil
	}
	return own.functions[fn]
}

// mutations are the package-level variables that something changes.
type mutations struct {
	changed map[*types.Var]bool
	running map[*types.Var]bool // those of them that something changes later than initialisation
}

func (f *finder) mutations() mutations {
	m := mutations{map[*types.Var]bool{}, map[*types.Var]bool{}}
	var started map[*types.Func]bool
	if len(f.units) > len(f.hot) {
		started = f.startingFunctions(f.units)
	}
	for _, c := range f.units {
		note := func(v *types.Var, in surroundings) {
			m.changed[v] = true
			if started != nil && (in.literal || !started[in.fn]) {
				m.running[v] = true
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
