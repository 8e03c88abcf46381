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
	start bool // it runs while routes are registered
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
// A variable of which a copy is all there is (numbers, strings, times, structs and
// arrays of such) becomes a *hotreload.State: reads become Get, writes Set or
// Update. Any other variable is refused, and so is one that may be used before the
// register function has run. around is called only for a plain value: it may read
// many files.
func (p *Package) MoveState(path string, offset int, around func() (Surroundings, error)) (*Change, error) {
	v, err := p.variableAt(path, offset)
	if err != nil {
		return nil, err
	}
	if !flat(v.Type()) {
		return nil, fmt.Errorf("%s is more than a plain value", v.Name())
	}
	m := &stateMove{p: p, e: p.edit(), graph: p.graph()}
	if m.register, m.sink = p.register(); m.register == nil {
		return nil, errors.New("the register function is in another package")
	}
	m.registerFile = p.fileOf(m.register.Pos())
	if m.around, err = around(); err != nil {
		return nil, err
	}
	if err := m.movable(v); err != nil {
		return nil, err
	}
	if err := m.toState(v); err != nil {
		return nil, err
	}
	m.e.replace(m.register.Body.Lbrace+1, m.register.Body.Lbrace+1, m.start.String())
	return m.e.change("Move " + v.Name() + " into keyed state")
}

// stateMove is one call of MoveState.
type stateMove struct {
	p            *Package
	e            *edits
	graph        *graph
	around       Surroundings
	register     *ast.FuncDecl
	registerFile *source.File
	sink         string
	start        strings.Builder // statements for the beginning of the register function
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
					if lit, ok := n.(*ast.FuncLit); ok && registers && !hasSinkParameter(p, lit) {
						u.start = false // it does not run at once
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

// movable checks that nothing but the code of the package uses a variable, and not
// before the register function has run.
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
	return onlyRegisters(m.around.Importers, m.p.ImportPath, m.p.Types.Name())
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

// starts reports whether a use runs while routes are registered.
func (m *stateMove) starts(u use) bool {
	if u.start {
		return true
	}
	fn, _ := m.p.Info.Defs[u.decl.Name].(*types.Func)
	return m.graph.starting[fn]
}

func (m *stateMove) at(n ast.Node) string {
	f := m.p.fileOf(n.Pos())
	line := 1 + strings.Count(string(m.p.text[f.Path][:f.Offset(n.Pos())]), "\n")
	return f.Path[strings.LastIndexByte(f.Path, '/')+1:] + ":" + strconv.Itoa(line)
}

// flat reports whether a copy of a value is all of it: numbers, strings, times,
// and structs and arrays of them.
func flat(t types.Type) bool {
	if isNamed(t, "time", "Time") {
		return true
	}
	if isNamed(t, "sync/atomic", "Bool", "Int32", "Int64", "Uint32", "Uint64", "Uintptr") ||
		isNamed(t, "sync", "Mutex", "RWMutex", "Once", "WaitGroup", "Cond", "Map", "Pool") {
		return false
	}
	switch u := t.Underlying().(type) {
	case *types.Basic:
		return u.Kind() != types.UnsafePointer && u.Kind() != types.Invalid && u.Kind() != types.Uintptr
	case *types.Array:
		return flat(u.Elem())
	case *types.Struct:
		for f := range u.Fields() {
			if !flat(f.Type()) {
				return false
			}
		}
		return true
	}
	return false
}
