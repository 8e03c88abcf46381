package rewrite

import (
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"slices"
	"strconv"
	"strings"

	"github.com/anvilforge/anvil-lsp/manifest/source"
)

// errNameInUse reports that a package cannot be referred to by its name.
var errNameInUse = errors.New("the name of a package that is needed is taken")

// importedAs returns the name by which a file can refer to a package, whose own
// name is given; not ok if it does not import it, or only as _ or dot.
func importedAs(f *ast.File, path, name string) (as string, ok bool) {
	for _, spec := range f.Imports {
		if other, _ := strconv.Unquote(spec.Path.Value); other != path {
			continue
		}
		switch {
		case spec.Name == nil:
			return name, true
		case spec.Name.Name != "_" && spec.Name.Name != ".":
			return spec.Name.Name, true
		}
	}
	return name, false
}

// importName returns the name by which a file knows a package. If it does not
// import it yet the import is added.
func (e *edits) importName(f *source.File, pkg *types.Package) (string, error) {
	name, ok := importedAs(f.Syntax, pkg.Path(), pkg.Name())
	if ok {
		return name, nil
	}
	if _, err := e.p.Import(pkg.Path()); err != nil {
		return "", err
	}
	scope := e.p.Info.Scopes[f.Syntax]
	if e.p.Types.Scope().Lookup(name) != nil || scope != nil && scope.Lookup(name) != nil || fileNames(f)[name] {
		return "", errNameInUse
	}
	if !slices.Contains(e.imports[f], pkg.Path()) {
		e.imports[f] = append(e.imports[f], pkg.Path())
		e.all[f] = append(e.all[f], importEdit(e.p.text[f.Path], pkg.Path()))
	}
	return name, nil
}

// fileNames returns the names that imports of a file have for certain.
func fileNames(f *source.File) map[string]bool {
	names := map[string]bool{}
	for _, spec := range f.Syntax.Imports {
		if spec.Name != nil {
			names[spec.Name.Name] = true
		} else if path, err := strconv.Unquote(spec.Path.Value); err == nil {
			names[path[strings.LastIndex(path, "/")+1:]] = true
		}
	}
	return names
}

// importEdit adds an import to a file: among its like in the block of imports,
// which gofmt sorts, or in a new declaration. It leaves import "C" alone, whose
// comment is C only while it is the only import of its declaration.
func importEdit(text []byte, path string) edit {
	fset := token.NewFileSet()
	f, _ := parser.ParseFile(fset, "", text, parser.ImportsOnly|parser.ParseComments)
	offset := func(pos token.Pos) int { return fset.Position(pos).Offset }
	insert := func(at token.Pos, text string) edit { return edit{offset(at), offset(at), text} }
	imported := func(spec ast.Spec) string {
		other, _ := strconv.Unquote(spec.(*ast.ImportSpec).Path.Value)
		return other
	}
	end := func(spec ast.Spec) token.Pos { // with what is said about it
		if c := spec.(*ast.ImportSpec).Comment; c != nil {
			return c.End()
		}
		return spec.End()
	}
	like := func(spec ast.Spec) bool { return standard(imported(spec)) == standard(path) }
	var last *ast.GenDecl
	for _, d := range f.Decls {
		g := d.(*ast.GenDecl)
		if !slices.ContainsFunc(g.Specs, func(s ast.Spec) bool { return imported(s) == "C" }) {
			last = g
		}
	}
	quoted := strconv.Quote(path)
	switch {
	case last == nil:
		at := f.Name.End()
		for _, c := range f.Comments { // the line may go on with what is said about the package
			if c.Pos() >= at && strings.Trim(string(text[offset(at):offset(c.Pos())]), " \t") == "" {
				at = c.End()
			}
		}
		return insert(at, "\n\nimport "+quoted)
	case !last.Lparen.IsValid():
		from, to := offset(last.Specs[0].Pos()), offset(end(last.Specs[0]))
		old := string(text[from:to])
		if !like(last.Specs[0]) {
			old += "\n"
		}
		return edit{from, to, "(\n\t" + old + "\n\t" + quoted + "\n)"}
	}
	for _, spec := range slices.Backward(last.Specs) {
		if like(spec) {
			return insert(end(spec), "\n\t"+quoted)
		}
	}
	switch n := len(last.Specs); {
	case n == 0:
		return insert(last.Rparen, "\n\t"+quoted+"\n")
	case standard(path):
		at := last.Specs[0].Pos()
		if doc := last.Specs[0].(*ast.ImportSpec).Doc; doc != nil {
			at = doc.Pos()
		}
		return insert(at, quoted+"\n\n\t")
	default:
		return insert(end(last.Specs[n-1]), "\n\n\t"+quoted)
	}
}

// standard reports whether a package is of the standard library, by the habit
// that only other paths begin with a domain.
func standard(path string) bool {
	first, _, _ := strings.Cut(path, "/")
	return !strings.Contains(first, ".")
}

// dropImports removes the imports that nothing is left of.
func (e *edits) dropImports() {
	for f, all := range e.all {
		for _, spec := range f.Syntax.Imports {
			if spec.Name != nil && (spec.Name.Name == "_" || spec.Name.Name == ".") {
				continue
			}
			name := ""
			left, gone := false, false
			for id, obj := range e.p.Info.Uses {
				pn, ok := obj.(*types.PkgName)
				if !ok || strconv.Quote(pn.Imported().Path()) != spec.Path.Value || e.p.fileOf(id.Pos()) != f {
					continue
				}
				name = pn.Name()
				at := f.Offset(id.Pos())
				if slices.ContainsFunc(all, func(x edit) bool { return x.from <= at && at < x.to }) {
					gone = true
				} else {
					left = true
				}
			}
			if left || !gone || slices.ContainsFunc(all, func(x edit) bool { return mentions(x.text, name+".") }) {
				continue
			}
			e.dropImport(f, spec)
		}
	}
}

func (e *edits) dropImport(f *source.File, spec *ast.ImportSpec) {
	for _, d := range f.Syntax.Decls {
		g, ok := d.(*ast.GenDecl)
		if !ok || !slices.Contains(g.Specs, ast.Spec(spec)) {
			continue
		}
		text, from, to := e.p.text[f.Path], f.Offset(spec.Pos()), f.Offset(spec.End())
		if len(g.Specs) == 1 {
			from, to = f.Offset(g.Pos()), f.Offset(g.End())
		}
		for to < len(text) && text[to] != '\n' { // with what is said about it
			to++
		}
		if from > 0 && to < len(text) {
			for from > 0 && (text[from-1] == '\t' || text[from-1] == ' ') {
				from--
			}
			to++
		}
		e.all[f] = append(e.all[f], edit{from, to, ""})
	}
}

// mentions reports whether a word stands in a text, not as the end of another.
func mentions(text, word string) bool {
	for at := 0; ; {
		i := strings.Index(text[at:], word)
		if i < 0 {
			return false
		}
		at += i
		if at == 0 || !letter(text[at-1]) && text[at-1] != '.' {
			return true
		}
		at += len(word)
	}
}

func letter(c byte) bool {
	return c == '_' || c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z' || c >= 0x80
}

// typeText writes a type as a file refers to it.
func (e *edits) typeText(f *source.File, t types.Type) (string, error) {
	var failed error
	text := types.TypeString(t, func(pkg *types.Package) string {
		if pkg == e.p.Types {
			return ""
		}
		name, err := e.importName(f, pkg)
		if err != nil {
			failed = err
		}
		return name
	})
	return text, failed
}

// sameNames reports whether the packages that an expression names have the same
// names in another file, where imports are added for those that it lacks.
func (e *edits) sameNames(n ast.Node, f *source.File) error {
	var failed error
	ast.Inspect(n, func(n ast.Node) bool {
		id, ok := n.(*ast.Ident)
		if !ok {
			return true
		}
		if pn, ok := e.p.Info.Uses[id].(*types.PkgName); ok {
			if name, err := e.importName(f, pn.Imported()); err != nil {
				failed = err
			} else if name != id.Name {
				failed = errNameInUse
			}
		}
		return true
	})
	return failed
}
