package gocmd

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"slices"
	"time"
)

// runner starts tools.
type runner struct {
	env     []string
	ToolEnv []string // added for compile and link
}

// ToolError reports a tool that ended with an error.
type ToolError struct {
	Tool   string
	Output string // what it said
	Err    error
}

// Error returns the tool's own words.
func (e *ToolError) Error() string {
	if e.Output == "" {
		return fmt.Sprintf("%s: %v", e.Tool, e.Err)
	}
	return fmt.Sprintf("%s: %v\n%s", e.Tool, e.Err, e.Output)
}

// Is reports whether the tool could not read something for want of permission, if
// the target is fs.ErrPermission.
func (e *ToolError) Is(target error) bool { return target == fs.ErrPermission && denied(e.Output) }

// Unwrap returns the cause.
func (e *ToolError) Unwrap() error { return e.Err }

// Quick returns a runner for tools written in Go that come to an end soon: while
// they are small they collect no garbage.
func (r runner) Quick() runner {
	r.ToolEnv = append(slices.Clip(r.ToolEnv), "GOGC=off", "GOMEMLIMIT=512MiB")
	return r
}

func (r runner) command(ctx context.Context, dir, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	cmd.Env = append(append(r.env[:len(r.env):len(r.env)], r.ToolEnv...), "PWD="+dir)
	// A linker has children of its own; all of them end with the build.
	OwnProcessGroup(cmd)
	cmd.WaitDelay = 2 * time.Second
	return cmd
}

// Output returns what a tool writes to its standard output. A cancelled
// context is returned as such, not as the signal that ended the tool.
func (r runner) Output(ctx context.Context, dir, name string, args ...string) ([]byte, error) {
	return r.Stream(ctx, dir, nil, name, args...)
}

// Stream is output with a function that sees each line of standard error.
func (r runner) Stream(
	ctx context.Context, dir string, line func(string), name string, args ...string,
) ([]byte, error) {
	cmd := r.command(ctx, dir, name, args...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	lines := &lineWriter{line: line}
	if line != nil {
		cmd.Stderr = io.MultiWriter(&stderr, lines)
	}
	err := cmd.Run()
	if len(lines.partial) > 0 {
		line(string(lines.partial))
	}
	if err == nil {
		return stdout.Bytes(), nil
	}
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	if _, ok := errors.AsType[*exec.ExitError](err); !ok {
		// The system's words are about the tool, even if it is the directory that
		// is not there: somebody has moved the application.
		if _, gone := os.Stat(dir); dir != "" && gone != nil {
			err = gone
		}
		return nil, fmt.Errorf("running %s: %w", name, err)
	}
	text := stderr.String()
	if text == "" { // the compiler writes errors to standard output
		text = stdout.String()
	}
	return nil, &ToolError{Tool: name, Output: text, Err: err}
}

// lineWriter calls a function with each line.
type lineWriter struct {
	line    func(string)
	partial []byte // of the last line, without its end
}

// Write calls the function with the lines that end in p.
func (w *lineWriter) Write(p []byte) (int, error) {
	w.partial = append(w.partial, p...)
	for {
		line, rest, ok := bytes.Cut(w.partial, []byte("\n"))
		if !ok {
			return len(p), nil
		}
		w.line(string(line))
		w.partial = rest
	}
}
