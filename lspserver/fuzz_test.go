package lspserver

import (
	"context"
	"encoding/json"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"

	"go.lsp.dev/protocol"

	"github.com/anvilforge/anvil-lsp/lspserver/internal/view"
)

// FuzzParams: no parameters of any method, on documents that are open and that
// are not, make the server panic; what is no JSON is an error.
func FuzzParams(f *testing.F) {
	for i, params := range []string{
		``, `null`, `{}`, `[]`, `7`, `"x"`, `{"textDocument":{"uri":"file:///a.go","version":2},"contentChanges":[{"range":{"start":{"line":9,"character":9},"end":{"line":0,"character":0}},"text":"x"}]}`,
		`{"textDocument":{"uri":"file:///a.go","version":-1},"contentChanges":[{"text":"\u0000"},null,7]}`, `{"textDocument":null}`,
		`{"textDocument":{"uri":"%zz","languageId":"go","version":1,"text":"package"}}`, `{"command":"anvil.reload","arguments":[7]}`,
		`{"folder":"file:///"}`, `{"event":{"added":[{"uri":"x:","name":""}],"removed":null}}`, `{"settings":{"anvil":[]}}`, `{"value":"loud"}`,
	} {
		f.Add(uint8(i), []byte(params))
		f.Add(uint8(i+7), []byte(params))
	}
	f.Fuzz(func(t *testing.T, which uint8, params []byte) {
		s := New(Options{In: strings.NewReader(""), Out: io.Discard})
		s.makeContexts(context.Background())
		defer s.stop()
		s.phase = phaseInitialized
		s.client = view.NewClient(&protocol.ClientCapabilities{}, protocol.ClientInfo{})
		didOpen(s, &protocol.DidOpenTextDocumentParams{TextDocument: protocol.TextDocumentItem{URI: "file:///a.go", LanguageID: "go", Version: 1, Text: "package a\n\nvar ä = \"𐐀\"\n"}})
		names := slices.Sorted(maps.Keys(s.methods))
		name := names[int(which)%len(names)]
		if s.methods[name].notification {
			s.Notify(name, params)
			return
		}
		result, err := s.Request(context.Background(), name, params)()
		if !json.Valid(params) && len(params) > 0 && err == nil && name != protocol.MethodShutdown {
			t.Errorf("%s with %q answers %v", name, params, result)
		}
	})
}
