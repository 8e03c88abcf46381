package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"os/signal"
	"runtime"
	"strings"
	"syscall"
	"time"

	"github.com/anvilforge/anvil-lsp/hotreload/control"
)

// keys are what a user can type, followed by Enter, in the terminal that shows the events.
type keys struct {
	engine *remote
	url    func(context.Context) (string, error)
	open   func(ctx context.Context, url string) error // in a browser
	note   func(format string, args ...any)
	stop   func()
}

const keysHelp = `r  reload: build and load the code as it is now
R  restart the application on the same socket
b  roll back to the generation before
o  open the application in the browser
s  show the state
q  quit`

// readKeys follows what the user types until the context ends. It returns at once; the goroutine
// that reads stays behind in its last Read, which nothing can interrupt, until the process ends.
func (p *program) readKeys(ctx context.Context, dir string, f *face, stop func()) {
	// A background job that reads its terminal is stopped by this signal. Ignored, the read fails
	// instead, and is tried again in case the job comes to the front.
	signal.Ignore(syscall.SIGTTIN)
	r := connect(dir)
	k := &keys{engine: r, note: f.note, stop: stop, open: openBrowser, url: func(ctx context.Context) (string, error) {
		s, err := r.status(ctx)
		if err != nil {
			return "", err
		}
		return s.URL, nil
	}}
	go k.follow(ctx, p.stdin)
}

// follow carries out what is read, a line at a time.
func (k *keys) follow(ctx context.Context, in io.Reader) {
	lines := bufio.NewReader(in)
	for ctx.Err() == nil {
		line, err := lines.ReadString('\n')
		if line = strings.TrimSpace(line); line != "" && ctx.Err() == nil {
			if err := k.do(ctx, line); err != nil && ctx.Err() == nil {
				k.note("%s: %v", line, err)
			}
		}
		switch {
		case err == nil:
		case errors.Is(err, syscall.EIO): // another job has the terminal
			select {
			case <-ctx.Done():
			case <-time.After(time.Second):
			}
		default: // the terminal is gone, or the user typed Ctrl-D
			return
		}
	}
}

// do carries out a command. What it leads to is an event, which is shown already.
func (k *keys) do(ctx context.Context, command string) error {
	switch command {
	case "r":
		return k.engine.order(ctx, control.PathReload, nil)
	case "R":
		return k.engine.order(ctx, control.PathRestart, nil)
	case "b":
		return k.engine.order(ctx, control.PathRollback, control.RollbackRequest{})
	case "o":
		url, err := k.url(ctx)
		if err != nil {
			return err
		}
		return k.open(ctx, url)
	case "s":
		s, err := k.engine.status(ctx)
		if err != nil {
			return err
		}
		k.note("%s, generation %d, %s", s.State, s.Generation, s.URL)
	case "q":
		k.stop()
	case "h", "?":
		k.note("%s", strings.ReplaceAll(keysHelp, "\n", "\n  "))
	default:
		return fmt.Errorf("no such command; h + Enter lists them")
	}
	return nil
}

// order sends the engine a request; its event is shown with all others.
func (r *remote) order(ctx context.Context, path string, body any) error {
	var ev control.Event
	if err := r.client.Post(ctx, path, body, &ev); err != nil {
		return r.explain(err)
	}
	return nil
}

// openBrowser shows a page in the user's browser.
func openBrowser(ctx context.Context, url string) error {
	name := "xdg-open"
	if runtime.GOOS == "darwin" {
		name = "open"
	}
	if err := exec.CommandContext(ctx, name, url).Run(); err != nil {
		return fmt.Errorf("opening %s: %w", url, err)
	}
	return nil
}
