package syntax

import (
	"cmp"
	"go/ast"
	"go/token"
	"go/types"
	"slices"
	"strconv"
)

// Unit is a function, or the initialisation of a file, and what it uses.
type Unit struct {
	Name string // of the function; .M of a method; empty for the initialisation
	Uses []Use
}

// Use is a name in a unit: root.name, or name alone.
type Use struct {
	Kind       UseKind
	Root, Name string
}

// UseKind is what a unit does with a name.
type UseKind int

const (
	UseCalled  UseKind = iota // a function, or a method of what root names
	UseMethod                 // a method of something
	UseChanged                // assigned to, or its address is taken
	UseLent                   // handed on, so that it may be changed elsewhere
)

// Initialization is what a Go file says about package initialisation.
type Initialization struct {
	Imports   []ImportName
	Units     []Unit
	Variables map[string]bool // by name: whether nothing but an assignment changes it
}

// ImportName is an import with the name that the file gives it, which may be empty.
type ImportName struct{ Name, Path string }

// readInitialization reads what decides which variables the initialisation of a package may change.
// It goes by the syntax: a name is taken for what it is outside all functions, a method for every
// one of that name, and a function that is only handed on is taken not to be called.
func readInitialization(f *ast.File) Initialization {
	in := Initialization{Variables: map[string]bool{}}
	if f == nil {
		return in
	}
	for _, imp := range f.Imports {
		path, err := strconv.Unquote(imp.Path.Value)
		if err != nil {
			continue
		}
		name := ImportName{Path: path}
		if imp.Name != nil {
			name.Name = imp.Name.Name
		}
		in.Imports = append(in.Imports, name)
	}
	var start uses
	add := func(name string, body ast.Node) {
		var u uses
		u.in(body)
		if len(u) > 0 {
			in.Units = append(in.Units, Unit{name, u.compact()})
		}
	}
	for _, d := range f.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			switch {
			case d.Body == nil:
			case d.Recv != nil:
				add("."+d.Name.Name, d.Body)
			case d.Name.Name == "init":
				start.in(d.Body)
			default:
				add(d.Name.Name, d.Body)
			}
		case *ast.GenDecl:
			if d.Tok != token.VAR {
				continue
			}
			for _, spec := range d.Specs {
				spec := spec.(*ast.ValueSpec)
				for i, name := range spec.Names {
					var value ast.Expr
					if len(spec.Values) == len(spec.Names) {
						value = spec.Values[i]
					}
					if lit, ok := value.(*ast.FuncLit); ok {
						add(name.Name, lit.Body)
					}
					in.Variables[name.Name] = fixedValue(spec.Type, value)
				}
				for _, value := range spec.Values {
					start.lend(value)
					start.in(value)
				}
			}
		}
	}
	if len(start) > 0 {
		in.Units = append(in.Units, Unit{Uses: start.compact()})
	}
	return in
}

// fixedValue reports whether a variable is of a kind that only an assignment to it
// changes: errors, texts and numbers, regular expressions, embedded files.
func fixedValue(typ, value ast.Expr) bool {
	switch typ := typ.(type) {
	case *ast.Ident:
		return slices.Contains([]string{"bool", "string", "error", "int", "int32", "int64", "uint", "uint32", "uint64",
			"float64"}, typ.Name)
	case *ast.SelectorExpr:
		return types.ExprString(typ) == "embed.FS"
	}
	switch v := value.(type) {
	case *ast.BasicLit:
		return true
	case *ast.CallExpr:
		return slices.Contains([]string{"errors.New", "fmt.Errorf", "regexp.MustCompile"}, types.ExprString(v.Fun))
	}
	return false
}

// uses collects what code uses that runs when a function is called.
type uses []Use

func (u *uses) compact() []Use {
	slices.SortFunc(*u, func(a, b Use) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Root, b.Root), cmp.Compare(a.Name, b.Name))
	})
	return slices.Clip(slices.Compact(*u))
}

func (u *uses) add(kind UseKind, root, name string) { *u = append(*u, Use{kind, root, name}) }

// in collects from a statement or an expression.
func (u *uses) in(node ast.Node) {
	ast.Inspect(node, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncLit:
			return false // it is handed on, unless one of the following says otherwise
		case *ast.CallExpr:
			u.call(n)
		case *ast.AssignStmt:
			for _, x := range n.Lhs {
				if n.Tok != token.DEFINE {
					u.changed(x)
				}
			}
			u.assigned(n.Rhs)
		case *ast.ValueSpec:
			u.assigned(n.Values)
		case *ast.IncDecStmt:
			u.changed(n.X)
		case *ast.UnaryExpr:
			if n.Op == token.AND {
				u.changed(n.X)
			}
		case *ast.ReturnStmt:
			u.lend(n.Results...)
		case *ast.CompositeLit:
			u.lend(n.Elts...)
		case *ast.KeyValueExpr:
			u.lend(n.Value)
		case *ast.SendStmt:
			u.lend(n.Chan, n.Value)
		}
		return true
	})
}

// literal collects from a function that is kept in a variable: it may be called.
func (u *uses) literal(x ast.Expr) {
	if lit, ok := ast.Unparen(x).(*ast.FuncLit); ok {
		u.in(lit.Body)
	}
}

func (u *uses) call(n *ast.CallExpr) {
	fun := ast.Unparen(n.Fun)
	switch x := fun.(type) { // instantiated
	case *ast.IndexExpr:
		fun = x.X
	case *ast.IndexListExpr:
		fun = x.X
	}
	once := false
	switch fun := fun.(type) {
	case *ast.FuncLit:
		u.in(fun.Body)
	case *ast.Ident:
		if fun.Name == "len" || fun.Name == "cap" {
			return
		}
		u.add(UseCalled, "", fun.Name)
	case *ast.SelectorExpr:
		once = fun.Sel.Name == "Do" // of a sync.Once
		if x, ok := fun.X.(*ast.Ident); ok {
			u.add(UseCalled, x.Name, fun.Sel.Name)
			break
		}
		u.add(UseMethod, "", fun.Sel.Name)
		u.lend(fun.X)
	}
	u.lend(n.Args...)
	if once {
		u.assigned(n.Args)
	}
}

// changed records an assignment to something, or to a part of it.
func (u *uses) changed(x ast.Expr) {
	if root, name, ok := rootOf(x, true); ok {
		u.add(UseChanged, root, name)
	}
}

// lend records that something is handed on. What is read out of a map or slice is not it.
func (u *uses) lend(list ...ast.Expr) {
	for _, x := range list {
		if root, name, ok := rootOf(x, false); ok {
			u.add(UseLent, root, name)
		}
	}
}

// assigned collects from what variables get.
func (u *uses) assigned(values []ast.Expr) {
	u.lend(values...)
	for _, x := range values {
		u.literal(x)
	}
}

// rootOf returns the variable that an expression is, or is part of: v, or p.V
// where p may be a package.
func rootOf(x ast.Expr, indexed bool) (root, name string, ok bool) {
	for {
		switch e := x.(type) {
		case *ast.ParenExpr:
			x = e.X
		case *ast.StarExpr:
			x = e.X
		case *ast.SliceExpr:
			x = e.X
		case *ast.IndexExpr:
			if !indexed {
				return "", "", false
			}
			x = e.X
		case *ast.SelectorExpr:
			name, x = e.Sel.Name, e.X
		case *ast.Ident:
			if name == "" {
				return "", e.Name, true
			}
			return e.Name, name, true
		default:
			return "", "", false
		}
	}
}
