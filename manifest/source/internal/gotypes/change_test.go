package gotypes_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"slices"
	"strconv"
	"testing"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest/shape"
	"github.com/anvilforge/anvil-lsp/manifest/source/internal/gotypes"
)

// Other names for all types of hot packages change no shape.
func TestRenamedTypesKeepTheirShape(t *testing.T) {
	seed := seed()
	shapes := gotypes.NewShapes([]string{storePath, viewPath, handlersPath})
	var texts [2][]string
	for i, prefix := range []string{"Red", "Blue"} {
		c := newTypeChecker(t)
		for _, p := range generateProgram(seed, 60, prefix, "") {
			_, info, files, err := c.check(p.path, p.text.String())
			if err != nil {
				t.Fatalf("seed %d: %v", seed, err)
			}
			for _, q := range asked(files, info) {
				text, _ := shapes.Of(q.typ)
				texts[i] = append(texts[i], q.id+" "+text)
			}
		}
	}
	if len(texts[0]) < 180 {
		t.Fatalf("seed %d: %d types", seed, len(texts[0]))
	}
	for i, red := range texts[0] {
		if blue := texts[1][i]; red != blue {
			t.Fatalf("seed %d: a name changes\n%s\nto\n%s", seed, red, blue)
		}
	}
}

// changes are edits of a struct's fields that change its shape. Each reports
// whether the struct has a field for it.
var changes = map[string]func(fields *ast.FieldList) bool{
	"a field renamed": func(l *ast.FieldList) bool {
		return onField(l, func(f *ast.Field) { f.Names[0].Name += "Renamed" })
	},
	"a field exported": func(l *ast.FieldList) bool {
		return onField(l, func(f *ast.Field) { f.Names[0].Name = "X" + f.Names[0].Name })
	},
	"another type": func(l *ast.FieldList) bool {
		return onField(l, func(f *ast.Field) { f.Type = &ast.StarExpr{X: f.Type} })
	},
	"another tag": func(l *ast.FieldList) bool {
		return onField(l, func(f *ast.Field) { f.Tag = &ast.BasicLit{Kind: token.STRING, Value: "`changed:\"\"`"} })
	},
	"a new field": func(l *ast.FieldList) bool {
		l.List = append(l.List, &ast.Field{Names: []*ast.Ident{ast.NewIdent("_")}, Type: ast.NewIdent("int")})
		return true
	},
	"a field gone": func(l *ast.FieldList) bool {
		n := len(l.List)
		l.List = l.List[:max(n-1, 0)]
		return n > 0
	},
	"another order": func(l *ast.FieldList) bool {
		i := slices.IndexFunc(l.List, plain)
		if i < 1 {
			return false
		}
		l.List[0], l.List[i] = l.List[i], l.List[0]
		return true
	},
}

// plain reports whether a field is neither embedded nor blank.
func plain(f *ast.Field) bool { return len(f.Names) == 1 && f.Names[0].Name != "_" }

func onField(l *ast.FieldList, change func(*ast.Field)) bool {
	i := slices.IndexFunc(l.List, plain)
	if i >= 0 {
		change(l.List[i])
	}
	return i >= 0
}

// Each change of a struct's fields changes the shape of the struct, and can be
// described.
func TestChangedFieldsChangeTheShape(t *testing.T) {
	seed := seed()
	text := newGenerator(seed, "").generate(storePath, 40).text.String() + "\ntype Last struct { _ int; A string; b []int }\n"
	c := newTypeChecker(t)
	shapes := gotypes.NewShapes([]string{storePath})
	original, _, _, err := c.check(storePath, text)
	if err != nil {
		t.Fatalf("seed %d: %v", seed, err)
	}
	for name, change := range changes {
		made := 0
		for i := 0; made < 5; i++ {
			file, err := parser.ParseFile(c.fset, strconv.Itoa(i)+".go", text, parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			specs := structSpecs(file)
			if i == len(specs) {
				break
			}
			if !change(specs[i].Type.(*ast.StructType).Fields) {
				continue
			}
			made++
			config := types.Config{Importer: c, Error: func(error) {}}
			changed, _ := config.Check(storePath, c.fset, []*ast.File{file}, nil)
			before, _ := shapes.Of(original.Scope().Lookup(specs[i].Name.Name).Type())
			after, _ := shapes.Of(changed.Scope().Lookup(specs[i].Name.Name).Type())
			if before == after {
				t.Errorf("seed %d: %s in %s keeps the shape %s", seed, name, specs[i].Name.Name, before)
			}
			if shape.Describe(before, after) == "" {
				t.Errorf("seed %d: %s in %s has no description:\n%s\n%s", seed, name, specs[i].Name.Name, before, after)
			}
		}
		if made == 0 {
			t.Errorf("seed %d: no struct for %s", seed, name)
		}
	}
}

// structSpecs returns the struct types that a file declares.
func structSpecs(file *ast.File) []*ast.TypeSpec {
	var specs []*ast.TypeSpec
	for _, decl := range file.Decls {
		if decl, ok := decl.(*ast.GenDecl); ok && decl.Tok == token.TYPE {
			for _, spec := range decl.Specs {
				spec := spec.(*ast.TypeSpec)
				if _, ok := spec.Type.(*ast.StructType); ok && spec.TypeParams == nil && spec.Name.Name != "_" {
					specs = append(specs, spec)
				}
			}
		}
	}
	return specs
}

// FuzzGenerated type-checks random declarations with bytes of the text changed,
// most of which do not compile. The producer must not panic, and not write more
// than there is.
func FuzzGenerated(f *testing.F) {
	for i := range uint64(4) {
		f.Add(i, uint16(i*1000), []byte("[]"))
	}
	f.Fuzz(func(t *testing.T, seed uint64, at uint16, insert []byte) {
		text := newGenerator(seed, "").generate(storePath, 12).text.String()
		i := min(int(at), len(text))
		text = text[:i] + string(insert) + text[min(i+len(insert), len(text)):]
		pkg, errs := checkBroken(t, text)
		if pkg == nil {
			return
		}
		shapes := gotypes.NewShapes([]string{storePath})
		for _, name := range pkg.Scope().Names() {
			typ := pkg.Scope().Lookup(name).Type()
			got, _ := shapes.Of(typ)
			if again, _ := shapes.Of(typ); got != again || got == "" {
				t.Errorf("the shape of %s is not always the same", name)
			}
			if _, ok := typ.(*types.Named); ok && errs == nil && gotypes.Signature(typ) == "" {
				t.Errorf("no signature of %s", name)
			}
		}
	})
}

// checkBroken type-checks what may make the type checker panic: that is not
// what is tested.
func checkBroken(t *testing.T, text string) (pkg *types.Package, err error) {
	defer func() {
		if r := recover(); r != nil {
			pkg, err = nil, fmt.Errorf("the type checker: %v", r)
		}
	}()
	pkg, _, _, err = newTypeChecker(t).check(storePath, text)
	return pkg, err
}
