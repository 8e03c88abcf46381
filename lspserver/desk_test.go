package lspserver

import (
	"context"
	"encoding/json"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"go.lsp.dev/protocol"
	"go.lsp.dev/uri"

	"github.com/anvilforge/anvil-lsp/hotreload/control"
	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/internal/engine"
	"github.com/anvilforge/anvil-lsp/internal/testkit"
	"github.com/anvilforge/anvil-lsp/lspserver/internal/rpc"
	"github.com/anvilforge/anvil-lsp/lspserver/internal/text"
	"github.com/anvilforge/anvil-lsp/lspserver/internal/view"
	"github.com/anvilforge/anvil-lsp/lspserver/trust"
	"github.com/anvilforge/anvil-lsp/manifest/source"
)

// desk is a server whose client keeps what it is told, and whose applications
// are sessions that nothing drives but the test: no engine, no go command.
type desk struct {
	t      *testing.T
	s      *Server
	client *listener
}

// heard is a message of the server.
type heard struct {
	ID     json.RawMessage
	Method string
	Params json.RawMessage
}

// listener is an editor that keeps what the server says.
type listener struct {
	out io.Writer
	// answer returns the result of a request of the server, as JSON; empty: it is
	// not answered. nil: everything is answered with null.
	answer func(method string, params json.RawMessage) string

	mu    sync.Mutex
	heard []heard
}

func (l *listener) read(in *rpc.Reader) {
	for {
		data, err := in.Next()
		if err != nil {
			return
		}
		var m heard
		if json.Unmarshal(data, &m) != nil || m.Method == "" {
			continue
		}
		l.mu.Lock()
		l.heard = append(l.heard, m)
		l.mu.Unlock()
		if m.ID == nil {
			continue
		}
		result := "null"
		if l.answer != nil {
			result = l.answer(m.Method, m.Params)
		}
		if result != "" {
			l.send(`{"jsonrpc":"2.0","id":` + string(m.ID) + `,"result":` + result + `}`)
		}
	}
}

func (l *listener) send(body string) {
	_, _ = io.WriteString(l.out, "Content-Length: "+itoa(len(body))+"\r\n\r\n"+body)
}

// all returns what was heard with a method.
func (l *listener) all(method string) []heard {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(l.heard), func(m heard) bool { return m.Method != method })
}

// newDesk makes one. Everything happens in the test's bubble, if it has one.
func newDesk(t *testing.T) *desk {
	toServer, fromClient := io.Pipe()
	toClient, fromServer := io.Pipe()
	d := &desk{t: t, s: New(Options{In: toServer, Out: fromServer, Config: t.TempDir()}), client: &listener{out: fromClient}}
	d.s.phase = phaseInitialized
	d.s.client = view.Client{Encoding: text.UTF16, Progress: true, DiagnosticVersion: true, CodeLensRefresh: true, Notifications: true}
	d.s.trust.store = trust.At(filepath.Join(t.TempDir(), "trust"))
	d.s.trustWord(new(true))
	d.s.makeContexts(t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); _ = d.s.conn.Run(d.s.running, d.s) }()
	go d.client.read(rpc.NewReader(toClient))
	t.Cleanup(func() {
		d.s.stop()
		fromClient.Close()
		d.s.sessions.Wait()
		<-ended
		toClient.Close()
	})
	return d
}

// session adds an application. Its goroutines do not run.
func (d *desk) session(name string) *session {
	dir := filepath.Join(d.t.TempDir(), filepath.FromSlash(name))
	if err := os.MkdirAll(dir, 0o777); err != nil {
		d.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(d.s.working)
	f := newSession(d.s, ctx, cancel, dir, dir, nil)
	d.s.mu.Lock()
	defer d.s.mu.Unlock()
	d.s.folders = append(d.s.folders, &workspaceFolder{given: dir, dir: dir, sessions: []*session{f}})
	return f
}

// open opens a document that is saved as it is.
func (d *desk) open(path, now string) {
	d.t.Helper()
	d.write(path, now)
	didOpen(d.s, &protocol.DidOpenTextDocumentParams{TextDocument: protocol.TextDocumentItem{URI: uri.File(path), Version: 1, Text: now}})
}

func (d *desk) write(path, now string) {
	d.t.Helper()
	testkit.WriteFile(d.t, path, now)
}

// edit replaces the text of a document.
func (d *desk) edit(path, now string) {
	d.t.Helper()
	doc := d.s.docs.Latest().ByPath[path]
	params, err := json.Marshal(map[string]any{
		"textDocument": map[string]any{"uri": doc.URI, "version": doc.Version + 1}, "contentChanges": []any{map[string]any{"text": now}},
	})
	if err != nil {
		d.t.Fatal(err)
	}
	d.s.Notify(protocol.MethodTextDocumentDidChange, params)
}

// save writes a document and says so.
func (d *desk) save(path string) {
	d.t.Helper()
	doc := d.s.docs.Latest().ByPath[path]
	d.write(path, string(doc.Text))
	didSave(d.s, &protocol.DidSaveTextDocumentParams{TextDocument: protocol.TextDocumentIdentifier{URI: doc.URI}})
}

// published returns what was published last for a file.
func (d *desk) published(path string) (p protocol.PublishDiagnosticsParams) {
	d.t.Helper()
	for _, m := range d.client.all(protocol.MethodTextDocumentPublishDiagnostics) {
		var next protocol.PublishDiagnosticsParams
		if err := protocol.Unmarshal(m.Params, &next); err != nil {
			d.t.Fatal(err)
		}
		if next.URI == uri.File(path) {
			p = next
		}
	}
	return p
}

// oracle is a predictor that finds a mark in the code, as an error, and knows
// nothing else. What is on disk it knows as it was when it was refreshed last.
type oracle struct {
	refuse error // what Refresh fails with
	loads  error // what Loads says
	none   bool  // nothing is known yet
	dirs   []string
	links  map[string][]string

	mu        sync.Mutex
	refreshed [][]string
	asked     int
}

const (
	mark       = "MISTAKE"
	markImport = "nowhere.example"
)

func (o *oracle) Refresh(_ context.Context, files []string) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.refreshed = append(o.refreshed, files)
	return o.refuse
}

func (o *oracle) Loads(context.Context) error { return o.loads }

func (o *oracle) Dirs(context.Context) []string { return o.dirs }

func (o *oracle) Links(context.Context) map[string][]string { return o.links }

func (o *oracle) Predict(ctx context.Context, buffers map[string][]byte) (*engine.Prediction, error) {
	o.mu.Lock()
	o.asked++
	o.mu.Unlock()
	if o.none {
		return nil, engine.ErrNotPredictable
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	fc := &engine.Prediction{Rung: manifest.RungHotSwap, Report: &source.Report{}}
	for _, path := range slices.Sorted(maps.Keys(buffers)) {
		for i, line := range strings.Split(string(buffers[path]), "\n") {
			if at := strings.Index(line, mark); at >= 0 {
				fc.Rung = manifest.RungKeep
				fc.Diagnostics = append(fc.Diagnostics, manifest.Diagnose(manifest.CodeHandlerKind, manifest.Position{File: path, Line: i + 1, Column: at + 1}, "a mistake"))
			}
			if strings.Contains(line, markImport) {
				fc.Report.Missing = []string{markImport}
			}
		}
	}
	return fc, nil
}

// puppet is a link that keeps what it is asked for.
type puppet struct {
	mu    sync.Mutex
	asked []string
}

func (p *puppet) ask(what string) (control.Event, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asked = append(p.asked, what)
	return control.Event{Kind: control.EventLive, Generation: 2}, nil
}

func (p *puppet) all() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.asked)
}

func (p *puppet) Status(context.Context) (control.Status, error) { return control.Status{}, nil }
func (p *puppet) Reload(context.Context) (control.Event, error)  { return p.ask("reload") }
func (p *puppet) Restart(_ context.Context, fresh bool) (control.Event, error) {
	if fresh {
		return p.ask("restart fresh")
	}
	return p.ask("restart")
}
func (p *puppet) Rollback(context.Context, int) (control.Event, error) { return p.ask("rollback") }
func (p *puppet) Apply(context.Context) (control.Event, error)         { return p.ask("take") }
func (p *puppet) PauseSaves(bool)                                      {}
func (p *puppet) Recheck(files ...string) {
	_, _ = p.ask("look at " + filepath.Base(strings.Join(files, " ")))
}
