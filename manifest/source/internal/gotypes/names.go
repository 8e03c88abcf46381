package gotypes

import (
	"go/ast"
	"go/token"
	"go/types"
	"strings"
)

// LastElement returns the part of an import path that the runtime's function names begin with.
func LastElement(path string) string { return path[strings.LastIndexByte(path, '/')+1:] }

// FunctionName returns the name of a declared function as the live manifest has it:
// handlers.ShowPost, handlers.(*API).List.
func FunctionName(fn *types.Func) string {
	fn = fn.Origin()
	prefix := ""
	if fn.Pkg() != nil {
		prefix = LastElement(PackagePath(fn.Pkg())) + "."
	}
	return prefix + ReceiverPrefix(fn) + fn.Name()
}

func ReceiverPrefix(fn *types.Func) string {
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

// CalledIdent returns the identifier that names what is called, with or without type arguments.
func CalledIdent(fun ast.Expr) *ast.Ident {
	switch e := fun.(type) {
	case *ast.Ident:
		return e
	case *ast.SelectorExpr:
		return e.Sel
	case *ast.IndexExpr:
		return CalledIdent(ast.Unparen(e.X))
	case *ast.IndexListExpr:
		return CalledIdent(ast.Unparen(e.X))
	}
	return nil
}

// CalledName returns the name of a called function as the source has it.
func CalledName(fun ast.Expr) string {
	switch e := fun.(type) {
	case *ast.SelectorExpr:
		return e.Sel.Name
	case *ast.IndexExpr:
		return CalledName(e.X)
	case *ast.IndexListExpr:
		return CalledName(e.X)
	case *ast.FuncLit:
		return "func"
	}
	return types.ExprString(fun)
}

func PathOf(obj types.Object) string {
	if obj.Pkg() == nil {
		return ""
	}
	return obj.Pkg().Path()
}

// PackagePath returns the import path as a running program knows it: that of package main is
// "main", and what is predeclared has none.
func PackagePath(pkg *types.Package) string {
	switch {
	case pkg == nil:
		return ""
	case pkg.Name() == "main":
		return "main"
	}
	return pkg.Path()
}

// ChecksError recognises err != nil: what follows the check is what is meant to happen.
func ChecksError(info *types.Info, cond ast.Expr) bool {
	b, ok := ast.Unparen(cond).(*ast.BinaryExpr)
	if !ok || b.Op != token.NEQ {
		return false
	}
	t := info.TypeOf(b.X)
	return t != nil && types.Implements(t, errorBase) && info.Types[b.Y].IsNil()
}

// EndsCaller reports whether a call of fn does not return: it panics, or ends the goroutine or the
// process.
func EndsCaller(fn *types.Func) bool {
	switch name := fn.Name(); PathOf(fn) {
	case "log": // the methods of a Logger, too
		return strings.HasPrefix(name, "Fatal") || strings.HasPrefix(name, "Panic")
	case "os":
		return name == "Exit"
	case "runtime":
		return name == "Goexit"
	}
	return false
}

func ReceiverVar(info *types.Info, recv *ast.FieldList) types.Object {
	if names := recv.List[0].Names; len(names) == 1 {
		return info.Defs[names[0]]
	}
	return nil
}

// AnyNode reports whether match is true of a node below root that is not in a function literal.
func AnyNode(root ast.Node, match func(ast.Node) bool) bool {
	found := false
	ast.Inspect(root, func(n ast.Node) bool {
		if _, ok := n.(*ast.FuncLit); ok || found || n == nil {
			return false
		}
		found = match(n)
		return !found
	})
	return found
}
