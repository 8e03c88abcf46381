package findings

import (
	"go/token"
	"go/types"
	"slices"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
)

// program is what a search knows: packages and their facts.
type program struct {
	handlers string // import path of the handlers package
	all, hot []*facts
	facts    map[*types.Package]*facts
}

func newProgram(handlers string, all []*facts) *program {
	p := &program{handlers: handlers, all: all, facts: map[*types.Package]*facts{}}
	for _, f := range all {
		p.facts[f.pkg] = f
		if f.hot {
			p.hot = append(p.hot, f)
		}
	}
	return p
}

// oneTime finds what hot code does that a second generation cannot do (ANV006), and the packages
// whose source would tell more.
func (p *program) oneTime() (found []*finding, leads []string) {
	added, leads := p.additions()
	return append(p.globals(), added...), leads
}

// packageState finds what a reload resets, or opens once more (ANV007).
func (p *program) packageState() []*finding {
	changed := p.changedVariables()
	return append(changed, p.openedVariables(changed)...)
}

// function returns the facts of a declared function, nil if there are none.
func (p *program) function(fn *types.Func) *functionFacts {
	if own := p.facts[fn.Pkg()]; own != nil {
		return own.functions[fn]
	}
	return nil
}

// mutations returns the package-level variables that something changes, and those of them that
// something changes later than initialisation.
func (p *program) mutations() (changed, running map[*types.Var]bool) {
	changed, running = map[*types.Var]bool{}, map[*types.Var]bool{}
	var started map[*types.Func]bool
	if len(p.all) > len(p.hot) {
		started = p.startingFunctions(p.all)
	}
	p.eachChange(p.all, func(v *types.Var, _ token.Pos, in surroundings) {
		changed[v] = true
		if started != nil && (in.literal || !started[in.fn]) {
			running[v] = true
		}
	})
	return changed, running
}

// eachChange calls note with the positions at which packages change package-level variables.
func (p *program) eachChange(packages []*facts, note func(v *types.Var, pos token.Pos, in surroundings)) {
	for _, c := range packages {
		for _, change := range c.changes {
			note(change.v, change.pos, change.in)
		}
		for _, call := range c.calls {
			if p.changes(call) {
				note(call.v, call.pos, call.in)
			}
		}
	}
}

// startingFunctions returns the functions that run only when a generation or the process starts:
// nil stands for initialisation and registration themselves, and the others are called from nowhere
// else. Exported ones of host packages may be called by packages that are not among these.
func (p *program) startingFunctions(packages []*facts) map[*types.Func]bool {
	uses := map[*types.Func][]use{}
	for _, c := range packages {
		for _, u := range c.uses {
			uses[u.fn] = append(uses[u.fn], u)
		}
	}
	starting := map[*types.Func]bool{nil: true}
	for grown := true; grown; {
		grown = false
		for fn, all := range uses {
			if c := p.facts[fn.Pkg()]; fn.Exported() && (c == nil || !c.hot) {
				continue
			}
			later := func(u use) bool { return !u.called || u.in.literal || !starting[u.in.fn] }
			if !starting[fn] && !slices.ContainsFunc(all, later) {
				starting[fn], grown = true, true
			}
		}
	}
	return starting
}

// changes reports whether a call writes to the variable that it is about.
func (p *program) changes(call variableCall) bool {
	if call.arg < 0 && changesByName(call.fn) {
		return true
	}
	switch own := p.function(call.fn); {
	case own == nil:
		return false
	case call.arg < 0:
		return own.changesReceiver
	default:
		return slices.Contains(own.changesArgument, call.arg)
	}
}

// eachStart calls visit with what each generation begins with: the initialisation of a hot package,
// or the register function. What visit reaches from there it passes to reached.
func (p *program) eachStart(visit func(c *facts, own *functionFacts, reached func(*finding))) {
	for _, c := range p.hot {
		path := c.pkg.Path()
		visit(c, c.init, func(o *finding) { o.packages = append(o.packages, path) })
		if path != p.handlers {
			continue
		}
		for fn, own := range c.functions {
			if fn.Name() == manifest.RegisterName && fn.Signature().Recv() == nil {
				visit(c, own, func(o *finding) { o.registering = true })
			}
		}
	}
}
