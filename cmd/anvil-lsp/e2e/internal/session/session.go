// Package session runs anvil-lsp --serve on any application, for programs that
// measure it.
package session

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/anvilforge/anvil-lsp/hotreload/control"
	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
)

// Options say what is run.
type Options struct {
	Tool string   // anvil-lsp
	Dir  string   // absolute
	Main string   // main package, if Dir holds several
	Tags string   // build tags
	Args []string // the application's
	Env  []string // more environment
	Log  string   // file for what the application prints
	// Timeout is how long one save may take. The first build may take six times as
	// long.
	Timeout time.Duration
}

// Session is a run of anvil-lsp --serve.
type Session struct {
	Options
	URL    string
	Events <-chan control.Event // closed when it has ended
	cmd    *exec.Cmd
	ended  chan struct{}
}

// BuildTool builds anvil-lsp from the checkout that the caller was built from.
func BuildTool(ctx context.Context, file string) error {
	if _, err := Output(ctx, "", "go", "build", "-o", file, "github.com/anvilforge/anvil-lsp/cmd/anvil-lsp"); err != nil {
		return fmt.Errorf("anvil-lsp is not built, name one with -tool: %w", err)
	}
	return nil
}

// Start starts anvil-lsp and waits until the application is live.
func Start(ctx context.Context, o Options) (*Session, error) {
	// A second one would attach to the first, and see what others save, too.
	if exec.CommandContext(ctx, o.Tool, "ctl", "status", "--dir", o.Dir).Run() == nil {
		return nil, fmt.Errorf("an anvil-lsp runs in %s already; end it first: anvil-lsp ctl stop --dir %[1]s", o.Dir)
	}
	args := []string{"--serve", "--json", "--addr", "127.0.0.1:0", "--start-timeout", "2m"}
	if o.Main != "" {
		args = append(args, "--main", o.Main)
	}
	if o.Tags != "" {
		args = append(args, "--tags", o.Tags)
	}
	args = append(args, o.Dir)
	if len(o.Args) > 0 {
		args = append(append(args, "--"), o.Args...)
	}
	stderr, err := os.Create(o.Log)
	if err != nil {
		return nil, err
	}
	defer stderr.Close()
	events := make(chan control.Event, 16)
	s := &Session{Options: o, Events: events, ended: make(chan struct{})}
	s.cmd = exec.Command(o.Tool, args...) // ended by Stop, in every case
	s.cmd.Dir, s.cmd.Stderr, s.cmd.Env = o.Dir, stderr, append(os.Environ(), o.Env...)
	s.cmd.WaitDelay = 10 * time.Second
	s.cmd.SysProcAttr = OwnGroup()
	stdout, err := s.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		defer close(s.ended)
		defer close(events)
		for in := bufio.NewReader(stdout); ; {
			line, err := in.ReadBytes('\n')
			if err != nil {
				break
			}
			var ev control.Event
			if json.Unmarshal(line, &ev) == nil {
				events <- ev
			}
		}
		s.cmd.Wait() // it says how it was ended
	}()
	ev, err := s.live(ctx, "", 6*o.Timeout)
	if err != nil {
		return nil, errors.Join(err, s.Stop())
	}
	s.URL = ev.URL
	return s, nil
}

// NotLive is the error of a save of which something else came. The event says what.
type NotLive struct {
	Event control.Event
	tail  string // of what the application printed
}

// Error tells the event, and the end of what the application has printed.
func (e *NotLive) Error() string {
	return fmt.Sprintf("the new code is not live: %s\n%s", Describe(e.Event), e.tail)
}

// Live waits until the save of file is live. If something else comes of it the error
// is a *NotLive.
func (s *Session) Live(ctx context.Context, file string) (control.Event, error) {
	return s.live(ctx, file, s.Timeout)
}

func (s *Session) live(ctx context.Context, file string, timeout time.Duration) (control.Event, error) {
	late := time.NewTimer(timeout)
	defer late.Stop()
	for {
		select {
		case <-ctx.Done():
			return control.Event{}, ctx.Err()
		case <-late.C:
			return control.Event{}, fmt.Errorf("nothing is live after %s\n%s", timeout, s.Tail())
		case ev, ok := <-s.Events:
			if !ok {
				return ev, fmt.Errorf("anvil-lsp has ended\n%s", s.Tail())
			}
			switch ev.Kind {
			case control.EventLive:
				isFile := func(c string) bool { return same(filepath.Join(s.Dir, c), file) }
				if file != "" && !slices.ContainsFunc(ev.Cause, isFile) {
					continue // of an earlier save
				}
				return ev, nil
			case control.EventKept, control.EventAsking, control.EventUnchanged, control.EventExited, control.EventStopped:
				return ev, &NotLive{Event: ev, tail: s.Tail()}
			}
		}
	}
}

// same tells whether two paths are of one file, also through a link.
func same(a, b string) bool {
	if a == b {
		return true
	}
	x, errX := os.Stat(a)
	y, errY := os.Stat(b)
	return errX == nil && errY == nil && os.SameFile(x, y)
}

// Describe says what an event has to tell.
func Describe(ev control.Event) string {
	lines := []string{strings.TrimSpace(fmt.Sprintf("%s %s", ev.Kind, ev.Message))}
	for _, d := range ev.Diagnostics {
		if d.Severity != manifest.SeverityHint {
			lines = append(lines, "  "+d.String())
		}
	}
	return strings.Join(lines, "\n")
}

// Tail is the end of what the application has printed.
func (s *Session) Tail() string {
	data, err := os.ReadFile(s.Log)
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimSpace(string(data)), "\n")
	return strings.Join(lines[max(0, len(lines)-10):], "\n")
}

// Status asks anvil-lsp for its status.
func (s *Session) Status(ctx context.Context) (control.Status, error) {
	var status control.Status
	out, err := Output(ctx, s.Dir, s.Tool, "ctl", "status", "--json", "--dir", s.Dir)
	if err != nil {
		return status, err
	}
	return status, json.Unmarshal(out, &status)
}

// Stop ends anvil-lsp, and with it the application.
func (s *Session) Stop() error {
	if err := s.cmd.Process.Signal(os.Interrupt); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	deadline := time.AfterFunc(30*time.Second, func() { s.cmd.Process.Kill() })
	defer deadline.Stop()
	for range s.Events { // it may wait for somebody to read
	}
	<-s.ended
	return nil
}

// Output runs a command and returns what it prints.
func Output(ctx context.Context, dir, name string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	out, err := cmd.Output()
	if err != nil {
		var failed *exec.ExitError
		if errors.As(err, &failed) {
			return nil, fmt.Errorf("%s %s: %w\n%s%s", filepath.Base(name), strings.Join(args, " "), err, failed.Stderr, out)
		}
		return nil, err
	}
	return out, nil
}
