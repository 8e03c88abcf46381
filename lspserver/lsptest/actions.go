package lsptest

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"go.lsp.dev/protocol"
	"go.lsp.dev/uri"

	"github.com/anvilforge/anvil-lsp/lspserver/internal/text"
)

// Actions asks for the code actions at the first occurrence of a text in an open
// document, with the diagnostics that are shown there.
func (e *Editor) Actions(name, at string) []protocol.CodeAction {
	e.t.Helper()
	d := e.docs[name]
	from := strings.Index(d.text, at)
	if from < 0 {
		e.t.Fatalf("%s does not contain %q", name, at)
	}
	r := text.NewMapper([]byte(d.text), e.encoding()).Range(from, from)
	var shown []protocol.Diagnostic
	e.Look(func(s *State) {
		for _, x := range s.Diagnostics[d.uri].Diagnostics {
			if x.Range.Start.Line <= r.Start.Line && r.Start.Line <= x.Range.End.Line {
				shown = append(shown, x)
				r.Start, r.End = x.Range.Start, x.Range.Start
			}
		}
	})
	return e.actions(d.uri, r, shown)
}

// ActionsFor asks for the code actions for a diagnostic of an open document.
func (e *Editor) ActionsFor(name string, d protocol.Diagnostic) []protocol.CodeAction {
	e.t.Helper()
	return e.actions(e.docs[name].uri, d.Range, []protocol.Diagnostic{d})
}

func (e *Editor) actions(u uri.URI, r protocol.Range, shown []protocol.Diagnostic) []protocol.CodeAction {
	e.t.Helper()
	if shown == nil {
		shown = []protocol.Diagnostic{}
	}
	var out []protocol.CodeAction
	e.Must("textDocument/codeAction", &protocol.CodeActionParams{
		TextDocument: protocol.TextDocumentIdentifier{URI: u}, Range: r,
		Context: protocol.CodeActionContext{Diagnostics: shown},
	}, &out)
	return out
}

// Titles returns the titles of actions.
func Titles(all []protocol.CodeAction) []string {
	var out []string
	for _, a := range all {
		out = append(out, a.Title)
	}
	return out
}

// Choose carries out the action with a title, which has to be offered: it asks
// for its edit, makes that in the open documents and on disk, and runs its
// command. It returns the names of the documents that it changed.
func (e *Editor) Choose(all []protocol.CodeAction, title string) []string {
	e.t.Helper()
	i := slices.IndexFunc(all, func(a protocol.CodeAction) bool { return a.Title == title })
	if i < 0 {
		e.t.Fatalf("no action %q, but %q", title, Titles(all))
	}
	a := all[i]
	if a.Edit == nil && len(a.Data) > 0 {
		e.Must("codeAction/resolve", &a, &a)
	}
	var changed []string
	if a.Edit != nil {
		for _, c := range a.Edit.DocumentChanges {
			c, ok := c.(*protocol.TextDocumentEdit)
			if !ok {
				e.t.Fatalf("a change of another kind: %T", c)
			}
			changed = append(changed, e.apply(c))
		}
	}
	if a.Command.Command != "" {
		e.Must("workspace/executeCommand", &protocol.ExecuteCommandParams{Command: a.Command.Command,
			Arguments: a.Command.Arguments}, nil)
	}
	return changed
}

// apply makes an edit of one document.
func (e *Editor) apply(c *protocol.TextDocumentEdit) string {
	e.t.Helper()
	var events []protocol.TextDocumentContentChangeEvent
	for _, x := range slices.Backward(c.Edits) { // from the end, so that places hold
		x, ok := x.(*protocol.TextEdit)
		if !ok {
			e.t.Fatalf("an edit of another kind: %T", x)
		}
		events = append(events, &protocol.TextDocumentContentChangePartial{Range: x.Range, Text: x.NewText})
	}
	for name, d := range e.docs {
		if d.uri != c.TextDocument.URI {
			continue
		}
		if v := c.TextDocument.Version; v == nil || *v != d.version {
			e.t.Fatalf("an edit of %s for version %v, and not %d", name, v, d.version)
		}
		e.Replace(name, string(text.Apply([]byte(d.text), e.encoding(), events)))
		return name
	}
	name, err := e.onDisk(c.TextDocument.URI, events)
	if err != nil {
		e.t.Fatal(err)
	}
	return name
}

func (e *Editor) onDisk(u uri.URI, events []protocol.TextDocumentContentChangeEvent) (string, error) {
	path := u.FsPath()
	data, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("an edit of a file that is not there: %w", err)
	}
	e.Write(path, string(text.Apply(data, e.encoding(), events)))
	return path, nil
}
