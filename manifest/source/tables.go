package source

import (
	"go/ast"
	"go/token"
	"go/types"
	"slices"

	"golang.org/x/tools/go/types/typeutil"
)

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
