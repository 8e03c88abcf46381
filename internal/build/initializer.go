package build

import (
	"maps"
	"slices"

	"github.com/anvilforge/anvil-lsp/internal/build/syntax"
)

// initializer finds which packages the initialisation of others may change.
type initializer struct {
	s        *Snapshot
	rebuilt  map[string]bool
	within   map[string]bool // packages that those import, directly or not
	packages map[string]*initialPackage
	seen     map[*syntax.Unit]bool
	changed  map[string]bool
}

// initialPackage is a hot package's part in it.
type initialPackage struct {
	units map[string][]unitIn
	vars  map[string]bool // by name: whether it is fixed
}

type unitIn struct {
	pkg  *Package
	file *syntax.File
	unit *syntax.Unit
}

// initializes returns the hot packages, besides those that are compiled again, whose variables the
// initialisation of those may change. They have to be compiled again, too, or what it adds to them
// would be added once more in each generation.
func (s *Snapshot) initializes(rebuilt map[string]bool) map[string]bool {
	i := &initializer{
		s: s, rebuilt: rebuilt, within: map[string]bool{}, packages: map[string]*initialPackage{},
		seen: map[*syntax.Unit]bool{}, changed: map[string]bool{},
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
		for n := range src.Initialization.Units {
			u := &src.Initialization.Units[n]
			p.units[u.Name] = append(p.units[u.Name], unitIn{pkg, &src, u})
		}
		maps.Copy(p.vars, src.Initialization.Variables)
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
	for _, use := range u.unit.Uses {
		// The packages in which the name may be, and whether it is that of a package's member.
		paths, member := i.named(u, use.Root)
		switch {
		case use.Kind == syntax.UseMethod:
			i.method(use.Name)
		case use.Kind == syntax.UseCalled && !member:
			i.method(use.Name)
			i.variable(paths, use.Root, true)
		case use.Kind == syntax.UseCalled:
			for _, path := range paths {
				i.call(path, use.Name)
			}
		case member:
			i.variable(paths, use.Name, use.Kind == syntax.UseLent)
		default:
			i.variable(paths, use.Root, use.Kind == syntax.UseLent)
		}
	}
}

// named returns where a name is looked up: in the package that root is the name of, or else, root
// being none or a variable, in the unit's own and in those that are imported with a dot.
func (i *initializer) named(u unitIn, root string) (paths []string, member bool) {
	paths = []string{u.pkg.ImportPath}
	for _, imp := range u.file.Initialization.Imports {
		path := imp.Path
		if mapped, ok := u.pkg.ImportMap[path]; ok {
			path = mapped
		}
		p := i.s.graph.Packages[path]
		switch {
		case p == nil:
		case imp.Name == ".":
			paths = append(paths, path)
		case root != "" && (imp.Name == root || imp.Name == "" && p.Name == root):
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
