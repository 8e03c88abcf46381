//go:build anvilhot

package hotreload

import (
	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/hotreload/manifest/shape"
	"github.com/anvilforge/anvil-lsp/hotreload/manifest/symbol"
)

// breaks compares a generation with the live one, and returns a diagnostic for
// each route whose handler has another signature now: who calls the route
// relies on the old one until everything is started anew.
func (s *LiveState) breaks(g *generation, hot []string) []manifest.Diagnostic {
	old := s.current.Load()
	if old == nil {
		return nil
	}
	routes := map[manifest.RouteKey]manifest.Route{}
	for _, r := range old.manifest.Manifest.Routes {
		routes[r.Key()] = r
	}
	shapes := shape.NewReflector(hot)
	var found []manifest.Diagnostic
	for _, e := range g.reg.entries {
		before, ok := routes[e.key()]
		if text := shapes.Of(e.Handler.Type()); ok && before.Fingerprint != shape.Fingerprint(text) {
			is := manifest.Handling{Handler: e.Handler.Name(), Signature: symbol.NameOf(e.Handler.Type()), Shape: text}
			found = append(found, manifest.SignatureChanged(e.Position(), e.slot(), before.Handling(), is,
				"types of the same names have other fields"))
		}
	}
	manifest.SortDiagnostics(found)
	return found
}
