package eval

import (
	"cmp"
	"go/ast"
	"go/constant"
	"go/token"
	"go/types"

	"github.com/anvilforge/anvil-lsp/manifest/source/internal/gotypes"
)

// expr evaluates an expression. It never returns nil.
func (ev *evaluator) expr(f *frame, e ast.Expr) value {
	ev.step()
	if ev.depth++; ev.depth > maxDepth {
		ev.depth--
		return ev.unknownExpr(f, e, "the expression is too deep")
	}
	defer func() { ev.depth-- }()
	tv := f.pkg.Info.Types[e]
	if tv.Value != nil {
		return fitting(&basic{base{f.subst(tv.Type), e.Pos()}, tv.Value})
	}
	if tv.IsNil() {
		return &null{base{f.subst(tv.Type), e.Pos()}}
	}
	switch e := e.(type) {
	case *ast.ParenExpr:
		return ev.expr(f, e.X)
	case *ast.Ident:
		return ev.ident(f, e)
	case *ast.SelectorExpr:
		return ev.selector(f, e)
	case *ast.FuncLit:
		return &function{base: base{f.typeOf(e), e.Pos()}, lit: e, pkg: f.pkg, frame: f.captured(), bind: f.bind}
	case *ast.CompositeLit:
		return ev.composite(f, e, f.typeOf(e))
	case *ast.CallExpr:
		return ev.run(ev.prepare(f, e))
	case *ast.UnaryExpr:
		return ev.unary(f, e)
	case *ast.BinaryExpr:
		return ev.binary(f, e)
	case *ast.StarExpr:
		if c := ev.cellOf(f, e); c != nil {
			return c.v
		}
	case *ast.IndexExpr:
		v, _ := ev.index(f, e)
		return v
	case *ast.IndexListExpr: // a generic function with several type arguments
		return ev.expr(f, e.X)
	case *ast.SliceExpr:
		return ev.slice(f, e)
	case *ast.TypeAssertExpr:
		v, _ := ev.assert(f, e)
		return v
	}
	return ev.unknownExpr(f, e, "")
}

func (ev *evaluator) unknownExpr(f *frame, e ast.Expr, why string) value {
	return &unknown{base: base{f.typeOf(e), e.Pos()}, why: why}
}

func (ev *evaluator) ident(f *frame, e *ast.Ident) value {
	switch obj := f.pkg.Info.ObjectOf(e).(type) {
	case *types.Var:
		if c := ev.variable(f, obj); c != nil {
			return used(c.v, e.Pos())
		}
		if obj.Pkg() != nil && obj.Parent() == obj.Pkg().Scope() {
			return ev.unknownExpr(f, e, "it is a variable of "+gotypes.PathOf(obj))
		}
	case *types.Func:
		return ev.funcValue(f, e, obj)
	}
	return ev.unknownExpr(f, e, "")
}

// variable returns the cell of a variable, nil if it is not known.
func (ev *evaluator) variable(f *frame, obj *types.Var) *cell {
	if c := f.lookup(obj); c != nil {
		return c
	}
	if obj.Pkg() != nil && obj.Parent() == obj.Pkg().Scope() {
		return ev.global(obj)
	}
	return nil
}

// funcValue makes a value of a declared function; id is the identifier that names it.
func (ev *evaluator) funcValue(f *frame, id *ast.Ident, obj *types.Func) *function {
	fn := ev.declared(obj)
	fn.base = base{f.typeOf(id), id.Pos()}
	if inst, ok := f.pkg.Info.Instances[id]; ok {
		fn.t = f.subst(inst.Type)
		fn.bind = map[*types.TypeParam]types.Type{}
		params := obj.Origin().Signature().TypeParams()
		for i := range params.Len() {
			if i < inst.TypeArgs.Len() {
				fn.bind[params.At(i)] = f.subst(inst.TypeArgs.At(i))
			}
		}
		if len(f.bind) > 0 {
			fn.name = f.pkg.NameOfValue(id)
		}
	}
	return fn
}

// declared finds the declaration of a function, if its source is checked.
func (ev *evaluator) declared(obj *types.Func) *function {
	fn := &function{base: base{t: obj.Signature(), at: obj.Pos()}, obj: obj}
	if pkg := ev.world.Unit(obj.Pkg()); pkg != nil {
		fn.pkg, fn.decl = pkg, pkg.Decls[obj.Origin()]
	}
	return fn
}

func (ev *evaluator) selector(f *frame, e *ast.SelectorExpr) value {
	sel := f.pkg.Info.Selections[e]
	if sel == nil { // qualified by a package
		switch obj := f.pkg.Info.Uses[e.Sel].(type) {
		case *types.Var:
			if c := ev.global(obj); c != nil {
				return used(c.v, e.Pos())
			}
			return &unknown{base: base{f.typeOf(e), e.Pos()}, why: "it is a variable of " + gotypes.PathOf(obj)}
		case *types.Func:
			fn := ev.funcValue(f, e.Sel, obj)
			fn.at = e.Pos()
			return fn
		}
		return ev.unknownExpr(f, e, "")
	}
	switch sel.Kind() {
	case types.FieldVal:
		if c := ev.cellOf(f, e); c != nil {
			return used(c.v, e.Pos())
		}
		x := ev.expr(f, e.X)
		if s, ok := x.(*structure); ok {
			if c := fieldCell(s, sel.Index()); c != nil {
				return c.v
			}
		}
		return &unknown{base: base{f.typeOf(e), e.Pos()}, why: whyUnknown(x)}
	case types.MethodVal:
		return ev.methodValue(f, e, sel)
	case types.MethodExpr:
		obj, _ := sel.Obj().(*types.Func)
		if obj == nil {
			break
		}
		fn := ev.declared(obj)
		fn.base = base{f.typeOf(e), e.Pos()}
		fn.native = func(ev *evaluator, args []value) value {
			if len(args) == 0 {
				return &unknown{base: base{t: f.typeOf(e)}}
			}
			return ev.call(ev.method(args[0], obj, fn.at), args[1:], callSite{pos: e.Sel.Pos(), name: e.Sel.Name})
		}
		return fn
	}
	return ev.unknownExpr(f, e, "")
}

// methodValue evaluates x.Method.
func (ev *evaluator) methodValue(f *frame, e *ast.SelectorExpr, sel *types.Selection) value {
	obj, ok := sel.Obj().(*types.Func)
	if !ok {
		return ev.unknownExpr(f, e, "")
	}
	var recv value
	if c := ev.cellOf(f, e.X); c != nil {
		if _, isStruct := c.v.(*structure); isStruct && wantsPointer(obj, sel) {
			recv = &pointer{base{types.NewPointer(c.v.typ()), e.X.Pos()}, c} // methods may change it
		} else {
			recv = copied(c.v)
		}
	} else {
		recv = ev.expr(f, e.X)
	}
	// The way to an embedded field that has the method.
	for _, i := range sel.Index()[:max(len(sel.Index())-1, 0)] {
		recv = ev.field(recv, i)
	}
	fn := ev.method(recv, obj, e.Sel.Pos())
	fn.base = base{f.typeOf(e), e.Pos()}
	if len(f.bind) > 0 {
		fn.name = f.pkg.NameOfValue(e)
	}
	return fn
}

// wantsPointer reports whether a method is called with the address of a variable: else it gets a
// copy of it, as it is at that moment. A method of an embedded field may be either.
func wantsPointer(obj *types.Func, sel *types.Selection) bool {
	_, isPointer := types.Unalias(gotypes.RecvType(obj)).(*types.Pointer)
	return isPointer || len(sel.Index()) > 1
}

// field returns a field of a struct or of what a pointer points to.
func (ev *evaluator) field(v value, i int) value {
	if p, ok := v.(*pointer); ok {
		v = p.to.v
	}
	if s, ok := v.(*structure); ok && i < len(s.fields) {
		c := s.fields[i]
		if _, isStruct := c.v.(*structure); isStruct {
			return &pointer{base{types.NewPointer(c.v.typ()), v.origin()}, c}
		}
		return c.v
	}
	t := types.Type(types.Typ[types.Invalid])
	u := v.typ().Underlying()
	if p, ok := u.(*types.Pointer); ok {
		u = p.Elem().Underlying()
	}
	if s, ok := u.(*types.Struct); ok && i < s.NumFields() {
		t = s.Field(i).Type()
	}
	return &unknown{base: base{t, v.origin()}, why: whyUnknown(v)}
}

// method returns a method bound to a receiver. If obj is a method of an interface it is that of the
// value in it, where that is known.
func (ev *evaluator) method(recv value, obj *types.Func, pos token.Pos) *function {
	if types.IsInterface(gotypes.RecvType(obj)) && !types.IsInterface(recv.typ()) {
		found, index, _ := types.LookupFieldOrMethod(recv.typ(), true, obj.Pkg(), obj.Name())
		if m, ok := found.(*types.Func); ok {
			for _, i := range index[:max(len(index)-1, 0)] {
				recv = ev.field(recv, i)
			}
			obj = m
			if types.IsInterface(gotypes.RecvType(m)) && !types.IsInterface(recv.typ()) {
				return ev.method(recv, m, pos) // through an embedded interface
			}
		}
	}
	fn := ev.declared(obj)
	fn.at, fn.recv = pos, recv
	fn.bind = receiverArguments(obj, recv.typ())
	return fn
}

// receiverArguments returns the type arguments of a method's receiver.
func receiverArguments(obj *types.Func, recv types.Type) map[*types.TypeParam]types.Type {
	params := obj.Origin().Signature().RecvTypeParams()
	if params.Len() == 0 {
		return nil
	}
	recv = types.Unalias(recv)
	if p, ok := recv.(*types.Pointer); ok {
		recv = types.Unalias(p.Elem())
	}
	named, ok := recv.(*types.Named)
	if !ok || named.TypeArgs().Len() != params.Len() {
		return nil
	}
	bind := map[*types.TypeParam]types.Type{}
	for i := range params.Len() {
		bind[params.At(i)] = named.TypeArgs().At(i)
	}
	return bind
}

// cellOf returns the variable that an expression denotes, nil if it is none that is known.
func (ev *evaluator) cellOf(f *frame, e ast.Expr) *cell {
	switch e := ast.Unparen(e).(type) {
	case *ast.Ident:
		if obj, ok := f.pkg.Info.ObjectOf(e).(*types.Var); ok {
			return ev.variable(f, obj)
		}
	case *ast.SelectorExpr:
		sel := f.pkg.Info.Selections[e]
		if sel == nil {
			if obj, ok := f.pkg.Info.Uses[e.Sel].(*types.Var); ok {
				return ev.global(obj)
			}
			return nil
		}
		if sel.Kind() != types.FieldVal {
			return nil
		}
		var v value
		if c := ev.cellOf(f, e.X); c != nil {
			v = c.v
		} else {
			v = ev.expr(f, e.X)
			if _, ok := v.(*pointer); !ok {
				return nil
			}
		}
		if p, ok := v.(*pointer); ok {
			v = p.to.v
		}
		if s, ok := v.(*structure); ok {
			return fieldCell(s, sel.Index())
		}
	case *ast.StarExpr:
		if p, ok := ev.expr(f, e.X).(*pointer); ok {
			return p.to
		}
	case *ast.IndexExpr:
		x := ev.expr(f, e.X)
		if p, ok := x.(*pointer); ok {
			x = p.to.v
		}
		if l, ok := x.(*list); ok {
			if i, ok := number(ev.expr(f, e.Index)); ok && i >= 0 && i < len(l.elems) {
				return l.elems[i]
			}
		}
	}
	return nil
}

// fieldCell follows the way through embedded structs to a field.
func fieldCell(s *structure, index []int) *cell {
	for n, i := range index {
		if i >= len(s.fields) {
			return nil
		}
		c := s.fields[i]
		if n == len(index)-1 {
			return c
		}
		v := c.v
		if p, ok := v.(*pointer); ok {
			v = p.to.v
		}
		inner, ok := v.(*structure)
		if !ok {
			return nil
		}
		s = inner
	}
	return nil
}

func (ev *evaluator) unary(f *frame, e *ast.UnaryExpr) value {
	t := f.typeOf(e)
	switch e.Op {
	case token.AND:
		x := ast.Unparen(e.X)
		if lit, ok := x.(*ast.CompositeLit); ok {
			return &pointer{base{t, e.Pos()}, &cell{ev.composite(f, lit, f.typeOf(lit))}}
		}
		if c := ev.cellOf(f, x); c != nil {
			return &pointer{base{t, e.Pos()}, c}
		}
		ev.expr(f, x)
		return &unknown{base: base{t, e.Pos()}, some: true}
	case token.ARROW:
		ev.expr(f, e.X)
		if pair, ok := t.(*types.Tuple); ok && pair.Len() > 0 {
			t = pair.At(0).Type()
		}
		return &unknown{base: base{t, e.Pos()}, why: "it comes from a channel"}
	case token.NOT, token.SUB, token.ADD, token.XOR:
		v := ev.expr(f, e.X)
		b, ok := v.(*basic)
		if !ok {
			return &unknown{base: base{t, e.Pos()}, why: whyUnknown(v)}
		}
		sign := e.Op == token.SUB || e.Op == token.ADD
		if kind := b.val.Kind(); e.Op == token.NOT && kind == constant.Bool || sign && kind == constant.Int {
			return fitting(&basic{base{t, e.Pos()}, constant.UnaryOp(e.Op, b.val, 0)})
		}
	}
	return &unknown{base: base{t, e.Pos()}}
}

func (ev *evaluator) binary(f *frame, e *ast.BinaryExpr) value {
	t := f.typeOf(e)
	x := ev.expr(f, e.X)
	if e.Op == token.LAND || e.Op == token.LOR {
		if is, ok := truth(x); ok && is == (e.Op == token.LOR) {
			return x
		}
		y := ev.expr(f, e.Y)
		if _, ok := truth(x); ok {
			return y
		}
		if is, ok := truth(y); ok && is == (e.Op == token.LOR) {
			return y
		}
		return &unknown{base: base{t, e.Pos()}, why: whyUnknown(x)}
	}
	return ev.operate(e.Op, x, ev.expr(f, e.Y), t, e.Pos())
}

// operate applies a binary operator; t is the type of the result.
func (ev *evaluator) operate(op token.Token, x, y value, t types.Type, pos token.Pos) value {
	to := base{t, pos}
	if op == token.EQL || op == token.NEQ {
		return compareValues(op, x, y, to)
	}
	a, aOk := x.(*basic)
	b, bOk := y.(*basic)
	if !aOk || !bOk {
		why := whyUnknown(x)
		if aOk {
			why = whyUnknown(y)
		}
		u := &unknown{base: to, why: why}
		if op == token.ADD && gotypes.IsString(t) {
			u.like, u.lead = partOf(x).Plus(partOf(y)), cmp.Or(leadOf(x), leadOf(y))
		}
		return u
	}
	kind := a.val.Kind()
	switch op {
	case token.LSS, token.LEQ, token.GTR, token.GEQ:
		if kind == b.val.Kind() && (kind == constant.String || kind == constant.Int) {
			return &basic{to, constant.MakeBool(constant.Compare(a.val, op, b.val))}
		}
	case token.ADD:
		if kind == constant.String && b.val.Kind() == kind {
			if len(constant.StringVal(a.val))+len(constant.StringVal(b.val)) > maxString {
				return &unknown{base: to, why: "the value is too large"}
			}
			return &basic{to, constant.BinaryOp(a.val, op, b.val)}
		}
		fallthrough
	case token.SUB, token.MUL, token.AND, token.OR, token.XOR, token.AND_NOT:
		if kind == constant.Int && b.val.Kind() == kind {
			return fitting(&basic{to, constant.BinaryOp(a.val, op, b.val)})
		}
	case token.QUO, token.REM:
		if kind == constant.Int && b.val.Kind() == kind && constant.Sign(b.val) != 0 {
			if op == token.QUO {
				op = token.QUO_ASSIGN // for the constant package: division of integers
			}
			return fitting(&basic{to, constant.BinaryOp(a.val, op, b.val)})
		}
	}
	return &unknown{base: to, why: "the operation is not followed"}
}

// compareValues applies == or !=.
func compareValues(op token.Token, x, y value, to base) value {
	decided := func(is bool) value { return &basic{to, constant.MakeBool(is == (op == token.EQL))} }
	if _, ok := y.(*null); ok {
		if is, ok := isNil(x); ok {
			return decided(is)
		}
	} else if _, ok := x.(*null); ok {
		if is, ok := isNil(y); ok {
			return decided(is)
		}
	}
	a, aOk := x.(*basic)
	b, bOk := y.(*basic)
	if aOk && bOk && a.val.Kind() == b.val.Kind() && a.val.Kind() != constant.Float && a.val.Kind() != constant.Complex {
		return decided(constant.Compare(a.val, token.EQL, b.val))
	}
	why := whyUnknown(x)
	if _, ok := x.(*unknown); !ok {
		why = whyUnknown(y)
	}
	return &unknown{base: to, why: why}
}

// assert evaluates x.(T); ok is what the second value of it would be.
func (ev *evaluator) assert(f *frame, e *ast.TypeAssertExpr) (v, ok value) {
	x := ev.expr(f, e.X)
	if e.Type == nil {
		return x, ev.unknownBool("")
	}
	t := f.typeOf(e.Type)
	if is, known := isOf(x, t); known {
		ok := &basic{base{types.Typ[types.Bool], e.Pos()}, constant.MakeBool(is)}
		if is {
			return x, ok
		}
		return ev.zero(t), ok
	}
	return &unknown{base: base{t, e.Pos()}, why: whyUnknown(x)}, ev.unknownBool(whyUnknown(x))
}
