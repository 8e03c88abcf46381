package lspserver

import (
	"context"
	"encoding/json"

	"go.lsp.dev/protocol"
	"go.lsp.dev/uri"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/lspserver/internal/feature"
	"github.com/anvilforge/anvil-lsp/lspserver/internal/view"
)

// hintFeature says at the end of a line that declares something which differs
// from what is live what a save will do.
func hintFeature() family {
	r := newRefresher(protocol.MethodWorkspaceInlayHintRefresh, func(c view.Client) bool { return c.InlayHintRefresh },
		feature.InlayHints)
	return family{
		advertise: func(_ view.Client, s *protocol.ServerCapabilities) {
			s.InlayHintProvider = &protocol.InlayHintOptions{}
		},
		methods: map[string]method{
			// Of the whole document, whatever part of it is asked for: there are few.
			protocol.MethodTextDocumentInlayHint: askFor(r,
				func(p *protocol.InlayHintParams) uri.URI { return p.TextDocument.URI }),
		},
		changed:    func(s *Server, _, _ *view.Folder) { r.changed(s) },
		configured: r.changed,
	}
}

// hoverFeature tells of a route what the live server and its manifest know, over
// its registration and over the declaration of its handler.
func hoverFeature() family {
	return family{
		advertise: func(_ view.Client, s *protocol.ServerCapabilities) { s.HoverProvider = protocol.Boolean(true) },
		methods:   map[string]method{protocol.MethodTextDocumentHover: ask(feature.Hover)},
	}
}

// codeLensFeature is what stands above AnvilRegisterRoutes and each
// registration: what is live, and what it was asked for.
func codeLensFeature() family {
	r := newRefresher(protocol.MethodWorkspaceCodeLensRefresh, func(c view.Client) bool { return c.CodeLensRefresh },
		feature.CodeLenses)
	return family{
		advertise: func(_ view.Client, s *protocol.ServerCapabilities) { s.CodeLensProvider = &protocol.CodeLensOptions{} },
		methods: map[string]method{
			protocol.MethodTextDocumentCodeLens: askFor(r,
				func(p *protocol.CodeLensParams) uri.URI { return p.TextDocument.URI }),
		},
		changed:    func(s *Server, _, _ *view.Folder) { r.changed(s) },
		configured: r.changed,
	}
}

// symbolFeature finds routes by name in the workspace. The symbols of a document
// are left to gopls: a second provider splits the outline and the breadcrumbs of
// an editor in two.
func symbolFeature() family {
	return family{
		advertise: func(_ view.Client, s *protocol.ServerCapabilities) {
			s.WorkspaceSymbolProvider = &protocol.WorkspaceSymbolOptions{}
		},
		methods: map[string]method{
			protocol.MethodWorkspaceSymbol: ask(feature.WorkspaceSymbols),
		},
	}
}

func routesFeature() family {
	return family{
		methods: map[string]method{
			"anvil/routes": ask(func(_ context.Context, v *view.View, p *folderParams) (any, error) {
				return feature.RoutesIn(v, p.Folder)
			}),
		},
		commands: map[string]command{
			"anvil.showRoutes": {all: func(s *Server, arg feature.CommandArgument) (any, error) {
				return feature.RoutesIn(s.View(), arg.Folder)
			}},
			"anvil.openRoute": {one: openRoute},
		},
		changed: func(s *Server, old, now *view.Folder) {
			if s.client.Notifications && (old.Manifest != now.Manifest || old.Status.URL != now.Status.URL ||
				old.Counters != now.Counters || !feature.SameRoutes(old, now)) {
				s.conn.NotifyLatest("anvil/routesChanged", string(now.URI), &folderParams{Folder: now.URI})
			}
		},
	}
}

// codeActionFeature offers what can be done about a finding, and about a handler
// that is not registered.
func codeActionFeature() family {
	return family{
		advertise: func(c view.Client, s *protocol.ServerCapabilities) {
			if !c.CodeActions {
				return // a client that knows commands only shows them elsewhere
			}
			s.CodeActionProvider = &protocol.CodeActionOptions{
				CodeActionKinds: []protocol.CodeActionKind{protocol.CodeActionKindQuickFix,
					protocol.CodeActionKindRefactorRewrite, feature.CodeActionPolicy},
				ResolveProvider: new(c.ResolveActions),
			}
		},
		methods: map[string]method{
			protocol.MethodTextDocumentCodeAction: {begin: beginCodeActions},
			protocol.MethodCodeActionResolve:      ask(feature.ResolveAction),
		},
	}
}

// beginCodeActions takes what was decided about breaks together with the View.
func beginCodeActions(s *Server, raw json.RawMessage) (answer, error) {
	p, err := decode[protocol.CodeActionParams](raw)
	if err != nil {
		return nil, err
	}
	v := s.View()
	d := v.Document(p.TextDocument.URI)
	if d == nil || !v.Client.CodeActions {
		return func(context.Context) (any, error) { return nil, nil }, nil
	}
	f := v.Folder(d.Path)
	decided := func(manifest.Code) string { return "" }
	for _, x := range s.allSessions() {
		if f != nil && x.dir == f.Dir {
			decided = func(c manifest.Code) string { return x.memory.Of(c, f.Settings.OnBreak) }
		}
	}
	return func(ctx context.Context) (any, error) { return feature.CodeActions(ctx, v, p, decided), nil }, nil
}
