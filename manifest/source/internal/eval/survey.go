package eval

import (
	"cmp"
	"context"
	"go/ast"
	"go/token"
	"go/types"
	"net/http"
	"slices"
	"strings"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/manifest/source/internal/load"
)

// Statement is a call in the source that registers a route, or a group of them,
// at a router of chi or net/http.
type Statement struct {
	Position manifest.Position
	Call     string // the name of the method
	Outcome  Outcome
	Reason   string   // of what was given up
	Routes   []string // method, pattern and handler of what it registers, as far as that is known
}

// Outcome says how far a [Statement] was followed.
type Outcome string

const (
	Followed    Outcome = "followed"
	Conditional Outcome = "followed, under a condition that is not known"
	GivenUp     Outcome = "given up"
	Unreached   Outcome = "not reached"
)

// Outcomes are all of them, the best first.
func Outcomes() []Outcome { return []Outcome{Followed, Conditional, GivenUp, Unreached} }

func (o Outcome) rank() int { return slices.Index(Outcomes(), o) }

// Survey follows the registration of routes in a program that does not use the
// runtime, as if each of its routers was a RouteSink: from the functions that make
// a router, and from others that register something and were not reached from
// those. It tells what the interpreter is worth, and what of it no program needs.
//
// The statements are those of the hot packages of the program, sorted by position.
// Packages of routers ([IsRouterPackage]) are not among its units.
func Survey(ctx context.Context, w World) []Statement {
	if w.Known == nil {
		return nil // nothing in it serves HTTP
	}
	s := &survey{reached: map[manifest.Position]bool{}, outcomes: map[manifest.Position]Statement{}}
	w.router = s.call
	own := w.Hot
	statements := w.statements(own)
	ev := newEvaluator(ctx, &w)
	ev.protected(ev.start)
	for _, root := range roots(&w, own) {
		followed := func(p token.Pos) bool { return s.outcomes[ev.position(p)].Outcome == Followed }
		if len(root.statements) > 0 && !slices.ContainsFunc(root.statements, func(p token.Pos) bool { return !followed(p) }) {
			continue
		}
		entries, unknown := len(ev.out.Entries), len(ev.out.Unknown)
		ev.protected(func() { ev.invoke(root.fn, root.fn.body(), root.arguments(ev)) })
		s.judge(ev.out.Entries[entries:], ev.out.Unknown[unknown:])
	}
	for i := range statements {
		if o, ok := s.outcomes[statements[i].Position]; ok {
			statements[i].Outcome, statements[i].Reason, statements[i].Routes = o.Outcome, o.Reason, o.Routes
		}
	}
	return statements
}

// protected runs a root with all that the interpreter allows to one.
func (ev *evaluator) protected(fn func()) {
	ev.steps, ev.limit, ev.conditional, ev.dry, ev.calls = 0, maxSteps, 0, 0, nil
	defer func() {
		v := recover()
		if _, is := v.(stop); v != nil && !is {
			panic(v)
		}
		ev.unwind(nil)
	}()
	fn()
}

// survey is what a survey has found.
type survey struct {
	reached map[manifest.Position]bool // since the root was begun
	// outcomes are the best of those that the roots led to.
	outcomes map[manifest.Position]Statement
}

const chiPath = "github.com/go-chi/chi/v5"

// IsRouterPackage reports whether a package declares the routers that a survey
// knows.
func IsRouterPackage(p *types.Package) bool {
	return p.Path() == "net/http" || p.Path() == chiPath || p.Path() == "github.com/go-chi/chi"
}

// routerCall returns the name of what a function does at a router, empty for any
// other function.
func routerCall(fn *types.Func) string {
	if fn == nil || fn.Pkg() == nil || !IsRouterPackage(fn.Pkg()) {
		return ""
	}
	recv := ""
	if r := fn.Signature().Recv(); r != nil {
		t := types.Unalias(r.Type())
		if p, ok := t.(*types.Pointer); ok {
			t = types.Unalias(p.Elem())
		}
		named, ok := t.(*types.Named)
		if !ok {
			return ""
		}
		recv = named.Obj().Name()
	}
	name := fn.Name()
	switch {
	case fn.Pkg().Path() == "net/http":
		handle := name == "Handle" || name == "HandleFunc"
		if handle && (recv == "ServeMux" || recv == "") || recv == "" && name == "NewServeMux" {
			return name
		}
	case recv == "Router" || recv == "Mux" || recv == "" && (name == "NewRouter" || name == "NewMux"):
		return name
	}
	return ""
}

// isRegistration reports whether a call of that name registers something.
func isRegistration(name string) bool {
	switch name {
	case "", "NewRouter", "NewMux", "NewServeMux", "Use", "With", "Routes", "Match", "Middlewares", "ServeHTTP", "Find",
		"NotFoundHandler", "MethodNotAllowedHandler":
		return false
	}
	return true
}

// statements lists the calls of packages that register something.
func (w *World) statements(own []*load.Unit) []Statement {
	var all []Statement
	for _, c := range own {
		for _, f := range c.Files {
			ast.Inspect(f.Syntax, func(n ast.Node) bool {
				if call, ok := n.(*ast.CallExpr); ok {
					if name, pos := routerCallAt(c, call); isRegistration(name) {
						all = append(all, Statement{Position: w.Position(pos), Call: name, Outcome: Unreached})
					}
				}
				return true
			})
		}
	}
	slices.SortFunc(all, func(a, b Statement) int { return a.Position.Compare(b.Position) })
	return all
}

func routerCallAt(c *load.Unit, call *ast.CallExpr) (string, token.Pos) {
	sel, ok := ast.Unparen(call.Fun).(*ast.SelectorExpr)
	if !ok {
		return "", token.NoPos
	}
	fn, _ := c.Info.Uses[sel.Sel].(*types.Func)
	return routerCall(fn), sel.Sel.Pos()
}

// surveyRoot is a function from which registration is followed.
type surveyRoot struct {
	fn         *function
	obj        *types.Func
	statements []token.Pos // in its body, function literals included
	rank       int
}

// roots returns the functions that hold registrations, those that make a router
// before those that get one, these before others, and main at last.
func roots(w *World, own []*load.Unit) []*surveyRoot {
	var all []*surveyRoot
	for _, c := range own {
		for obj, d := range c.Decls {
			sig := obj.Signature()
			generic := sig.TypeParams().Len() > 0 || sig.RecvTypeParams().Len() > 0
			if d.Body == nil || d.Name.Name == "init" && d.Recv == nil || generic {
				continue
			}
			fn := &function{base: base{t: sig, at: obj.Pos()}, obj: obj, pkg: c, decl: d}
			r := &surveyRoot{obj: obj, fn: fn, rank: 3}
			for v := range sig.Params().Variables() {
				if isRouter(v.Type()) {
					r.rank = 2
				}
			}
			isMain := false
			ast.Inspect(d.Body, func(n ast.Node) bool {
				if call, ok := n.(*ast.CallExpr); ok {
					switch name, pos := routerCallAt(c, call); {
					case isRegistration(name):
						r.statements = append(r.statements, pos)
					case name == "NewRouter" || name == "NewMux" || name == "NewServeMux":
						r.rank = 1
					}
				}
				return true
			})
			if c.Types.Name() == "main" && d.Name.Name == "main" && d.Recv == nil {
				r.rank, r.statements, isMain = 4, nil, true
			}
			if isMain || len(r.statements) > 0 {
				all = append(all, r)
			}
		}
	}
	slices.SortFunc(all, func(a, b *surveyRoot) int {
		return cmp.Or(cmp.Compare(a.rank, b.rank), w.Position(a.obj.Pos()).Compare(w.Position(b.obj.Pos())))
	})
	return all
}

// arguments returns what a root is called with: routers that are known, anything
// else given from outside.
func (r *surveyRoot) arguments(ev *evaluator) []value {
	if recv := r.obj.Signature().Recv(); recv != nil {
		r.fn.recv = ev.given(recv.Type())
	}
	var args []value
	for v := range r.obj.Signature().Params().Variables() {
		args = append(args, ev.given(v.Type()))
	}
	return args
}

// given returns a value from outside. The fields of a struct can be set, so that a
// router is known that is kept in one.
func (ev *evaluator) given(t types.Type) value {
	if isRouter(t) {
		return &sink{base: base{t: t}}
	}
	fresh := &unknown{base: base{t: t}, why: "it is given by a caller"}
	p, ok := types.Unalias(t).(*types.Pointer)
	if !ok {
		return fresh
	}
	s, ok := p.Elem().Underlying().(*types.Struct)
	if !ok {
		return fresh
	}
	to := &structure{base: base{t: p.Elem()}}
	for f := range s.Fields() {
		var v value = &unknown{base: base{t: f.Type()}, why: "it is given by a caller"}
		if isRouter(f.Type()) {
			v = &sink{base: base{t: f.Type()}}
		}
		to.fields = append(to.fields, &cell{v})
	}
	return &pointer{base{t: t}, &cell{to}}
}

// isRouter reports whether t is a router of chi or net/http.
func isRouter(t types.Type) bool {
	if p, ok := types.Unalias(t).(*types.Pointer); ok {
		t = p.Elem()
	}
	named, ok := types.Unalias(t).(*types.Named)
	if !ok || named.Obj().Pkg() == nil || !IsRouterPackage(named.Obj().Pkg()) {
		return false
	}
	switch named.Obj().Name() {
	case "Router", "Mux":
		return named.Obj().Pkg().Path() != "net/http"
	case "ServeMux":
		return true
	}
	return false
}

// call calls a function of a router as the method of the sink that is its like.
func (s *survey) call(ev *evaluator, fn *function, args []value, site callSite) (value, bool) {
	name := routerCall(fn.obj)
	if name == "" {
		return nil, false
	}
	if isRegistration(name) && ev.dry == 0 {
		s.reached[ev.position(site.pos)] = true
	}
	self, ok := fn.recv.(*sink)
	if !ok {
		self = &sink{base: base{t: types.Typ[types.Invalid]}}
		if fn.recv != nil {
			self.why = whyUnknown(fn.recv)
		}
	}
	nothing := &tuple{base: base{t: types.NewTuple()}}
	arg := func(i int) value {
		if i < len(args) {
			return args[i]
		}
		return &unknown{base: base{t: types.Typ[types.Invalid]}, why: "it does not compile"}
	}
	switch name {
	case "NewRouter", "NewMux", "NewServeMux":
		return &sink{base: base{fn.obj.Signature().Results().At(0).Type(), site.pos}}, true
	case "With":
		return &sink{base{self.t, site.pos}, self.prefix, self.why, self.like}, true
	case "Handle", "HandleFunc":
		ev.handle(self, arg(0), arg(1), site)
	case "Method", "MethodFunc":
		if method, ok := text(arg(0)); ok {
			ev.route(self, strings.ToUpper(method), arg(1), arg(2), site, 1, token.NoPos)
		} else {
			ev.note(site, "its method is not known: "+whyUnknown(arg(0)), nil)
		}
	case "Mount":
		ev.mount(self, arg(0), arg(1), site)
	case "Route":
		ev.group(self, arg(0), arg(1), site)
		return &sink{base: base{fn.obj.Signature().Results().At(0).Type(), site.pos}, why: "it is the result of Route"}, true
	case "Group":
		ev.group(self, &basic{base{t: types.Typ[types.String]}, stringValue("")}, arg(0), site)
		return self, true
	case "NotFound", "MethodNotAllowed":
		ev.box(arg(0), name, site, 0)
	default:
		if method := strings.ToUpper(name); slices.Contains(methods, method) {
			ev.route(self, method, arg(0), arg(1), site, 0, token.NoPos)
			break
		}
		return results(fn.t, "it comes from a router"), true
	}
	return nothing, true
}

var methods = []string{
	http.MethodConnect, http.MethodDelete, http.MethodGet, http.MethodHead, http.MethodOptions,
	http.MethodPatch, http.MethodPost, http.MethodPut, http.MethodTrace, "QUERY",
}

// judge takes in what a root has led to. Within one root what was given up counts
// more than what was followed.
func (s *survey) judge(entries []*Entry, unknown []unknownCall) {
	now := map[manifest.Position]Statement{}
	for p := range s.reached {
		now[p] = Statement{Outcome: Followed}
	}
	clear(s.reached)
	certain := map[manifest.Position]bool{}
	for _, e := range entries {
		st := now[e.Call]
		certain[e.Call] = certain[e.Call] || !e.Conditional
		st.Outcome = Followed
		if !certain[e.Call] {
			st.Outcome = Conditional
		}
		if route := e.Method + " " + e.Pattern + " " + e.Box.Name; !slices.Contains(st.Routes, route) {
			st.Routes = append(st.Routes, route)
		}
		now[e.Call] = st
	}
	for _, u := range unknown {
		if st := now[u.Position]; st.Outcome != GivenUp {
			now[u.Position] = Statement{Outcome: GivenUp, Reason: u.Reason, Routes: st.Routes}
		}
	}
	for p, st := range now {
		if was, ok := s.outcomes[p]; !ok || st.Outcome.rank() < was.Outcome.rank() {
			s.outcomes[p] = st
		}
	}
}
