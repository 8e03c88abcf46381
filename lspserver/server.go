package lspserver

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"go.lsp.dev/jsonrpc2"
	"go.lsp.dev/protocol"

	"github.com/anvilforge/anvil-lsp/hotreload/shared/visible"
	"github.com/anvilforge/anvil-lsp/lspserver/internal/feature"
	"github.com/anvilforge/anvil-lsp/lspserver/internal/gopls"
	"github.com/anvilforge/anvil-lsp/lspserver/internal/publish"
	"github.com/anvilforge/anvil-lsp/lspserver/internal/rpc"
	"github.com/anvilforge/anvil-lsp/lspserver/internal/view"
)

// What a client is told, for clients that are written in Go.
type (
	Status   = view.Status
	Settings = view.Settings
	Route    = feature.Route
)

// StateOff is the state of an application without a live server.
const StateOff = view.StateOff

// Options configure a Server.
type Options struct {
	In  io.Reader // from the client
	Out io.Writer // to the client
	// Version of this program, for the client.
	Version string
	// Config is the directory that keeps what the user decides; that of the user's
	// configuration if it is empty.
	Config string
}

// config returns Options.Config; empty if the user has no such directory.
func (o Options) config() string {
	if o.Config != "" {
		return o.Config
	}
	user, err := os.UserConfigDir()
	if err != nil {
		return ""
	}
	return filepath.Join(user, "anvil-lsp")
}

// Exit codes of Run, as the protocol wants them.
const (
	exitOK         = 0 // exit after shutdown
	exitUnexpected = 1 // exit without shutdown, or the client is gone
)

// Server is a language server for one client.
type Server struct {
	opts Options
	conn *rpc.Conn
	methodTable

	docs  view.Documents
	diags *publish.Publisher
	trace atomic.Value // protocol.TraceValue

	tokens   atomic.Int64 // of progress that there were
	watching sync.Once    // the client was asked to watch files

	neighbours gopls.Detector

	settings atomic.Pointer[view.Settings] // for what is in no folder
	trust    trusting

	work

	// phase and client are used by the reading goroutine, and client is not
	// changed after initialize.
	phase  phase
	client view.Client

	pulling sync.Mutex // held while the client is asked for the settings

	workspace
}

// methodTable is what the server can do.
type methodTable struct {
	features []family
	methods  map[string]method
	commands map[string]command
}

// work is what runs concurrently with the reading goroutine.
type work struct {
	running    context.Context // ends with Run
	stop       context.CancelFunc
	working    context.Context // ends with shutdown, or before
	cancelWork context.CancelFunc
	sessions   sync.WaitGroup // of what ends with working
	// thinking is of the loops that look at buffers. A check under way cannot be
	// interrupted, and takes what the code makes it take; nothing waits for it.
	thinking sync.WaitGroup
}

// workspace is the folders, and whether their sessions may run.
type workspace struct {
	mu      sync.Mutex      // guards what follows
	initial json.RawMessage // initializationOptions, below what is configured
	ready   bool            // configured: sessions may begin
	folders []*workspaceFolder
	ending  []*session // of removed folders
	// overrides are what commands said about applications before they might run,
	// by directory.
	overrides map[string]*bool
	shutdown  bool // asked to end in good order
	closed    bool // ending: nothing is begun any more
}

// phase is where the conversation stands.
type phase int

const (
	phaseNew phase = iota
	phaseInitialized
	phaseShutdown
)

// New returns a Server for one client.
func New(o Options) *Server {
	s := &Server{
		opts: o, conn: rpc.NewConn(o.In, o.Out), trust: newTrusting(), workspace: workspace{overrides: map[string]*bool{}},
		methodTable: methodTable{features: features(), methods: map[string]method{}, commands: map[string]command{}},
	}
	defaults := view.DefaultSettings()
	s.settings.Store(&defaults)
	s.diags = publish.New(&s.docs, (*diagnosticsClient)(s))
	s.trace.Store(protocol.TraceValueOff)
	for _, f := range s.features {
		for name, m := range f.methods {
			s.methods[name] = m
		}
		for name, c := range f.commands {
			s.commands[name] = c
		}
	}
	return s
}

// Run speaks with the client until it says exit, is gone, or ctx ends; then it
// ends every engine that it has started. It returns the exit code of the
// process. Reading from Options.In may go on after it has returned.
func (s *Server) Run(ctx context.Context) int {
	s.makeContexts(ctx)
	defer s.stop()
	err := s.conn.Run(s.running, s)
	s.close()
	s.stop()
	s.sessions.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	if err == nil && s.shutdown || ctx.Err() != nil {
		return exitOK
	}
	return exitUnexpected
}

// makeContexts makes the contexts of a conversation.
func (s *Server) makeContexts(ctx context.Context) {
	s.running, s.stop = context.WithCancel(ctx)
	s.working, s.cancelWork = context.WithCancel(s.running)
}

// goWork does something that ends with working, unless that has ended.
func (s *Server) goWork(do func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed {
		s.sessions.Go(do)
	}
}

// close keeps anything from being begun.
func (s *Server) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
}

// Notify handles a notification; see rpc.Handler.
func (s *Server) Notify(name string, params json.RawMessage) {
	s.traced("notification", name, params)
	m, ok := s.methods[name]
	if !ok || !m.notification || s.phase != phaseInitialized && !m.early {
		return // as the protocol says
	}
	if _, err := m.begin(s, params); err != nil {
		s.logf(protocol.MessageTypeWarning, "%s: %v", name, err)
	}
}

// Request handles a request; see rpc.Handler.
func (s *Server) Request(ctx context.Context, name string, params json.RawMessage) func() (any, error) {
	s.traced("request", name, params)
	compute, err := s.begin(name, params)
	if err != nil {
		return func() (any, error) { return nil, err }
	}
	return func() (any, error) { return compute(ctx) }
}

func (s *Server) begin(name string, params json.RawMessage) (answer, error) {
	m, ok := s.methods[name]
	switch {
	case s.phase == phaseNew && !(ok && m.early):
		return nil, jsonrpc2.Errorf(jsonrpc2.ServerNotInitialized, "%s came before initialize", name)
	case s.phase == phaseShutdown:
		return nil, jsonrpc2.Errorf(jsonrpc2.InvalidRequest, "%s came after shutdown", name)
	case !ok || m.notification:
		return nil, jsonrpc2.Errorf(jsonrpc2.MethodNotFound, "anvil-lsp has no method %s", name)
	}
	return m.begin(s, params)
}

// logf writes to the client's log.
func (s *Server) logf(kind protocol.MessageType, format string, args ...any) {
	s.conn.Notify(protocol.MethodWindowLogMessage,
		&protocol.LogMessageParams{Type: kind, Message: visible.Text(fmt.Sprintf(format, args...))})
}

// showf shows a message to the user.
func (s *Server) showf(kind protocol.MessageType, format string, args ...any) {
	s.conn.Notify(protocol.MethodWindowShowMessage,
		&protocol.ShowMessageParams{Type: kind, Message: visible.Text(fmt.Sprintf(format, args...))})
}

// traced tells the client what arrived, if it wants to know.
func (s *Server) traced(kind, name string, params json.RawMessage) {
	level := s.trace.Load().(protocol.TraceValue)
	if level == protocol.TraceValueOff || name == protocol.MethodSetTrace {
		return
	}
	p := &protocol.LogTraceParams{Message: "received " + kind + " " + name}
	if level == protocol.TraceValueVerbose {
		text := string(params[:min(len(params), 4096)])
		p.Verbose = &text
	}
	s.conn.Notify(protocol.MethodLogTrace, p)
}

// nameOf names an application for a person: by the end of its path, as long as
// it takes to tell it from the others.
func (s *Server) nameOf(f *session) string {
	var others []string
	for _, x := range s.allSessions() {
		if x != f {
			others = append(others, x.dir)
		}
	}
	return view.ShortName(f.dir, others)
}

// allSessions returns the sessions, sorted by directory.
func (s *Server) allSessions() []*session {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []*session
	for _, f := range s.folders {
		for _, x := range f.sessions {
			if !slices.Contains(all, x) {
				all = append(all, x)
			}
		}
	}
	slices.SortFunc(all, func(a, b *session) int { return strings.Compare(a.dir, b.dir) })
	return all
}

// View returns how things are now.
func (s *Server) View() *view.View {
	v := &view.View{Client: s.client, Documents: s.docs.Latest()}
	for _, f := range s.allSessions() {
		v.Folders = append(v.Folders, f.view())
	}
	return v
}
