package eval

import (
	"fmt"
	"go/constant"
	"go/token"
	"go/types"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/manifest/source/internal/runtimeapi"
)

// registrations are what the register function does, in order.
type registrations struct {
	Entries    []*Entry
	Unknown    []unknownCall
	States     []runtimeapi.StateCall
	Registered []registryEntry
	Findings   []manifest.Diagnostic
	// leads are the import paths of packages that registration leads into, and whose source would
	// tell more.
	Leads map[string]bool
}

// unknownCall is a call that registers something which is not known.
type unknownCall struct {
	Position manifest.Position
	Call     string // what is called
	Reason   string // what is unknown, and why
	// entry is the route, if all but its pattern is known.
	Entry *Entry
}

// registryEntry is an entry of a hotreload.RegistryGeneration.
type registryEntry struct {
	Registry string // the expression that names the registry
	Key      string // as text; empty if it is not known
	Type     types.Type
	Position manifest.Position
}

func (ev *evaluator) position(pos token.Pos) manifest.Position { return ev.world.Position(pos) }

// record adds the route that a call registers.
func (ev *evaluator) record(e *Entry, site callSite) {
	if ev.dry > 0 {
		return
	}
	if len(ev.out.Entries) >= MaxRoutes {
		why := fmt.Sprintf("only the first %d routes are looked at", MaxRoutes)
		ev.out.Unknown = append(ev.out.Unknown, unknownCall{Position: e.Call, Call: site.name, Reason: why})
		ev.steps, ev.full = maxSteps, true
		panic(stop{})
	}
	ev.out.Entries = append(ev.out.Entries, e)
}

// note adds a registration that is not known. The route is in it if all but its pattern is known.
func (ev *evaluator) note(site callSite, reason string, partly *Entry) {
	if ev.dry == 0 && len(ev.out.Unknown) < MaxRoutes {
		ev.out.Unknown = append(ev.out.Unknown, unknownCall{ev.position(site.pos), site.name, reason, partly})
	}
}

// fault adds a finding, if what it is about happens for certain.
func (ev *evaluator) fault(code manifest.Code, pos token.Pos, format string, args ...any) {
	if ev.dry == 0 && ev.conditional == 0 {
		ev.out.Findings = append(ev.out.Findings, manifest.Diagnose(code, ev.position(pos), format, args...))
	}
}

// faultIn is fault with a related position, if pos is not part of the call.
func (ev *evaluator) faultIn(code manifest.Code, pos token.Pos, site callSite, format string, args ...any) {
	n := len(ev.out.Findings)
	ev.fault(code, pos, format, args...)
	at, call := ev.position(pos), ev.position(site.pos)
	if len(ev.out.Findings) > n && (at.File != call.File || at.Line != call.Line) {
		d := &ev.out.Findings[n]
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
	if t := runtimeapi.StateType(sig.Results().At(0).Type()); t != nil {
		ev.out.States = append(ev.out.States, runtimeapi.StateCall{Key: key, Type: t, Pos: site.pos})
	}
}

// addEntry records a call of registry.Add(sink, key, value).
func (ev *evaluator) addEntry(fn *function, args []value, site callSite) {
	if ev.dry > 0 || len(args) < 3 || len(ev.out.Registered) >= MaxRoutes {
		return
	}
	r := registryEntry{Position: ev.position(site.pos), Type: args[2].typ()}
	if sig, ok := fn.t.Underlying().(*types.Signature); ok && sig.Params().Len() == 3 {
		r.Type = sig.Params().At(2).Type()
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
	ev.out.Registered = append(ev.out.Registered, r)
}
