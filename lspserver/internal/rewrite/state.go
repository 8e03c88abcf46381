package rewrite

import (
	"errors"
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
	"strconv"
	"strings"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/manifest/source"
)

// variable is a package-level variable that is about to be moved.
type variable struct {
	*types.Var
	file *source.File
	spec *ast.ValueSpec
	uses []use
}

// use is one place where a variable is named.
type use struct {
	id    *ast.Ident
	file  *source.File
	path  []ast.Node // the nodes around it, the innermost last
	decl  *ast.FuncDecl
	lit   *ast.FuncLit // the outermost one that does not run at once, in the register function
	start bool         // it runs while routes are registered
}

// Surroundings is what MoveState must know of the world around the package.
type Surroundings struct {
	// Unchecked are the texts of the other Go files of its directory, by name:
	// tests, and what other platforms are built from.
	Unchecked map[string][]byte
	// Importers are the texts of the Go files elsewhere that import it.
	Importers [][]byte
	// Keys are taken by other state.
	Keys map[string]bool
}

// MoveState moves the package-level variable that is declared at an offset of a
// file into keyed state, so that its value survives reloads.
//
// There are three ways, and most variables fit none:
//
//   - What a copy is all of (numbers, strings, structs of such) becomes a
//     *hotreload.State; reads become Get, writes Set or Update.
//   - What is made for concurrent use (atomic values, types of host packages
//     with a lock of their own) stays as it is, but the variable becomes a
//     pointer to the one value of all generations, which the register function
//     takes from the Container.
//   - Maps, slices and structs that are only used under a package-level lock
//     become such pointers too, together with the lock: two generations that
//     serve at the same time must not each lock a lock of their own.
//
// What may be used before the register function has run is refused, and so is
// what holds code or types of hot packages where Go cannot tell them apart.
func (p *Package) MoveState(path string, offset int, around Surroundings) (*Change, error) {
	v, err := p.variableAt(path, offset)
	if err != nil {
		return nil, err
	}
	m := &stateMove{p: p, e: p.edit(), types: typeFacts{p}, graph: p.graph(), around: around}
	if m.register, m.sink = p.register(); m.register == nil {
		return nil, errors.New("the register function is in another package")
	}
	m.registerFile = p.fileOf(m.register.Pos())
	if err := m.movable(v); err != nil {
		return nil, err
	}
	if err := m.move(v); err != nil {
		return nil, err
	}
	m.e.replace(m.register.Body.Lbrace+1, m.register.Body.Lbrace+1, m.start.String())
	return m.e.change("Move " + strings.Join(m.moved, " and ") + " into keyed state")
}

// stateMove is one call of MoveState.
type stateMove struct {
	p            *Package
	e            *edits
	types        typeFacts
	graph        *graph
	around       Surroundings
	register     *ast.FuncDecl
	registerFile *source.File
	sink         string
	start        strings.Builder // statements for the beginning of the register function
	moved        []string
}

// variableAt finds a package-level variable by the place of its declaration.
func (p *Package) variableAt(path string, offset int) (*variable, error) {
	f := p.file(path)
	if f == nil {
		return nil, ErrStale
	}
	for _, d := range f.Syntax.Decls {
		g, ok := d.(*ast.GenDecl)
		if !ok || g.Tok != token.VAR {
			continue
		}
		for _, s := range g.Specs {
			spec := s.(*ast.ValueSpec)
			for _, name := range spec.Names {
				if from := f.Offset(name.Pos()); offset < from || offset > f.Offset(name.End()) {
					continue
				}
				if v, ok := p.Info.Defs[name].(*types.Var); ok {
					return p.variable(v, f, spec), nil
				}
			}
		}
	}
	return nil, errors.New("there is no package-level variable")
}

// declared finds a package-level variable by what it is.
func (p *Package) declared(v *types.Var) (*variable, error) {
	f := p.fileOf(v.Pos())
	if f == nil {
		return nil, fmt.Errorf("%s is declared elsewhere", v.Name())
	}
	return p.variableAt(f.Path, f.Offset(v.Pos()))
}

func (p *Package) variable(v *types.Var, f *source.File, spec *ast.ValueSpec) *variable {
	out := &variable{Var: v, file: f, spec: spec}
	for _, f := range p.Files {
		for _, d := range f.Syntax.Decls {
			fn, _ := d.(*ast.FuncDecl)
			registers := fn != nil && fn.Recv == nil && fn.Name.Name == manifest.RegisterName
			ast.PreorderStack(d, nil, func(n ast.Node, stack []ast.Node) bool {
				id, ok := n.(*ast.Ident)
				if !ok || p.Info.Uses[id] != v {
					return true
				}
				u := use{id: id, file: f, path: append([]ast.Node(nil), stack...), decl: fn, start: registers}
				for _, n := range stack {
					if lit, ok := n.(*ast.FuncLit); ok && registers && !takesSink(p, lit) {
						u.lit, u.start = lit, false
						break
					}
				}
				out.uses = append(out.uses, u)
				return true
			})
		}
	}
	return out
}

// movable checks what holds for every way.
func (m *stateMove) movable(v *variable) error {
	name := v.Name()
	switch {
	case v.Exported():
		return fmt.Errorf("%s is exported: other packages may use it", name)
	case len(v.spec.Names) != 1 || len(v.spec.Values) > 1:
		return fmt.Errorf("%s is declared together with others", name)
	case m.graph.usedEarly(v.Var):
		return fmt.Errorf("%s may be used before routes are registered", name)
	case m.around.Keys[m.key(v)]:
		return fmt.Errorf("there is state with the key %s", m.key(v))
	case m.directive(v):
		return fmt.Errorf("%s has a compiler directive", name)
	}
	for _, u := range v.uses {
		if u.decl == nil {
			return fmt.Errorf("%s is part of another variable's value", name)
		}
	}
	for file, text := range m.around.Unchecked {
		if mentions(string(text), name) {
			return fmt.Errorf("%s mentions %s", file, name)
		}
		if strings.HasSuffix(file, "_test.go") && !strings.Contains(string(text), manifest.RegisterName) {
			return fmt.Errorf("%s may call handlers without registering them", file)
		}
	}
	return onlyRegisters(m.around.Importers, m.p.ImportPath)
}

func (m *stateMove) key(v *variable) string { return m.p.Types.Name() + "." + v.Name() }

// directive reports whether a comment that means something to the compiler
// stands before a variable.
func (m *stateMove) directive(v *variable) bool {
	before := v.file.Syntax.Name.End()
	for _, d := range v.file.Syntax.Decls {
		nodes := []ast.Node{d}
		if g, ok := d.(*ast.GenDecl); ok {
			for _, spec := range g.Specs {
				nodes = append(nodes, spec)
			}
		}
		for _, n := range nodes {
			if n.End() <= v.spec.Pos() {
				before = max(before, n.End())
			}
		}
	}
	return strings.Contains(m.p.source(before, v.spec.Pos()), "//go:")
}

// move chooses the way.
func (m *stateMove) move(v *variable) error {
	t := v.Type()
	elem, isPointer := t.Underlying().(*types.Pointer)
	switch {
	case m.types.flat(t):
		return m.toState(v)
	case m.types.guardsItself(t), isPointer && m.types.guardsItself(elem.Elem()):
		if err := m.onlyAsked(v); err != nil {
			return err
		}
	case !m.types.shared(t):
		return fmt.Errorf("%s may hold code or types of this generation", v.Name())
	default:
		if err := m.withLocks(v); err != nil {
			return err
		}
	}
	return m.toPointer(v)
}

// onlyAsked checks that a variable that guards itself is never copied or
// replaced, and that registering does not change it.
func (m *stateMove) onlyAsked(v *variable) error {
	for _, u := range v.uses {
		parent := u.path[len(u.path)-1]
		switch x := parent.(type) {
		case *ast.SelectorExpr:
			if m.p.Info.Selections[x] == nil || m.p.Info.Selections[x].Kind() != types.MethodVal {
				return fmt.Errorf("%s: a field of %s is used without its methods", m.at(u.id), v.Name())
			}
			if m.starts(u) && x.Sel.Name != "Load" {
				return fmt.Errorf("%s: registering changes %s", m.at(u.id), v.Name())
			}
		case *ast.UnaryExpr:
			if x.Op != token.AND {
				return fmt.Errorf("%s: %s is copied", m.at(u.id), v.Name())
			}
		default:
			if _, isPointer := v.Type().Underlying().(*types.Pointer); !isPointer || assigned(u) {
				return fmt.Errorf("%s: %s is copied or replaced", m.at(u.id), v.Name())
			}
		}
	}
	return nil
}

// starts reports whether a use runs while routes are registered.
func (m *stateMove) starts(u use) bool {
	if u.start {
		return true
	}
	fn, _ := m.p.Info.Defs[u.decl.Name].(*types.Func)
	return m.graph.starting[fn]
}

// assigned reports whether a use sets the variable itself.
func assigned(u use) bool {
	var e ast.Node = u.id
	for i := len(u.path) - 1; i >= 0; i-- {
		switch x := u.path[i].(type) {
		case *ast.ParenExpr:
			e = x
			continue
		case *ast.AssignStmt:
			for _, l := range x.Lhs {
				if l == e {
					return true
				}
			}
		case *ast.IncDecStmt:
			return true
		case *ast.RangeStmt:
			return x.Key == e || x.Value == e
		}
		return false
	}
	return false
}

// withLocks checks that every use of a variable is under a lock of the package,
// and moves these locks.
func (m *stateMove) withLocks(v *variable) error {
	locks := map[*types.Var]bool{}
	for _, u := range v.uses {
		if m.starts(u) {
			return fmt.Errorf("%s: registering uses %s", m.at(u.id), v.Name())
		}
		var region ast.Node = u.decl.Body
		if u.lit != nil {
			region = u.lit.Body
		}
		found, err := m.locksIn(region, v.Var)
		if err != nil {
			return err
		}
		if len(found) == 0 {
			return fmt.Errorf("%s: %s is used without a lock", m.at(u.id), v.Name())
		}
		for l := range found {
			locks[l] = true
		}
	}
	for fn := range m.graph.reaching(v.Var) {
		if m.mentionsOnce(m.graph.functions[fn]) {
			return fmt.Errorf("%s sets %s once in each generation", fn.Name(), v.Name())
		}
	}
	delete(locks, v.Var)
	for _, l := range sortedVars(locks) {
		if m.taken(l) {
			continue
		}
		lock, err := m.p.declared(l)
		if err != nil {
			return err
		}
		if !isLock(l.Type()) || len(lock.spec.Values) > 0 {
			return fmt.Errorf("%s is no plain lock", l.Name())
		}
		if err := m.movable(lock); err != nil {
			return err
		}
		for _, u := range lock.uses {
			if _, ok := u.path[len(u.path)-1].(*ast.SelectorExpr); !ok {
				return fmt.Errorf("%s: %s is used by something else", m.at(u.id), l.Name())
			}
		}
		if err := m.toPointer(lock); err != nil {
			return err
		}
	}
	return nil
}

// locksIn returns the package-level variables that are locked in a region. A
// lock of another kind is an error: nobody knows what it guards.
func (m *stateMove) locksIn(region ast.Node, v *types.Var) (map[*types.Var]bool, error) {
	found := map[*types.Var]bool{}
	var failed error
	ast.Inspect(region, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		sel, ok := ast.Unparen(call.Fun).(*ast.SelectorExpr)
		fn := m.p.callee(call)
		if !ok || fn == nil || fn.Pkg() == nil || fn.Pkg().Path() != "sync" || !strings.HasSuffix(fn.Name(), "Lock") {
			return true
		}
		id, ok := ast.Unparen(sel.X).(*ast.Ident)
		if !ok {
			if inner, isField := ast.Unparen(sel.X).(*ast.SelectorExpr); isField {
				id, _ = ast.Unparen(inner.X).(*ast.Ident)
			}
			if id == nil || m.p.Info.Uses[id] != v { // a lock within the variable itself will do
				failed = fmt.Errorf("%s: a lock that is no variable of the package", m.at(call))
				return true
			}
		}
		lock, _ := m.p.Info.Uses[id].(*types.Var)
		if lock == nil || lock.Parent() != m.p.Types.Scope() {
			failed = fmt.Errorf("%s: a lock that is no variable of the package", m.at(call))
			return true
		}
		if name := fn.Name(); name == "Lock" || name == "RLock" {
			found[lock] = true
		}
		return true
	})
	return found, failed
}

// taken reports whether a variable is a lock that the register function takes
// from the Container already.
func (m *stateMove) taken(v *types.Var) bool {
	ptr, ok := v.Type().(*types.Pointer)
	if !ok || !isLock(ptr.Elem()) {
		return false
	}
	d, err := m.p.declared(v)
	if err != nil || len(d.spec.Values) > 0 {
		return false
	}
	times := 0
	for _, u := range d.uses {
		if !assigned(u) {
			continue
		}
		stmt, ok := u.path[len(u.path)-1].(*ast.AssignStmt)
		if !ok || !u.start || len(stmt.Rhs) != 1 || !strings.Contains(m.p.source(stmt.Rhs[0].Pos(), stmt.Rhs[0].End()), "StateOf(") {
			return false
		}
		times++
	}
	return times == 1
}

// mentionsOnce reports whether a function does something once only.
func (m *stateMove) mentionsOnce(d *ast.FuncDecl) bool {
	found := false
	ast.Inspect(d, func(n ast.Node) bool {
		if id, ok := n.(*ast.Ident); ok {
			if obj := m.p.Info.Uses[id]; obj != nil && obj.Type() != nil {
				t := obj.Type()
				if ptr, ok := t.(*types.Pointer); ok {
					t = ptr.Elem()
				}
				found = found || isNamed(t, "sync", "Once") || obj.Pkg() != nil && obj.Pkg().Path() == "sync" && strings.HasPrefix(obj.Name(), "Once")
			}
		}
		return !found
	})
	return found
}

func (m *stateMove) at(n ast.Node) string {
	f := m.p.fileOf(n.Pos())
	line := 1 + strings.Count(string(m.p.text[f.Path][:f.Offset(n.Pos())]), "\n")
	return f.Path[strings.LastIndexByte(f.Path, '/')+1:] + ":" + strconv.Itoa(line)
}
