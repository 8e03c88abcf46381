package source

import (
	"fmt"
	"go/constant"
	"go/token"
	"go/types"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
)

// registrations are what the register function does, in order.
type registrations struct {
	entries    []*entry
	unknown    []unknownCall
	states     []stateCall
	registered []registryEntry
	findings   []manifest.Diagnostic
	// leads are the import paths of packages that registration leads into, and whose
	// source would tell more.
	leads map[string]bool
}

// unknownCall is a call that registers something which is not known.
type unknownCall struct {
	position manifest.Position
	call     string // what is called
	reason   string // what is unknown, and why
	// entry is the route, if all but its pattern is known.
	entry *entry
}

// registryEntry is an entry of a hotreload.RegistryGeneration.
type registryEntry struct {
	registry string // the expression that names the registry
	key      string // as text; empty if it is not known
	typ      types.Type
	position manifest.Position
}

func (ev *evaluator) position(pos token.Pos) manifest.Position { return ev.world.position(pos) }

// record adds the route that a call registers.
func (ev *evaluator) record(e *entry, site callSite) {
	if ev.dry > 0 {
		return
	}
	if len(ev.out.entries) >= maxRoutes {
		why := fmt.Sprintf("only the first %d routes are looked at", maxRoutes)
		ev.out.unknown = append(ev.out.unknown, unknownCall{position: e.call, call: site.name, reason: why})
		ev.steps, ev.full = maxSteps, true
		panic(stop{})
	}
	ev.out.entries = append(ev.out.entries, e)
}

// note adds a registration that is not known. The route is in it if all but its
// pattern is known.
func (ev *evaluator) note(site callSite, reason string, partly *entry) {
	if ev.dry == 0 && len(ev.out.unknown) < maxRoutes {
		ev.out.unknown = append(ev.out.unknown, unknownCall{ev.position(site.pos), site.name, reason, partly})
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
	if t := stateType(sig.Results().At(0).Type()); t != nil {
		ev.out.states = append(ev.out.states, stateCall{key, t, site.pos})
	}
}

// addEntry records a call of registry.Add(sink, key, value).
func (ev *evaluator) addEntry(fn *function, args []value, site callSite) {
	if ev.dry > 0 || len(args) < 3 || len(ev.out.registered) >= maxRoutes {
		return
	}
	r := registryEntry{position: ev.position(site.pos), typ: args[2].typ()}
	if sig, ok := fn.t.Underlying().(*types.Signature); ok && sig.Params().Len() == 3 {
		r.typ = sig.Params().At(2).Type()
	}
	if site.recv != nil {
		r.registry = types.ExprString(site.recv)
	}
	if b, ok := args[1].(*basic); ok {
		r.key = b.val.ExactString()
		if b.val.Kind() == constant.String {
			r.key = constant.StringVal(b.val)
		}
	}
	ev.out.registered = append(ev.out.registered, r)
}
