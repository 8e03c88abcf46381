package lspserver

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.lsp.dev/protocol"
	"go.lsp.dev/uri"

	"github.com/anvilforge/anvil-lsp/internal/engine"
	"github.com/anvilforge/anvil-lsp/internal/testkit"
	"github.com/anvilforge/anvil-lsp/lspserver/internal/rpc"
)

// conversation are messages that a client might send to a server, one a line.
// DOC is a file of the workspace.
const conversation = `{"jsonrpc":"2.0","method":"textDocument/didOpen","params":{"textDocument":{"uri":"DOC","languageId":"go","version":1,"text":"package handlers\n\nvar hits int\n"}}}
{"jsonrpc":"2.0","method":"textDocument/didChange","params":{"textDocument":{"uri":"DOC","version":2},"contentChanges":[{"range":{"start":{"line":1,"character":3},"end":{"line":4294967295,"character":4294967295}},"text":"ä𝄞\r"}]}}
{"jsonrpc":"2.0","method":"textDocument/didChange","params":{"textDocument":{"uri":"DOC","version":-7},"contentChanges":[{"range":{"start":{"line":9,"character":3},"end":{"line":0,"character":0}},"text":"x"},{"text":""}]}}
{"jsonrpc":"2.0","method":"textDocument/didChange","params":{"textDocument":{"uri":"file:///nowhere.go","version":2},"contentChanges":[{"text":"x"}]}}
{"jsonrpc":"2.0","id":1,"method":"textDocument/codeAction","params":{"textDocument":{"uri":"DOC"},"range":{"start":{"line":2,"character":99},"end":{"line":1,"character":0}},"context":{"diagnostics":[{"range":{"start":{"line":0,"character":0},"end":{"line":9,"character":0}},"source":"anvil","code":"ANV007","message":"x","data":3},{"source":"anvil","code":3}]}}}
{"jsonrpc":"2.0","id":2,"method":"codeAction/resolve","params":{"title":"x","data":{"do":"moveToState","path":"/nowhere.go","at":{"line":4294967295,"character":1},"version":2}}}
{"jsonrpc":"2.0","id":2,"method":"codeAction/resolve","params":{"title":"x","data":"y"}}
{"jsonrpc":"2.0","id":"3","method":"textDocument/hover","params":{"textDocument":{"uri":"DOC"},"position":{"line":4294967295,"character":4294967295}}}
{"jsonrpc":"2.0","id":4,"method":"textDocument/codeLens","params":{"textDocument":{"uri":"untitled:1"}}}
{"jsonrpc":"2.0","id":5,"method":"textDocument/documentSymbol","params":{"textDocument":{"uri":""}}}
{"jsonrpc":"2.0","id":5,"method":"workspace/symbol","params":{"query":"GET /"}}
{"jsonrpc":"2.0","id":6,"method":"textDocument/inlayHint","params":{"textDocument":{"uri":"DOC"},"range":{"start":{"line":-1,"character":0},"end":{"line":0,"character":1.5}}}}
{"jsonrpc":"2.0","id":7,"method":"workspace/executeCommand","params":{"command":"anvil.start","arguments":[{"folder":3}]}}
{"jsonrpc":"2.0","id":8,"method":"workspace/executeCommand","params":{"command":"anvil.remember","arguments":[{"code":"../x","decision":"keep"}]}}
{"jsonrpc":"2.0","id":9,"method":"anvil/routes","params":{"folder":"DOC"}}
{"jsonrpc":"2.0","id":10,"method":"anvil/log","params":{"lines":-1}}
{"jsonrpc":"2.0","method":"workspace/didChangeConfiguration","params":{"settings":{"anvil":{"checkDelay":-1e9,"onSave":3}}}}
{"jsonrpc":"2.0","method":"workspace/didChangeWorkspaceFolders","params":{"event":{"added":[{"uri":"file:///","name":""}],"removed":[{"uri":"no uri"}]}}}
{"jsonrpc":"2.0","method":"$/cancelRequest","params":{"id":[]}}
{"jsonrpc":"2.0","method":"textDocument/didSave","params":{"textDocument":{"uri":"DOC"},"text":"package p"}}
{"jsonrpc":"2.0","method":"textDocument/didClose","params":{"textDocument":{"uri":"DOC"}}}
{"jsonrpc":"2.0","id":11,"method":"shutdown"}
`

// FuzzServer talks to a server that may not build or run anything. Whatever it
// is told, it answers the next request, and ends when it is asked to.
func FuzzServer(f *testing.F) {
	f.Add(conversation)
	for line := range strings.Lines(conversation) {
		f.Add(line)
	}
	f.Add("\xff\n{}\n[]\nnull\n")
	f.Fuzz(func(t *testing.T, said string) {
		if len(said) > 1<<16 || strings.Contains(said, "trust") || strings.Contains(said, `exit`) || strings.Contains(said, `\u`) || strings.Contains(said, "file:///\"") {
			t.Skip("it may start something, end the conversation or read the whole disk")
		}
		converse(t, said)
	})
}

// TestConversation is FuzzServer's seed, message by message and in reverse.
func TestConversation(t *testing.T) {
	lines := strings.SplitAfter(strings.ReplaceAll(conversation, `"file:///"`, `"file:///nowhere"`), "\n")
	for i := range lines {
		converse(t, strings.Join(lines[i:], ""))
	}
}

func converse(t *testing.T, said string) {
	t.Helper()
	dir := t.TempDir()
	doc := filepath.Join(dir, "handlers.go")
	testkit.WriteTree(t, dir, map[string]string{
		"go.mod":      "module example.com/x\n",
		"handlers.go": "package main\n\nimport \"github.com/anvilforge/anvil-lsp/hotreload\"\n\nfunc AnvilRegisterRoutes(r *hotreload.RouteSink) {}\n",
		"main.go":     "package main\n\nimport \"github.com/anvilforge/anvil-lsp/hotreload\"\n\nfunc main() { hotreload.LiveServer(nil, hotreload.Options{}) }\n",
	})
	in, toServer := io.Pipe()
	fromServer, out := io.Pipe()
	code := make(chan int, 1)
	go func() {
		code <- New(Options{In: in, Out: out}).Run(t.Context())
		in.Close()
		out.Close()
	}()
	answered := make(chan struct{})
	go func() {
		r := rpc.NewReader(fromServer)
		for {
			data, err := r.Next()
			if err != nil {
				return
			}
			var m struct{ ID, Method json.RawMessage }
			if json.Unmarshal(data, &m) != nil {
				t.Errorf("the server sent %q", data)
			}
			if m.Method == nil && string(m.ID) == `"last"` {
				close(answered)
			}
		}
	}()
	send := func(body string) {
		if _, err := fmt.Fprintf(toServer, "Content-Length: %d\r\n\r\n%s", len(body), body); err != nil {
			t.Fatalf("the server does not listen any more: %v", err)
		}
	}
	root, _ := json.Marshal(uri.File(dir))
	send(`{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"rootUri":` + string(root) + `,"initializationOptions":{"trusted":false},"capabilities":{"workspace":{"workspaceEdit":{"documentChanges":true}},"textDocument":{"codeAction":{"codeActionLiteralSupport":{"codeActionKind":{"valueSet":["quickfix"]}}},"publishDiagnostics":{"dataSupport":true}}}}}`)
	send(`{"jsonrpc":"2.0","method":"initialized","params":{}}`)
	for line := range strings.Lines(said) {
		if body := strings.TrimSuffix(line, "\n"); !strings.Contains(body, `"last"`) {
			send(strings.ReplaceAll(body, "DOC", string(uri.File(doc))))
		}
	}
	send(`{"jsonrpc":"2.0","id":"last","method":"anvil/statusOf","params":{}}`)
	wait := time.After(time.Minute)
	select {
	case <-answered:
	case <-wait:
		t.Fatal("the server does not answer any more")
	}
	send(`{"jsonrpc":"2.0","id":"end","method":"shutdown"}`)
	send(`{"jsonrpc":"2.0","method":"exit"}`)
	select {
	case got := <-code:
		if got != exitOK {
			t.Errorf("exit code %d", got)
		}
	case <-wait:
		t.Fatal("the server does not end")
	}
}

// TestShutdownWaitsForNoCheck: a check that does not end keeps neither the answer
// to shutdown nor the end of the server.
func TestShutdownWaitsForNoCheck(t *testing.T) {
	d := newDesk(t)
	d.s.phase = phaseInitialized
	f := d.session("app")
	o := &stuck{begun: make(chan struct{}), release: make(chan struct{})}
	f.set(func() { f.predictor = o })
	d.s.thinking.Go(f.predictLoop)
	f.hurry()
	<-o.begun
	answer := d.s.Request(t.Context(), protocol.MethodShutdown, nil)
	done := make(chan error, 1)
	go func() {
		_, err := answer()
		done <- err
	}()
	select {
	case err := <-done:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(time.Minute):
		t.Error("shutdown waits for the check")
	}
	close(o.release)
	d.s.thinking.Wait()
}

// stuck is a predictor whose check hears of nothing until it is released.
type stuck struct {
	oracle
	begun, release chan struct{}
}

func (o *stuck) Predict(context.Context, map[string][]byte) (*engine.Prediction, error) {
	close(o.begun)
	<-o.release
	return nil, engine.ErrNotPredictable
}
