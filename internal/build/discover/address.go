package discover

import (
	"context"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"net"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/internal/build/golist"
	"github.com/anvilforge/anvil-lsp/internal/build/syntax"
)

// Address returns the address that main gives to LiveServer as Options.Addr, as far as that can be
// read from its source without running it: "" if it gives none. If it cannot be read, unread is the
// code that decides it, as far as that was found. Args are the arguments that the program will
// have, getenv is its environment. Main is as Main returns it.
func Address(
	ctx context.Context, l *golist.Lister, main string, args []string, getenv func(string) string,
) (addr string, unread manifest.Position, known bool) {
	pkgs, err := l.List(ctx, nil, "-e", "-json=Dir,GoFiles", main)
	if err != nil || len(pkgs) != 1 {
		return "", unread, false
	}
	fset := token.NewFileSet()
	r := addressReader{args: args, getenv: getenv}
	for _, name := range pkgs[0].GoFiles {
		f, err := parser.ParseFile(fset, filepath.Join(pkgs[0].Dir, name), nil, parser.SkipObjectResolution)
		if err != nil {
			return "", unread, false // the first build says what is wrong
		}
		r.files = append(r.files, f)
	}
	if addr, known = r.read(); !known && r.unread != nil {
		at := fset.PositionFor(r.unread.Pos(), false)
		unread = manifest.Position{File: at.Filename, Line: at.Line, Column: at.Column}
	}
	return addr, unread, known
}

// addressReader evaluates the expressions that addresses are usually made of.
// Names are not resolved: one that is given two values is given up.
type addressReader struct {
	files  []*ast.File
	args   []string
	getenv func(string) string

	values map[string][]ast.Expr // what names are given, in all files
	depth  int

	unread ast.Node // what read has given up at; nil if it found nothing that names an address
}

func (r *addressReader) read() (addr string, known bool) {
	r.values = map[string][]ast.Expr{}
	var options []*ast.CompositeLit
	var assigned ast.Node // to a field Addr
	for _, f := range r.files {
		ast.Inspect(f, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.CompositeLit:
				if isOptions(f, n.Type) {
					options = append(options, n)
				}
			case *ast.ValueSpec:
				for i, name := range n.Names {
					r.note(name, n.Values, i)
				}
			case *ast.AssignStmt:
				for i, to := range n.Lhs {
					if sel, ok := to.(*ast.SelectorExpr); ok && sel.Sel.Name == "Addr" {
						assigned = n
					}
					if name, ok := to.(*ast.Ident); ok {
						r.note(name, n.Rhs, i)
					}
				}
			case *ast.UnaryExpr: // somebody may write to it
				if name, ok := n.X.(*ast.Ident); ok && n.Op == token.AND {
					r.note(name, nil, 0)
				}
			}
			return true
		})
	}
	switch {
	case assigned != nil:
		r.unread = assigned
		return "", false
	case len(options) > 1:
		r.unread = options[1]
		return "", false
	case len(options) == 0:
		return "", false
	}
	for _, e := range options[0].Elts {
		r.unread = e
		kv, ok := e.(*ast.KeyValueExpr)
		if !ok {
			return "", false
		}
		if key, ok := kv.Key.(*ast.Ident); ok && key.Name == "Addr" {
			return r.eval(kv.Value)
		}
	}
	return "", true
}

// note remembers that a name is given one of some values; nil if that is not known.
func (r *addressReader) note(name *ast.Ident, values []ast.Expr, i int) {
	var value ast.Expr
	if i < len(values) && len(values) > 1 || len(values) == 1 && i == 0 {
		value = values[i]
	}
	r.values[name.Name] = append(r.values[name.Name], value)
}

// isOptions reports whether a type is the runtime's Options.
func isOptions(f *ast.File, typ ast.Expr) bool {
	switch name := syntax.RuntimeName(f); name {
	case "":
		return false
	case ".":
		return types.ExprString(typ) == "Options"
	default:
		return types.ExprString(typ) == name+".Options"
	}
}

func (r *addressReader) eval(e ast.Expr) (string, bool) {
	if r.depth++; r.depth > 100 { // a name that is made of itself
		return "", false
	}
	defer func() { r.depth-- }()
	switch e := e.(type) {
	case *ast.BasicLit:
		if s, err := strconv.Unquote(e.Value); e.Kind == token.STRING && err == nil {
			return s, true
		}
	case *ast.ParenExpr:
		return r.eval(e.X)
	case *ast.BinaryExpr:
		x, okX := r.eval(e.X)
		y, okY := r.eval(e.Y)
		return x + y, okX && okY && e.Op == token.ADD
	case *ast.Ident:
		if v := r.values[e.Name]; len(v) == 1 && v[0] != nil {
			return r.eval(v[0])
		}
	case *ast.StarExpr:
		if name, ok := e.X.(*ast.Ident); ok && len(r.values[name.Name]) == 1 {
			if call, ok := r.values[name.Name][0].(*ast.CallExpr); ok && types.ExprString(call.Fun) == "flag.String" &&
				len(call.Args) == 3 {
				return r.flag(call.Args[0], call.Args[1])
			}
		}
	case *ast.CallExpr:
		return r.call(e)
	}
	return "", false
}

func (r *addressReader) call(e *ast.CallExpr) (string, bool) {
	switch name := types.ExprString(e.Fun); {
	case name == "os.Getenv" && len(e.Args) == 1:
		key, ok := r.eval(e.Args[0])
		return r.getenv(key), ok
	case name == "cmp.Or":
		for _, a := range e.Args {
			if s, ok := r.eval(a); !ok || s != "" {
				return s, ok
			}
		}
		return "", true
	case name == "net.JoinHostPort" && len(e.Args) == 2:
		host, okHost := r.eval(e.Args[0])
		port, okPort := r.eval(e.Args[1])
		return net.JoinHostPort(host, port), okHost && okPort
	}
	return "", false
}

// flag returns the value of a flag of the program.
func (r *addressReader) flag(nameExpr, fallback ast.Expr) (string, bool) {
	name, ok := r.eval(nameExpr)
	if !ok {
		return "", false
	}
	for i, arg := range r.args {
		given, value, inside := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(arg, "-"), "-"), "=")
		switch {
		case !strings.HasPrefix(arg, "-") || given != name:
		case inside:
			return value, true
		case i+1 < len(r.args):
			return r.args[i+1], true
		}
	}
	return r.eval(fallback)
}
