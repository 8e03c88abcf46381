package source

import (
	"fmt"
	"go/ast"
	"go/types"
	"strings"
)

// lastElement returns the part of an import path that the runtime's function
// names begin with.
func lastElement(path string) string { return path[strings.LastIndexByte(path, '/')+1:] }

// functionName returns the name of a declared function as the live manifest has
// it: handlers.ShowPost, handlers.(*API).List.
func functionName(fn *types.Func) string {
	fn = fn.Origin()
	prefix := ""
	if fn.Pkg() != nil {
		prefix = lastElement(packagePath(fn.Pkg())) + "."
	}
	return prefix + receiverPrefix(fn) + fn.Name()
}

func receiverPrefix(fn *types.Func) string {
	recv := fn.Signature().Recv()
	if recv == nil {
		return ""
	}
	t, pointer := types.Unalias(recv.Type()), false
	if p, ok := t.(*types.Pointer); ok {
		t, pointer = types.Unalias(p.Elem()), true
	}
	named, ok := t.(*types.Named)
	switch {
	case !ok:
		return ""
	case pointer:
		return "(*" + named.Obj().Name() + ")."
	}
	return named.Obj().Name() + "."
}

// literalName returns the name that the compiler gives to a function literal:
// handlers.AnvilRegisterRoutes.func2.1.
//
// Where the compiler copies a function into its caller, the literals in it get
// names that begin with the caller's. That is not predicted here.
func (c *checked) literalName(lit *ast.FuncLit) string {
	if c.names == nil {
		c.nameLiterals()
	}
	if name, ok := c.names[lit]; ok {
		return lastElement(packagePath(c.types)) + "." + name
	}
	return "func"
}

// nameOfValue returns the name that the compiler gives to a generic function or
// a method that is used as a value where its type arguments depend on those of
// the function around it: there it is wrapped in a literal. The result is empty
// anywhere else.
func (c *checked) nameOfValue(e ast.Node) string {
	if c.names == nil {
		c.nameLiterals()
	}
	if name, ok := c.names[e]; ok {
		return lastElement(packagePath(c.types)) + "." + name
	}
	return ""
}

func (c *checked) nameLiterals() {
	c.names = map[ast.Node]string{}
	inits, count := 0, 0 // count: of all package-level initialisers
	for _, f := range c.files {
		for _, d := range f.file.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				name := d.Name.Name
				if fn, ok := c.info.Defs[d.Name].(*types.Func); ok {
					name = receiverPrefix(fn) + name
				}
				if d.Recv == nil && name == "init" {
					name = fmt.Sprintf("init.%d", inits)
					inits++
				}
				if d.Body != nil {
					c.nameIn(d.Body, name+".func", new(int))
				}
			case *ast.GenDecl:
				c.nameIn(d, "init.func", &count)
			}
		}
	}
}

// nameIn names the literals directly in a function, numbered from count, and
// those inside them.
func (c *checked) nameIn(root ast.Node, prefix string, count *int) {
	called := map[ast.Node]bool{} // what is called is no value
	number := func(n ast.Node) string {
		*count++
		c.names[n] = fmt.Sprintf("%s%d", prefix, *count)
		return c.names[n]
	}
	ast.Inspect(root, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncLit:
			c.nameIn(n.Body, number(n)+".", new(int))
			return false
		case *ast.CallExpr:
			fun := ast.Unparen(n.Fun)
			called[fun] = true
			if id := calledIdent(fun); id != nil {
				called[id] = true
			}
		case *ast.SelectorExpr:
			sel := c.info.Selections[n]
			if sel != nil && sel.Kind() == types.MethodVal && !called[n] && hasTypeParam(sel.Recv()) {
				number(n)
			}
		case *ast.Ident:
			inst, ok := c.info.Instances[n]
			if _, isFunc := c.info.Uses[n].(*types.Func); ok && isFunc && !called[n] && hasTypeParam(inst.Type) {
				number(n)
			}
		}
		return true
	})
}

// calledIdent returns the identifier that names what is called, with or without
// type arguments.
func calledIdent(fun ast.Expr) *ast.Ident {
	switch e := fun.(type) {
	case *ast.Ident:
		return e
	case *ast.SelectorExpr:
		return e.Sel
	case *ast.IndexExpr:
		return calledIdent(ast.Unparen(e.X))
	case *ast.IndexListExpr:
		return calledIdent(ast.Unparen(e.X))
	}
	return nil
}
