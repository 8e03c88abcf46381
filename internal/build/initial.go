package build

import (
	"cmp"
	"go/ast"
	"go/token"
	"slices"
	"strconv"
)

// unit is a function, or the initialisation of a file, and what it uses.
type unit struct {
	name string // of the function; .M of a method; empty for the initialisation
	uses []use
}

// use is a name in a unit: root.name, or name alone.
type use struct {
	kind       useKind
	root, name string
}

type useKind int

const (
	useCalled  useKind = iota // a function, or a method of what root names
	useMethod                 // a method of something
	useChanged                // assigned to, or its address is taken
	useLent                   // handed on, so that it may be changed elsewhere
)

// initial is what a Go file says about package initialisation.
type initial struct {
	imports []importName
	units   []unit
	fixed   []string // variables that nothing but an assignment changes
}

type importName struct{ name, path string }

// readInitial reads what decides which variables the initialisation of a package
// may change. It goes by the syntax: a name is taken for what it is outside all
// functions, a method for every one of that name, and a function that is only
// handed on is taken not to be called.
func readInitial(f *ast.File) initial {
	var in initial
	if f == nil {
		return in
	}
	for _, imp := range f.Imports {
		path, err := strconv.Unquote(imp.Path.Value)
		if err != nil {
			continue
		}
		name := importName{path: path}
		if imp.Name != nil {
			name.name = imp.Name.Name
		}
		in.imports = append(in.imports, name)
	}
	var start uses
	add := func(name string, body ast.Node) {
		var u uses
		u.in(body)
		if len(u) > 0 {
			in.units = append(in.units, unit{name, u.compact()})
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
					if fixedValue(spec.Type, value) {
						in.fixed = append(in.fixed, name.Name)
					}
				}
				for _, value := range spec.Values {
					start.lend(value)
					start.in(value)
				}
			}
		}
	}
	if len(start) > 0 {
		in.units = append(in.units, unit{uses: start.compact()})
	}
	return in
}

// fixedValue reports whether a variable is of a kind that only an assignment to it
// changes: errors, texts and numbers, regular expressions, embedded files.
func fixedValue(typ, value ast.Expr) bool {
	dotted := func(e ast.Expr) string {
		if s, ok := e.(*ast.SelectorExpr); ok {
			if x, ok := s.X.(*ast.Ident); ok {
				return x.Name + "." + s.Sel.Name
			}
		}
		return ""
	}
	switch typ := typ.(type) {
	case *ast.Ident:
		return slices.Contains([]string{"bool", "string", "error", "int", "int32", "int64", "uint", "uint32", "uint64", "float64"}, typ.Name)
	case *ast.SelectorExpr:
		return dotted(typ) == "embed.FS"
	}
	switch v := value.(type) {
	case *ast.BasicLit:
		return true
	case *ast.CallExpr:
		return slices.Contains([]string{"errors.New", "fmt.Errorf", "regexp.MustCompile"}, dotted(v.Fun))
	}
	return false
}

// uses collects what code uses that runs when a function is called.
type uses []use

func (u *uses) compact() []use {
	slices.SortFunc(*u, func(a, b use) int {
		return cmp.Or(cmp.Compare(a.kind, b.kind), cmp.Compare(a.root, b.root), cmp.Compare(a.name, b.name))
	})
	return slices.Clip(slices.Compact(*u))
}

func (u *uses) add(kind useKind, root, name string) {
	*u = append(*u, use{kind, root, name})
}

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
			for _, x := range n.Rhs {
				u.lend(x)
				u.literal(x)
			}
		case *ast.ValueSpec:
			for _, x := range n.Values {
				u.lend(x)
				u.literal(x)
			}
		case *ast.IncDecStmt:
			u.changed(n.X)
		case *ast.UnaryExpr:
			if n.Op == token.AND {
				u.changed(n.X)
			}
		case *ast.ReturnStmt:
			for _, x := range n.Results {
				u.lend(x)
			}
		case *ast.CompositeLit:
			for _, x := range n.Elts {
				u.lend(x)
			}
		case *ast.KeyValueExpr:
			u.lend(n.Value)
		case *ast.SendStmt:
			u.lend(n.Chan)
			u.lend(n.Value)
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
		u.add(useCalled, "", fun.Name)
	case *ast.SelectorExpr:
		once = fun.Sel.Name == "Do" // of a sync.Once
		if x, ok := fun.X.(*ast.Ident); ok {
			u.add(useCalled, x.Name, fun.Sel.Name)
			break
		}
		u.add(useMethod, "", fun.Sel.Name)
		u.lend(fun.X)
	}
	for _, arg := range n.Args {
		u.lend(arg)
		if once {
			u.literal(arg)
		}
	}
}

// changed records an assignment to something, or to a part of it.
func (u *uses) changed(x ast.Expr) {
	if root, name, ok := rootOf(x, true); ok {
		u.add(useChanged, root, name)
	}
}

// lend records that something is handed on. What is read out of a map or slice
// is not it.
func (u *uses) lend(x ast.Expr) {
	if root, name, ok := rootOf(x, false); ok {
		u.add(useLent, root, name)
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

// initializer finds which packages the initialisation of others may change.
type initializer struct {
	s        *Snapshot
	rebuilt  map[string]bool
	within   map[string]bool // packages that those import, directly or not
	packages map[string]*initialPackage
	seen     map[*unit]bool
	changed  map[string]bool
}

// initialPackage is a hot package's part in it.
type initialPackage struct {
	units map[string][]unitIn
	vars  map[string]bool // by name: whether it is fixed
}

type unitIn struct {
	pkg  *Package
	file *source
	unit *unit
}

// initializes returns the hot packages, beside those that are compiled anew,
// whose variables the initialisation of those may change. They have to be
// compiled anew, too, or what it adds to them would be added once more in each
// generation.
func (s *Snapshot) initializes(rebuilt map[string]bool) map[string]bool {
	i := &initializer{
		s: s, rebuilt: rebuilt, within: map[string]bool{}, packages: map[string]*initialPackage{}, seen: map[*unit]bool{}, changed: map[string]bool{},
	}
	below := false
	for _, path := range slices.Backward(s.graph.Order) {
		if !s.hot(path) || !rebuilt[path] && !i.within[path] {
			continue
		}
		below = below || !rebuilt[path]
		i.within[path] = true
		for _, imp := range s.graph.Packages[path].Imports {
			i.within[imp] = true
		}
	}
	if !below {
		return nil
	}
	for path := range rebuilt {
		i.call(path, "")
	}
	return i.changed
}

// of returns a hot package's part; nil if it is not hot, or out of reach.
func (i *initializer) of(path string) *initialPackage {
	if !i.within[path] || !i.s.hot(path) {
		return nil
	}
	if p, ok := i.packages[path]; ok {
		return p
	}
	p := &initialPackage{units: map[string][]unitIn{}, vars: map[string]bool{}}
	i.packages[path] = p
	pkg := i.s.graph.Packages[path]
	for _, name := range pkg.SourceFiles() {
		src := i.s.sources[name]
		for n := range src.initial.units {
			u := &src.initial.units[n]
			p.units[u.name] = append(p.units[u.name], unitIn{pkg, &src, u})
		}
		for _, d := range src.decls {
			if d.key == token.VAR.String()+" "+d.name {
				p.vars[d.name] = slices.Contains(src.initial.fixed, d.name)
			}
		}
	}
	return p
}

// call follows a function of a package, or a package's initialisation.
func (i *initializer) call(path, name string) {
	if p := i.of(path); p != nil {
		for _, u := range p.units[name] {
			i.follow(u)
		}
	}
}

func (i *initializer) follow(u unitIn) {
	if i.seen[u.unit] {
		return
	}
	i.seen[u.unit] = true
	for _, use := range u.unit.uses {
		// The packages in which the name may be, and whether it is that of a
		// package's member.
		paths, member := i.named(u, use.root)
		switch {
		case use.kind == useMethod:
			i.method(use.name)
		case use.kind == useCalled && !member:
			i.method(use.name)
			i.variable(paths, use.root, true)
		case use.kind == useCalled:
			for _, path := range paths {
				i.call(path, use.name)
			}
		case member:
			i.variable(paths, use.name, use.kind == useLent)
		default:
			i.variable(paths, use.root, use.kind == useLent)
		}
	}
}

// named returns where a name is looked up: in the package that root is the name
// of, or else, root being none or a variable, in the unit's own and in those that
// are imported with a dot.
func (i *initializer) named(u unitIn, root string) (paths []string, member bool) {
	paths = []string{u.pkg.ImportPath}
	for _, imp := range u.file.initial.imports {
		path := imp.path
		if mapped, ok := u.pkg.ImportMap[path]; ok {
			path = mapped
		}
		p := i.s.graph.Packages[path]
		switch {
		case p == nil:
		case imp.name == ".":
			paths = append(paths, path)
		case root != "" && (imp.name == root || imp.name == "" && p.Name == root):
			return []string{path}, true
		}
	}
	return paths, root == ""
}

// method follows every method of a name: whose it is is not known.
func (i *initializer) method(name string) {
	for _, path := range i.s.graph.Order {
		i.call(path, "."+name)
	}
}

// variable records that a variable may be changed.
func (i *initializer) variable(paths []string, name string, lent bool) {
	for _, path := range paths {
		p := i.of(path)
		if p == nil || i.rebuilt[path] {
			continue
		}
		if fixed, ok := p.vars[name]; ok && !(fixed && lent) {
			i.changed[path] = true
		}
	}
}
