package source

import (
	"fmt"
	"go/token"
	"go/types"
	"strings"

	"github.com/anvilforge/anvil-lsp/manifest"
)

// everyMethod is the method of a route that takes all of them.
const everyMethod = "*"

// sinkMethod calls a method of the sink, as hotreload (sink.go) does it.
func (ev *evaluator) sinkMethod(fn *function, args []value, site callSite) value {
	site.name = fn.obj.Name()
	s, ok := fn.recv.(*sink)
	if !ok {
		s = &sink{base: base{t: ev.world.known.sink}, why: whyUnknown(fn.recv)}
	}
	arg := func(i int) value {
		if i < len(args) {
			return args[i]
		}
		return &unknown{base: base{t: types.Typ[types.Invalid]}, why: "it does not compile"}
	}
	switch site.name {
	case "Get", "Head", "Post", "Put", "Patch", "Delete", "Options", "Connect", "Trace":
		ev.route(s, strings.ToUpper(site.name), arg(0), arg(1), site, 0, token.NoPos)
	case "Route":
		if method, ok := text(arg(0)); ok {
			ev.route(s, strings.ToUpper(method), arg(1), arg(2), site, 1, narrow(arg(0).origin(), site.arg(0)))
		} else {
			ev.note(site, "its method is not known: "+whyUnknown(arg(0)))
		}
	case "Handle":
		ev.handle(s, arg(0), arg(1), site)
	case "Mount":
		ev.mount(s, arg(0), arg(1), site)
	case "With":
		return &sink{base{s.t, site.pos}, s.prefix, s.why}
	case "Group":
		ev.group(s, arg(0), arg(1), site)
	case "NotFound", "MethodNotAllowed":
		if b, ok := ev.box(arg(0), site.name, site, 0); ok && b.kind != "" {
			ev.once(site)
		}
	case "OnError":
		if _, null := arg(0).(*null); !null {
			ev.once(site)
		}
	default: // Use, Fail, and what asks for something
		return results(fn.t, "it comes from the live server")
	}
	return &tuple{base: base{t: types.NewTuple()}}
}

// handle registers for every method, or for the one in front of the pattern.
func (ev *evaluator) handle(s *sink, pattern, handler value, site callSite) {
	method := everyMethod
	if p, ok := text(pattern); ok {
		if i := strings.IndexAny(p, " \t"); i > 0 && p[0] != '/' {
			method, p = strings.ToUpper(p[:i]), strings.TrimLeft(p[i:], " \t")
			pattern = &basic{base{pattern.typ(), pattern.origin()}, stringValue(p)}
		}
	}
	ev.route(s, method, pattern, handler, site, 0, pattern.origin())
}

// route registers a route. arg is the index of the pattern among the arguments,
// methodAt the place of the method if the user wrote one.
func (ev *evaluator) route(s *sink, method string, pattern, handler value, site callSite, arg int, methodAt token.Pos) {
	p, ok := text(pattern)
	switch {
	case !ok:
		ev.addUnknown(&entry{method: method}, "its pattern is not known: "+whyUnknown(pattern), method, handler, site, arg)
		return
	case s.why != "":
		ev.addUnknown(&entry{method: method}, "the prefix of its group is not known: "+s.why, method+" "+p, handler, site, arg)
		return
	}
	joined, slash := joinPattern(s.prefix, p)
	e := &entry{pattern: joined, method: method, slash: slash, methodAt: ev.position(methodAt)}
	ev.add(e, method+" "+p, pattern, handler, site, arg)
}

func (ev *evaluator) mount(s *sink, pattern, handler value, site callSite) {
	p, ok := text(pattern)
	switch {
	case !ok:
		ev.addUnknown(&entry{method: everyMethod, mount: true}, "its pattern is not known: "+whyUnknown(pattern), "Mount", handler, site, 0)
	case s.why != "":
		ev.addUnknown(&entry{method: everyMethod, mount: true}, "the prefix of its group is not known: "+s.why, "Mount "+p, handler, site, 0)
	default:
		joined, _ := joinPattern(s.prefix, p)
		ev.add(&entry{pattern: joined, method: everyMethod, mount: true}, "Mount "+p, pattern, handler, site, 0)
	}
}

// add records a route if its handler is one.
func (ev *evaluator) add(e *entry, call string, pattern, handler value, site callSite, arg int) {
	b, ok := ev.box(handler, call, site, arg+1)
	if !ok {
		return
	}
	if b.kind == "" {
		ev.note(site, fmt.Sprintf("the handler of %s is not known: %s", call, b.why))
		return
	}
	e.box = b
	e.conditional = ev.conditional > 0
	e.call = ev.position(site.pos)
	e.at = ev.position(narrow(pattern.origin(), site.arg(arg)))
	ev.record(e)
}

// addUnknown records a route whose pattern is not known. Its handler may be.
func (ev *evaluator) addUnknown(e *entry, reason, call string, handler value, site callSite, arg int) {
	b, ok := ev.box(handler, call, site, arg+1)
	if !ok {
		return
	}
	n := len(ev.out.unknown)
	ev.note(site, reason)
	if b.kind == "" || len(ev.out.unknown) == n {
		return
	}
	e.box, e.call, e.conditional = b, ev.position(site.pos), ev.conditional > 0
	ev.out.patternless[n] = e
}

// narrow returns the origin of a value, or where it is used if the origin is
// not known.
func narrow(origin, use token.Pos) token.Pos {
	if origin.IsValid() {
		return origin
	}
	return use
}

// group calls a function with a sink below a prefix.
func (ev *evaluator) group(s *sink, prefix, fn value, site callSite) {
	inner := &sink{base{s.t, site.pos}, s.prefix, s.why}
	if p, ok := text(prefix); ok {
		inner.prefix += strings.TrimRight(p, "/")
		at := narrow(prefix.origin(), site.arg(0))
		switch {
		case p != "" && p[0] != '/':
			ev.fault(manifest.CodeRoute, at, "Group %s: a prefix begins with a slash; the generation would be refused", p)
		case strings.Contains(p, "*"):
			ev.fault(manifest.CodeRoute, at, "Group %s: a prefix has no wildcard; the generation would be refused", p)
		}
	} else if inner.why == "" {
		inner.why = whyUnknown(prefix)
	}
	switch fn := fn.(type) {
	case *null:
	case *function:
		ev.call(fn, []value{inner}, site)
	default:
		ev.note(site, "the function is not known: "+whyUnknown(fn))
	}
}

// once checks what a generation has one of.
func (ev *evaluator) once(site callSite) {
	if ev.conditional > 0 || ev.dry > 0 {
		return
	}
	first, ok := ev.out.once[site.name]
	if !ok {
		ev.out.once[site.name] = site.pos
		return
	}
	d := manifest.Diagnose(manifest.CodeRoute, ev.position(site.pos), "%s is set twice; a generation has one, so it would be refused", site.name)
	d.Related = []manifest.Related{{Position: ev.position(first), Message: "first set here"}}
	ev.out.findings = append(ev.out.findings, d)
}
