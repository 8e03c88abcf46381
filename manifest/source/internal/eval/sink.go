package eval

import (
	"fmt"
	"go/token"
	"go/types"
	"strings"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/hotreload/manifest/rules"
	"github.com/anvilforge/anvil-lsp/manifest/source/internal/partial"
)

// sinkMethod calls a method of the sink, as hotreload (sink.go) does it.
func (ev *evaluator) sinkMethod(fn *function, args []value, site callSite) value {
	site.name = fn.obj.Name()
	s, ok := fn.recv.(*sink)
	if !ok {
		s = &sink{base: base{t: ev.world.Known.Sink}, why: whyUnknown(fn.recv)}
	}
	arg := func(i int) value { return argument(args, i) }
	switch site.name {
	case "Get", "Head", "Post", "Put", "Patch", "Delete", "Options", "Connect", "Trace":
		ev.route(s, strings.ToUpper(site.name), arg(0), arg(1), site, 0, token.NoPos)
	case "Route":
		if method, ok := text(arg(0)); ok {
			ev.route(s, strings.ToUpper(method), arg(1), arg(2), site, 1, narrow(arg(0).origin(), site.arg(0)))
		} else {
			ev.note(site, "its method is not known: "+whyUnknown(arg(0)), nil)
		}
	case "Handle":
		ev.handle(s, arg(0), arg(1), site)
	case "Mount":
		ev.mount(s, arg(0), arg(1), site)
	case "With":
		return &sink{base{s.t, site.pos}, s.prefix, s.why, s.like}
	case "Group":
		ev.group(s, arg(0), arg(1), site)
	case "NotFound", "MethodNotAllowed":
		if b, ok := ev.box(arg(0), site.name, site, 0); ok && b.Kind != "" {
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

// argument returns an argument; in half-typed code there may be too few.
func argument(args []value, i int) value {
	if i < len(args) {
		return args[i]
	}
	return &unknown{base: base{t: types.Typ[types.Invalid]}, why: "it does not compile"}
}

// handle registers for every method, or for the one in front of the pattern.
func (ev *evaluator) handle(s *sink, pattern, handler value, site callSite) {
	method := manifest.AnyMethod
	if like := partOf(pattern); len(like) > 0 {
		var rest string
		if method, rest = rules.SplitMethod(like[0]); rest != like[0] {
			to := base{pattern.typ(), pattern.origin()}
			if len(like) == 1 {
				pattern = &basic{to, stringValue(rest)}
			} else {
				pattern = &unknown{base: to, why: whyUnknown(pattern), like: append(partial.Text{rest}, like[1:]...)}
			}
		}
	}
	ev.route(s, method, pattern, handler, site, 0, pattern.origin())
}

// route registers a route. arg is the index of the pattern among the arguments, methodAt the position
// of the method if the user wrote one.
func (ev *evaluator) route(s *sink, method string, pattern, handler value, site callSite, arg int, methodAt token.Pos) {
	p, ok := text(pattern)
	partly := &Entry{Method: method, Pattern: s.below(pattern).String()}
	switch {
	case !ok:
		ev.addUnknown(partly, "its pattern is not known: "+whyUnknown(pattern), method, pattern, handler, site, arg)
		return
	case s.why != "":
		ev.addUnknown(partly, "the prefix of its group is not known: "+s.why, method+" "+p, pattern, handler, site, arg)
		return
	}
	joined, slash := rules.Join(s.prefix, p)
	e := &Entry{Pattern: joined, Method: method, slash: slash, methodAt: ev.position(methodAt)}
	ev.add(e, method+" "+p, pattern, handler, site, arg)
}

func (ev *evaluator) mount(s *sink, pattern, handler value, site callSite) {
	p, ok := text(pattern)
	partly := &Entry{Method: manifest.AnyMethod, Mount: true, Pattern: s.below(pattern).String()}
	switch {
	case !ok:
		ev.addUnknown(partly, "its pattern is not known: "+whyUnknown(pattern), "Mount", pattern, handler, site, 0)
	case s.why != "":
		ev.addUnknown(partly, "the prefix of its group is not known: "+s.why, "Mount "+p, pattern, handler, site, 0)
	default:
		joined, _ := rules.Join(s.prefix, p)
		ev.add(&Entry{Pattern: joined, Method: manifest.AnyMethod, Mount: true}, "Mount "+p, pattern, handler, site, 0)
	}
}

// add records a route if its handler is one.
func (ev *evaluator) add(e *Entry, call string, pattern, handler value, site callSite, arg int) {
	b, ok := ev.box(handler, call, site, arg+1)
	if !ok {
		return
	}
	if b.Kind == "" {
		ev.out.Leads[leadOf(handler)] = true
		ev.note(site, fmt.Sprintf("the handler of %s is not known: %s", call, b.why), nil)
		return
	}
	e.Box = b
	e.Conditional = ev.conditional > 0
	e.Call = ev.position(site.pos)
	e.at = ev.position(narrow(pattern.origin(), site.arg(arg)))
	ev.record(e, site)
}

// addUnknown records a route whose pattern is not known. Its handler may be.
func (ev *evaluator) addUnknown(e *Entry, reason, call string, pattern, handler value, site callSite, arg int) {
	b, ok := ev.box(handler, call, site, arg+1)
	if !ok {
		return
	}
	ev.out.Leads[leadOf(pattern)], ev.out.Leads[leadOf(handler)] = true, true
	if b.Kind == "" {
		e = nil
	} else {
		e.Box, e.Call, e.Conditional = b, ev.position(site.pos), ev.conditional > 0
	}
	ev.note(site, reason, e)
}

// narrow returns the origin of a value, or where it is used if the origin is not known.
func narrow(origin, use token.Pos) token.Pos {
	if origin.IsValid() {
		return origin
	}
	return use
}

// group calls a function with a sink below a prefix.
func (ev *evaluator) group(s *sink, prefix, fn value, site callSite) {
	inner := &sink{base{s.t, site.pos}, s.prefix, s.why, s.like}
	if p, ok := text(prefix); ok {
		inner.prefix += strings.TrimRight(p, "/")
		if fault := rules.CheckPrefix(p); fault != "" {
			ev.fault(manifest.CodeRoute, narrow(prefix.origin(), site.arg(0)), "%s", fault)
		}
	} else {
		ev.out.Leads[leadOf(prefix)] = true
		if inner.why == "" {
			inner.why = whyUnknown(prefix)
		}
	}
	if inner.why != "" {
		inner.like = s.start().Plus(partOf(prefix).Trimmed())
	}
	switch fn := fn.(type) {
	case *null:
	case *function:
		ev.call(fn, []value{inner}, site)
	default:
		ev.out.Leads[leadOf(fn)] = true
		ev.note(site, "the function is not known: "+whyUnknown(fn), nil)
	}
}

// start returns what is known of the prefix.
func (s *sink) start() partial.Text {
	if s.why != "" {
		return s.like
	}
	return partial.Text{s.prefix}
}

// below returns what is known of a pattern with the prefix in front of it.
func (s *sink) below(pattern value) partial.Text {
	start, like := s.start(), partOf(pattern)
	switch {
	case len(start) == 1 && start[0] == "", !like.Fits("/"):
		return start.Plus(like)
	case len(like) == 1: // the root of the group, without a slash
		return start
	}
	return start.Plus(nil)
}

// once checks what a generation has one of.
func (ev *evaluator) once(site callSite) {
	if ev.conditional > 0 || ev.dry > 0 {
		return
	}
	first, ok := ev.onlyOnce[site.name]
	if !ok {
		ev.onlyOnce[site.name] = site.pos
		return
	}
	ev.out.Findings = append(ev.out.Findings, rules.SetTwice(site.name, ev.position(site.pos), ev.position(first)))
}
