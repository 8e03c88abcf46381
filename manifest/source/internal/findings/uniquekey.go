package findings

import (
	"go/ast"
	"go/constant"
	"go/token"
	"go/types"
	"slices"

	"github.com/anvilforge/anvil-lsp/manifest/source/internal/gotypes"
)

// claims notes the keys that a list of statements enters into tables, and that make it panic if
// they are there. However that is written: the list is run twice in thought, without the key in the
// table and with it. The first time it must enter the key and get on, the second time it must
// panic.
func (f *factFinder) claims(own *functionFacts, list []ast.Stmt) {
	for _, s := range list {
		ast.Inspect(s, func(n ast.Node) bool {
			if _, ok := n.(*ast.FuncLit); ok {
				return false
			}
			table, key, value := f.enters(n)
			if table == nil {
				return true
			}
			c := claim{pos: n.Pos(), param: -1, target: own.target(table)}
			t := trial{f: f, slot: c.slot, keys: map[types.Object]bool{}}
			if v := f.info.Types[key].Value; v != nil {
				c.key = v.ExactString()
				t.key = c.key
			} else if id, ok := ast.Unparen(key).(*ast.Ident); ok {
				v, _ := f.info.Uses[id].(*types.Var)
				c.param = slices.Index(own.params, v)
				t.keys[v] = true
			}
			if value != nil {
				t.value = f.info.Types[value].Value
			}
			if c.slot != nil && (c.key != "" || c.param >= 0) && t.panicsAgain(list, n) {
				own.claims = append(own.claims, c)
			}
			return true
		})
	}
}

// enters recognises what enters a key into a map, a sync.Map or a list.
func (f *factFinder) enters(n ast.Node) (table, key, value ast.Expr) {
	switch n := n.(type) {
	case *ast.AssignStmt:
		if n.Tok != token.ASSIGN || len(n.Lhs) != 1 || len(n.Rhs) != 1 {
			return nil, nil, nil
		}
		if index, ok := ast.Unparen(n.Lhs[0]).(*ast.IndexExpr); ok && f.isMap(index.X) {
			return index.X, index.Index, n.Rhs[0]
		}
		if call, ok := selfAppend(n); ok && len(call.Args) == 2 && !call.Ellipsis.IsValid() {
			return n.Lhs[0], call.Args[1], nil
		}
	case *ast.CallExpr:
		if sel := f.ofSyncMap(n, "Store", "LoadOrStore"); sel != nil {
			return sel.X, n.Args[0], nil
		}
	}
	return nil, nil, nil
}

func (f *factFinder) isMap(e ast.Expr) bool {
	_, ok := gotypes.OrInvalid(f.info.TypeOf(e)).Underlying().(*types.Map)
	return ok
}

// ofSyncMap returns the selector if a call is one of these methods of sync.Map.
func (f *factFinder) ofSyncMap(call *ast.CallExpr, names ...string) *ast.SelectorExpr {
	fn, sel := f.callee(call), (*ast.SelectorExpr)(nil)
	isNamed := fn != nil && fn.FullName() == "(*sync.Map)."+fn.Name() && slices.Contains(names, fn.Name())
	if !isNamed || len(call.Args) == 0 {
		return nil
	}
	sel, _ = ast.Unparen(call.Fun).(*ast.SelectorExpr)
	return sel
}

// answer is what is known of a condition.
type answer int

const (
	maybe answer = iota
	yes
	no
)

func answerOf(is bool) answer {
	if is {
		return yes
	}
	return no
}

func (t answer) not() answer { return [...]answer{maybe, no, yes}[t] }

// leaving is how a list of statements ends.
type leaving int

const (
	goesOn   leaving = iota
	leaves           // returns
	breaksUp         // panics, or ends the process
	anyWay           // it is not known
)

// trial is one run of statements, of which all is known that depends on whether a key is in a
// table.
type trial struct {
	f     *factFinder
	slot  *types.Var              // the table
	key   string                  // as constant.Value writes it; empty: one of keys
	keys  map[types.Object]bool   // variables that hold the key
	value constant.Value          // what is entered, if that is constant
	there answer                  // whether the key is in the table
	vars  map[types.Object]answer // local variables
	elems map[types.Object]bool   // local variables that hold the table's element

	enter    ast.Node // the statement that enters the key
	entered  bool
	recovers bool
	result   answer // of a function that was looked into
	depth    int
}

// panicsAgain reports whether a list enters the key the first time, and panics the second time.
func (t *trial) panicsAgain(list []ast.Stmt, enter ast.Node) bool {
	t.enter = enter
	run := func(there answer) leaving {
		t.there, t.vars, t.elems, t.entered = there, map[types.Object]answer{}, map[types.Object]bool{}, false
		return t.list(list)
	}
	first := run(no)
	if first != goesOn && first != leaves || !t.entered {
		return false
	}
	return run(yes) == breaksUp && !t.recovers
}

func (t *trial) list(list []ast.Stmt) leaving {
	for _, s := range list {
		if how := t.stmt(s); how != goesOn {
			return how
		}
	}
	return goesOn
}

func (t *trial) stmt(s ast.Stmt) leaving {
	if s == t.enter {
		t.entered = true
	}
	switch s := s.(type) {
	case *ast.BlockStmt:
		return t.list(s.List)
	case *ast.ExprStmt:
		if call, ok := ast.Unparen(s.X).(*ast.CallExpr); ok {
			return t.call(call)
		}
	case *ast.AssignStmt:
		t.assign(s.Lhs, s.Rhs)
	case *ast.DeclStmt:
		if d, ok := s.Decl.(*ast.GenDecl); ok {
			for _, spec := range d.Specs {
				t.assign(assigned(spec))
			}
		}
	case *ast.IfStmt:
		return t.ifStmt(s)
	case *ast.SwitchStmt:
		return t.switchStmt(s)
	case *ast.RangeStmt:
		return t.rangeStmt(s)
	case *ast.ReturnStmt:
		t.result = maybe
		if len(s.Results) == 1 {
			t.result = t.eval(s.Results[0])
		}
		return leaves
	case *ast.DeferStmt:
		ast.Inspect(s, func(n ast.Node) bool {
			if id, ok := n.(*ast.Ident); ok && t.f.info.Uses[id] == types.Universe.Lookup("recover") {
				t.recovers = true
			}
			return true
		})
	case *ast.BranchStmt, *ast.LabeledStmt:
		return anyWay
	case *ast.ForStmt, *ast.TypeSwitchStmt, *ast.SelectStmt:
		if t.f.mayLeave(s) {
			return anyWay
		}
	}
	return goesOn
}

// call tells what becomes of the call of a function.
func (t *trial) call(call *ast.CallExpr) leaving {
	if call == t.enter {
		t.entered = true
	}
	if t.f.neverReturns(call) {
		return breaksUp
	}
	if how, ok := t.into(call); ok && how == breaksUp {
		return breaksUp
	}
	return goesOn
}

// into runs the body of a function of the same package.
func (t *trial) into(call *ast.CallExpr) (how leaving, ok bool) {
	fn := t.f.callee(call)
	d := t.f.decls[fn]
	if d == nil || d.Body == nil || t.depth > 2 {
		return anyWay, false
	}
	inner := *t
	inner.depth++
	inner.keys, inner.vars, inner.elems = map[types.Object]bool{}, map[types.Object]answer{}, map[types.Object]bool{}
	params := fn.Signature().Params()
	for i, arg := range call.Args {
		if i < params.Len() && t.isKey(arg) {
			inner.keys[params.At(i)] = true
		}
	}
	how = inner.list(d.Body.List)
	t.result = inner.result
	return how, !inner.recovers
}

func (t *trial) assign(lhs, rhs []ast.Expr) {
	if len(rhs) == 1 {
		if call, ok := ast.Unparen(rhs[0]).(*ast.CallExpr); ok && call == t.enter {
			t.entered = true
		}
	}
	for i, l := range lhs {
		id, ok := ast.Unparen(l).(*ast.Ident)
		if !ok {
			continue
		}
		obj := t.f.info.ObjectOf(id)
		if obj == nil {
			continue
		}
		delete(t.elems, obj)
		delete(t.keys, obj)
		t.vars[obj] = maybe
		switch {
		case len(lhs) == 2 && len(rhs) == 1 && t.looksUp(rhs[0]):
			if i == 1 {
				t.vars[obj] = t.there
			} else {
				t.elems[obj] = true
			}
		case len(lhs) == len(rhs):
			t.vars[obj] = t.eval(rhs[i])
			if t.isElement(rhs[i]) {
				t.elems[obj] = true
			}
			if t.isKey(rhs[i]) {
				t.keys[obj] = true
			}
		}
	}
}

// looksUp recognises what looks the key up in the table, with two results.
func (t *trial) looksUp(e ast.Expr) bool {
	if call, ok := ast.Unparen(e).(*ast.CallExpr); ok {
		sel := t.f.ofSyncMap(call, "Load", "LoadOrStore")
		return sel != nil && t.isTable(sel.X) && t.isKey(call.Args[0])
	}
	return t.isElement(e)
}

func (t *trial) isTable(e ast.Expr) bool { return slotOf(t.f.info, e) == t.slot && !isIndex(e) }

func isIndex(e ast.Expr) bool {
	_, ok := ast.Unparen(e).(*ast.IndexExpr)
	return ok
}

func (t *trial) isKey(e ast.Expr) bool {
	e = ast.Unparen(e)
	if v := t.f.info.Types[e].Value; v != nil {
		return t.key != "" && v.ExactString() == t.key
	}
	id, ok := e.(*ast.Ident)
	return ok && t.keys[t.f.info.ObjectOf(id)]
}

// isElement recognises the table's element of the key.
func (t *trial) isElement(e ast.Expr) bool {
	switch e := ast.Unparen(e).(type) {
	case *ast.IndexExpr:
		return t.f.isMap(e.X) && t.isTable(e.X) && t.isKey(e.Index)
	case *ast.Ident:
		return t.elems[t.f.info.ObjectOf(e)]
	}
	return false
}

func (t *trial) ifStmt(s *ast.IfStmt) leaving {
	if s.Init != nil {
		t.stmt(s.Init)
	}
	other := func() leaving {
		if s.Else == nil {
			return goesOn
		}
		return t.stmt(s.Else)
	}
	switch is := t.eval(s.Cond); {
	case is == yes:
		return t.list(s.Body.List)
	case is == no || gotypes.ChecksError(t.f.info, s.Cond):
		return other()
	}
	// What is decided by something else was decided before in the same way, and then it did not
	// panic.
	entered := t.entered
	a := t.list(s.Body.List)
	t.entered = entered
	b := other()
	t.entered = entered
	switch {
	case a == b || a == breaksUp:
		return b
	case b == breaksUp:
		return a
	}
	return anyWay
}

func (t *trial) switchStmt(s *ast.SwitchStmt) leaving {
	if s.Init != nil {
		t.stmt(s.Init)
	}
	tag := yes
	if s.Tag != nil {
		tag = t.eval(s.Tag)
	}
	var fallback *ast.CaseClause
	for _, c := range s.Body.List {
		clause := c.(*ast.CaseClause)
		if clause.List == nil {
			fallback = clause
		}
		for _, e := range clause.List {
			is := t.eval(e)
			if is == maybe || tag == maybe {
				if t.list(clause.Body) == breaksUp {
					continue
				}
				return anyWay
			}
			if is == tag {
				return t.list(clause.Body)
			}
		}
	}
	if fallback != nil {
		return t.list(fallback.Body)
	}
	return goesOn
}

// rangeStmt runs the body of a loop over the table for the entry with the key.
func (t *trial) rangeStmt(s *ast.RangeStmt) leaving {
	entry := s.Value
	if t.f.isMap(s.X) {
		entry = s.Key
	}
	id, ok := entry.(*ast.Ident)
	if !ok || !t.isTable(s.X) {
		if t.f.mayLeave(s) {
			return anyWay
		}
		return goesOn
	}
	if t.there == no {
		return goesOn
	}
	obj := t.f.info.ObjectOf(id)
	t.keys[obj] = true
	defer delete(t.keys, obj)
	return t.list(s.Body.List)
}

// eval decides a condition.
func (t *trial) eval(e ast.Expr) answer {
	e = ast.Unparen(e)
	if is, known := t.f.condition(e); known {
		return answerOf(is)
	}
	if t.isElement(e) {
		switch {
		case t.there == no:
			return no
		case t.value != nil && t.value.Kind() == constant.Bool:
			return answerOf(constant.BoolVal(t.value))
		}
		return maybe
	}
	switch e := e.(type) {
	case *ast.Ident:
		return t.vars[t.f.info.ObjectOf(e)]
	case *ast.UnaryExpr:
		if e.Op == token.NOT {
			return t.eval(e.X).not()
		}
	case *ast.BinaryExpr:
		return t.binary(e)
	case *ast.CallExpr:
		fn := t.f.callee(e)
		if fn != nil && fn.FullName() == "slices.Contains" && t.isTable(e.Args[0]) && t.isKey(e.Args[1]) {
			return t.there
		}
		if how, ok := t.into(e); ok && how == leaves {
			return t.result
		}
	}
	return maybe
}

func (t *trial) binary(e *ast.BinaryExpr) answer {
	switch e.Op {
	case token.LAND:
		a, b := t.eval(e.X), t.eval(e.Y)
		if a == no || b == no {
			return no
		}
		return min(a, b) // yes if both are
	case token.LOR:
		a, b := t.eval(e.X), t.eval(e.Y)
		if a == yes || b == yes {
			return yes
		}
		if a == no && b == no {
			return no
		}
	case token.EQL, token.NEQ:
		same := t.same(e.X, e.Y)
		if e.Op == token.NEQ {
			same = same.not()
		}
		return same
	}
	return maybe
}

// same reports whether two values are equal.
func (t *trial) same(x, y ast.Expr) answer {
	if t.isKey(x) && t.isKey(y) {
		return yes
	}
	if !t.isElement(x) {
		x, y = y, x
	}
	if !t.isElement(x) {
		return maybe
	}
	want := t.f.info.Types[ast.Unparen(y)]
	switch {
	case want.IsNil():
		return t.there.not()
	case want.Value == nil:
		return maybe
	case want.Value.Kind() == constant.Bool:
		return answerOf(t.eval(x) == answerOf(constant.BoolVal(want.Value)))
	case t.there == yes && t.value != nil:
		return answerOf(constant.Compare(t.value, token.EQL, want.Value))
	case t.there == no:
		if want.Value.Kind() == constant.String {
			return answerOf(constant.StringVal(want.Value) == "")
		}
		return answerOf(want.Value.Kind() == constant.Int && constant.Sign(want.Value) == 0)
	}
	return maybe
}
