package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/anvilforge/anvil-lsp/hotreload/control"
	"github.com/anvilforge/anvil-lsp/hotreload/control/transport"
	"github.com/anvilforge/anvil-lsp/internal/build/discover"
	"github.com/anvilforge/anvil-lsp/internal/engine"
)

// remote is an engine of another process.
type remote struct {
	dir    string
	client *transport.Client
}

// errNotRunning reports that no engine works in a directory.
var errNotRunning = errors.New("no anvil-lsp is running")

func connect(dir string) *remote {
	return &remote{dir: dir, client: transport.NewClient(engine.SocketPath(dir))}
}

// status asks the engine how it is. The error wraps errNotRunning if there is none.
func (r *remote) status(ctx context.Context) (*control.Status, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	var s control.Status
	if err := r.client.Get(ctx, control.PathStatus, &s); err != nil {
		return nil, r.explain(err)
	}
	return &s, nil
}

// explain tells an engine that is not there from one that does not answer.
func (r *remote) explain(err error) error {
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, syscall.ENOTDIR) {
		return fmt.Errorf("%w in %s", errNotRunning, r.dir)
	}
	return err
}

// find returns the engine of a directory. If the user named none, directories above the current one
// are tried as well.
func (p *program) find(ctx context.Context, named string) (*remote, *control.Status, error) {
	for _, dir := range p.searchDirs(named) {
		r := connect(dir)
		s, err := r.status(ctx)
		switch {
		case err == nil:
			return r, s, nil
		case !errors.Is(err, errNotRunning):
			return nil, nil, err
		}
	}
	return nil, nil, fmt.Errorf("%w in %s; start one with: %s --serve %s", errNotRunning, p.abs(named), p.invocation,
		nameOr(named, "DIR"))
}

func nameOr(name, other string) string {
	if name == "" {
		return other
	}
	return name
}

// abs returns a directory that the user named, absolute.
func (p *program) abs(dir string) string {
	if filepath.IsAbs(dir) {
		return filepath.Clean(dir)
	}
	return filepath.Join(p.dir, dir)
}

// errEngineEnded reports that the engine of the other process has ended, and was not asked to.
var errEngineEnded = errors.New("the other anvil-lsp has ended")

// otherProgram returns an error if the engine of a directory runs another program than the one that
// is asked for. One directory has one engine: to show the other program in its place would be a
// wrong answer.
func otherProgram(s *control.Status, main string) error {
	if main == "" || s.Main == "" { // it has found none yet
		return nil
	}
	asked, runs := discover.ImportPath(s.Dir, main), discover.ImportPath(s.Dir, s.Main)
	if asked == runs || asked == "" || runs == "" {
		return nil
	}
	return fmt.Errorf("the anvil-lsp in %s (process id %d) runs %s, and a directory has one application at a time: stop "+
		"that with 'anvil-lsp ctl stop', or serve %s from its own directory", s.Dir, s.PID, s.Main, main)
}

// attach shows the events of a running engine, and what its application prints, until it or the
// user ends. The error is errEngineEnded if this program can go on in its place.
func (p *program) attach(ctx context.Context, r *remote, s *control.Status, face *face, f serveFlags) error {
	if len(f.set) > 0 {
		face.note("%s: ignored, the anvil-lsp in %s was started with other flags", strings.Join(f.set, ", "), s.Dir)
	}
	if f.once {
		return r.ask(ctx, control.PathReload, nil, p.face(f.dir, faceOptions{json: f.json, verbose: f.verbose, brief: true}))
	}
	if face.text != nil {
		face.text.Attached(s)
	} else {
		face.note("attached to the anvil-lsp with process id %d", s.PID)
	}
	// What the application prints is shown, too. The stream ends with ctx, or with the engine.
	followed, stop := context.WithCancel(ctx)
	var showing sync.WaitGroup
	defer showing.Wait()
	defer stop()
	out, _ := face.outputs()
	showing.Go(func() { _ = r.log(followed, out, 0, true, copyRaw) }) // an earlier version has none
	for {
		for ev, err := range transport.Events[control.Event](ctx, r.client, control.PathEvents) {
			if err != nil {
				break
			}
			// The stream begins with the last event, which Attached has shown.
			if face.text == nil || s.Last == nil || !ev.Time.Equal(s.Last.Time) {
				face.Event(ev)
			}
			if ev.Kind == control.EventStopped {
				if ev.Message == control.StoppedOnRequest {
					return nil
				}
				return errEngineEnded
			}
		}
		if ctx.Err() != nil {
			face.note("detached; the application goes on")
			return nil
		}
		// This reader may have been cut off because it was held up.
		if _, err := r.status(ctx); err != nil {
			return errEngineEnded
		}
	}
}

// ask sends the engine a request and shows the event that it ends in.
func (r *remote) ask(ctx context.Context, path string, body any, face *face) error {
	var ev control.Event
	if err := r.client.Post(ctx, path, body, &ev); err != nil {
		return r.explain(err)
	}
	face.Event(ev)
	if good, _ := buildEnds(ev); !good {
		return errReported
	}
	return nil
}
