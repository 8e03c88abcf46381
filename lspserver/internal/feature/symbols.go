package feature

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"unicode"

	"go.lsp.dev/protocol"

	"github.com/anvilforge/anvil-lsp/lspserver/internal/view"
)

// maxSymbols bounds the answer to one query.
const maxSymbols = 1000

// WorkspaceSymbols answers with the routes that a query could mean, the
// likeliest first.
func WorkspaceSymbols(ctx context.Context, v *view.View, p *protocol.WorkspaceSymbolParams) (any, error) {
	type match struct {
		protocol.SymbolInformation
		score int
	}
	var found []match
	for _, f := range v.Folders {
		for _, r := range Routes(v, f) {
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
