package gotypes

import (
	"cmp"
	"go/token"
	"go/types"
	"path"
	"slices"
	"strconv"
	"strings"
)

// Signature returns a type as Go code writes it, with package names: what [symbol.NameOf] returns
// for the same type in the running program, unless it is not Known.
//
// That is the text that the compiler gives to reflection, with its habits: inside type arguments,
// where the compiler needs a text that is unique, unexported fields have their package and fields
// of predeclared types are embedded as "pkg.error = error". Of unexported methods with the same
// name, in an interface that has some from several packages, the order can differ.
func Signature(t types.Type) string {
	var w signatureWriter
	w.write(t)
	return w.b.String()
}

type signatureWriter struct {
	b strings.Builder
	// argument says that type arguments are written.
	argument bool
	depth    int
}

// maxSignatureDepth bounds type literals and arguments inside each other, in code that does not
// compile.
const maxSignatureDepth = 100

func (w *signatureWriter) write(t types.Type) {
	if t == nil || w.depth == maxSignatureDepth {
		w.b.WriteString("?")
		return
	}
	w.depth++
	defer func() { w.depth-- }()
	switch t := types.Unalias(t).(type) {
	case *types.Basic:
		if t.Kind() == types.Invalid {
			w.b.WriteString("?")
			return
		}
		w.b.WriteString(basicName(t))
	case *types.Named:
		w.named(t)
	case *types.Pointer:
		w.around("*", t.Elem(), "")
	case *types.Slice:
		w.around("[]", t.Elem(), "")
	case *types.Array:
		w.around("["+strconv.FormatInt(t.Len(), 10)+"]", t.Elem(), "")
	case *types.Map:
		w.around("map[", t.Key(), "]")
		w.write(t.Elem())
	case *types.Chan:
		w.channel(t)
	case *types.Signature:
		w.b.WriteString("func")
		w.signature(t)
	case *types.Struct:
		w.structure(t)
	case *types.Interface:
		w.interfaceType(t)
	default:
		w.b.WriteString("?")
	}
}

func (w *signatureWriter) around(before string, t types.Type, after string) {
	w.b.WriteString(before)
	w.write(t)
	w.b.WriteString(after)
}

func (w *signatureWriter) named(t *types.Named) {
	w.qualify(t.Obj().Pkg())
	w.b.WriteString(t.Obj().Name())
	if t.TypeArgs().Len() == 0 {
		return
	}
	outer := w.argument
	w.argument = true
	defer func() { w.argument = outer }()
	w.b.WriteString("[")
	for i := range t.TypeArgs().Len() {
		w.separate(i, ",")
		w.write(t.TypeArgs().At(i))
	}
	w.b.WriteString("]")
}

// qualify writes the name of a package. Inside type arguments only its import path is known to the
// running program.
func (w *signatureWriter) qualify(pkg *types.Package) {
	switch {
	case pkg == nil:
	case w.argument:
		w.b.WriteString(path.Base(PackagePath(pkg)) + ".")
	default:
		w.b.WriteString(pkg.Name() + ".")
	}
}

func (w *signatureWriter) separate(i int, separator string) {
	if i > 0 {
		w.b.WriteString(separator)
	}
}

func (w *signatureWriter) channel(t *types.Chan) {
	inner, _ := types.Unalias(t.Elem()).(*types.Chan)
	switch {
	case t.Dir() == types.RecvOnly:
		w.around("<-chan ", t.Elem(), "")
	case t.Dir() == types.SendOnly:
		w.around("chan<- ", t.Elem(), "")
	case inner != nil && inner.Dir() == types.RecvOnly:
		w.around("chan (", t.Elem(), ")")
	default:
		w.around("chan ", t.Elem(), "")
	}
}

// signature writes parameters and results.
func (w *signatureWriter) signature(t *types.Signature) {
	w.b.WriteString("(")
	for i := range t.Params().Len() {
		w.separate(i, ", ")
		param := t.Params().At(i).Type()
		if list, ok := param.(*types.Slice); ok && t.Variadic() && i == t.Params().Len()-1 {
			w.around("...", list.Elem(), "")
			continue
		}
		w.write(param)
	}
	w.b.WriteString(")")
	switch t.Results().Len() {
	case 0:
	case 1:
		w.around(" ", t.Results().At(0).Type(), "")
	default:
		w.b.WriteString(" (")
		for i := range t.Results().Len() {
			w.separate(i, ", ")
			w.write(t.Results().At(i).Type())
		}
		w.b.WriteString(")")
	}
}

func (w *signatureWriter) structure(t *types.Struct) {
	w.b.WriteString("struct {")
	for i := range t.NumFields() {
		w.separate(i, ";")
		w.b.WriteString(" ")
		f := t.Field(i)
		switch {
		case !f.Embedded():
			w.field(f, " ")
		case w.argument && f.Name() != ownName(f):
			w.field(f, " = ")
		}
		w.write(f.Type())
		if tag := t.Tag(i); tag != "" {
			w.b.WriteString(" " + strconv.Quote(tag))
		}
	}
	w.end(t.NumFields())
}

func (w *signatureWriter) field(f *types.Var, separator string) {
	if w.argument && !f.Exported() {
		w.qualify(f.Pkg())
	}
	w.b.WriteString(f.Name() + separator)
}

// ownName returns the name that an embedded field has if its type is not embedded under another
// one, as the compiler sees it. Another one is that of an alias, of an instance without its
// arguments and, because the compiler adds a number or because it is of no package, of a local or a
// predeclared type.
func ownName(f *types.Var) string {
	t := types.Unalias(f.Type())
	if p, ok := t.(*types.Pointer); ok {
		t = types.Unalias(p.Elem())
	}
	named, ok := t.(*types.Named)
	if !ok || named.TypeArgs().Len() > 0 {
		return ""
	}
	obj := named.Obj()
	if obj.Pkg() == nil || obj.Parent() != obj.Pkg().Scope() || !obj.Exported() && obj.Pkg() != f.Pkg() {
		return ""
	}
	return obj.Name()
}

// end closes a struct or interface type.
func (w *signatureWriter) end(members int) {
	if members > 0 {
		w.b.WriteString(" ")
	}
	w.b.WriteString("}")
}

func (w *signatureWriter) interfaceType(t *types.Interface) {
	w.b.WriteString("interface {")
	methods := slices.SortedFunc(t.Methods(), compareMethods)
	for i, m := range methods {
		w.separate(i, ";")
		w.b.WriteString(" ")
		if !m.Exported() {
			w.qualify(m.Pkg())
		}
		w.b.WriteString(m.Name())
		w.signature(m.Signature())
	}
	w.end(len(methods))
}

// compareMethods orders methods as the compiler does.
func compareMethods(a, b *types.Func) int {
	if x, y := token.IsExported(a.Name()), token.IsExported(b.Name()); x != y {
		if x {
			return -1
		}
		return 1
	}
	return cmp.Or(cmp.Compare(a.Name(), b.Name()), cmp.Compare(PackagePath(a.Pkg()), PackagePath(b.Pkg())))
}
