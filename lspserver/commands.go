package lspserver

import (
	"context"
	"encoding/json"
	"errors"

	"go.lsp.dev/protocol"
	"go.lsp.dev/uri"

	"github.com/anvilforge/anvil-lsp/hotreload/control"
	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/internal/engine"
	"github.com/anvilforge/anvil-lsp/internal/outdir"
	"github.com/anvilforge/anvil-lsp/lspserver/internal/enginelink"
	"github.com/anvilforge/anvil-lsp/lspserver/internal/feature"
	"github.com/anvilforge/anvil-lsp/lspserver/internal/view"
)

func commandFeature() family {
	return family{
		methods: map[string]method{protocol.MethodWorkspaceExecuteCommand: request(executeCommand)},
		commands: map[string]command{
			"anvil.start": {one: func(_ context.Context, _ *Server, f *session, _ feature.CommandArgument) (any, error) {
				return nil, f.want(true)
			}},
			"anvil.stop": {one: func(_ context.Context, _ *Server, f *session, _ feature.CommandArgument) (any, error) {
				return nil, f.want(false)
			}},
			"anvil.reload": engineCommand(func(l enginelink.Link, ctx context.Context,
				_ feature.CommandArgument) (control.Event, error) {
				return l.Reload(ctx)
			}),
			"anvil.restart": engineCommand(func(l enginelink.Link, ctx context.Context,
				arg feature.CommandArgument) (control.Event, error) {
				return l.Restart(ctx, arg.Fresh)
			}),
			"anvil.rollback": engineCommand(func(l enginelink.Link, ctx context.Context,
				arg feature.CommandArgument) (control.Event, error) {
				return l.Rollback(ctx, arg.Generation)
			}),
			"anvil.pause":            {one: pauseCommand},
			"anvil.resume":           {one: resumeCommand},
			"anvil.showManifestDiff": {one: manifestDiffCommand},
			"anvil.remember":         {one: rememberCommand},
		},
	}
}

// executeCommand is workspace/executeCommand.
func executeCommand(ctx context.Context, s *Server, p *protocol.ExecuteCommandParams) (any, error) {
	c, ok := s.commands[p.Command]
	if !ok {
		return nil, feature.Invalid("anvil-lsp has no command %s", p.Command)
	}
	var arg feature.CommandArgument
	if len(p.Arguments) > 0 && string(p.Arguments[0]) != "null" {
		if err := json.Unmarshal(p.Arguments[0], &arg); err != nil {
			return nil, feature.Invalid("the argument of %s: %v", p.Command, err)
		}
	}
	if c.all != nil {
		return c.all(s, arg)
	}
	f, err := s.sessionFor(arg.Folder)
	if err != nil {
		return nil, err
	}
	return c.one(ctx, s, f, arg)
}

// sessionFor returns the application that feature.FolderNamed chooses.
func (s *Server) sessionFor(folder uri.URI) (*session, error) {
	all := s.allSessions()
	if len(all) == 0 {
		return nil, s.noApplication()
	}
	named, err := feature.FolderNamed(s.View(), folder)
	if err != nil {
		return nil, err
	}
	for _, f := range all {
		if f.dir == named.Dir {
			return f, nil
		}
	}
	return nil, s.noApplication() // it began after all were listed
}

// outcome is the answer to a command that the engine carries out.
type outcome struct {
	State      view.State            `json:"state"`
	Generation int                   `json:"generation"`
	Message    string                `json:"message"`
	MS         float64               `json:"ms"`
	Findings   []manifest.Diagnostic `json:"diagnostics,omitempty"`
}

func (f *session) outcome(ev control.Event, err error) (any, error) {
	if err != nil {
		return nil, feature.Failed(err)
	}
	s := control.Status{}
	engine.UpdateStatus(&s, ev)
	return &outcome{State: s.State, Generation: ev.Generation, Message: ev.Message, MS: float64(ev.Total) / 1e6,
		Findings: ev.Diagnostics}, nil
}

// engineCommand is a command that the engine carries out.
func engineCommand(do func(enginelink.Link, context.Context, feature.CommandArgument) (control.Event, error)) command {
	return command{one: func(ctx context.Context, _ *Server, f *session, arg feature.CommandArgument) (any, error) {
		l, err := f.getLink()
		if err != nil {
			return nil, feature.Failed(err)
		}
		return f.outcome(do(l, ctx, arg))
	}}
}

func pauseCommand(_ context.Context, _ *Server, f *session, _ feature.CommandArgument) (any, error) {
	f.set(func() { f.paused = true })
	f.poke()
	f.hurry() // a save does nothing now
	return nil, nil
}

// resumeCommand ends a pause. Where saves wait by the settings they go on to,
// and only what waits now is taken up.
func resumeCommand(ctx context.Context, _ *Server, f *session, _ feature.CommandArgument) (any, error) {
	f.set(func() { f.paused = false })
	f.poke()
	f.hurry() // what waits may have no errors
	if f.getSettings().OnSave != view.SaveManual {
		return nil, nil
	}
	l, err := f.getLink()
	if err != nil {
		return nil, feature.Failed(err)
	}
	f.mu.Lock()
	waits := f.held.waits
	f.mu.Unlock()
	if !waits {
		return nil, feature.Failed(errors.New("nothing waits: with the setting anvil.onSave manual " +
			"a save is taken up by anvil.reload, or by anvil.resume after it"))
	}
	return f.outcome(l.Apply(ctx))
}

// want starts or stops the live server, whatever the settings say.
func (f *session) want(run bool) error {
	if run && f.s.mayNeverRun() {
		return feature.Failed(errors.New(notTrusted))
	}
	f.set(func() { f.override = &run })
	f.poke()
	if run && !f.trusted.Load() {
		f.s.recheckTrust() // it may have been said elsewhere
		if !f.s.mayRun(f.dir) {
			return feature.Failed(f.s.refuseToStart(f))
		}
	}
	return nil
}

// manifestDiffCommand says in what the source differs from what is live.
func manifestDiffCommand(_ context.Context, s *Server, f *session, _ feature.CommandArgument) (any, error) {
	v := f.view()
	if v.Manifest == nil || v.Prediction == nil || v.Prediction.Report == nil {
		return nil, feature.Failed(errors.New("there is nothing to compare yet: nothing went live"))
	}
	return s.showText(feature.ManifestDiff(v), "anvil-manifest.txt", f)
}

// textResult is the answer of a command that shows a text.
type textResult struct {
	Text string `json:"text"`
}

// writeOut writes a file in the output directory, if there is one.
func writeOut(dir, name, text string) error {
	out, err := outdir.Open(outdir.Path(dir))
	if err != nil {
		return err
	}
	return errors.Join(out.Write(name, []byte(text)), out.Close())
}

// showText shows a text where the client can, and answers with it. One that
// cannot show it is told where it stands: it may do nothing with the answer.
func (s *Server) showText(text, name string, f *session) (any, error) {
	if s.client.Commands {
		return &textResult{Text: text}, nil
	}
	if !f.trusted.Load() {
		return nil, feature.Failed(errors.New("the workspace is not trusted: nothing is written to it"))
	}
	path := outdir.Path(f.dir, name)
	if err := writeOut(f.dir, name, text); err != nil {
		return &textResult{Text: text}, nil
	}
	if !s.client.ShowDocument {
		s.showf(protocol.MessageTypeInfo, "anvil-lsp: see %s", path)
		return &textResult{Text: text}, nil
	}
	s.sessions.Go(func() {
		ctx, cancel := context.WithTimeout(f.ctx, clientPatience)
		defer cancel()
		_ = s.conn.Call(ctx, protocol.MethodWindowShowDocument, &protocol.ShowDocumentParams{URI: uri.File(path)}, nil)
	})
	return &textResult{Text: text}, nil
}
