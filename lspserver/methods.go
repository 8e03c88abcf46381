package lspserver

import (
	"context"
	"encoding/json"

	"go.lsp.dev/jsonrpc2"
	"go.lsp.dev/protocol"

	"github.com/anvilforge/anvil-lsp/lspserver/internal/feature"
	"github.com/anvilforge/anvil-lsp/lspserver/internal/view"
)

// family is one family of methods. Its file holds everything about it; the
// table of features is the only other place that names it.
type family struct {
	// methods by their names in the protocol.
	methods map[string]method
	// commands of workspace/executeCommand by their names.
	commands map[string]command
	// advertise adds to what the client is told that the server can do; may be
	// nil. It leaves out what the client could not use.
	advertise func(c view.Client, s *protocol.ServerCapabilities)
	// changed is called when what is known of an application has changed; may be
	// nil. It is called for one application at a time, and must not block. What it sends should be sent through refresh or
	// conn.NotifyLatest, which do not flood the client.
	changed func(s *Server, old, now *view.Folder)
	// configured is called when the settings may have changed; may be nil.
	configured func(s *Server)
}

// features returns the table.
func features() []family {
	return []family{
		lifecycleFeature(),
		syncFeature(),
		workspaceFeature(),
		watchedFeature(),
		commandFeature(),
		statusFeature(),
		routesFeature(),
		logFeature(),
		codeLensFeature(),
		hoverFeature(),
		symbolFeature(),
		hintFeature(),
		codeActionFeature(),
	}
}

// method is how a request or a notification is handled. It runs on the reading
// goroutine; what it returns runs beside. Notifications return nil.
type method struct {
	notification bool
	begin        func(s *Server, params json.RawMessage) (answer, error)
	// early: allowed before initialize, and after shutdown.
	early bool
}

// answer computes the answer to a request.
type answer func(ctx context.Context) (any, error)

// ask is a request that is answered from a View.
func ask[P any](h func(ctx context.Context, v *view.View, p *P) (any, error)) method {
	return method{begin: func(s *Server, raw json.RawMessage) (answer, error) {
		p, err := decode[P](raw)
		if err != nil {
			return nil, err
		}
		v := s.View()
		return func(ctx context.Context) (any, error) { return h(ctx, v, p) }, nil
	}}
}

// request is a request that needs the server itself.
func request[P any](h func(ctx context.Context, s *Server, p *P) (any, error)) method {
	return method{begin: func(s *Server, raw json.RawMessage) (answer, error) {
		p, err := decode[P](raw)
		if err != nil {
			return nil, err
		}
		return func(ctx context.Context) (any, error) { return h(ctx, s, p) }, nil
	}}
}

// notification changes state, on the reading goroutine.
func notification[P any](h func(s *Server, p *P)) method {
	return method{notification: true, begin: func(s *Server, raw json.RawMessage) (answer, error) {
		p, err := decode[P](raw)
		if err != nil {
			return nil, err
		}
		h(s, p)
		return nil, nil
	}}
}

// decode reads parameters. Absent ones are the zero value.
func decode[P any](raw json.RawMessage) (*P, error) {
	p := new(P)
	if len(raw) == 0 || string(raw) == "null" {
		return p, nil
	}
	if err := protocol.Unmarshal(raw, p); err != nil {
		return nil, jsonrpc2.Errorf(jsonrpc2.InvalidParams, "%v", err)
	}
	return p, nil
}

// command is how a command is carried out: for one application, which its
// argument names if there are several, or for all of them.
type command struct {
	one func(ctx context.Context, s *Server, f *session, arg feature.CommandArgument) (any, error)
	all func(s *Server, arg feature.CommandArgument) (any, error)
}
