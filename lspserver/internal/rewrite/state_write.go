package rewrite

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"iter"
	"slices"
	"strconv"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
)

// onlyRegisters checks that the importers of a package use nothing of it but the
// register function: whatever else they call might run before that.
func onlyRegisters(importers [][]byte, path, name string) error {
	for _, text := range importers {
		f, err := parser.ParseFile(token.NewFileSet(), "", text, parser.SkipObjectResolution)
		if err != nil {
			return fmt.Errorf("a file that imports %s does not parse", path)
		}
		names := map[string]bool{}
		for _, spec := range f.Imports {
			if p, _ := strconv.Unquote(spec.Path.Value); p != path {
				continue
			}
			switch {
			case spec.Name == nil:
				names[name] = true
			case spec.Name.Name == ".":
				return fmt.Errorf("%s is imported without a name", path)
			default:
				names[spec.Name.Name] = true
			}
		}
		ast.Inspect(f, func(n ast.Node) bool {
			if sel, ok := n.(*ast.SelectorExpr); ok {
				if id, ok := sel.X.(*ast.Ident); ok && names[id.Name] && sel.Sel.Name != manifest.RegisterName {
					err = fmt.Errorf("%s.%s is used by another package", id.Name, sel.Sel.Name)
				}
			}
			return true
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// runtimeName returns how a file calls the runtime.
func (m *stateMove) runtimeName(v *variable) (string, error) {
	pkg, err := m.p.Import(manifest.RuntimePath)
	if err != nil {
		return "", err
	}
	return m.e.importName(v.file, pkg)
}

// declaredType writes the type of a variable as its declaration does, or would.
func (m *stateMove) declaredType(v *variable) (string, error) {
	if v.spec.Type != nil {
		return m.p.source(v.spec.Type.Pos(), v.spec.Type.End()), nil
	}
	return m.e.typeText(v.file, v.Type())
}

// registerType writes the type of a variable for the file of the register
// function.
func (m *stateMove) registerType(v *variable) (string, error) {
	if v.spec.Type != nil {
		return m.p.source(v.spec.Type.Pos(), v.spec.Type.End()), m.e.sameNames(v.spec.Type, m.registerFile)
	}
	return m.e.typeText(m.registerFile, v.Type())
}

// toState makes a *hotreload.State of a variable.
func (m *stateMove) toState(v *variable) error {
	runtime, err := m.runtimeName(v)
	if err != nil {
		return err
	}
	t, err := m.declaredType(v)
	if err != nil {
		return err
	}
	m.declare(v, "*"+runtime+".State["+t+"]")
	inRegister, err := m.registerType(v)
	if err != nil {
		return err
	}
	initial, err := m.initial(v, inRegister)
	if err != nil {
		return err
	}
	m.startWith(v, inRegister, initial)
	done := map[ast.Node]bool{}
	for _, u := range v.uses {
		if err := m.useState(v, u, t, done); err != nil {
			return err
		}
	}
	return nil
}

// declare writes the variable without an initial value.
func (m *stateMove) declare(v *variable, t string) {
	m.e.replace(v.spec.Names[0].End(), v.spec.End(), " "+t)
}

// initial returns an expression of the initial value.
func (m *stateMove) initial(v *variable, t string) (string, error) {
	if len(v.spec.Values) == 1 {
		x := v.spec.Values[0]
		for id := range identifiers(x) {
			if id.Name == m.sink || id.Name == v.Name() {
				return "", fmt.Errorf("%s means something else where routes are registered", id.Name)
			}
		}
		return m.p.source(x.Pos(), x.End()), m.e.sameNames(x, m.registerFile)
	}
	u, isBasic := v.Type().Underlying().(*types.Basic)
	switch {
	case !isBasic: // a struct or an array
		return t + "{}", nil
	case u.Info()&types.IsNumeric != 0:
		return "0", nil
	case u.Info()&types.IsString != 0:
		return `""`, nil
	}
	return "false", nil
}

// identifiers yields the identifiers in a piece of syntax.
func identifiers(n ast.Node) iter.Seq[*ast.Ident] {
	return func(yield func(*ast.Ident) bool) {
		more := true
		ast.Inspect(n, func(n ast.Node) bool {
			if id, ok := n.(*ast.Ident); ok && more {
				more = yield(id)
			}
			return more
		})
	}
}

// startWith has the register function ask for the value.
func (m *stateMove) startWith(v *variable, t, initial string) {
	sink := m.register.Type.Params.List[0].Type.(*ast.StarExpr).X.(*ast.SelectorExpr) // see register
	fmt.Fprintf(&m.start, "\n\t%s = %s.StateOf(%s.Container(), %q, func() %s { return %s })",
		v.Name(), sink.X.(*ast.Ident).Name, m.sink, m.key(v), t, initial)
}

// useState rewrites one use of a variable that becomes a State.
func (m *stateMove) useState(v *variable, u use, t string, done map[ast.Node]bool) error {
	refuse := func(why string) error { return fmt.Errorf("%s: %s", m.at(u.id), why) }
	top, parent, at := m.operand(u)
	changes := func() error {
		if m.starts(u) {
			return refuse("registering changes " + v.Name())
		}
		return nil
	}
	// Within a statement that becomes an Update everything is written there.
	for _, n := range u.path {
		if done[n] {
			return nil
		}
	}
	switch x := parent.(type) {
	case *ast.IncDecStmt:
		done[x] = true
		if err := changes(); err != nil {
			return err
		}
		return m.update(v, u, x, at, t)
	case *ast.AssignStmt:
		if !slices.Contains(x.Lhs, top) {
			break
		}
		if len(x.Lhs) != 1 || len(x.Rhs) != 1 {
			return refuse("several variables are set at once")
		}
		done[x] = true
		if err := changes(); err != nil {
			return err
		}
		if x.Tok == token.ASSIGN && top == ast.Expr(u.id) && !m.names(x.Rhs[0], v.Var) {
			if _, ok := u.path[at-1].(*ast.CommClause); ok {
				return refuse("it is set by a select")
			}
			m.e.replace(x.Pos(), x.Rhs[0].Pos(), v.Name()+".Set(")
			m.e.replace(x.End(), x.End(), ")")
			return nil
		}
		return m.update(v, u, x, at, t)
	case *ast.UnaryExpr:
		if x.Op == token.AND {
			return refuse("its address is taken")
		}
	case *ast.RangeStmt:
		if x.Key == top || x.Value == top {
			return refuse("a loop sets it")
		}
	case *ast.SliceExpr:
		if _, isArray := m.p.Info.TypeOf(top).Underlying().(*types.Array); isArray {
			return refuse("a slice of it is taken")
		}
	case *ast.SelectorExpr:
		if fn, ok := m.p.Info.Uses[x.Sel].(*types.Func); ok {
			if _, byPointer := types.Unalias(fn.Signature().Recv().Type()).(*types.Pointer); byPointer {
				return refuse("a method may change it")
			}
		}
	}
	m.e.replace(u.id.End(), u.id.End(), ".Get()")
	return nil
}

// operand returns the largest part of the variable that a use is about (v.x[3] in
// v.x[3]++), what stands around it, and the index of that in the path.
func (m *stateMove) operand(u use) (top ast.Expr, parent ast.Node, at int) {
	top = u.id
	for at = len(u.path) - 1; at >= 0; at-- {
		switch x := u.path[at].(type) {
		case *ast.ParenExpr:
			top = x
			continue
		case *ast.SelectorExpr:
			if s := m.p.Info.Selections[x]; x.X == top && s != nil && s.Kind() == types.FieldVal {
				top = x
				continue
			}
		case *ast.IndexExpr:
			if x.X == top {
				if _, isArray := m.p.Info.TypeOf(top).Underlying().(*types.Array); isArray {
					top = x
					continue
				}
			}
		}
		return top, u.path[at], at
	}
	return top, nil, -1
}

func (m *stateMove) names(n ast.Node, v *types.Var) bool {
	for id := range identifiers(n) {
		if m.p.Info.Uses[id] == v {
			return true
		}
	}
	return false
}

// update wraps a statement in Update, where the variable is a pointer of the
// same name. The function of an Update holds a lock, so nothing may be called
// there that might use the variable, or wait.
func (m *stateMove) update(v *variable, u use, stmt ast.Stmt, at int, t string) error {
	switch u.path[at-1].(type) {
	case *ast.BlockStmt, *ast.CaseClause, *ast.CommClause, *ast.LabeledStmt, *ast.ForStmt, *ast.IfStmt, *ast.SwitchStmt:
	default:
		return fmt.Errorf("%s: it is set where no call can stand", m.at(stmt))
	}
	if c, ok := u.path[at-1].(*ast.CommClause); ok && c.Comm == stmt {
		return fmt.Errorf("%s: it is set by a select", m.at(stmt))
	}
	if n := m.unquiet(stmt); n != nil {
		return fmt.Errorf("%s: a call while %s is set", m.at(n), v.Name())
	}
	if u.file != v.file && v.spec.Type != nil {
		if err := m.e.sameNames(v.spec.Type, u.file); err != nil {
			return err
		}
	} else if v.spec.Type == nil {
		text, err := m.e.typeText(u.file, v.Type())
		if err != nil {
			return err
		}
		t = text
	}
	m.e.replace(stmt.Pos(), stmt.Pos(), fmt.Sprintf("%s.Update(func(%s *%s) { ", v.Name(), v.Name(), t))
	for _, other := range v.uses {
		if slices.Contains(other.path, ast.Node(stmt)) {
			m.deref(other)
		}
	}
	m.e.replace(stmt.End(), stmt.End(), " })")
	return nil
}

// unquiet returns what may wait or call something of the program; nil if nothing
// does.
func (m *stateMove) unquiet(stmt ast.Node) ast.Node {
	var found ast.Node
	ast.Inspect(stmt, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncLit:
			found = n
		case *ast.UnaryExpr:
			if n.Op == token.ARROW {
				found = n
			}
		case *ast.CallExpr:
			if tv := m.p.Info.Types[n.Fun]; !tv.IsType() && !tv.IsBuiltin() && !m.quiet(m.p.callee(n)) {
				found = n
			}
		}
		return found == nil
	})
	return found
}

// quiet reports whether a function is one of the standard library that gets
// nothing to call.
func (m *stateMove) quiet(fn *types.Func) bool {
	if fn == nil || fn.Pkg() == nil || !standard(fn.Pkg().Path()) || m.p.Hot(fn.Pkg().Path()) {
		return false
	}
	sig := fn.Signature()
	if sig.Recv() != nil && types.IsInterface(sig.Recv().Type()) {
		return false
	}
	for v := range sig.Params().Variables() {
		switch v.Type().Underlying().(type) {
		case *types.Basic, *types.Struct, *types.Array:
		default:
			return false
		}
	}
	return true
}

// deref writes a use of a variable that became a pointer.
func (m *stateMove) deref(u use) {
	parent := u.path[len(u.path)-1]
	switch x := parent.(type) {
	case *ast.SelectorExpr:
		return // the compiler does it
	case *ast.UnaryExpr:
		if x.Op == token.AND {
			m.e.replace(x.Pos(), u.id.Pos(), "")
		} else {
			m.e.replace(u.id.Pos(), u.id.Pos(), "*")
		}
		return
	case *ast.AssignStmt, *ast.IncDecStmt, *ast.ReturnStmt, *ast.ParenExpr, *ast.KeyValueExpr, *ast.RangeStmt:
		m.e.replace(u.id.Pos(), u.id.Pos(), "*")
		return
	case *ast.CallExpr:
		if ast.Expr(u.id) != x.Fun {
			m.e.replace(u.id.Pos(), u.id.Pos(), "*")
			return
		}
	case *ast.BinaryExpr:
		if x.X == ast.Expr(u.id) {
			m.e.replace(u.id.Pos(), u.id.Pos(), "*")
			return
		}
	}
	m.e.replace(u.id.Pos(), u.id.End(), "(*"+u.id.Name+")")
}
