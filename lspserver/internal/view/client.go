package view

import (
	"encoding/json"
	"slices"

	"go.lsp.dev/protocol"

	"github.com/anvilforge/anvil-lsp/lspserver/internal/text"
)

// Client is what the client can do, as it said in initialize. Every optional
// feature asks here first.
type Client struct {
	Name     string
	Encoding text.Encoding // agreed on

	Configuration        bool // workspace/configuration can be asked
	WatchesConfiguration bool // workspace/didChangeConfiguration can be registered
	WatchesFiles         bool // workspace/didChangeWatchedFiles can be registered
	Progress             bool // window/workDoneProgress/create
	ShowDocument         bool
	DocumentChanges      bool // edits may name the version that they are for

	RelatedInformation bool
	CodeDescription    bool
	DiagnosticData     bool
	DiagnosticVersion  bool

	CodeLensRefresh  bool
	InlayHintRefresh bool
	CodeActions      bool // literals, not only commands
	ResolveActions   bool // edit is filled in by codeAction/resolve, which gets our data back
	HoverMarkdown    bool

	// Commands: the client itself shows routes and responses.
	Commands bool
	// Notifications: the client knows ours, and is sent them. Others would warn
	// their user of something unknown.
	Notifications bool
}

// experimental is what we look for in the capabilities that the protocol does not
// know.
type experimental struct {
	Anvil struct {
		Notifications bool `json:"notifications"`
	} `json:"anvil"`
}

func yes(b *bool) bool { return b != nil && *b }

// NewClient reads the capabilities.
func NewClient(c *protocol.ClientCapabilities, info protocol.ClientInfo) Client {
	out := Client{Name: info.Name, Encoding: text.UTF16}
	if g := c.General; g != nil {
		for _, e := range []text.Encoding{text.UTF8, text.UTF16, text.UTF32} {
			if slices.Contains(g.PositionEncodings, e) {
				out.Encoding = e
				break
			}
		}
	}
	var own experimental
	if len(c.Experimental) > 0 && json.Unmarshal(c.Experimental, &own) == nil { // another's shape says nothing
		out.Notifications = own.Anvil.Notifications
	}
	if w := c.Workspace; w != nil {
		out.Configuration = yes(w.Configuration)
		out.WatchesConfiguration = w.DidChangeConfiguration != nil && yes(w.DidChangeConfiguration.DynamicRegistration)
		out.WatchesFiles = w.DidChangeWatchedFiles != nil && yes(w.DidChangeWatchedFiles.DynamicRegistration)
		out.DocumentChanges = w.WorkspaceEdit != nil && yes(w.WorkspaceEdit.DocumentChanges)
		out.CodeLensRefresh = w.CodeLens != nil && yes(w.CodeLens.RefreshSupport)
		out.InlayHintRefresh = w.InlayHint != nil && yes(w.InlayHint.RefreshSupport)
	}
	if w := c.Window; w != nil {
		out.Progress = yes(w.WorkDoneProgress)
		out.ShowDocument = w.ShowDocument != nil && w.ShowDocument.Support
	}
	if t := c.TextDocument; t != nil {
		if d := t.PublishDiagnostics; d != nil {
			out.RelatedInformation, out.CodeDescription = yes(d.RelatedInformation), yes(d.CodeDescriptionSupport)
			out.DiagnosticData, out.DiagnosticVersion = yes(d.DataSupport), yes(d.VersionSupport)
		}
		if a := t.CodeAction; a != nil {
			out.CodeActions = a.CodeActionLiteralSupport.CodeActionKind.ValueSet != nil
			out.ResolveActions = slices.Contains(a.ResolveSupport.Properties, "edit") && yes(a.DataSupport)
		}
		if h := t.Hover; h != nil {
			out.HoverMarkdown = slices.Contains(h.ContentFormat, protocol.MarkupKindMarkdown)
		}
	}
	return out
}
