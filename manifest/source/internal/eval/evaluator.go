// Package eval follows the register function of a program without building it. It is an abstract
// interpreter: it runs the statements over values of which only some are known. Constants, tables,
// helpers, closures and methods are followed; what comes from outside (the environment, a database)
// is unknown, and so is what depends on it. Where a condition is unknown all branches run, and
// their routes are marked as conditional.
//
// [Follow] returns what is registered. Everything has a bound ([MaxRoutes], for one), so that no
// program holds up an editor.
package eval

import (
	"context"
	"go/ast"
	"go/constant"
	"go/token"
	"go/types"
	"maps"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/manifest/source/internal/gotypes"
	"github.com/anvilforge/anvil-lsp/manifest/source/internal/load"
	"github.com/anvilforge/anvil-lsp/manifest/source/internal/runtimeapi"
)

// Bounds of the interpreter. They are far above what registration needs, and keep any program from
// holding up an editor.
const (
	MaxRoutes     = 10_000
	maxIterations = 10_000    // of one loop
	maxSteps      = 2_000_000 // expressions and statements
	maxAside      = 20_000    // the same, inside a call that cannot register anything
	maxStart      = 200_000   // the same, of the initialisation of all packages
	maxCalls      = 200       // inside each other
	maxDepth      = 1000      // of expressions and types inside each other
	maxString     = 1 << 16   // bytes
	maxElements   = 10_000    // of a list or table
)

// evaluator follows the register function. It runs statements in order over values that may be
// unknown.
//
// At a condition that is not known all branches run, one after the other from the same state, and
// what they leave behind is joined: a variable that differs is unknown from there on.
type evaluator struct {
	ctx     context.Context
	world   *World
	out     registrations
	globals map[types.Object]*cell

	steps int
	full  bool // as many routes as there can be were recorded
	limit int  // of steps
	calls []*activation
	// conditional counts the unknown conditions that the statement depends on.
	conditional int
	depth       int // of expressions and types inside each other
	// panicking says that deferred functions are run because of a panic.
	panicking bool
	// dry counts the loops that are run only to see what they change: nothing is recorded.
	dry     int
	journal *journal
	// onlyOnce is where NotFound and the like were set.
	onlyOnce map[string]token.Pos
}

// World is what the evaluator reads.
type World struct {
	*load.Snapshot
	Known *runtimeapi.Types
	// Changed are the package-level variables that something changes, Running those of them that
	// something changes later than initialisation.
	Changed, Running map[*types.Var]bool
	// router calls a function of a router that is not the runtime's; nil but in a
	// survey.
	router func(ev *evaluator, fn *function, args []value, site callSite) (value, bool)
}

// activation is a function that is being run.
type activation struct {
	body        *ast.BlockStmt
	conditional int
}

// frame holds the variables of a function call.
type frame struct {
	pkg    *load.Unit
	parent *frame // of the function around a closure
	vars   map[types.Object]*cell
	bind   map[*types.TypeParam]types.Type
	// of the function itself:
	results *types.Tuple
	named   []*cell   // named results
	returns [][]value // what was returned so far
	defers  []*pending
}

func (f *frame) lookup(obj types.Object) *cell {
	for ; f != nil; f = f.parent {
		if c, ok := f.vars[obj]; ok {
			return c
		}
	}
	return nil
}

// captured returns the variables as a function literal keeps them that is made now: a loop makes
// its own again for each iteration.
func (f *frame) captured() *frame {
	return &frame{pkg: f.pkg, parent: f.parent, vars: maps.Clone(f.vars), bind: f.bind}
}

// same reports whether two frames hold the same variables.
func (f *frame) same(g *frame) bool {
	return f == g || f != nil && g != nil && f.parent == g.parent && maps.Equal(f.vars, g.vars)
}

// declare makes a variable.
func (f *frame) declare(obj types.Object, v value) {
	if obj != nil {
		f.vars[obj] = &cell{v}
	}
}

// typeOf returns the type of an expression with type arguments filled in.
func (f *frame) typeOf(e ast.Expr) types.Type {
	if t := f.pkg.Info.TypeOf(e); t != nil {
		return f.subst(t)
	}
	return types.Typ[types.Invalid]
}

func (f *frame) subst(t types.Type) types.Type {
	if len(f.bind) == 0 {
		return t
	}
	return gotypes.Substitute(t, f.bind)
}

// stop is panicked with when a bound is reached.
type stop struct{}

// stopped reports whether what was recovered is a stop. Any other panic goes on.
func stopped(recovered any) bool {
	_, is := recovered.(stop)
	if recovered != nil && !is {
		panic(recovered)
	}
	return is
}

// step counts work.
func (ev *evaluator) step() {
	ev.steps++
	if ev.steps >= ev.limit || ev.steps&0x3ff == 0 && ev.ctx.Err() != nil {
		panic(stop{})
	}
}

func newEvaluator(ctx context.Context, w *World) *evaluator {
	ev := &evaluator{
		ctx: ctx, world: w, limit: maxSteps,
		globals: map[types.Object]*cell{}, onlyOnce: map[string]token.Pos{},
	}
	ev.out.Leads = map[string]bool{}
	return ev
}

// Follow follows the register function: a function, or a variable that holds one.
func Follow(ctx context.Context, w *World, register types.Object) *registrations {
	ev := newEvaluator(ctx, w)
	ev.follow(register)
	ev.out.Findings = load.WithoutRepetitions(ev.out.Findings)
	ev.out.Findings = append(ev.out.Findings, load.WithoutRepetitions(checkRoutes(ev.out.Entries, w.Known.Query))...)
	return &ev.out
}

func (ev *evaluator) follow(register types.Object) {
	site := callSite{pos: register.Pos(), name: manifest.RegisterName}
	defer func() {
		if stopped(recover()) && ev.ctx.Err() == nil && !ev.full {
			ev.out.Unknown = append(ev.out.Unknown, unknownCall{
				Position: ev.position(site.pos), Call: site.name, Reason: "registration is too long to be followed to its end",
			})
		}
	}()
	ev.start()
	var fn value
	switch obj := register.(type) {
	case *types.Func:
		fn = ev.declared(obj)
	case *types.Var:
		if c := ev.global(obj); c != nil {
			fn = c.v
		}
	}
	ev.call(fn, []value{&sink{base: base{t: ev.world.Known.Sink}}}, site)
}

// journal remembers what the cells held that were written since it was begun.
type journal struct {
	outer *journal
	old   map[*cell]value
	order []*cell
}

// set writes a variable.
func (ev *evaluator) set(c *cell, v value) {
	if j := ev.journal; j != nil {
		if _, ok := j.old[c]; !ok {
			j.old[c] = c.v
			j.order = append(j.order, c)
		}
	}
	c.v = v
}

// begin starts a journal inside the present one.
func (ev *evaluator) begin() *journal {
	ev.journal = &journal{outer: ev.journal, old: map[*cell]value{}}
	return ev.journal
}

// rollBack ends the innermost journal, brings back what the cells held before it, and returns what they
// held at its end.
func (ev *evaluator) rollBack() map[*cell]value {
	j := ev.journal
	ev.journal = j.outer
	now := make(map[*cell]value, len(j.order))
	for _, c := range j.order {
		now[c] = c.v
		c.v = j.old[c]
	}
	return now
}

// unwind ends journals down to an outer one after a stop; what was written in them stays.
func (ev *evaluator) unwind(to *journal) {
	for ev.journal != nil && ev.journal != to {
		j := ev.journal
		ev.journal = j.outer
		for _, c := range j.order {
			v := c.v
			c.v = j.old[c]
			ev.set(c, v)
		}
	}
}

// outcome is how a statement ended.
type outcome int

const (
	next outcome = iota
	continued
	broke
	jumped // a goto
	returned
	ended // panicked or left the process
)

// result is an outcome with the label of a break, continue or goto, nil if it is for the innermost
// statement.
type result struct {
	outcome
	label types.Object
	// breaks is another way in which it may have ended: the break of a statement that goes on
	// behind it, which a continue does not.
	breaks *result
	// partly says of one that goes on that it may have left.
	partly bool
}

// branches runs alternatives of which one is chosen, but it is not known which. Their effects are
// joined, except those of branches that leave the function.
//
// If some branches leave and others do not, what follows depends on the condition too, unless guard
// says that it is only the check of an error.
func (ev *evaluator) branches(guard bool, arms ...func() result) result {
	ev.conditional++
	var after []map[*cell]value
	least := result{outcome: ended}
	var breaks *result
	leaves := false
	var order []*cell
	inside := ev.conditional
	for _, arm := range arms {
		ev.conditional = inside
		j := ev.begin()
		r := arm()
		order = append(order, j.order...)
		now := ev.rollBack()
		switch {
		case r.outcome == broke && (breaks == nil || r.label == nil):
			breaks = &r
		case r.breaks != nil:
			breaks = r.breaks
		}
		if r.outcome < least.outcome {
			least = r
		}
		leaves = leaves || r.outcome != next || r.partly
		if r.outcome < returned {
			after = append(after, now)
		}
	}
	ev.conditional = inside - 1
	ev.merge(order, after)
	if least.outcome == next && leaves && !guard {
		ev.conditional++ // until the function or the iteration ends
	}
	least.partly, least.breaks = false, nil
	if least.outcome == continued {
		least.breaks = breaks
	}
	return least
}

// merge writes what the variables hold after one of several branches.
func (ev *evaluator) merge(order []*cell, after []map[*cell]value) {
	done := make(map[*cell]bool, len(order))
	for _, c := range order {
		if done[c] || len(after) == 0 {
			continue
		}
		done[c] = true
		var v value
		for i, state := range after {
			here, ok := state[c]
			if !ok {
				here = c.v
			}
			if i == 0 {
				v = here
			} else {
				v = join(v, here)
			}
		}
		ev.set(c, v)
	}
}

// repeated runs the body of a loop of which it is not known how often it runs: once, after
// everything that it changes was made unknown.
func (ev *evaluator) repeated(body func()) {
	outer := ev.conditional
	ev.conditional++
	inside := ev.conditional
	ev.dry++
	ev.begin()
	body()
	ev.dry--
	for c, v := range ev.rollBack() {
		if !equal(c.v, v) {
			ev.set(c, changed(c.v, v))
		}
	}
	ev.conditional = inside
	j := ev.begin()
	body()
	ev.merge(j.order, []map[*cell]value{{}, ev.rollBack()})
	ev.conditional = outer
}

// changed returns what is known of a variable that changes over and over.
func changed(before, after value) value {
	v := join(before, after)
	return &unknown{base: base{v.typ(), v.origin()}, why: "a loop changes it"}
}

// zero returns the zero value of a type.
func (ev *evaluator) zero(t types.Type) value {
	ev.step()
	b := base{t: t}
	if ev.depth++; ev.depth > maxDepth {
		ev.depth--
		return &unknown{base: b, why: "its type is too deep"}
	}
	defer func() { ev.depth-- }()
	switch u := t.Underlying().(type) {
	case *types.Basic:
		switch info := u.Info(); {
		case info&types.IsString != 0:
			return &basic{b, constant.MakeString("")}
		case info&types.IsBoolean != 0:
			return &basic{b, constant.MakeBool(false)}
		case info&types.IsNumeric != 0:
			return &basic{b, constant.MakeInt64(0)}
		}
	case *types.Struct:
		s := &structure{base: b}
		for i := range u.NumFields() {
			s.fields = append(s.fields, &cell{ev.zero(u.Field(i).Type())})
		}
		return s
	case *types.Array:
		if u.Len() >= 0 && u.Len() <= maxElements {
			l := &list{base: b}
			for range u.Len() {
				l.elems = append(l.elems, &cell{ev.zero(u.Elem())})
			}
			return l
		}
	case *types.Pointer, *types.Slice, *types.Map, *types.Chan, *types.Signature, *types.Interface:
		return &null{b}
	}
	return &unknown{base: b, why: "its type is not followed"}
}
