package source

import (
	"go/ast"
	"go/constant"
	"go/token"
	"go/types"
	"maps"
	"slices"

	"golang.org/x/tools/go/types/typeutil"

	"github.com/anvilforge/anvil-lsp/manifest"
)

// target is something that can be added to, and what it is a part of: a
// package-level variable, the receiver of the method, or a value that the
// Container keeps. For registry.items the place is the field items and the root
// the variable registry.
type target struct {
	place *types.Var
	root  *types.Var
	own   bool // of the receiver
	kept  bool // in the Container
}

// growth is a statement that adds to a table whenever it runs.
type growth struct {
	target
	pos     token.Pos
	indexed bool // to an element of a map
	// rest is the index of the parameter that holds what is added, as a list; -1
	// if there is something in any case.
	rest int
}

// claim is a statement that enters a key into a map, and panics if it is there
// already.
type claim struct {
	target
	pos   token.Pos
	key   string // as constant.Value writes it
	param int    // index of the parameter that is the key; -1 if key is it
}

// shrink is a place where a table is emptied, set anew or loses an entry.
type shrink struct {
	place   *types.Var
	indexed bool // an element of a map
	in      surroundings
}

// scope is what decides what the names in a function mean.
type scope struct {
	info *types.Info
	recv *types.Var
	body *ast.BlockStmt // nil for the initialisation of a package
	kept map[*types.Var]bool
}

// target returns what an expression is a part of, if that may outlive the
// generation.
func (s *scope) target(e ast.Expr) (t target) {
	v := rootVar(s.info, e)
	switch {
	case v == nil:
		t.kept = inContainer(s.info, rootExpr(e))
	case v.Pkg() != nil && v.Parent() == v.Pkg().Scope():
		t.root = v
	case v == s.recv:
		t.own = true
	default:
		t.kept = s.inContainer(v)
	}
	if t != (target{}) {
		t.place = place(s.info, e)
	}
	return t
}

// place returns the variable or field that an expression denotes, or is an
// element of.
func place(info *types.Info, e ast.Expr) *types.Var {
	for {
		switch x := e.(type) {
		case *ast.ParenExpr:
			e = x.X
		case *ast.StarExpr:
			e = x.X
		case *ast.IndexExpr:
			e = x.X
		case *ast.SliceExpr:
			e = x.X
		case *ast.SelectorExpr:
			if v, ok := info.Uses[x.Sel].(*types.Var); ok {
				return v.Origin()
			}
			return nil
		case *ast.Ident:
			v, _ := info.Uses[x].(*types.Var)
			return v
		default:
			return nil
		}
	}
}

// rootExpr returns the expression that the path of a selection begins with.
func rootExpr(e ast.Expr) ast.Expr {
	for {
		switch x := e.(type) {
		case *ast.ParenExpr:
			e = x.X
		case *ast.StarExpr:
			e = x.X
		case *ast.IndexExpr:
			e = x.X
		case *ast.SelectorExpr:
			e = x.X
		default:
			return e
		}
	}
}

// inContainer reports whether an expression is a call of hotreload.Use.
func inContainer(info *types.Info, e ast.Expr) bool {
	call, ok := ast.Unparen(e).(*ast.CallExpr)
	if !ok {
		return false
	}
	fn, _ := typeutil.Callee(info, call).(*types.Func)
	return fn != nil && fn.FullName() == runtimePath+".Use"
}

// inContainer reports whether a variable holds what the Container keeps, and
// nothing else.
func (s *scope) inContainer(v *types.Var) bool {
	if s.kept != nil || s.body == nil {
		return s.kept[v]
	}
	s.kept = map[*types.Var]bool{}
	ast.Inspect(s.body, func(n ast.Node) bool {
		set, ok := n.(*ast.AssignStmt)
		if !ok || len(set.Lhs) != 1 || len(set.Rhs) != 1 {
			return true
		}
		if id, ok := set.Lhs[0].(*ast.Ident); ok {
			v, _ := s.info.ObjectOf(id).(*types.Var)
			s.kept[v] = set.Tok == token.DEFINE && inContainer(s.info, set.Rhs[0])
		}
		return true
	})
	return s.kept[v]
}

// grows returns what a statement adds to.
func (f *factFinder) grows(own *functionFacts, set *ast.AssignStmt) (g growth, ok bool) {
	call, ok := selfAppend(set)
	if !ok || len(call.Args) < 2 || !f.info.Types[call.Fun].IsBuiltin() {
		return g, false
	}
	g.pos, g.rest = set.Pos(), -1
	_, g.indexed = ast.Unparen(set.Lhs[0]).(*ast.IndexExpr)
	if call.Ellipsis.IsValid() {
		id, isIdent := ast.Unparen(call.Args[1]).(*ast.Ident)
		if !isIdent {
			g.target = own.target(set.Lhs[0])
			return g, g.place != nil && f.hasElements(call.Args[1])
		}
		v, _ := f.info.Uses[id].(*types.Var)
		if g.rest = slices.Index(own.params, v); g.rest < 0 {
			return g, false
		}
	}
	g.target = own.target(set.Lhs[0])
	return g, g.place != nil
}

// selfAppend returns the call of append in x = append(x, …).
func selfAppend(set *ast.AssignStmt) (*ast.CallExpr, bool) {
	if set.Tok != token.ASSIGN || len(set.Lhs) != 1 || len(set.Rhs) != 1 {
		return nil, false
	}
	call, ok := ast.Unparen(set.Rhs[0]).(*ast.CallExpr)
	if !ok || len(call.Args) == 0 || calledName(ast.Unparen(call.Fun)) != "append" {
		return nil, false
	}
	return call, types.ExprString(call.Args[0]) == types.ExprString(set.Lhs[0])
}

// noteShrinks notes where tables lose what was added to them.
func (f *factFinder) noteShrinks(n ast.Node, in surroundings) {
	note := func(e ast.Expr, indexed bool) {
		if v := place(f.info, e); v != nil {
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
		if name := calledName(ast.Unparen(n.Fun)); len(n.Args) > 0 && (name == "delete" || name == "clear") && f.info.Types[n.Fun].IsBuiltin() {
			note(n.Args[0], false)
		}
		if sel, ok := ast.Unparen(n.Fun).(*ast.SelectorExpr); ok && slices.Contains([]string{"Delete", "LoadAndDelete", "Clear", "Remove", "Init"}, sel.Sel.Name) {
			note(sel.X, false)
		}
	}
}

// taken recognises the check that a key is new:
//
//	if _, dup := drivers[name]; dup { panic("…") }
//
// and returns the map and the key.
func (f *factFinder) taken(s ast.Stmt) (table, key ast.Expr) {
	check, ok := s.(*ast.IfStmt)
	if !ok || check.Else != nil || !f.panics(check.Body) {
		return nil, nil
	}
	if set, ok := check.Init.(*ast.AssignStmt); ok && len(set.Lhs) == 2 && len(set.Rhs) == 1 {
		found, isIdent := set.Lhs[1].(*ast.Ident)
		cond, condIdent := ast.Unparen(check.Cond).(*ast.Ident)
		index, isIndex := ast.Unparen(set.Rhs[0]).(*ast.IndexExpr)
		if isIdent && condIdent && isIndex && f.info.ObjectOf(found) == f.info.ObjectOf(cond) {
			return index.X, index.Index
		}
		return nil, nil
	}
	if cond, ok := ast.Unparen(check.Cond).(*ast.BinaryExpr); ok && check.Init == nil && cond.Op == token.NEQ && f.info.Types[cond.Y].IsNil() {
		if index, ok := ast.Unparen(cond.X).(*ast.IndexExpr); ok {
			return index.X, index.Index
		}
	}
	return nil, nil
}

// panics reports whether a block ends with a panic.
func (f *factFinder) panics(body *ast.BlockStmt) bool {
	if len(body.List) == 0 {
		return false
	}
	last, ok := body.List[len(body.List)-1].(*ast.ExprStmt)
	if !ok {
		return false
	}
	call, ok := ast.Unparen(last.X).(*ast.CallExpr)
	if !ok {
		return false
	}
	switch fn := typeutil.Callee(f.info, call).(type) {
	case *types.Builtin:
		return fn.Name() == "panic"
	case *types.Func:
		return slices.Contains([]string{"log.Panic", "log.Panicf", "log.Panicln", "log.Fatal", "log.Fatalf", "log.Fatalln"}, fn.FullName())
	}
	return false
}

// claims notes the keys that statements enter into maps where they panic if the
// key is there: checked and entered in the same list, which runs to its end.
func (f *factFinder) claims(own *functionFacts, list []ast.Stmt) {
	for i, s := range list {
		table, key := f.taken(s)
		if table == nil {
			continue
		}
		for _, s := range list[i+1:] {
			set, ok := s.(*ast.AssignStmt)
			if !ok || set.Tok != token.ASSIGN || len(set.Lhs) != 1 {
				continue
			}
			index, ok := ast.Unparen(set.Lhs[0]).(*ast.IndexExpr)
			if !ok || types.ExprString(index.X) != types.ExprString(table) || types.ExprString(index.Index) != types.ExprString(key) {
				continue
			}
			c := claim{pos: set.Pos(), param: -1}
			if v := f.info.Types[key].Value; v != nil {
				c.key = v.ExactString()
			} else if id, ok := ast.Unparen(key).(*ast.Ident); ok {
				v, _ := f.info.Uses[id].(*types.Var)
				c.param = slices.Index(own.params, v)
			}
			c.target = own.target(table)
			if _, isMap := orInvalid(f.info.TypeOf(table)).Underlying().(*types.Map); isMap && (c.key != "" || c.param >= 0) && c.place != nil {
				own.claims = append(own.claims, c)
			}
			break
		}
	}
}

// adder finds what generations add to tables that outlive them.
type adder struct {
	run   *checking
	w     *world
	all   []*checked
	found map[token.Pos]*OneTime
	// used are the functions that something checked uses, names those of methods
	// of interfaces among them, and shrinks is by place. They are made when they are
	// asked for, which is hardly ever.
	used    map[*types.Func]bool
	names   map[string]bool
	shrinks map[*types.Var][]shrinkIn
	seen    map[addition]bool
	leads   map[string]bool
	reached func(*OneTime)
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
	c      *checked
	own    *functionFacts
	on     target // what its receiver is a part of
	at     token.Pos
	from   *ast.CallExpr // at that place
	info   *types.Info   // of the code there
	values map[*types.Var]string
	call   *ast.CallExpr // that runs it; nil for a generation's start
}

// additions reports what generations add to tables of host packages and of what
// the Container keeps (ANV006): an entry that is there once more after each
// reload, and one that makes the second generation panic. It also returns the
// packages whose source would tell more.
func (run *checking) additions(w *world, all, hot []*checked) (found []OneTime, leads []string) {
	a := &adder{run: run, w: w, all: all, found: map[token.Pos]*OneTime{}, leads: map[string]bool{}}
	start := func(c *checked, own *functionFacts, reached func(*OneTime)) {
		a.reached, a.seen = reached, map[addition]bool{}
		a.visit(addingCall{c: c, own: own})
	}
	for _, c := range hot {
		start(c, c.facts.init, func(o *OneTime) { o.Packages = append(o.Packages, c.spec.ImportPath) })
		if c.spec.ImportPath != run.prog.Handlers {
			continue
		}
		if fn, ok := c.types.Scope().Lookup(registerName).(*types.Func); ok && c.facts.functions[fn] != nil {
			start(c, c.facts.functions[fn], func(o *OneTime) { o.Registering = true })
		}
	}
	for _, o := range a.found {
		slices.Sort(o.Packages)
		o.Packages = slices.Compact(o.Packages)
		found = append(found, *o)
	}
	slices.SortFunc(found, func(a, b OneTime) int { return comparePositions(a.Position, b.Position) })
	return found, slices.Sorted(maps.Keys(a.leads))
}

// index makes what says whether something is taken away again.
func (a *adder) index() {
	if a.used != nil {
		return
	}
	a.used, a.names, a.shrinks = map[*types.Func]bool{}, map[string]bool{}, map[*types.Var][]shrinkIn{}
	for _, c := range a.all {
		for _, u := range c.facts.uses {
			a.used[u.fn] = true
			if types.IsInterface(recvType(u.fn)) {
				a.names[u.fn.Name()] = true
			}
		}
		for _, s := range c.facts.shrinks {
			a.shrinks[s.place] = append(a.shrinks[s.place], shrinkIn{s, c.spec.Hot})
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
	if g.rest < 0 {
		return true
	}
	if x.call == nil || x.call.Ellipsis.IsValid() {
		return false
	}
	if g.rest == len(x.own.params)-1 && x.own.variadic {
		return len(x.call.Args) > g.rest
	}
	if g.rest >= len(x.call.Args) {
		return false
	}
	lit, ok := ast.Unparen(x.call.Args[g.rest]).(*ast.CompositeLit)
	return ok && len(lit.Elts) > 0
}

// follow follows a call that is made for certain.
func (a *adder) follow(x addingCall, edge callEdge) {
	next := addingCall{c: a.w.packages[edge.fn.Pkg()], at: x.at, from: x.from, call: edge.call, info: x.info}
	if x.c.spec.Hot {
		next.at, next.from, next.info = edge.pos, edge.call, x.c.info
	}
	if edge.call != nil && namedByGeneration(edge.call) {
		return
	}
	if next.c == nil {
		if edge.statement && x.c.spec.Hot {
			a.leads[pathOf(edge.fn)] = true
		}
		return
	}
	if next.own = next.c.facts.functions[edge.fn]; next.own == nil {
		return
	}
	if sel, ok := next.selector(); ok && edge.fn.Signature().Recv() != nil {
		next.on = x.own.target(sel.X)
		if next.on.own {
			next.on.root, next.on.kept = x.on.root, x.on.kept
		}
		next.on.place, next.on.own = nil, false
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

// report notes an addition, unless what is added to belongs to a generation, or
// something takes away from it again.
func (a *adder) report(x addingCall, t target, pos token.Pos, indexed bool, severity manifest.Severity) {
	if t.own {
		t.root, t.kept = x.on.root, x.on.kept
	}
	var where string
	switch {
	case t.root != nil:
		if c := a.w.packages[t.root.Pkg()]; c != nil && c.spec.Hot {
			return
		}
		where = t.root.Pkg().Name() + "." + t.root.Name()
	case t.kept:
		where = "a value in the Container"
	default:
		return
	}
	a.index()
	for _, v := range []*types.Var{t.place, t.root} {
		if v != nil && slices.ContainsFunc(a.shrinks[v], func(s shrinkIn) bool { return a.counts(s, t, v, indexed) }) {
			return
		}
	}
	text := "this"
	var related []manifest.Related
	if !x.c.spec.Hot {
		related = []manifest.Related{{Position: a.run.position(pos), Message: "entered here"}}
		pos = x.at
		if x.from != nil {
			text = callText(x.info, x.from)
		}
	}
	o := a.found[pos]
	if o == nil {
		o = &OneTime{}
		a.found[pos] = o
	}
	if o.Code == "" || severity == manifest.SeverityError {
		does := "adds to %s, which outlives the generation: with each reload that runs it again the same entry is there once more"
		if severity == manifest.SeverityError {
			does = "takes a key of %s, which outlives the generation: a second generation in the same process panics, because the key is there already"
		}
		o.Diagnostic = manifest.Diagnose(manifest.CodeGlobal, a.run.position(pos),
			"%s "+does+"; use a hotreload.RegistryGeneration, whose entries end with their generation, or do it in main or another host package", text, where)
		o.Severity, o.Related = severity, related
	}
	a.reached(o)
}

// counts reports whether a place where a table loses entries is one that a
// running generation may come to.
func (a *adder) counts(s shrinkIn, t target, v *types.Var, indexed bool) bool {
	switch {
	case v == t.root && v != t.place && s.indexed, s.indexed && !indexed:
		return false // an entry of a map is set
	case s.in.fn == nil:
		return s.hot // host packages are initialised once
	}
	return a.used[s.in.fn] || s.in.fn.Signature().Recv() != nil && a.names[s.in.fn.Name()]
}

// statementCall returns the call that a statement or declaration consists of, if
// its results are not used.
func statementCall(n ast.Node) *ast.CallExpr {
	var e ast.Expr
	switch n := n.(type) {
	case *ast.ExprStmt:
		e = n.X
	case *ast.AssignStmt:
		if len(n.Rhs) == 1 && !slices.ContainsFunc(n.Lhs, func(e ast.Expr) bool { return !isBlank(e) }) {
			e = n.Rhs[0]
		}
	case *ast.ValueSpec:
		if len(n.Values) == 1 && !slices.ContainsFunc(n.Names, func(id *ast.Ident) bool { return id.Name != "_" }) {
			e = n.Values[0]
		}
	}
	if e == nil {
		return nil
	}
	call, _ := ast.Unparen(e).(*ast.CallExpr)
	return call
}
