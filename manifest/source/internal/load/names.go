package load

import (
	"cmp"
	"fmt"
	"go/ast"
	"go/types"

	"github.com/anvilforge/anvil-lsp/manifest/source/internal/gotypes"
)

// LiteralName returns the name that the compiler gives to a function literal:
// handlers.AnvilRegisterRoutes.func2.1.
//
// Where the compiler copies a function into its caller, the literals in it get names that begin
// with the caller's. That is not predicted here.
func (c *Unit) LiteralName(lit *ast.FuncLit) string { return cmp.Or(c.NameOfValue(lit), "func") }

// NameOfValue returns the name that the compiler gives to a generic function or a method that is
// used as a value where its type arguments depend on those of the function around it: there it is
// wrapped in a literal. The result is empty anywhere else.
func (c *Unit) NameOfValue(e ast.Node) string {
	if c.names == nil {
		c.nameLiterals()
	}
	if name, ok := c.names[e]; ok {
		return gotypes.LastElement(gotypes.PackagePath(c.Types)) + "." + name
	}
	return ""
}

func (c *Unit) nameLiterals() {
	c.names = map[ast.Node]string{}
	inits, count := 0, 0 // count: of all package-level initialisers
	for _, f := range c.Files {
		for _, d := range f.Syntax.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				name := d.Name.Name
				if fn, ok := c.Info.Defs[d.Name].(*types.Func); ok {
					name = gotypes.ReceiverPrefix(fn) + name
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

// nameIn names the literals directly in a function, numbered from count, and those inside them.
func (c *Unit) nameIn(root ast.Node, prefix string, count *int) {
	called := map[ast.Node]bool{} // what is called is not a value
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
			if id := gotypes.CalledIdent(fun); id != nil {
				called[id] = true
			}
		case *ast.SelectorExpr:
			sel := c.Info.Selections[n]
			if sel != nil && sel.Kind() == types.MethodVal && !called[n] && gotypes.HasTypeParam(sel.Recv()) {
				number(n)
			}
		case *ast.Ident:
			inst, ok := c.Info.Instances[n]
			if _, isFunc := c.Info.Uses[n].(*types.Func); ok && isFunc && !called[n] && gotypes.HasTypeParam(inst.Type) {
				number(n)
			}
		}
		return true
	})
}
