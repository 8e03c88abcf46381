package eval

import (
	"go/ast"
	"go/constant"
	"go/token"
	"go/types"

	"github.com/anvilforge/anvil-lsp/manifest/source/internal/load"
	"github.com/anvilforge/anvil-lsp/manifest/source/internal/partial"
)

// value is what is known of a Go value. A value in an interface is the value itself: its type is
// the dynamic one.
type value interface {
	// typ returns the type of the value. Only an unknown value has an interface type.
	typ() types.Type
	// origin returns the expression that the value comes from, as far as that is known.
	origin() token.Pos
}

// base is what all values have.
type base struct {
	t  types.Type
	at token.Pos
}

func (b base) typ() types.Type   { return b.t }
func (b base) origin() token.Pos { return b.at }

// unknown is a value of which only the type is known.
type unknown struct {
	base
	why string // completes "is not known: "
	// named is what a handler of an unexported type of a dependency is called.
	named *wellKnown
	// some says that it is not nil.
	some bool
	// like is what is known of a string.
	like partial.Text
	// lead is the import path of the package whose source would tell more.
	lead string
}

// basic is a constant: a string, a number or a boolean.
type basic struct {
	base
	val constant.Value
}

// null is nil, of any type that can be.
type null struct{ base }

// function is a function, method value or closure.
type function struct {
	base
	obj   *types.Func                     // declared functions and methods
	decl  *ast.FuncDecl                   // its declaration, where the source is checked
	lit   *ast.FuncLit                    // function literals
	pkg   *load.Unit                      // that decl or lit is in
	frame *frame                          // that lit is in
	bind  map[*types.TypeParam]types.Type // type arguments
	recv  value                           // of a method value
	name  string                          // where the compiler wraps it in a literal
	// native is a function of the interpreter itself.
	native func(ev *evaluator, args []value) value
}

// pointer points to a known variable.
type pointer struct {
	base
	to *cell
}

// structure is a struct value.
type structure struct {
	base
	fields []*cell
}

// list is an array or a slice. A slice shares its elements with others.
type list struct {
	base
	elems []*cell
	// open says that there may be other elements.
	open bool
	// spare are elements of the same array behind those, which append overwrites: known for a part
	// of a longer slice or array.
	spare []*cell
}

// table is a map. It is shared, as maps are.
type table struct {
	base
	*entries
}

type entries struct {
	keys  []*basic
	elems []*cell
	open  bool // there may be other entries
}

// sink is a *hotreload.RouteSink.
type sink struct {
	base
	prefix string
	why    string       // the prefix is not known: why
	like   partial.Text // what is known of it then
}

// boxValue is a hotreload.HandlerBox.
type boxValue struct {
	base
	handler value
}

// tuple is what a call with several results returns.
type tuple struct {
	base
	values []value
}

// cell is a variable.
type cell struct{ v value }

// wellKnown names a handler of a dependency of which the type is not exported.
type wellKnown struct {
	name string
	kind string
}

// used returns the value of a variable as it is used at a position: what is known keeps that
// where it was written.
func used(v value, pos token.Pos) value {
	switch v := v.(type) {
	case *null:
		return &null{base{v.t, pos}}
	case *unknown:
		c := *v
		c.at = pos
		return &c
	}
	return v
}

// text returns a known string.
func text(v value) (string, bool) {
	if b, ok := v.(*basic); ok && b.val.Kind() == constant.String {
		return constant.StringVal(b.val), true
	}
	return "", false
}

// number returns a known integer that fits.
func number(v value) (int, bool) {
	if b, ok := v.(*basic); ok && b.val.Kind() != constant.String && b.val.Kind() != constant.Bool {
		if n, exact := constant.Int64Val(constant.ToInt(b.val)); exact {
			return int(n), true
		}
	}
	return 0, false
}

// truth returns a known boolean.
func truth(v value) (is, ok bool) {
	if b, isBasic := v.(*basic); isBasic && b.val.Kind() == constant.Bool {
		return constant.BoolVal(b.val), true
	}
	return false, false
}

// whyUnknown returns the reason that a value is not known.
func whyUnknown(v value) string {
	switch v := v.(type) {
	case *unknown:
		if v.why != "" {
			return v.why
		}
	case *null:
		return "it is nil"
	}
	return "it is not a constant"
}

// leadOf returns the import path of the package whose source would tell more of a value; empty if
// there is none.
func leadOf(v value) string {
	if u, ok := v.(*unknown); ok {
		return u.lead
	}
	return ""
}

// isNil reports whether a value is nil, where that is known.
func isNil(v value) (is, ok bool) {
	switch v := v.(type) {
	case *null:
		return true, true
	case *unknown:
		return false, v.some
	}
	return false, true
}

// convert returns v as a value of type t, as an assignment or a conversion makes it.
func convert(v value, t types.Type) value {
	if t == nil || v == nil {
		return v
	}
	if types.IsInterface(t) {
		switch v := v.(type) {
		case *basic:
			return &basic{base{types.Default(v.t), v.at}, v.val}
		case *null:
			return &null{base{t, v.at}}
		case *unknown:
			if types.IsInterface(v.t) && !types.Implements(v.t, t.Underlying().(*types.Interface)) {
				return &unknown{base{t, v.at}, v.why, v.named, v.some, v.like, v.lead}
			}
		}
		return v
	}
	to := base{t, v.origin()}
	switch v := v.(type) {
	case *unknown:
		return &unknown{to, v.why, nil, v.some, v.like, v.lead}
	case *basic:
		return convertBasic(v, to)
	case *null:
		return &null{to}
	case *function:
		c := *v
		c.base = to
		return &c
	case *pointer:
		return &pointer{to, v.to}
	case *structure:
		return &structure{to, v.fields}
	case *list:
		return &list{to, v.elems, v.open, v.spare}
	case *table:
		return &table{to, v.entries}
	}
	return v
}

func convertBasic(v *basic, to base) value {
	b, ok := to.t.Underlying().(*types.Basic)
	if !ok {
		return &unknown{base: to, why: "the conversion is not followed"}
	}
	val, info := v.val, b.Info()
	switch kind := val.Kind(); {
	case kind == constant.String && info&types.IsString != 0, kind == constant.Bool && info&types.IsBoolean != 0:
		return &basic{to, val}
	case kind == constant.Int && info&types.IsString != 0:
		if n, exact := constant.Int64Val(val); exact && int64(rune(n)) == n {
			return &basic{to, constant.MakeString(string(rune(n)))}
		}
		return &unknown{base: to, why: "the conversion is not followed"}
	case kind == constant.String || kind == constant.Bool || info&types.IsNumeric == 0:
		return &unknown{base: to, why: "the conversion is not followed"}
	case info&types.IsInteger != 0:
		val = constant.ToInt(val)
	case info&types.IsFloat != 0:
		val = constant.ToFloat(val)
	}
	return fitting(&basic{to, val})
}

// fitting returns a number if its type can hold it: overflow is not followed, and numbers stay
// small.
func fitting(v *basic) value {
	b, _ := v.t.Underlying().(*types.Basic)
	fits := v.val.Kind() != constant.Unknown
	if b != nil && b.Info()&types.IsInteger != 0 && fits {
		fits = v.val.Kind() == constant.Int && constant.BitLen(v.val) <= bits(b) &&
			(b.Info()&types.IsUnsigned == 0 || constant.Sign(v.val) >= 0)
	}
	if b != nil && b.Info()&types.IsString != 0 && fits {
		fits = len(constant.StringVal(v.val)) <= maxString
	}
	if !fits {
		return &unknown{base: v.base, why: "the value is too large"}
	}
	return v
}

// bits returns how many bits a number of a type can have for certain, without its sign.
func bits(b *types.Basic) int {
	switch b.Kind() {
	case types.Int8:
		return 7
	case types.Uint8:
		return 8
	case types.Int16:
		return 15
	case types.Uint16:
		return 16
	case types.Int32:
		return 31
	case types.Uint32:
		return 32
	}
	return 63
}

// copied returns what an assignment of v stores: structs and arrays are copied.
func copied(v value) value {
	switch v := v.(type) {
	case *structure:
		return &structure{v.base, copyCells(v.fields)}
	case *list:
		if _, ok := v.t.Underlying().(*types.Array); ok {
			return &list{base: v.base, elems: copyCells(v.elems), open: v.open}
		}
	}
	return v
}

func copyCells(cells []*cell) []*cell {
	out := make([]*cell, len(cells))
	for i, c := range cells {
		out[i] = &cell{copied(c.v)}
	}
	return out
}

// equal reports whether two values are certainly the same.
func equal(a, b value) bool {
	if a == b {
		return true
	}
	switch a := a.(type) {
	case *basic:
		b, ok := b.(*basic)
		return ok && types.Identical(a.t, b.t) && a.val.Kind() == b.val.Kind() && constant.Compare(a.val, token.EQL, b.val)
	case *null:
		_, ok := b.(*null)
		return ok
	case *pointer:
		b, ok := b.(*pointer)
		return ok && a.to == b.to
	case *table:
		b, ok := b.(*table)
		return ok && a.entries == b.entries
	case *sink:
		b, ok := b.(*sink)
		return ok && a.prefix == b.prefix && a.why == "" && b.why == ""
	case *function:
		b, ok := b.(*function)
		return ok && a.obj == b.obj && a.lit == b.lit && a.frame.same(b.frame) && a.native == nil && b.native == nil &&
			(a.recv == nil) == (b.recv == nil) && (a.recv == nil || equal(a.recv, b.recv))
	}
	return false
}

// join returns what is known of a value that is one of two.
func join(a, b value) value {
	switch {
	case a == nil || b == nil:
		return &unknown{base: base{t: types.Typ[types.Invalid]}, why: "it depends on a condition"}
	case equal(a, b):
		return a
	}
	t := a.typ()
	if _, isNull := a.(*null); isNull {
		t = b.typ()
	} else if _, isNull := b.(*null); !isNull && !types.Identical(t, b.typ()) {
		t = commonInterface(t, b.typ())
	}
	aNil, aOk := isNil(a)
	bNil, bOk := isNil(b)
	u := &unknown{base: base{t, a.origin()}, why: "it depends on a condition", some: aOk && bOk && !aNil && !bNil}
	if x, y := partOf(a), partOf(b); x != nil && y != nil {
		u.like = x.Either(y)
	}
	return u
}

// commonInterface returns a type for a value of one of two types: an interface if one of them is,
// else any.
func commonInterface(a, b types.Type) types.Type {
	switch {
	case types.IsInterface(a):
		return a
	case types.IsInterface(b):
		return b
	}
	return types.Universe.Lookup("any").Type()
}
