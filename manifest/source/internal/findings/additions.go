package findings

import (
	"go/ast"
	"go/constant"
	"go/token"
	"go/types"
	"maps"
	"slices"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/manifest/source/internal/gotypes"
	"golang.org/x/tools/go/analysis"
)

// adder finds what generations add to tables that outlive them.
type adder struct {
	*program
	findings map[token.Pos]*finding
	// used are the functions that something checked uses, names those of methods of interfaces
	// among them, and shrinks is by slot. They are made when they are asked for, which is hardly
	// ever.
	used    map[*types.Func]bool
	names   map[string]bool
	shrinks map[*types.Var][]shrinkIn
	seen    map[addition]bool
	leads   map[string]bool
	reached func(*finding)
}

type shrinkIn struct {
	shrink
	hot bool
}

// addition is a function on the way to something that is added.
type addition struct {
	own    *functionFacts
	on     target
	at     token.Pos // the last call in hot code
	values string
}

// addingCall is what is known where a function runs.
type addingCall struct {
	c      *facts
	own    *functionFacts
	on     target // what its receiver is a part of
	at     token.Pos
	from   *ast.CallExpr // at that position
	info   *types.Info   // of the code there
	values map[*types.Var]string
	call   *ast.CallExpr // that runs it; nil for a generation's start
}

// additions finds what generations add to tables of host packages and of what the Container keeps
// (ANV006): an entry that is there once more after each reload, and one that makes the second
// generation panic. It also returns the packages whose source would tell more.
func (p *program) additions() (found []*finding, leads []string) {
	a := &adder{program: p, findings: map[token.Pos]*finding{}, leads: map[string]bool{}}
	p.eachStart(func(c *facts, own *functionFacts, reached func(*finding)) {
		a.reached, a.seen = reached, map[addition]bool{}
		a.visit(addingCall{c: c, own: own})
	})
	return sorted(a.findings), slices.Sorted(maps.Keys(a.leads))
}

// index makes what says whether something is removed again.
func (a *adder) index() {
	if a.used != nil {
		return
	}
	a.used, a.names, a.shrinks = map[*types.Func]bool{}, map[string]bool{}, map[*types.Var][]shrinkIn{}
	for _, c := range a.all {
		for _, u := range c.uses {
			a.used[u.fn] = true
			if types.IsInterface(gotypes.RecvType(u.fn)) {
				a.names[u.fn.Name()] = true
			}
		}
		for _, s := range c.shrinks {
			a.shrinks[s.slot] = append(a.shrinks[s.slot], shrinkIn{s, c.hot})
		}
	}
}

func (a *adder) visit(x addingCall) {
	key := addition{own: x.own, on: x.on, at: x.at}
	for _, p := range x.own.params {
		if len(x.values) > 0 {
			key.values += x.values[p] + "\x00"
		}
	}
	if a.seen[key] {
		return
	}
	a.seen[key] = true
	for _, g := range x.own.grows {
		if x.adds(g) {
			a.report(x, g.target, g.pos, g.indexed, manifest.SeverityWarning)
		}
	}
	for _, c := range x.own.claims {
		value := c.key
		if c.param >= 0 {
			value = x.values[x.own.params[c.param]]
		}
		if value != "" {
			a.report(x, c.target, c.pos, false, manifest.SeverityError)
		}
	}
	for _, edge := range x.own.calls {
		a.follow(x, edge)
	}
}

// adds reports whether a statement adds something for certain in a call.
func (x *addingCall) adds(g growth) bool {
	if g.listParam < 0 {
		return true
	}
	if x.call == nil || x.call.Ellipsis.IsValid() {
		return false
	}
	if g.listParam == len(x.own.params)-1 && x.own.variadic {
		return len(x.call.Args) > g.listParam
	}
	if g.listParam >= len(x.call.Args) {
		return false
	}
	lit, ok := ast.Unparen(x.call.Args[g.listParam]).(*ast.CompositeLit)
	return ok && len(lit.Elts) > 0
}

// follow follows a call that is made for certain.
func (a *adder) follow(x addingCall, edge callEdge) {
	next := addingCall{c: a.facts[edge.fn.Pkg()], at: x.at, from: x.from, call: edge.call, info: x.info}
	if x.c.hot {
		next.at, next.from, next.info = edge.pos, edge.call, x.c.info
	}
	if edge.call != nil && namedByGeneration(edge.call) {
		return
	}
	if next.c == nil {
		if edge.statement && x.c.hot {
			a.leads[gotypes.PathOf(edge.fn)] = true
		}
		return
	}
	if next.own = a.function(edge.fn); next.own == nil {
		return
	}
	if sel, ok := next.selector(); ok && edge.fn.Signature().Recv() != nil {
		next.on = x.own.target(sel.X)
		if next.on.own {
			next.on.root, next.on.kept = x.on.root, x.on.kept
		}
		next.on.slot, next.on.own = nil, false
	}
	if edge.call != nil && !edge.call.Ellipsis.IsValid() {
		for i, p := range next.own.params {
			if i >= len(edge.call.Args) {
				break
			}
			if value := x.value(edge.call.Args[i]); value != "" {
				if next.values == nil {
					next.values = map[*types.Var]string{}
				}
				next.values[p] = value
			}
		}
	}
	a.visit(next)
}

// selector returns the selector by which a method is called.
func (x *addingCall) selector() (*ast.SelectorExpr, bool) {
	if x.call == nil {
		return nil, false
	}
	sel, ok := ast.Unparen(x.call.Fun).(*ast.SelectorExpr)
	return sel, ok
}

// value returns the value of an argument, if it is known; empty if it is not.
func (x *addingCall) value(arg ast.Expr) string {
	arg = ast.Unparen(arg)
	if v := x.c.info.Types[arg].Value; v != nil && v.Kind() != constant.Unknown {
		return v.ExactString()
	}
	if id, ok := arg.(*ast.Ident); ok {
		if v, ok := x.c.info.Uses[id].(*types.Var); ok {
			return x.values[v]
		}
	}
	return ""
}

// report notes an addition, unless what is added to belongs to a generation, or something removes
// from it again.
func (a *adder) report(x addingCall, t target, pos token.Pos, indexed bool, severity manifest.Severity) {
	if t.own {
		t.root, t.kept = x.on.root, x.on.kept
	}
	var where string
	switch {
	case t.root != nil:
		if c := a.facts[t.root.Pkg()]; c != nil && c.hot {
			return
		}
		where = t.root.Pkg().Name() + "." + t.root.Name()
	case t.kept:
		where = "a value in the Container"
	default:
		return
	}
	a.index()
	for _, v := range []*types.Var{t.slot, t.root} {
		if v != nil && slices.ContainsFunc(a.shrinks[v], func(s shrinkIn) bool { return a.counts(s, t, v, indexed) }) {
			return
		}
	}
	text := "this"
	var related []analysis.RelatedInformation
	if !x.c.hot {
		related = append(related, because(pos, "entered here"))
		pos = x.at
		if x.from != nil {
			text = callText(x.info, x.from)
		}
	}
	o := a.findings[pos]
	if o == nil {
		o = &finding{}
		a.findings[pos] = o
	}
	if o.Message == "" || severity == manifest.SeverityError {
		message := manifest.Fit("once more after each reload: "+text+" adds to "+where,
			"once more after each reload: an entry of "+where, "once more after each reload: an entry")
		if severity == manifest.SeverityError {
			message = panicsOnReload(text+" takes a key of "+where, "a key of "+where, "the key is there already")
		}
		related = append(related, because(pos, where+" outlives the generation; the entries of a "+
			"hotreload.RegistryGeneration do not, and main and other host packages make theirs once"))
		o.Diagnostic, o.severity = newFinding(manifest.CodeGlobal, pos, message, related...).Diagnostic, severity
	}
	a.reached(o)
}

// counts reports whether a statement by which a table loses entries is one that a running generation may
// come to.
func (a *adder) counts(s shrinkIn, t target, v *types.Var, indexed bool) bool {
	switch {
	case v == t.root && v != t.slot && s.indexed, s.indexed && !indexed:
		return false // an entry of a map is set
	case s.in.fn == nil:
		return s.hot // host packages are initialised once
	}
	return a.used[s.in.fn] || s.in.fn.Signature().Recv() != nil && a.names[s.in.fn.Name()]
}

// grows returns what a statement adds to.
func (f *factFinder) grows(own *functionFacts, set *ast.AssignStmt) (g growth, ok bool) {
	call, ok := selfAppend(set)
	if !ok || len(call.Args) < 2 || !f.info.Types[call.Fun].IsBuiltin() {
		return g, false
	}
	g.pos, g.listParam = set.Pos(), -1
	_, g.indexed = ast.Unparen(set.Lhs[0]).(*ast.IndexExpr)
	if call.Ellipsis.IsValid() {
		id, isIdent := ast.Unparen(call.Args[1]).(*ast.Ident)
		if !isIdent {
			g.target = own.target(set.Lhs[0])
			return g, g.slot != nil && f.hasElements(call.Args[1])
		}
		v, _ := f.info.Uses[id].(*types.Var)
		if g.listParam = slices.Index(own.params, v); g.listParam < 0 {
			return g, false
		}
	}
	g.target = own.target(set.Lhs[0])
	return g, g.slot != nil
}

// selfAppend returns the call of append in x = append(x, …).
func selfAppend(set *ast.AssignStmt) (*ast.CallExpr, bool) {
	if set.Tok != token.ASSIGN || len(set.Lhs) != 1 || len(set.Rhs) != 1 {
		return nil, false
	}
	call, ok := ast.Unparen(set.Rhs[0]).(*ast.CallExpr)
	if !ok || len(call.Args) == 0 || gotypes.CalledName(ast.Unparen(call.Fun)) != "append" {
		return nil, false
	}
	return call, types.ExprString(call.Args[0]) == types.ExprString(set.Lhs[0])
}

// noteShrinks notes where tables lose what was added to them.
func (f *factFinder) noteShrinks(n ast.Node, in surroundings) {
	note := func(e ast.Expr, indexed bool) {
		if v := slotOf(f.info, e); v != nil {
			f.shrinks = append(f.shrinks, shrink{v, indexed, in})
		}
	}
	switch n := n.(type) {
	case *ast.AssignStmt:
		if _, ok := selfAppend(n); ok || n.Tok == token.DEFINE {
			return
		}
		for _, e := range n.Lhs {
			_, indexed := ast.Unparen(e).(*ast.IndexExpr)
			note(e, indexed)
		}
	case *ast.CallExpr:
		switch gotypes.CalledName(ast.Unparen(n.Fun)) {
		case "delete", "clear":
			if len(n.Args) > 0 && f.info.Types[n.Fun].IsBuiltin() {
				note(n.Args[0], false)
			}
		case "Delete", "LoadAndDelete", "Clear", "Remove", "Init":
			if sel, ok := ast.Unparen(n.Fun).(*ast.SelectorExpr); ok {
				note(sel.X, false)
			}
		}
	}
}
