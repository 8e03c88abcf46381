package hotreload

import (
	"fmt"
	"maps"
	"runtime"
	"slices"
	"time"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/hotreload/manifest/shape"
	"github.com/anvilforge/anvil-lsp/hotreload/manifest/symbol"
)

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
		m.State = append(m.State, manifest.State{Key: key, Type: symbol.NameOf(states[key].cell.typ), Fingerprint: shape.Fingerprint(text), Shape: text})
	}
	for _, staged := range g.reg.indexes {
		m.Registered = append(m.Registered, staged.names()...)
	}
	m.Sort()
	g.manifest.RouteCount = len(m.Routes)
	g.manifest.Registered = time.Now()
	g.manifest.Manifest = m
}
