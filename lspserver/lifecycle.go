package lspserver

import (
	"context"
	"encoding/json"
	"maps"
	"path/filepath"
	"slices"
	"time"

	"go.lsp.dev/jsonrpc2"
	"go.lsp.dev/protocol"
	"go.lsp.dev/uri"

	"github.com/anvilforge/anvil-lsp/lspserver/internal/view"
)

// lifecycleFeature is the beginning and the end of a conversation.
func lifecycleFeature() family {
	initialize := method{early: true, begin: func(s *Server, raw json.RawMessage) (answer, error) {
		if s.phase != phaseNew {
			return nil, jsonrpc2.NewError(jsonrpc2.InvalidRequest, "initialize comes once")
		}
		p, err := decode[protocol.InitializeParams](raw)
		if err != nil {
			return nil, err
		}
		result := s.initialize(p)
		return func(context.Context) (any, error) { return result, nil }, nil
	}}
	shutdown := method{begin: func(s *Server, _ json.RawMessage) (answer, error) {
		s.phase = phaseShutdown
		s.mu.Lock()
		s.shutdown, s.closed = true, true
		s.mu.Unlock()
		s.conn.Quiet() // a client that shuts down answers nothing any more
		s.cancelWork()
		return func(ctx context.Context) (any, error) { return nil, s.endSessions(ctx) }, nil
	}}
	return family{methods: map[string]method{
		protocol.MethodInitialize: initialize,
		protocol.MethodInitialized: notification(func(s *Server, _ *protocol.InitializedParams) {
			s.initialized()
		}),
		protocol.MethodShutdown: shutdown,
		protocol.MethodExit: {notification: true, early: true, begin: func(s *Server, _ json.RawMessage) (answer, error) {
			s.conn.Stop()
			return nil, nil
		}},
		protocol.MethodSetTrace: notification(func(s *Server, p *protocol.SetTraceParams) { s.setTrace(p.Value) }),
		"window/workDoneProgress/cancel": notification(func(*Server, *protocol.WorkDoneProgressCancelParams) {
			// What is shown is not cancellable: a build is cancelled by the next save.
		}),
	}}
}

// initializationOptions are ours beside the settings.
type initializationOptions struct {
	ClientCommands bool `json:"clientCommands"`
}

func (s *Server) initialize(p *protocol.InitializeParams) *protocol.InitializeResult {
	s.phase = phaseInitialized
	s.client = view.NewClient(&p.Capabilities, p.ClientInfo)
	s.setTrace(p.Trace)
	var o initializationOptions
	if len(p.InitializationOptions) > 0 {
		if err := json.Unmarshal(p.InitializationOptions, &o); err != nil {
			s.logf(protocol.MessageTypeWarning, "initializationOptions: %v", err)
		}
	}
	s.client.Commands = o.ClientCommands
	s.client.Notifications = s.client.Notifications || o.ClientCommands
	s.trustWord(wordOf(json.RawMessage(p.InitializationOptions)))
	s.mu.Lock()
	s.initial = json.RawMessage(p.InitializationOptions)
	s.mu.Unlock()
	s.configure(nil, nil)
	for _, f := range rootFolders(p) {
		s.addFolder(f)
	}
	if pid := p.ProcessID; pid != nil && *pid > 0 {
		go s.watchClient(int(*pid))
		s.neighbours.StartedBy(int(*pid))
	}
	result := &protocol.InitializeResult{ServerInfo: protocol.ServerInfo{Name: "anvil-lsp",
		Version: protocol.NewOptional(s.opts.Version)}}
	result.Capabilities.PositionEncoding = s.client.Encoding
	for _, f := range s.features {
		if f.advertise != nil {
			f.advertise(s.client, &result.Capabilities)
		}
	}
	commands := slices.Sorted(maps.Keys(s.commands))
	result.Capabilities.ExecuteCommandProvider = protocol.ExecuteCommandOptions{Commands: commands}
	return result
}

// rootFolders returns the folders that the workspace begins with.
func rootFolders(p *protocol.InitializeParams) []protocol.WorkspaceFolder {
	if list, ok := p.WorkspaceFolders.Get(); ok && len(list) > 0 {
		return list
	}
	root := ""
	//lint:ignore SA1019 old editors send it
	if u := p.RootURI; u != nil {
		root = view.PathOf(*u)
		//lint:ignore SA1019 old editors send it
	} else if path, ok := p.RootPath.Get(); ok {
		root = path
	}
	if !filepath.IsAbs(root) {
		return nil
	}
	return []protocol.WorkspaceFolder{{URI: uri.File(root), Name: filepath.Base(root)}}
}

// initialized begins the work, when the settings are known.
func (s *Server) initialized() {
	if s.client.WatchesConfiguration {
		go func() {
			ctx, cancel := context.WithTimeout(s.working, clientPatience)
			defer cancel()
			_ = s.conn.Call(ctx, protocol.MethodClientRegisterCapability,
				&protocol.RegistrationParams{Registrations: []protocol.Registration{{
					ID: "anvil-configuration", Method: protocol.MethodWorkspaceDidChangeConfiguration,
					RegisterOptions: protocol.LSPAny(`{"section":"anvil"}`),
				}}}, nil)
		}()
	}
	s.pullConfiguration(func() {
		s.mu.Lock()
		s.ready = true
		s.mu.Unlock()
		s.discover()
	})
}

// clientPatience is how long the client may take to answer what needs no user.
const clientPatience = 10 * time.Second

func (s *Server) setTrace(v protocol.TraceValue) {
	switch v {
	case protocol.TraceValueMessages, protocol.TraceValueVerbose, protocol.TraceValueOff:
		s.trace.Store(v)
	}
}

// endSessions waits until everything has ended, before shutdown is answered.
func (s *Server) endSessions(ctx context.Context) error {
	done := make(chan struct{})
	go func() { s.sessions.Wait(); close(done) }()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// watchInterval is how often it is looked whether the client still lives: a
// client that is killed may leave its end of the streams with somebody else.
const watchInterval = 10 * time.Second

// watchClient ends the server when the client's process is gone.
func (s *Server) watchClient(pid int) {
	for tick := time.NewTicker(watchInterval); ; {
		select {
		case <-s.running.Done():
			tick.Stop()
			return
		case <-tick.C:
			if !processLives(pid) {
				s.conn.Stop()
				return
			}
		}
	}
}
