package main

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

// session is a run of anvil-lsp --serve.
type session struct {
	options
	cmd    *exec.Cmd
	events chan control.Event // closed when it has ended
	ended  chan error
	log    string // the file that the application prints to
}

// startSession starts anvil-lsp and waits until the application is live.
func startSession(ctx context.Context, o options, log string, env ...string) (*session, error) {
	// A second one would attach to the first, and measure what others save, too.
	if exec.CommandContext(ctx, o.tool, "ctl", "status", "--dir", o.dir).Run() == nil {
		return nil, fmt.Errorf("an anvil-lsp runs in %s already; end it first: anvil-lsp ctl stop --dir %[1]s", o.dir)
	}
	args := []string{"--serve", "--json", "--addr", "127.0.0.1:0", "--start-timeout", "2m"}
	if o.main != "" {
		args = append(args, "--main", o.main)
	}
	if o.tags != "" {
		args = append(args, "--tags", o.tags)
	}
	args = append(args, o.dir)
	if len(o.args) > 0 {
		args = append(append(args, "--"), o.args...)
	}
	stderr, err := os.Create(log)
	if err != nil {
		return nil, err
	}
	defer stderr.Close()
	s := &session{options: o, events: make(chan control.Event, 16), ended: make(chan error, 1), log: log}
	s.cmd = exec.Command(o.tool, args...) // ended by stop, in every case
	s.cmd.Dir, s.cmd.Stderr, s.cmd.Env = o.dir, stderr, append(os.Environ(), env...)
	s.cmd.WaitDelay = 10 * time.Second
	s.cmd.SysProcAttr = ownGroup()
	stdout, err := s.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		in := bufio.NewReader(stdout)
		for {
			line, err := in.ReadBytes('\n')
			if err != nil {
				break
			}
			var ev control.Event
			if json.Unmarshal(line, &ev) == nil {
				s.events <- ev
			}
		}
		close(s.events)
		s.ended <- s.cmd.Wait()
	}()
	if _, err := s.live(ctx, "", 6*o.timeout); err != nil {
		return nil, errors.Join(err, s.stop())
	}
	return s, nil
}

// live waits until the save of file, or the first build, is live.
func (s *session) live(ctx context.Context, file string, timeout time.Duration) (control.Event, error) {
	late := time.NewTimer(timeout)
	defer late.Stop()
	for {
		select {
		case <-ctx.Done():
			return control.Event{}, ctx.Err()
		case <-late.C:
			return control.Event{}, fmt.Errorf("nothing is live after %s\n%s", timeout, s.tail())
		case ev, ok := <-s.events:
			if !ok {
				return ev, fmt.Errorf("anvil-lsp has ended\n%s", s.tail())
			}
			switch ev.Kind {
			case control.EventLive:
				if file != "" && !slices.ContainsFunc(ev.Cause, func(c string) bool { return same(filepath.Join(s.dir, c), file) }) {
					continue // of an earlier save
				}
				return ev, nil
			case control.EventKept, control.EventAsking, control.EventUnchanged, control.EventExited, control.EventStopped:
				return ev, fmt.Errorf("%s\n%s", describe(ev), s.tail())
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

// describe says what an event has to tell.
func describe(ev control.Event) string {
	lines := []string{fmt.Sprintf("the new code is not live: event %q %s", ev.Kind, ev.Message)}
	for _, d := range ev.Diagnostics {
		if d.Severity != manifest.SeverityHint {
			lines = append(lines, fmt.Sprintf("  %s:%d: %s %s", d.File, d.Line, d.Code, d.Message))
		}
	}
	return strings.Join(lines, "\n")
}

// tail is the end of what the application has printed.
func (s *session) tail() string {
	data, err := os.ReadFile(s.log)
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimSpace(string(data)), "\n")
	return strings.Join(lines[max(0, len(lines)-10):], "\n")
}

// resident is the memory of the application (RSS) in bytes.
func (s *session) resident(ctx context.Context) (int64, error) {
	out, err := output(ctx, s.dir, s.tool, "ctl", "status", "--json", "--dir", s.dir)
	if err != nil {
		return 0, err
	}
	var status control.Status
	if err := json.Unmarshal(out, &status); err != nil {
		return 0, err
	}
	if status.Live == nil || status.Live.RSS == 0 {
		return 0, errors.New("the application does not tell its memory")
	}
	return status.Live.RSS, nil
}

// stop ends anvil-lsp, and with it the application.
func (s *session) stop() error {
	if err := s.cmd.Process.Signal(os.Interrupt); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	deadline := time.AfterFunc(30*time.Second, func() { s.cmd.Process.Kill() })
	defer deadline.Stop()
	for range s.events { // it may wait for somebody to read
	}
	<-s.ended
	return nil
}

// output runs a command and returns what it prints.
func output(ctx context.Context, dir, name string, args ...string) ([]byte, error) {
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
