package link

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"

	"github.com/anvilforge/anvil-lsp/internal/build/gocmd"
	"github.com/anvilforge/anvil-lsp/internal/build/thin"
)

// Thin decides whether to link thin, and does.
type Thin struct {
	*gocmd.Toolchain
	Linker  *thin.Linker
	off     atomic.Pointer[string] // why it is not done at all
	doubt   atomic.Pointer[string] // why it is not done the next time
	options ThinOptions
	trial   trial
}

// ThinOptions say whether plugins are linked thin.
type ThinOptions struct {
	// CacheDir is where the answer of a trial is remembered, for all workspaces. If it is
	// empty, thin links are taken to work.
	CacheDir string
	// FullLink turns thin links off.
	FullLink bool
	// Try builds a program and reloads it with thin links. The error is a *trialError if
	// it is the toolchain that fails.
	Try func(ctx context.Context) error
}

// NewThin returns a linker that has not tried yet whether thin links work.
func NewThin(t *gocmd.Toolchain, o ThinOptions) *Thin {
	l := &Thin{Toolchain: t, options: o, trial: newTrial(), Linker: &thin.Linker{
		GoLink: t.Tool("link"),
		Run: func(ctx context.Context, dir, name string, args ...string) error {
			_, err := t.Quick().Output(ctx, dir, name, args...)
			return err
		},
	}}
	if t.Race {
		l.Linker.Flags = append(l.Linker.Flags, "-race")
	}
	var err error
	switch {
	case o.FullLink:
		l.Disable("switched off")
	case t.Debug:
		// cmd/link crashes when it writes debug information and the runtime's
		// types are in a shared library.
		l.Disable("debug information is wanted, which the Go linker writes only in a full link")
	case !gocmd.ThinPlatform(t.Env.GOOS, t.Env.GOARCH):
		l.Disable("not possible on " + t.Env.GOOS + "/" + t.Env.GOARCH)
	default:
		if l.Linker.Nothing, err = exec.LookPath("true"); err != nil {
			l.Disable("there is no program `true` in PATH")
		}
		if l.Linker.SystemLink = systemLinker(); l.Linker.SystemLink == "" {
			l.Disable("there is no ld in PATH; install binutils")
		}
	}
	return l
}

// Off returns why no plugin is linked thin; empty if some may be.
func (l *Thin) Off() string {
	if why := l.off.Load(); why != nil {
		return *why
	}
	return ""
}

// Disable has every plugin linked fully from now on.
func (l *Thin) Disable(why string) { l.off.CompareAndSwap(nil, &why) }

// DoubtNext has the next plugin linked fully.
func (l *Thin) DoubtNext(why string) { l.doubt.Store(&why) }

// Ready returns why the next plugin is not to be linked thin, if it is not.
func (l *Thin) Ready(ctx context.Context) error {
	if err := l.Allowed(ctx); err != nil {
		return err
	}
	if why := l.doubt.Swap(nil); why != nil {
		return errors.New(*why)
	}
	return nil
}

// Plugin links a plugin.
func (l *Thin) Plugin(ctx context.Context, j Job) (*thin.Report, error) {
	if l.Race {
		j.SystemFlags = []string{raceAddress(l.Linker.SystemLink, j.Generation)}
	}
	if err := os.MkdirAll(j.Dir, 0o777); err != nil {
		return nil, gocmd.WriteError(err)
	}
	return l.Linker.Link(ctx, j.Job)
}

// systemLinker returns the quickest linker in PATH that is named ld.
func systemLinker() string {
	for _, name := range []string{"mold", "ld.mold", "ld.lld", "ld.gold", "ld", "ld.bfd"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	return ""
}

// Brief returns one line of an error: the first that a tool said, if it is from one.
func Brief(err error) string {
	text := err.Error()
	if tool, ok := errors.AsType[*gocmd.ToolError](err); ok && tool.Output != "" {
		text = filepath.Base(tool.Tool) + ": " + strings.TrimPrefix(strings.TrimSpace(tool.Output), tool.Tool+": ")
	}
	line, _, _ := strings.Cut(text, "\n")
	return line
}
