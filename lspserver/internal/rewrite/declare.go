package rewrite

import (
	"bytes"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"maps"
	"path"
	"slices"
	"strconv"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
)

// declaration is the register function that is written where there is none.
const declaration = `
// ` + manifest.RegisterName + ` registers the routes of one generation.
func ` + manifest.RegisterName + `(r *%s.RouteSink) {
}
`

// CorrectRegister makes the function that is declared at an offset of a file
// the register function: its name, its parameter and its results.
func (p *Package) CorrectRegister(path string, offset int) (*Change, error) {
	decl, fn := p.functionAt(path, offset)
	if fn == nil || decl.Recv != nil || decl.Type.TypeParams != nil {
		return nil, errors.New("it is no plain function")
	}
	e := p.edit()
	if decl.Name.Name != manifest.RegisterName {
		if p.Types.Scope().Lookup(manifest.RegisterName) != nil {
			return nil, fmt.Errorf("there is another %s", manifest.RegisterName)
		}
		e.replace(decl.Name.Pos(), decl.Name.End(), manifest.RegisterName)
		for _, f := range p.Files {
			for id := range identifiers(f.Syntax) {
				if p.Info.Uses[id] == fn {
					e.replace(id.Pos(), id.End(), manifest.RegisterName)
				}
			}
		}
	}
	pkg, err := p.Import(manifest.RuntimePath)
	if err != nil {
		return nil, err
	}
	runtime, err := e.importName(p.fileOf(decl.Pos()), pkg)
	if err != nil {
		return nil, err
	}
	sink, err := e.correctParameter(decl, "*"+runtime+".RouteSink")
	if err != nil {
		return nil, err
	}
	if err := e.dropResult(decl, sink); err != nil {
		return nil, err
	}
	return e.change("Make it func " + manifest.RegisterName + "(" + sink + " *" + runtime + ".RouteSink)")
}

// correctParameter has a function take one parameter of a type and returns its
// name.
func (e *edits) correctParameter(decl *ast.FuncDecl, t string) (string, error) {
	params := decl.Type.Params
	switch n := params.NumFields(); {
	case n == 0:
		name := "r"
		for id := range identifiers(decl.Body) {
			if id.Name == name {
				name = "sink"
			}
		}
		e.replace(params.Opening+1, params.Closing, name+" "+t)
		return name, nil
	case n > 1:
		first := params.List[0]
		if len(first.Names) == 0 || !isSink(e.p.Info.TypeOf(first.Type)) {
			return "", errors.New("it has several parameters")
		}
		// The result would not compile if the others were used.
		e.replace(first.Names[0].End(), params.Closing, " "+t)
		return first.Names[0].Name, nil
	}
	field := params.List[0]
	if len(field.Names) == 0 {
		e.replace(field.Pos(), field.End(), "_ "+t)
		return "_", nil
	}
	if !isSink(e.p.Info.TypeOf(field.Type)) {
		e.replace(field.Type.Pos(), field.Type.End(), t)
	}
	return field.Names[0].Name, nil
}

// dropResult makes a function without result of one that returns an error,
// which then fails the registration. Fail ignores nil.
func (e *edits) dropResult(decl *ast.FuncDecl, sink string) error {
	results := decl.Type.Results
	if results.NumFields() == 0 {
		return nil
	}
	if results.NumFields() != 1 || len(results.List[0].Names) > 0 ||
		!types.Identical(e.p.Info.TypeOf(results.List[0].Type), types.Universe.Lookup("error").Type()) {
		return errors.New("it has results")
	}
	e.replace(decl.Type.Params.End(), results.End(), "")
	var failed error
	last := decl.Body.List[len(decl.Body.List)-1]
	ast.Inspect(decl.Body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncLit:
			return false
		case *ast.ReturnStmt:
			if len(n.Results) != 1 {
				failed = errors.New("it returns in an unusual way")
				return false
			}
			x := n.Results[0]
			switch {
			case e.p.Info.Types[x].IsNil() && n == last:
				e.dropLine(n)
			case e.p.Info.Types[x].IsNil():
				e.replace(n.Pos(), n.End(), "return")
			case sink == "_":
				failed = errors.New("its parameter has no name")
			default:
				e.replace(n.Pos(), x.Pos(), sink+".Fail(")
				text := ")\nreturn"
				if n == last {
					text = ")"
				}
				e.replace(x.End(), n.End(), text)
			}
		}
		return true
	})
	return failed
}

// dropLine removes a statement and the line that it is on alone.
func (e *edits) dropLine(s ast.Stmt) {
	f := e.p.fileOf(s.Pos())
	text, from, to := e.p.text[f.Path], f.Offset(s.Pos()), f.Offset(s.End())
	for from > 0 && (text[from-1] == '\t' || text[from-1] == ' ') {
		from--
	}
	if from > 0 && text[from-1] == '\n' && to < len(text) && (text[to] == '\n' || text[to] == '\r') {
		from--
	}
	e.all[f] = append(e.all[f], edit{from, to, ""})
}

// DeclareRegister adds a register function to a file of a package that has
// none.
func (p *Package) DeclareRegister(path string) (*Change, error) {
	f := p.file(path)
	if f == nil || p.Types.Scope().Lookup(manifest.RegisterName) != nil {
		return nil, ErrStale
	}
	pkg, err := p.Import(manifest.RuntimePath)
	if err != nil {
		return nil, err
	}
	e := p.edit()
	runtime, err := e.importName(f, pkg)
	if err != nil {
		return nil, err
	}
	text := p.text[path]
	end := len(bytes.TrimRight(text, " \t\r\n"))
	e.all[f] = append(e.all[f], edit{end, len(text), "\n" + fmt.Sprintf(declaration, runtime)})
	return e.change("Create " + manifest.RegisterName)
}

// RegisterOf finds the package whose register function a file names: the import
// path in handlers.AnvilRegisterRoutes, and where that stands.
func RegisterOf(text []byte) (importPath string, from, to int, ok bool) {
	fset := token.NewFileSet()
	f, _ := parser.ParseFile(fset, "", text, parser.SkipObjectResolution)
	if f == nil {
		return "", 0, 0, false
	}
	names := map[string]string{}
	for _, spec := range f.Imports {
		p, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			continue
		}
		if spec.Name != nil {
			names[spec.Name.Name] = p
		} else {
			names[path.Base(p)] = p
		}
	}
	ast.Inspect(f, func(n ast.Node) bool {
		if sel, is := n.(*ast.SelectorExpr); is && sel.Sel.Name == manifest.RegisterName {
			if id, is := sel.X.(*ast.Ident); is && names[id.Name] != "" && !ok {
				importPath, ok = names[id.Name], true
				from, to = fset.Position(sel.Pos()).Offset, fset.Position(sel.End()).Offset
			}
		}
		return true
	})
	return importPath, from, to, ok
}

// DeclareIn adds a register function to a package of which nothing but the
// texts of the files that are built is known, by path. Files of another package
// than most of them are left alone.
func DeclareIn(files map[string][]byte) (*Change, error) {
	fset := token.NewFileSet()
	parsed, faults, count := map[string]*ast.File{}, map[string]error{}, map[string]int{}
	var pkg string
	for _, name := range slices.Sorted(maps.Keys(files)) {
		f, err := parser.ParseFile(fset, name, files[name], parser.ParseComments|parser.SkipObjectResolution)
		if f == nil || f.Name == nil || f.Name.Name == "" {
			continue // no package is named yet
		}
		parsed[name], faults[name] = f, err
		if count[f.Name.Name]++; count[f.Name.Name] > count[pkg] {
			pkg = f.Name.Name
		}
	}
	maps.DeleteFunc(parsed, func(_ string, f *ast.File) bool { return f.Name.Name != pkg })
	var chosen string
	for _, name := range slices.Sorted(maps.Keys(parsed)) {
		if bytes.Contains(files[name], []byte(manifest.RegisterName)) {
			return nil, fmt.Errorf("%s mentions %s", name, manifest.RegisterName)
		}
		if base := path.Base(name); chosen == "" || base == "routes.go" || base == "handlers.go" &&
			path.Base(chosen) != "routes.go" {
			chosen = name
		}
	}
	if chosen == "" {
		return nil, errors.New("the package has no files")
	}
	if err := faults[chosen]; err != nil {
		return nil, err
	}
	f := parsed[chosen]
	runtime, imported := importedAs(f, manifest.RuntimePath, path.Base(manifest.RuntimePath))
	if nameInUse(runtime, f, parsed) {
		return nil, errNameInUse
	}
	text := files[chosen]
	var all []edit // where the text is but the package clause both are at its end, and stay in this order
	if !imported {
		all = append(all, importEdit(text, manifest.RuntimePath))
	}
	end := len(bytes.TrimRight(text, " \t\r\n"))
	all = append(all, edit{end, len(text), "\n" + fmt.Sprintf(declaration, runtime)})
	now, err := apply(text, all)
	if err != nil {
		return nil, err
	}
	title := "Create " + manifest.RegisterName + " in package " + pkg
	return &Change{Title: title, Files: map[string][]byte{chosen: tidy(text, now)}}, nil
}

// nameInUse reports whether a file cannot import the runtime under a name: it
// imports something else as that, or the package declares it.
func nameInUse(name string, in *ast.File, all map[string]*ast.File) bool {
	for _, spec := range in.Imports {
		p, _ := strconv.Unquote(spec.Path.Value)
		as := path.Base(p)
		if spec.Name != nil {
			as = spec.Name.Name
		}
		if as == name && p != manifest.RuntimePath {
			return true
		}
	}
	for _, f := range all {
		for _, d := range f.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				if d.Recv == nil && d.Name.Name == name {
					return true
				}
			case *ast.GenDecl:
				if slices.ContainsFunc(d.Specs, func(s ast.Spec) bool { return declares(s, name) }) {
					return true
				}
			}
		}
	}
	return false
}

// declares reports whether a specification declares a name.
func declares(s ast.Spec, name string) bool {
	switch s := s.(type) {
	case *ast.TypeSpec:
		return s.Name.Name == name
	case *ast.ValueSpec:
		return slices.ContainsFunc(s.Names, func(id *ast.Ident) bool { return id.Name == name })
	}
	return false
}
