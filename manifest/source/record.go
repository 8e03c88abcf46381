package source

import (
	"fmt"
	"go/constant"
	"go/token"
	"go/types"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/hotreload/manifest/shape"
)

// recorder keeps what the register function does.
type recorder struct {
	entries []*entry
	unknown []Unknown
	// patternless are those of the unknown whose handler is known, by index.
	patternless map[int]*entry
	states      []State
	registered  []Registration
	findings    []manifest.Diagnostic
	once        map[string]token.Pos // where NotFound and the like were set
	leads       map[string]bool      // packages that registration leads into, by import path
}

func (ev *evaluator) position(pos token.Pos) manifest.Position { return positionIn(ev.world.fset, pos) }

// record adds the route that a call registers.
func (ev *evaluator) record(e *entry, site callSite) {
	if ev.dry > 0 {
		return
	}
	if len(ev.out.entries) >= maxRoutes {
		ev.out.unknown = append(ev.out.unknown, Unknown{Position: e.call, Call: site.name, Reason: fmt.Sprintf("only the first %d routes are looked at", maxRoutes)})
		ev.steps, ev.full = maxSteps, true
		panic(stop{})
	}
	ev.out.entries = append(ev.out.entries, e)
}

// note adds a registration that is not known.
func (ev *evaluator) note(site callSite, reason string) {
	if ev.dry == 0 && len(ev.out.unknown) < maxRoutes {
		ev.out.unknown = append(ev.out.unknown, Unknown{Position: ev.position(site.pos), Call: site.name, Reason: reason})
	}
}

// fault adds a finding, if what it is about happens for certain.
func (ev *evaluator) fault(code manifest.Code, pos token.Pos, format string, args ...any) {
	if ev.dry == 0 && ev.conditional == 0 {
		ev.out.findings = append(ev.out.findings, manifest.Diagnose(code, ev.position(pos), format, args...))
	}
}

// faultIn is fault with a related position, if pos is not part of the call.
func (ev *evaluator) faultIn(code manifest.Code, pos token.Pos, site callSite, format string, args ...any) {
	n := len(ev.out.findings)
	ev.fault(code, pos, format, args...)
	at, call := ev.position(pos), ev.position(site.pos)
	if len(ev.out.findings) > n && (at.File != call.File || at.Line != call.Line) {
		d := &ev.out.findings[n]
		d.Related = append(d.Related, manifest.Related{Position: call, Message: "registered here"})
	}
}

// stateOf records a call of hotreload.StateOf[T](container, key, initial).
func (ev *evaluator) stateOf(fn *function, args []value, site callSite) {
	sig, ok := fn.t.Underlying().(*types.Signature)
	if !ok || len(args) < 2 || ev.dry > 0 {
		return
	}
	key, ok := text(args[1])
	if !ok {
		return
	}
	// The result is *State[T].
	state, _ := types.Unalias(sig.Results().At(0).Type()).(*types.Pointer)
	if state == nil {
		return
	}
	named, _ := types.Unalias(state.Elem()).(*types.Named)
	if named == nil || named.TypeArgs().Len() != 1 {
		return
	}
	if s, ok := ev.world.state(key, named.TypeArgs().At(0), site.pos); ok {
		s.Registering = true
		ev.out.states = append(ev.out.states, s)
	}
}

// state describes keyed state of type t; ok is false if the type is not known.
func (w *world) state(key string, t types.Type, pos token.Pos) (s State, ok bool) {
	if !w.shapes.Known(t) {
		return State{}, false
	}
	text := w.shapes.Of(t)
	return State{
		State:    manifest.State{Key: key, Type: Signature(t), Fingerprint: shape.Fingerprint(text), Shape: text},
		Position: positionIn(w.fset, pos),
	}, true
}

// addEntry records a call of registry.Add(sink, key, value).
func (ev *evaluator) addEntry(fn *function, args []value, site callSite) {
	if ev.dry > 0 || len(args) < 3 || len(ev.out.registered) >= maxRoutes {
		return
	}
	r := Registration{Position: ev.position(site.pos), Type: Signature(args[2].typ())}
	if sig, ok := fn.t.Underlying().(*types.Signature); ok && sig.Params().Len() == 3 {
		r.Type = Signature(sig.Params().At(2).Type())
	}
	if site.recv != nil {
		r.Registry = types.ExprString(site.recv)
	}
	if b, ok := args[1].(*basic); ok {
		r.Key = b.val.ExactString()
		if b.val.Kind() == constant.String {
			r.Key = constant.StringVal(b.val)
		}
	}
	ev.out.registered = append(ev.out.registered, r)
}
