package source

import "go/types"

// inspect adds what the syntax of the hot packages shows: state, what a reload
// resets, what outlives its generation, what can be done only once.
func (run *checking) inspect(w *world, all, hot []*checked, r *Report) {
	for _, c := range hot {
		for _, call := range c.facts.states {
			if s, ok := w.state(call.key, call.typ, call.pos); ok {
				r.State = append(r.State, s)
			}
		}
	}
	var started map[*types.Func]bool
	if len(all) > len(hot) {
		started = w.startingFunctions(all)
	}
	for _, c := range all {
		note := func(v *types.Var, in surroundings) {
			w.mutated[v] = true
			if started != nil && (in.literal || !started[in.fn]) {
				w.running[v] = true
			}
		}
		for _, change := range c.facts.changes {
			note(change.v, change.in)
		}
		for _, call := range c.facts.calls {
			if w.changes(call) {
				note(call.v, call.in)
			}
		}
	}
	changed := run.changedVariables(w, hot)
	r.Findings = append(r.Findings, changed...)
	r.Findings = append(r.Findings, run.openedVariables(w, hot, changed)...)
	r.Findings = append(r.Findings, run.outliving(w, hot)...)
	added, leads := run.additions(w, all, hot)
	r.OneTime, r.leads = append(run.globals(w, hot), added...), leads
	for _, o := range r.OneTime {
		r.Findings = append(r.Findings, o.Diagnostic)
	}
}
