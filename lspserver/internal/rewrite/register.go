package rewrite

import (
	"errors"
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
	"reflect"
	"strings"
	"unicode"

	"github.com/anvilforge/anvil-lsp/manifest/source"
)

// errNoHandler reports that there is no function that could be registered.
var errNoHandler = errors.New("no function stands here that could answer requests")

// RegisterHandler registers the function that is declared around an offset of a
// file, if its type is that of a handler and it is not registered. A method is
// registered on a variable of the register function, if there is exactly one
// that has it.
func (p *Package) RegisterHandler(path string, offset int, report *source.Report) (*Change, error) {
	decl, fn := p.functionAt(path, offset)
	if fn == nil {
		return nil, errNoHandler
	}
	if _, err := p.HandlerKind(withoutReceiver(fn.Signature())); err != nil {
		return nil, err
	}
	register, sink := p.register()
	if register == nil {
		return nil, errors.New("the register function is in another package")
	}
	at := p.file(path)
	for _, r := range report.Routes {
		if r.HandlerPosition.File == path && p.offsetOf(at, r.HandlerPosition.Line,
			r.HandlerPosition.Column) == at.Offset(decl.Name.Pos()) {
			return nil, fmt.Errorf("%s answers %s %s", fn.Name(), r.Method, r.Pattern)
		}
	}
	if p.usedAsValue(fn) {
		return nil, fmt.Errorf("%s is handed to something already", fn.Name())
	}
	pattern := "/" + kebab(fn.Name())
	for _, name := range pathFields(fn.Signature()) {
		pattern += "/{" + name + "}"
	}
	for _, r := range report.Routes {
		if r.Pattern == pattern && (r.Method == "GET" || r.Method == "*") {
			return nil, fmt.Errorf("%s is taken", pattern)
		}
	}
	after, last := p.lastRoute(register)
	if last != "" {
		sink = last
	}
	handler := fn.Name()
	if recv := fn.Signature().Recv(); recv != nil {
		name, err := p.instance(register, recv.Type(), after)
		if err != nil {
			return nil, err
		}
		handler = name + "." + handler
	}
	e := p.edit()
	line := fmt.Sprintf("%s.Get(%q, %s)", sink, pattern, handler)
	switch n := len(register.Body.List); {
	case after != token.NoPos:
		end := p.lineEnd(after)
		e.replace(end, end, "\n\t"+line)
	case n > 0 && returns(register.Body.List[n-1]):
		ret := register.Body.List[n-1]
		e.replace(ret.Pos(), ret.Pos(), line+"\n\t")
	default:
		e.replace(register.Body.Rbrace, register.Body.Rbrace, "\n\t"+line+"\n")
	}
	return e.change(fmt.Sprintf("Register %s at GET %s", handler, pattern))
}

func returns(s ast.Stmt) bool {
	_, ok := s.(*ast.ReturnStmt)
	return ok
}

func withoutReceiver(sig *types.Signature) types.Type {
	return types.NewSignatureType(nil, nil, nil, sig.Params(), sig.Results(), sig.Variadic())
}

// InHead reports whether an offset of a file is on the head of a function, from
// func to the brace.
func InHead(f *source.File, offset int) bool {
	for _, d := range f.Syntax.Decls {
		if decl, ok := d.(*ast.FuncDecl); ok && decl.Body != nil && f.Offset(decl.Pos()) <= offset &&
			offset <= f.Offset(decl.Body.Lbrace) {
			return true
		}
	}
	return false
}

// functionAt returns the function whose head, from func to the brace, is around
// an offset.
func (p *Package) functionAt(path string, offset int) (*ast.FuncDecl, *types.Func) {
	f := p.file(path)
	if f == nil {
		return nil, nil
	}
	for _, d := range f.Syntax.Decls {
		decl, ok := d.(*ast.FuncDecl)
		if !ok || decl.Body == nil || decl.Type.TypeParams != nil {
			continue
		}
		if offset < f.Offset(decl.Pos()) || offset > f.Offset(decl.Body.Lbrace) {
			continue
		}
		fn, _ := p.Info.Defs[decl.Name].(*types.Func)
		if fn == nil || decl.Name.Name == "_" || fn.Signature().RecvTypeParams().Len() > 0 || decl.Recv == nil &&
			(fn.Name() == "init" || fn.Name() == "main") {
			return nil, nil
		}
		return decl, fn
	}
	return nil, nil
}

func (p *Package) offsetOf(f *source.File, line, column int) int {
	text := p.text[f.Path]
	at := 0
	for range line - 1 {
		i := strings.IndexByte(string(text[at:]), '\n')
		if i < 0 {
			return -1
		}
		at += i + 1
	}
	return at + column - 1
}

// usedAsValue reports whether a function is named anywhere without being called.
func (p *Package) usedAsValue(fn *types.Func) bool {
	called := map[*ast.Ident]bool{}
	used := false
	for _, f := range p.Files {
		ast.Inspect(f.Syntax, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.CallExpr:
				switch fun := ast.Unparen(n.Fun).(type) {
				case *ast.Ident:
					called[fun] = true
				case *ast.SelectorExpr:
					called[fun.Sel] = true
				}
			case *ast.Ident:
				if p.Info.Uses[n] == fn && !called[n] {
					used = true
				}
			}
			return true
		})
	}
	return used
}

// kebab writes a Go name as a path does: ShowHTMLPage becomes show-html-page.
func kebab(name string) string {
	var out []rune
	all := []rune(name)
	for i, r := range all {
		if r == '_' {
			r = '-'
		}
		if unicode.IsUpper(r) && i > 0 && all[i-1] != '_' &&
			(!unicode.IsUpper(all[i-1]) || i+1 < len(all) && unicode.IsLower(all[i+1])) {
			out = append(out, '-')
		}
		out = append(out, unicode.ToLower(r))
	}
	return strings.Trim(string(out), "-")
}

// pathFields returns the names that the input of a typed handler takes from the
// path.
func pathFields(sig *types.Signature) []string {
	if sig.Params().Len() != 2 {
		return nil
	}
	var names []string
	var visit func(t types.Type, depth int)
	visit = func(t types.Type, depth int) {
		s, ok := t.Underlying().(*types.Struct)
		if !ok || depth > 8 {
			return
		}
		for i := range s.NumFields() {
			if name, ok := reflect.StructTag(s.Tag(i)).Lookup("path"); ok {
				names = append(names, name)
			} else if s.Field(i).Anonymous() {
				visit(s.Field(i).Type(), depth+1)
			}
		}
	}
	visit(sig.Params().At(1).Type(), 0)
	return names
}

// routeMethods are the methods of a sink that register one route.
var routeMethods = map[string]bool{
	"Get": true, "Head": true, "Post": true, "Put": true, "Patch": true, "Delete": true, "Options": true, "Handle": true,
	"Route": true,
}

// lastRoute returns where the last statement of a register function ends that
// registers a route, and the variable that it does so with.
func (p *Package) lastRoute(register *ast.FuncDecl) (end token.Pos, sink string) {
	for _, s := range register.Body.List {
		x, ok := s.(*ast.ExprStmt)
		if !ok {
			continue
		}
		call, ok := x.X.(*ast.CallExpr)
		if !ok {
			continue
		}
		sel, ok := call.Fun.(*ast.SelectorExpr)
		if !ok || !routeMethods[sel.Sel.Name] || !isSink(p.Info.TypeOf(sel.X)) {
			continue
		}
		if id, ok := sel.X.(*ast.Ident); ok {
			end, sink = s.End(), id.Name
		}
	}
	return end, sink
}

// lineEnd returns the end of the line that a place is on.
func (p *Package) lineEnd(pos token.Pos) token.Pos {
	f := p.fileOf(pos)
	text := string(p.text[f.Path])
	at := f.Offset(pos)
	if i := strings.IndexByte(text[at:], '\n'); i >= 0 {
		at += i
	} else {
		at = len(text)
	}
	for at > f.Offset(pos) && text[at-1] == '\r' {
		at--
	}
	return f.Pos(at)
}

// instance returns the only variable in reach that has the methods of a type:
// one that the register function declares before a place, or one of the package.
func (p *Package) instance(register *ast.FuncDecl, recv types.Type, before token.Pos) (string, error) {
	var names []string
	add := func(obj types.Object) {
		v, ok := obj.(*types.Var)
		if !ok || v.Name() == "_" {
			return
		}
		t := v.Type()
		ptr, isPointer := types.Unalias(recv).(*types.Pointer)
		// A variable is addressable, so that it has the methods of its pointer.
		if types.Identical(t, recv) || isPointer && types.Identical(t, ptr.Elem()) ||
			types.Identical(t, types.NewPointer(recv)) {
			names = append(names, v.Name())
		}
	}
	for _, s := range register.Body.List {
		if before.IsValid() && s.Pos() >= before {
			break
		}
		switch s := s.(type) {
		case *ast.AssignStmt:
			if s.Tok == token.DEFINE {
				for _, l := range s.Lhs {
					if id, ok := l.(*ast.Ident); ok {
						add(p.Info.Defs[id])
					}
				}
			}
		case *ast.DeclStmt:
			if g, ok := s.Decl.(*ast.GenDecl); ok && g.Tok == token.VAR {
				for _, spec := range g.Specs {
					for _, id := range spec.(*ast.ValueSpec).Names {
						add(p.Info.Defs[id])
					}
				}
			}
		}
	}
	if len(names) == 0 {
		for _, name := range p.Types.Scope().Names() {
			add(p.Types.Scope().Lookup(name))
		}
	}
	if len(names) != 1 {
		return "", fmt.Errorf("there are %d variables of type %s where routes are registered", len(names),
			types.TypeString(recv, types.RelativeTo(p.Types)))
	}
	return names[0], nil
}
