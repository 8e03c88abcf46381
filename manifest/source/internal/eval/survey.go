package eval

import (
	"context"
	"go/token"
	"go/types"
	"net/http"
	"slices"
	"strings"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/manifest/source/internal/routers"
)

// Survey follows the registration of routes in a program that does not use the runtime, as if each
// of its routers was a RouteSink: from the functions that make a router, and from others that
// register something and were not reached from those. It says what the interpreter is worth, and
// what of it no program needs.
//
// The statements are those of the hot packages of the program, sorted by position. Packages of
// routers ([routers.IsPackage]) are not among its units.
func Survey(ctx context.Context, w World) []routers.Statement {
	if w.Known == nil {
		return nil // nothing in it serves HTTP
	}
	s := &survey{reached: map[manifest.Position]bool{}, outcomes: map[manifest.Position]routers.Statement{}}
	w.router = s.call
	all := routers.Statements(w.Snapshot)
	ev := newEvaluator(ctx, &w)
	ev.protected(ev.start)
	for _, root := range routers.Roots(w.Snapshot) {
		followed := func(p token.Pos) bool { return s.outcomes[ev.position(p)].Outcome == routers.Followed }
		if len(root.Statements) > 0 && !slices.ContainsFunc(root.Statements, func(p token.Pos) bool { return !followed(p) }) {
			continue
		}
		entries, unknown := len(ev.out.Entries), len(ev.out.Unknown)
		ev.protected(func() { ev.runRoot(root) })
		s.add(ev.out.Entries[entries:], ev.out.Unknown[unknown:])
	}
	for i := range all {
		if o, ok := s.outcomes[all[i].Position]; ok {
			all[i].Outcome, all[i].Reason, all[i].Routes = o.Outcome, o.Reason, o.Routes
		}
	}
	return all
}

// protected runs a root with all that the interpreter allows to one.
func (ev *evaluator) protected(fn func()) {
	ev.steps, ev.limit, ev.conditional, ev.dry, ev.calls = 0, maxSteps, 0, 0, nil
	defer func() {
		stopped(recover())
		ev.unwind(nil)
	}()
	fn()
}

// survey is what a survey has found.
type survey struct {
	reached map[manifest.Position]bool // since the root was begun
	// outcomes are the best of those that the roots led to.
	outcomes map[manifest.Position]routers.Statement
}

// runRoot runs a root with routers that are known, and anything else given from outside.
func (ev *evaluator) runRoot(root *routers.Root) {
	sig := root.Obj.Signature()
	fn := &function{base: base{t: sig, at: root.Obj.Pos()}, obj: root.Obj, pkg: root.Unit, decl: root.Decl}
	if recv := sig.Recv(); recv != nil {
		fn.recv = ev.given(recv.Type())
	}
	var args []value
	for v := range sig.Params().Variables() {
		args = append(args, ev.given(v.Type()))
	}
	ev.invoke(fn, fn.body(), args)
}

// given returns a value from outside. The fields of a struct can be set, so that a router is known
// that is kept in one.
func (ev *evaluator) given(t types.Type) value {
	if routers.IsRouter(t) {
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
		if routers.IsRouter(f.Type()) {
			v = &sink{base: base{t: f.Type()}}
		}
		to.fields = append(to.fields, &cell{v})
	}
	return &pointer{base{t: t}, &cell{to}}
}

// call calls a function of a router as the method of the sink that is its like.
func (s *survey) call(ev *evaluator, fn *function, args []value, site callSite) (value, bool) {
	name := routers.CallName(fn.obj)
	if name == "" {
		return nil, false
	}
	if routers.Registers(name) && ev.dry == 0 {
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
	arg := func(i int) value { return argument(args, i) }
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
	case "NotFound", "MethodNotAllowed": // they are no routes
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

// add adds what a root has led to. Within one root what was given up counts more than what was
// followed.
func (s *survey) add(entries []*Entry, unknown []unknownCall) {
	now := map[manifest.Position]routers.Statement{}
	for p := range s.reached {
		now[p] = routers.Statement{Outcome: routers.Followed}
	}
	clear(s.reached)
	certain := map[manifest.Position]bool{}
	for _, e := range entries {
		st := now[e.Call]
		certain[e.Call] = certain[e.Call] || !e.Conditional
		st.Outcome = routers.Followed
		if !certain[e.Call] {
			st.Outcome = routers.Conditional
		}
		if route := e.Method + " " + e.Pattern + " " + e.Box.Name; !slices.Contains(st.Routes, route) {
			st.Routes = append(st.Routes, route)
		}
		now[e.Call] = st
	}
	for _, u := range unknown {
		if st := now[u.Position]; st.Outcome != routers.GivenUp {
			now[u.Position] = routers.Statement{Outcome: routers.GivenUp, Reason: u.Reason, Routes: st.Routes}
		}
	}
	for p, st := range now {
		if was, ok := s.outcomes[p]; !ok || st.Outcome.Rank() < was.Outcome.Rank() {
			s.outcomes[p] = st
		}
	}
}
