package lspserver

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"unicode"

	"go.lsp.dev/protocol"
)

// maxSymbols bounds the answer to one query.
const maxSymbols = 1000

// symbolsLabel is how an editor tells our symbols of a document from those of
// others.
const symbolsLabel = "anvil"

// symbolFeature finds routes by name. What else is declared gopls knows.
func symbolFeature() feature {
	label := symbolsLabel
	return feature{
		advertise: func(_ Client, s *protocol.ServerCapabilities) {
			s.WorkspaceSymbolProvider = &protocol.WorkspaceSymbolOptions{}
			s.DocumentSymbolProvider = &protocol.DocumentSymbolOptions{Label: &label}
		},
		methods: map[string]method{
			protocol.MethodWorkspaceSymbol:            ask(workspaceSymbols),
			protocol.MethodTextDocumentDocumentSymbol: ask(documentSymbols),
		},
	}
}

// workspaceSymbols answers with the routes that a query could mean, the
// likeliest first.
func workspaceSymbols(ctx context.Context, v *View, p *protocol.WorkspaceSymbolParams) (any, error) {
	type match struct {
		protocol.SymbolInformation
		score int
	}
	var found []match
	for _, f := range v.Folders {
		for _, r := range v.Routes(f) {
			if ctx.Err() != nil {
				return nil, context.Cause(ctx)
			}
			name := routeName(r.Method, r.Pattern)
			score := max(matches(p.Query, name), matches(p.Query, r.Handler)-1)
			if score <= 0 || r.Location.URI == "" {
				continue
			}
			m := match{score: score}
			m.Name, m.Kind, m.Location = name, protocol.SymbolKindInterface, r.Location
			if r.Handler != "" {
				m.ContainerName = &r.Handler
			}
			found = append(found, m)
		}
	}
	slices.SortStableFunc(found, func(a, b match) int { return cmp.Compare(b.score, a.score) })
	out := []protocol.SymbolInformation{}
	for _, m := range found[:min(len(found), maxSymbols)] {
		out = append(out, m.SymbolInformation)
	}
	return out, nil
}

// matches says how well a name fits a query: 0 if it does not. Every word of
// the query must occur in it, at least as letters in this order, as editors
// match; case and the order of words do not count.
func matches(query, name string) int {
	name = strings.ToLower(name)
	query = strings.ToLower(strings.TrimSpace(query))
	switch {
	case query == name:
		return 6
	case strings.HasPrefix(name, query):
		return 5
	case strings.Contains(name, query):
		return 4
	}
	score := 3
	for word := range strings.FieldsFuncSeq(query, unicode.IsSpace) {
		switch {
		case strings.Contains(name, word):
		case subsequence(word, name):
			score = 2
		default:
			return 0
		}
	}
	return score
}

// subsequence reports whether the characters of a word occur in a text, in this
// order.
func subsequence(word, text string) bool {
	rest := []rune(word)
	for _, r := range text {
		if len(rest) > 0 && rest[0] == r {
			rest = rest[1:]
		}
	}
	return len(rest) == 0
}

// documentSymbols answers with the routes that a document registers, as one
// group.
func documentSymbols(_ context.Context, v *View, p *protocol.DocumentSymbolParams) (any, error) {
	d := v.Document(p.TextDocument.URI)
	if d == nil {
		return nil, nil
	}
	f := v.Folder(d.Path)
	if f == nil {
		return nil, nil
	}
	group := protocol.DocumentSymbol{Name: "routes", Kind: protocol.SymbolKindNamespace}
	flat := []protocol.SymbolInformation{}
	at := v.placer(f)
	pl := at.places(d.Path)
	for _, r := range at.registrations(d) {
		where, name := pl.at(r.at), pl.at(r.at)
		if call := pl.call(r.at); call != nil {
			where, name = pl.span(call), pl.span(call.Fun)
		}
		s := protocol.DocumentSymbol{
			Name: routeName(r.route.Method, r.route.Pattern), Kind: protocol.SymbolKindInterface, Range: where, SelectionRange: name,
		}
		info := protocol.SymbolInformation{Location: protocol.Location{URI: d.URI, Range: where}}
		info.Name, info.Kind, info.ContainerName = s.Name, s.Kind, &group.Name
		if r.route.Handler != "" {
			s.Detail = &r.route.Handler
		}
		if len(group.Children) == 0 {
			group.Range, group.SelectionRange = where, name
		}
		group.Range.End = later(group.Range.End, where.End)
		group.Children = append(group.Children, s)
		flat = append(flat, info)
	}
	switch {
	case len(flat) == 0:
		return flat, nil
	case !v.Client.NestedSymbols:
		return flat, nil
	}
	return []protocol.DocumentSymbol{group}, nil
}

func later(a, b protocol.Position) protocol.Position {
	if a.Line > b.Line || a.Line == b.Line && a.Character > b.Character {
		return a
	}
	return b
}
