// Package lsptest is a fake editor: a client of the language server for tests,
// over any pair of streams. It keeps what the server has said, as an editor
// does, and a test waits for a condition on that:
//
//	ed := lsptest.New(t, stdout, stdin)
//	ed.Initialize(lsptest.Options{Root: dir})
//	ed.Open("handlers/pages.go")
//	ed.Edit("handlers/pages.go", "old text", "new text")
//	ed.Await("a warning", func(s *lsptest.State) bool { return s.Has("handlers/pages.go", "ANV001") })
//
// Nothing here sleeps: a wait ends when its condition holds, when it cannot hold
// any more because the server is gone, or after Patience.
package lsptest

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"go.lsp.dev/jsonrpc2"
	"go.lsp.dev/protocol"
	"go.lsp.dev/uri"

	"github.com/anvilforge/anvil-lsp/internal/testkit"
	"github.com/anvilforge/anvil-lsp/lspserver/internal/rpc"
	"github.com/anvilforge/anvil-lsp/lspserver/internal/text"
)

// Patience bounds every wait; a first build of all dependencies takes minutes
// on a small machine.
const Patience = 4 * time.Minute

// Editor is a client. Its methods are for one goroutine, but for those of a
// State inside Await.
type Editor struct {
	t    testing.TB
	out  io.Writer
	root string

	writing sync.Mutex

	mu      sync.Mutex // guards what follows
	cond    *sync.Cond
	state   State
	gone    bool
	lastID  int
	waiting map[string]chan message
	docs    map[string]*doc
	options Options
}

// doc is an open document.
type doc struct {
	uri     uri.URI
	version int32
	text    string
}

// message is any message.
type message struct {
	Version string          `json:"jsonrpc"`
	ID      json.RawMessage `json:"id,omitempty"`
	Method  string          `json:"method,omitempty"`
	Params  json.RawMessage `json:"params,omitempty"`
	Result  json.RawMessage `json:"result,omitempty"`
	Error   *jsonrpc2.Error `json:"error,omitempty"`
}

// Options say what kind of editor it is.
type Options struct {
	Root    string   // workspace folder
	Folders []string // more than one, in place of Root
	// Settings are what workspace/configuration is answered with. The address
	// is a free port unless it is set.
	Settings map[string]any
	// FolderSettings are put on top of them for single folders, by path.
	FolderSettings map[string]map[string]any
	// Init are initializationOptions. What they do not say about trust is said for
	// them: the user trusts the workspace.
	Init map[string]any
	// Untold says nothing about trust that is not in Init.
	Untold bool
	// Capabilities replace those of an editor that can do everything.
	Capabilities map[string]any
	// Answer is the user: it returns the title of an action of a
	// window/showMessageRequest; empty for none.
	Answer func(*protocol.ShowMessageRequestParams) string
	// ProcessID is sent with initialize; 0: null.
	ProcessID int
}

// Everything is what an editor can do that can do everything.
func Everything() map[string]any {
	return map[string]any{
		"experimental": map[string]any{"anvil": map[string]any{"notifications": true}},
		"general":      map[string]any{"positionEncodings": []string{"utf-8", "utf-16"}},
		"workspace": map[string]any{"configuration": true, "workspaceFolders": true, "applyEdit": true,
			"workspaceEdit": map[string]any{"documentChanges": true}, "codeLens": map[string]any{"refreshSupport": true},
			"inlayHint":              map[string]any{"refreshSupport": true},
			"didChangeConfiguration": map[string]any{"dynamicRegistration": true},
			"didChangeWatchedFiles":  map[string]any{"dynamicRegistration": true}},
		"window": map[string]any{"workDoneProgress": true, "showDocument": map[string]any{"support": true}},
		"textDocument": map[string]any{
			"publishDiagnostics": map[string]any{"relatedInformation": true, "versionSupport": true,
				"codeDescriptionSupport": true, "dataSupport": true},
			"codeAction": map[string]any{
				"codeActionLiteralSupport": map[string]any{
					"codeActionKind": map[string]any{"valueSet": []string{"quickfix", "refactor"}},
				},
				"resolveSupport": map[string]any{"properties": []string{"edit"}}, "dataSupport": true,
			},
			"hover": map[string]any{"contentFormat": []string{"markdown", "plaintext"}},
		},
	}
}

// New returns an editor that reads in and writes to out.
func New(t testing.TB, in io.Reader, out io.Writer) *Editor {
	e := &Editor{t: t, out: out, waiting: map[string]chan message{}, docs: map[string]*doc{}}
	e.cond = sync.NewCond(&e.mu)
	e.state = newState()
	go e.read(rpc.NewReader(in))
	return e
}

func (e *Editor) read(in *rpc.Reader) {
	defer func() {
		e.mu.Lock()
		defer e.mu.Unlock()
		e.gone = true
		for _, c := range e.waiting {
			close(c)
		}
		e.waiting = nil
		e.cond.Broadcast()
	}()
	for {
		data, err := in.Next()
		if err != nil {
			return
		}
		var m message
		if err := json.Unmarshal(data, &m); err != nil {
			e.t.Errorf("the server sent %s: %v", data, err)
			return
		}
		e.receive(m)
	}
}

// take takes a message of the server over.
func (e *Editor) receive(m message) {
	e.mu.Lock()
	e.state.Transcript = append(e.state.Transcript,
		Entry{From: "server", Method: m.Method, ID: string(m.ID), Params: m.Params, Result: m.Result, Error: m.Error})
	if m.Method == "" {
		if c := e.waiting[string(m.ID)]; c != nil {
			delete(e.waiting, string(m.ID))
			c <- m
		}
		e.cond.Broadcast()
		e.mu.Unlock()
		return
	}
	if err := e.state.receive(m); err != nil {
		e.t.Errorf("%s: %v", m.Method, err)
	}
	opts := e.options
	e.cond.Broadcast()
	e.mu.Unlock()
	if m.ID != nil {
		e.answer(m, opts)
	}
}

// answer answers a request of the server.
func (e *Editor) answer(m message, o Options) {
	reply := message{ID: m.ID, Result: json.RawMessage("null")}
	switch m.Method {
	case protocol.MethodWorkspaceConfiguration:
		var p protocol.ConfigurationParams
		if err := protocol.Unmarshal(m.Params, &p); err != nil {
			e.t.Errorf("%s: %v", m.Method, err)
		}
		var all []any
		for _, item := range p.Items {
			settings := map[string]any{"address": "127.0.0.1:0"}
			maps.Copy(settings, o.Settings)
			if item.ScopeURI != nil {
				maps.Copy(settings, o.FolderSettings[item.ScopeURI.FsPath()])
			}
			all = append(all, settings)
		}
		reply.Result, _ = json.Marshal(all)
	case protocol.MethodWindowShowMessageRequest:
		var p protocol.ShowMessageRequestParams
		if err := protocol.Unmarshal(m.Params, &p); err != nil {
			e.t.Errorf("%s: %v", m.Method, err)
		}
		if o.Answer != nil {
			if title := o.Answer(&p); title != "" {
				reply.Result, _ = json.Marshal(map[string]string{"title": title})
			}
		}
	case protocol.MethodWindowShowDocument:
		reply.Result = json.RawMessage(`{"success":true}`)
	case protocol.MethodWorkspaceApplyEdit:
		reply.Result = json.RawMessage(`{"applied":true}`)
	}
	e.Send(reply)
}

// Send writes a message as it is.
func (e *Editor) Send(m any) {
	data, err := json.Marshal(withVersion(m))
	if err != nil {
		e.t.Fatal(err)
	}
	e.Raw(fmt.Appendf(nil, "Content-Length: %d\r\n\r\n%s", len(data), data))
}

func withVersion(m any) any {
	if m, ok := m.(message); ok {
		m.Version = jsonrpc2.Version
		return m
	}
	return m
}

// Raw writes bytes. A server that is gone is no fault.
func (e *Editor) Raw(data []byte) {
	e.writing.Lock()
	defer e.writing.Unlock()
	if _, err := e.out.Write(data); err != nil && !errors.Is(err, io.ErrClosedPipe) && !errors.Is(err, os.ErrClosed) &&
		!strings.Contains(err.Error(), "broken pipe") {
		e.t.Errorf("writing to the server: %v", err)
	}
}

// Notify sends a notification.
func (e *Editor) Notify(method string, params any) {
	e.t.Helper()
	e.mu.Lock()
	raw := e.marshal(params)
	e.state.Transcript = append(e.state.Transcript, Entry{From: "editor", Method: method, Params: raw})
	e.mu.Unlock()
	e.Send(message{Method: method, Params: raw})
}

func (e *Editor) marshal(v any) json.RawMessage {
	if v == nil {
		return nil
	}
	data, err := protocol.Marshal(v)
	if err != nil {
		e.t.Fatal(err)
	}
	return data
}

// Begin sends a request and returns its id and where the answer arrives.
func (e *Editor) Begin(method string, params any) (id string, answer <-chan message) {
	e.mu.Lock()
	e.lastID++
	id = strconv.Itoa(e.lastID)
	c := make(chan message, 1)
	if e.waiting == nil {
		close(c)
	} else {
		e.waiting[id] = c
	}
	raw := e.marshal(params)
	e.state.Transcript = append(e.state.Transcript, Entry{From: "editor", Method: method, ID: id, Params: raw})
	e.mu.Unlock()
	e.Send(message{ID: json.RawMessage(id), Method: method, Params: raw})
	return id, c
}

// ErrGone reports a server that ended without an answer.
var ErrGone = errors.New("the server is gone")

// Call sends a request and reads the answer into result, unless that is nil.
func (e *Editor) Call(method string, params, result any) error {
	e.t.Helper()
	_, c := e.Begin(method, params)
	return e.Finish(method, c, result)
}

// Finish waits for the answer to a request that was begun.
func (e *Editor) Finish(method string, c <-chan message, result any) error {
	e.t.Helper()
	select {
	case m, ok := <-c:
		switch {
		case !ok:
			return ErrGone
		case m.Error != nil:
			return m.Error
		case result != nil:
			return protocol.Unmarshal(m.Result, result)
		}
		return nil
	case <-time.After(Patience):
		e.t.Fatalf("no answer to %s", method)
		return nil
	}
}

// Must is Call for what has to succeed.
func (e *Editor) Must(method string, params, result any) {
	e.t.Helper()
	if err := e.Call(method, params, result); err != nil {
		e.t.Fatalf("%s: %v", method, err)
	}
}

// Command carries out a command, which has to succeed.
func (e *Editor) Command(name string, arg any, result any) {
	e.t.Helper()
	p := map[string]any{"command": name}
	if arg != nil {
		p["arguments"] = []any{arg}
	}
	e.Must("workspace/executeCommand", p, result)
}

// Initialize begins the conversation.
func (e *Editor) Initialize(o Options) *protocol.InitializeResult {
	e.t.Helper()
	e.mu.Lock()
	e.options = o
	e.mu.Unlock()
	e.root = o.Root
	if e.root == "" && len(o.Folders) > 0 {
		e.root = o.Folders[0]
	}
	if o.Capabilities == nil {
		o.Capabilities = Everything()
	}
	p := map[string]any{"processId": nil, "rootUri": nil, "capabilities": o.Capabilities}
	if o.ProcessID != 0 {
		p["processId"] = o.ProcessID
	}
	switch {
	case o.Folders != nil:
		var folders []map[string]string
		for _, f := range o.Folders {
			folders = append(folders, map[string]string{"uri": string(uri.File(f)), "name": filepath.Base(f)})
		}
		p["workspaceFolders"] = folders
	case o.Root != "":
		p["rootUri"] = string(uri.File(o.Root))
	}
	own := maps.Clone(o.Init)
	if _, said := own["trusted"]; !said && !o.Untold {
		if own == nil {
			own = map[string]any{}
		}
		own["trusted"] = true
	}
	if own != nil {
		p["initializationOptions"] = own
	}
	var result protocol.InitializeResult
	e.Must("initialize", p, &result)
	e.Notify("initialized", map[string]any{})
	return &result
}

// Configure changes the settings and says so.
func (e *Editor) Configure(settings map[string]any) {
	e.mu.Lock()
	e.options.Settings = settings
	e.mu.Unlock()
	e.Notify("workspace/didChangeConfiguration", map[string]any{"settings": nil})
}

// Shutdown ends the conversation in good order.
func (e *Editor) Shutdown() {
	e.t.Helper()
	e.Must("shutdown", nil, nil)
	e.Notify("exit", nil)
}

// Path returns the path of a file of the workspace.
func (e *Editor) Path(name string) string {
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(e.root, filepath.FromSlash(name))
}

// URI returns the URI of a file of the workspace.
func (e *Editor) URI(name string) uri.URI { return uri.File(e.Path(name)) }

// Open opens a file as it is on disk.
func (e *Editor) Open(name string) {
	e.t.Helper()
	data, err := os.ReadFile(e.Path(name))
	if err != nil {
		e.t.Fatal(err)
	}
	d := &doc{uri: e.URI(name), version: 1, text: string(data)}
	e.docs[name] = d
	e.Notify("textDocument/didOpen", map[string]any{"textDocument": map[string]any{"uri": d.uri, "languageId": "go",
		"version": 1, "text": d.text}})
}

// Text returns the text of an open document.
func (e *Editor) Text(name string) string { return e.docs[name].text }

// Version returns the version of an open document.
func (e *Editor) Version(name string) int32 { return e.docs[name].version }

// Edit replaces a piece of text, which must occur, by its first occurrence, and
// sends the change only.
func (e *Editor) Edit(name, old, new string) {
	e.t.Helper()
	d := e.docs[name]
	at := strings.Index(d.text, old)
	if at < 0 {
		e.t.Fatalf("%s does not contain %q", name, old)
	}
	m := text.NewMapper([]byte(d.text), e.encoding())
	r := m.Range(at, at+len(old))
	d.text = d.text[:at] + new + d.text[at+len(old):]
	d.version++
	e.Notify("textDocument/didChange", map[string]any{
		"textDocument":   map[string]any{"uri": d.uri, "version": d.version},
		"contentChanges": []any{map[string]any{"range": r, "text": new}},
	})
}

// Replace replaces the whole text.
func (e *Editor) Replace(name, now string) {
	d := e.docs[name]
	d.text = now
	d.version++
	e.Notify("textDocument/didChange", map[string]any{
		"textDocument":   map[string]any{"uri": d.uri, "version": d.version},
		"contentChanges": []any{map[string]any{"text": now}},
	})
}

// encoding is what Initialize offers first and the server prefers.
func (e *Editor) encoding() text.Encoding { return text.UTF8 }

// Save writes a document to disk, as an editor does that renames a temporary
// file over it, and says so.
func (e *Editor) Save(name string) {
	e.t.Helper()
	d := e.docs[name]
	e.Write(name, d.text)
	e.Notify("textDocument/didSave", map[string]any{"textDocument": map[string]any{"uri": d.uri}})
}

// Write writes a file behind the server's back.
func (e *Editor) Write(name, now string) {
	e.t.Helper()
	testkit.Save(e.t, e.Path(name), now)
}

// Await waits until a condition holds.
func (e *Editor) Await(what string, ok func(*State) bool) {
	e.t.Helper()
	timeout := time.AfterFunc(Patience, func() { e.mu.Lock(); e.cond.Broadcast(); e.mu.Unlock() })
	defer timeout.Stop()
	deadline := time.Now().Add(Patience)
	e.mu.Lock()
	defer e.mu.Unlock()
	for !ok(&e.state) {
		if e.gone {
			e.t.Fatalf("the server is gone while waiting for %s\n%s", what, e.state.tail())
		}
		if time.Now().After(deadline) {
			e.t.Fatalf("never happened: %s\n%s", what, e.state.tail())
		}
		e.cond.Wait()
	}
}

// AwaitEnd waits until the server is gone.
func (e *Editor) AwaitEnd() {
	e.mu.Lock()
	defer e.mu.Unlock()
	for !e.gone {
		e.cond.Wait()
	}
}

// Look calls fn with the state, which must not be kept.
func (e *Editor) Look(fn func(*State)) {
	e.mu.Lock()
	defer e.mu.Unlock()
	fn(&e.state)
}
