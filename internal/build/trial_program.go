package build

import (
	"bufio"
	"bytes"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/tools/txtar"

	"github.com/anvilforge/anvil-lsp/internal/build/link"
	"github.com/anvilforge/anvil-lsp/internal/outdir"
)

// trialProgram is reloaded to see whether thin links work. Its format is that of
// golang.org/x/tools/txtar.
//
//go:embed trial/app.txtar
var trialProgram string

// Close ends what the builder does in the background, and waits for it: no
// process of it is left then, and nothing is written any more.
func (b *Builder) Close() {
	b.closeAhead()
	b.thin.Close()
}

// Trial tells whether plugins can be linked thin here: nil, or why not. The
// first time for a toolchain it builds a small program and reloads it, which
// takes a few seconds; the answer is remembered in Config.CacheDir.
func (b *Builder) Trial(ctx context.Context) error { return b.thin.Allowed(ctx) }

// RepeatTrial is Trial without believing an earlier answer, which it replaces.
// earlier is that answer: empty if there was none, or thin links work.
func (b *Builder) RepeatTrial(ctx context.Context) (earlier string, err error) {
	return b.thin.TryAgain(ctx)
}

// trialConfig returns the settings of the trial in a directory: those of the
// application that a link depends on.
func (b *Builder) trialConfig(dir string) Config {
	cfg := b.cfg
	cfg.Dir, cfg.Main, cfg.OutDir, cfg.Tags, cfg.CacheDir = dir, "", outdir.Path(dir), nil, ""
	cfg.Race = b.tools.Race // which GOFLAGS may have asked for
	cfg.Env = append(slices.Clone(cfg.Env), "GOFLAGS=", "GOWORK=off")
	if v, _, _ := strings.Cut(b.tools.Env.GOVERSION, " "); strings.HasPrefix(v, "go") {
		cfg.Env = append(cfg.Env, "GOTOOLCHAIN="+v) // which the workspace may have chosen
	}
	return cfg
}

// try builds the trial program and reloads it twice.
func (b *Builder) try(ctx context.Context) (err error) {
	tmp, err := b.below(outdir.Temp)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp(tmp, "trial")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	files, err := txtar.FS(txtar.Parse([]byte(trialProgram)))
	if err := errors.Join(err, os.CopyFS(dir, files)); err != nil {
		return err
	}
	inner, err := New(ctx, b.trialConfig(dir))
	if err != nil {
		return err
	}
	inner.thin.Linker = b.thin.Linker
	host, _, err := inner.Host(ctx, ".", 1, nil, Stages{})
	if err != nil {
		return err
	}
	p, err := startTrialProgram(ctx, host.Path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.end()) }()
	const one, two = "oneone2 one2true", "twotwo2 two2true"
	if err := p.says(one + " 1"); err != nil {
		return err
	}
	handlers := filepath.Join(dir, "handlers/handlers.go")
	text, err := os.ReadFile(handlers)
	if err != nil {
		return err
	}
	if err := os.WriteFile(handlers, bytes.Replace(text, []byte(`"one"`), []byte(`"two"`), 1), 0o666); err != nil {
		return err
	}
	snap, want := host.Snapshot, one
	for generation := 2; generation <= 3; generation++ {
		plan, _, err := inner.Plan(ctx, snap, []string{handlers})
		if err != nil {
			return err
		}
		if generation == 3 {
			plan = snap.Rebuild()
		}
		res, err := inner.Plugin(ctx, plan, generation)
		if err != nil {
			return err
		}
		if !res.Thin {
			return &link.TrialError{Err: errors.New(res.why)}
		}
		if _, err := fmt.Fprintln(p.in, res.Path); err != nil {
			return err
		}
		want += " " + two
		if err := p.says(want + " 2"); err != nil {
			return &link.TrialError{Err: err}
		}
		snap = res.Snapshot
	}
	return nil
}

// trialProcess is the trial program, running.
type trialProcess struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Scanner
}

func startTrialProgram(ctx context.Context, path string) (*trialProcess, error) {
	cmd := exec.CommandContext(ctx, path)
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	return &trialProcess{cmd, in, bufio.NewScanner(out)}, cmd.Start()
}

// says checks the next line that the program prints.
func (p *trialProcess) says(want string) error {
	if !p.out.Scan() {
		return errors.Join(errors.New("the trial program ended early"), p.out.Err())
	}
	if got := p.out.Text(); got != want {
		return fmt.Errorf("the trial program says %q, not %q", got, want)
	}
	return nil
}

func (p *trialProcess) end() error { return errors.Join(p.in.Close(), p.cmd.Wait()) }
