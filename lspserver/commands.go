package lspserver

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"go.lsp.dev/jsonrpc2"
	"go.lsp.dev/protocol"
	"go.lsp.dev/uri"

	"github.com/anvilforge/anvil-lsp/hotreload/control"
	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/internal/engine"
	"github.com/anvilforge/anvil-lsp/internal/outdir"
	"github.com/anvilforge/anvil-lsp/internal/paths"
	"github.com/anvilforge/anvil-lsp/lspserver/internal/view"
)

// commandArgument is the one argument of our commands. All of it is optional.
type commandArgument struct {
	Folder     uri.URI       `json:"folder,omitzero"`
	Generation int           `json:"generation,omitzero"`
	Fresh      bool          `json:"fresh,omitzero"` // of a restart: without the state of the process before
	Method     string        `json:"method,omitzero"`
	Pattern    string        `json:"pattern,omitzero"`
	Mount      bool          `json:"mount,omitzero"`
	Path       string        `json:"path,omitzero"` // to open in place of the pattern
	Code       manifest.Code `json:"code,omitzero"`
	Decision   string        `json:"decision,omitzero"`
}

func invalid(format string, args ...any) error {
	return jsonrpc2.Errorf(jsonrpc2.InvalidParams, format, args...)
}

// failed is the error of a request that was understood but could not be met.
func failed(err error) error {
	return jsonrpc2.NewError(codeRequestFailed, err.Error())
}

// codeRequestFailed is RequestFailed of the protocol.
const codeRequestFailed jsonrpc2.Code = -32803

func commandFeature() feature {
	return feature{
		methods: map[string]method{protocol.MethodWorkspaceExecuteCommand: request(executeCommand)},
		commands: map[string]command{
			"anvil.start": {one: func(_ context.Context, _ *Server, f *session, _ commandArgument) (any, error) {
				return nil, f.want(true)
			}},
			"anvil.stop": {one: func(_ context.Context, _ *Server, f *session, _ commandArgument) (any, error) {
				return nil, f.want(false)
			}},
			"anvil.reload": engineCommand(func(l link, ctx context.Context, _ commandArgument) (control.Event, error) { return l.Reload(ctx) }),
			"anvil.restart": engineCommand(func(l link, ctx context.Context, arg commandArgument) (control.Event, error) {
				return l.Restart(ctx, arg.Fresh)
			}),
			"anvil.rollback":         {one: rollbackCommand},
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
		return nil, invalid("anvil-lsp has no command %s", p.Command)
	}
	var arg commandArgument
	if len(p.Arguments) > 0 && string(p.Arguments[0]) != "null" {
		if err := json.Unmarshal(p.Arguments[0], &arg); err != nil {
			return nil, invalid("the argument of %s: %v", p.Command, err)
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

// sessionFor returns the application in or around a folder; without one, the
// only application there is.
func (s *Server) sessionFor(folder uri.URI) (*session, error) {
	all := s.allSessions()
	if folder == "" {
		switch len(all) {
		case 0:
			return nil, s.noApplication()
		case 1:
			return all[0], nil
		}
		return nil, ambiguous(s.View())
	}
	path := view.RealPath(view.PathOf(folder))
	var best *session
	for _, f := range all {
		if (paths.Below(path, f.dir) || paths.Below(f.dir, path)) && (best == nil || len(f.dir) > len(best.dir) && paths.Below(path, f.dir)) {
			best = f
		}
	}
	if best == nil && len(all) == 0 {
		return nil, s.noApplication()
	}
	if best == nil {
		return nil, failed(fmt.Errorf("there is no application in %s", folder))
	}
	return best, nil
}

// ambiguous is the error of a request that could be about several applications.
func ambiguous(v *view.View) error {
	var folders []string
	for _, f := range v.Folders {
		folders = append(folders, string(f.URI))
	}
	return invalid("there are %d applications: say which folder is meant, of %s", len(folders), strings.Join(folders, ", "))
}

// FolderNamed returns the application of a folder in a View; see sessionFor.
func FolderNamed(v *view.View, folder uri.URI) (*view.Folder, error) {
	if folder == "" {
		switch len(v.Folders) {
		case 0:
			return nil, failed(errors.New("there is no application in the workspace"))
		case 1:
			return v.Folders[0], nil
		}
		return nil, ambiguous(v)
	}
	path := view.RealPath(view.PathOf(folder))
	if f := v.Folder(path); f != nil {
		return f, nil
	}
	for _, f := range v.Folders {
		if paths.Below(f.Dir, path) {
			return f, nil
		}
	}
	return nil, failed(fmt.Errorf("there is no application in %s", folder))
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
		return nil, failed(err)
	}
	s := control.Status{}
	engine.UpdateStatus(&s, ev)
	return &outcome{State: s.State, Generation: ev.Generation, Message: ev.Message, MS: float64(ev.Total) / 1e6, Findings: ev.Diagnostics}, nil
}

// engineCommand is a command that the engine carries out.
func engineCommand(do func(link, context.Context, commandArgument) (control.Event, error)) command {
	return command{one: func(ctx context.Context, _ *Server, f *session, arg commandArgument) (any, error) {
		l, err := f.getLink()
		if err != nil {
			return nil, failed(err)
		}
		return f.outcome(do(l, ctx, arg))
	}}
}

func rollbackCommand(ctx context.Context, _ *Server, f *session, arg commandArgument) (any, error) {
	l, err := f.getLink()
	if err != nil {
		return nil, failed(err)
	}
	return f.outcome(l.Rollback(ctx, arg.Generation))
}

func pauseCommand(_ context.Context, _ *Server, f *session, _ commandArgument) (any, error) {
	f.set(func() { f.paused = true })
	f.poke()
	f.hurry() // a save does nothing now
	return nil, nil
}

// resumeCommand ends a pause. Where saves wait by the settings they go on to,
// and only what waits now is taken up.
func resumeCommand(ctx context.Context, _ *Server, f *session, _ commandArgument) (any, error) {
	f.set(func() { f.paused = false })
	f.poke()
	f.hurry() // what waits may have no errors
	if f.getSettings().OnSave != view.SaveManual {
		return nil, nil
	}
	l, err := f.getLink()
	if err != nil {
		return nil, failed(err)
	}
	f.mu.Lock()
	waits := f.held.waits
	f.mu.Unlock()
	if !waits {
		return nil, failed(errors.New("nothing waits: with the setting anvil.onSave manual a save is taken up by anvil.reload, or by anvil.resume after it"))
	}
	return f.outcome(l.Apply(ctx))
}

// want starts or stops the live server, whatever the settings say.
func (f *session) want(run bool) error {
	if run && f.s.mayNeverRun() {
		return failed(errors.New(notTrusted))
	}
	f.set(func() { f.override = &run })
	f.poke()
	if run && !f.trusted.Load() {
		f.s.recheckTrust() // it may have been said elsewhere
		if !f.s.mayRun(f.dir) {
			return failed(f.s.refuseToStart(f))
		}
	}
	return nil
}

// manifestDiffCommand says in what the source differs from what is live.
func manifestDiffCommand(_ context.Context, s *Server, f *session, _ commandArgument) (any, error) {
	v := f.view()
	if v.Manifest == nil || v.Prediction == nil || v.Prediction.Report == nil {
		return nil, failed(errors.New("there is nothing to compare yet: nothing went live"))
	}
	return s.showText(manifestDiff(v), "anvil-manifest.txt", f)
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
		return nil, failed(errors.New("the workspace is not trusted: nothing is written to it"))
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
