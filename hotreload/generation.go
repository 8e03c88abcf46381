package hotreload

import (
	"context"
	"fmt"
	"maps"
	"math"
	"net/http"
	"runtime"
	"slices"
	"sync/atomic"
	"time"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/hotreload/manifest/shape"
	"github.com/anvilforge/anvil-lsp/hotreload/manifest/symbol"
)

// generation is one set of routes that is, was or may become live.
type generation struct {
	scope
	reg      *registration
	handler  http.Handler
	manifest *RegistrationManifest
	notes    []manifest.Diagnostic

	// users counts the requests that the generation is answering, plus one
	// while it is live. Once it has come down to zero it is dead for good.
	users   atomic.Int64
	cancel  context.CancelFunc
	over    func() // called once, when it is dead
	swapped func() // called when it has gone live; may be nil
	drained func() // called once, when it is dead; may be nil
}

// dead is far enough below zero that no number of late requests lifts it.
const dead = math.MinInt64 / 2

// acquire counts a request. It fails if the generation has drained: the caller
// then finds another one live.
func (g *generation) acquire() bool { return g.users.Add(1) > 0 }

// release counts a request, or being live, as over. Whoever is last ends the
// generation.
func (g *generation) release() {
	if g.users.Add(-1) != 0 || !g.users.CompareAndSwap(0, dead) {
		return
	}
	g.cancel()
	g.over()
	if g.drained != nil {
		g.drained()
	}
}

// isOver reports that the generation was live and has answered its last request.
func (g *generation) isOver() bool { return g.users.Load() < 0 }

// inFlight returns the number of requests that the generation is answering.
func (g *generation) inFlight() int {
	n := g.users.Load()
	if g.reg.is(live) {
		n--
	}
	return int(max(n, 0))
}

// newGeneration starts a generation: its context runs, nothing is registered.
func (s *LiveState) newGeneration(number int, plugin string) *generation {
	ctx, cancel := context.WithCancel(s.base)
	g := &generation{cancel: cancel, over: s.active.Done}
	g.manifest = &RegistrationManifest{ABIVersion: ABIVersion, Plugin: plugin}
	g.reg = newRegistration(ctx, number, s.container, s.logger)
	g.scope = scope{container: g.reg.container, generation: number, logger: s.logger, dev: s.dev}
	return g
}

// sink returns a RouteSink that registers in the generation.
func (g *generation) sink() *RouteSink { return &RouteSink{reg: g.reg} }

// source says which packages a generation is made of.
type source struct {
	handlers string   // import path of the handlers package
	hot      []string // import paths of all hot packages; nil where nothing is hot
}

// prepare ends the registration, checks it and builds the router. It runs the
// constructors of the user's middleware. The diagnostics are what keeps the
// generation from going live, sorted.
func (g *generation) prepare(root *RouteSink, from source) []manifest.Diagnostic {
	if !g.reg.enter(sealed) {
		return nil
	}
	g.reg.mu.Lock()
	routes := routeSet{entries: g.reg.entries, middleware: root.middleware}
	g.reg.mu.Unlock()
	faults, _ := g.reg.diagnostics()
	faults = append(faults, routes.check()...)
	g.describe(routes.entries, from)
	if len(faults) == 0 {
		g.onError = g.reg.onError.hook
		g.notFound = g.reg.notFound.handler(&g.scope)
		g.notAllowed = g.reg.notAllow.handler(&g.scope)
		g.handler = routes.build(&g.scope)
	}
	manifest.SortDiagnostics(faults)
	return faults
}

// handler returns what answers, nil if nothing was set.
func (f *fallback) handler(s *scope) http.Handler {
	if f.sink == nil {
		return nil
	}
	h := f.box.handler(s)
	if s.dev != nil {
		h = s.dev.witness(h)
	}
	for _, mw := range slices.Backward(f.sink.inline()) {
		h = mw(h)
	}
	return h
}

// abandon gives the registration up: whatever it still does has no effect.
func (g *generation) abandon() {
	g.reg.mu.Lock()
	g.reg.phase.Store(abandoned)
	g.reg.mu.Unlock()
	g.cancel()
	g.reg.container.dropStates(g.reg)
}

// describe makes the manifest from what was registered.
func (g *generation) describe(entries []RouteEntry, from source) {
	shapes := shape.NewReflector(from.hot)
	m := &manifest.Manifest{
		Format: manifest.FormatVersion, ABI: ABIVersion,
		Toolchain:  fmt.Sprintf("%s %s/%s", runtime.Version(), runtime.GOOS, runtime.GOARCH),
		Generation: g.generation,
		Handlers:   from.handlers,
		Hot:        slices.Clone(from.hot),
	}
	for _, e := range entries {
		text := shapes.Of(e.Handler.Type())
		m.Routes = append(m.Routes, manifest.Route{
			Method: e.Method, Pattern: e.Pattern, Mount: e.Mount, Handler: e.Handler.Name(), Kind: e.Handler.Kind(),
			Signature:   symbol.NameOf(e.Handler.Type()),
			Fingerprint: shape.Fingerprint(text), Shape: text,
			Position: e.Position(),
		})
	}
	states := g.reg.knownStates()
	for _, key := range slices.Sorted(maps.Keys(states)) {
		text := shapes.Of(states[key].cell.typ)
		m.State = append(m.State, manifest.State{
			Key: key, Type: symbol.NameOf(states[key].cell.typ), Fingerprint: shape.Fingerprint(text), Shape: text,
		})
	}
	for _, draft := range g.reg.indexes {
		m.Registered = append(m.Registered, draft.names()...)
	}
	m.Sort()
	g.manifest.RouteCount = len(m.Routes)
	g.manifest.Registered = time.Now()
	g.manifest.Manifest = m
}
