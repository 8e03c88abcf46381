package build

import (
	"bufio"
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/anvilforge/anvil-lsp/internal/build/gocmd"
	"github.com/anvilforge/anvil-lsp/internal/build/thin"
	"github.com/anvilforge/anvil-lsp/internal/outdir"
)

// trialProgram is reloaded to see whether thin links work. Its format is that of
// golang.org/x/tools/txtar.
//
//go:embed trial/app.txtar
var trialProgram string

// trial is the question whether thin links work with this toolchain, which is
// answered once by trying.
type trial struct {
	once   sync.Once
	life   context.Context
	stop   context.CancelFunc
	done   chan struct{}
	answer error // nil: they work; valid when done is closed
}

func newTrial() trial {
	life, stop := context.WithCancel(context.Background())
	return trial{life: life, stop: stop, done: make(chan struct{})}
}

// Close ends what the builder does in the background, and waits for it: no
// process of it is left then, and nothing is written any more.
func (b *Builder) Close() {
	b.closeAhead()
	t := &b.thin.trial
	t.stop()
	t.once.Do(func() { // it was never asked
		t.answer = context.Canceled
		close(t.done)
	})
	<-t.done
}

// Trial tells whether plugins can be linked thin here: nil, or why not. The
// first time for a toolchain it builds a small program and reloads it, which
// takes a few seconds; the answer is remembered in Config.CacheDir.
func (b *Builder) Trial(ctx context.Context) error {
	return b.thin.allowed(ctx)
}

func (l *thinLinker) allowed(ctx context.Context) error {
	if why := l.off.Load(); why != nil {
		return errors.New(*why)
	}
	l.startTrial()
	select {
	case <-l.trial.done:
		return l.trial.answer
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// startTrial starts the trial if that was not done.
func (l *thinLinker) startTrial() {
	l.trial.once.Do(func() {
		if l.builder.cfg.CacheDir == "" || l.off.Load() != nil {
			close(l.trial.done) // taken on trust
			return
		}
		go func() {
			defer close(l.trial.done)
			// It is the machine's question, not that of whoever asks first: only
			// Close ends it.
			ctx, cancel := context.WithTimeout(l.trial.life, 2*time.Minute)
			defer cancel()
			l.trial.answer = l.remembered(ctx)
		}()
	})
}

// trialResult is an answer as it is remembered.
type trialResult struct {
	OK     bool   `json:"ok"`
	Reason string `json:"reason,omitempty"`
	// Until is when a failure is tried anew; it is set since failures of the
	// machine are told from those of the toolchain, and others do not count.
	Until time.Time `json:"until,omitzero"`
}

// trialExpiry is how long a failure is believed: what was at fault may have been
// updated.
const trialExpiry = 7 * 24 * time.Hour

// errTrial marks a failure that says something about the toolchain: the linker
// refused, or what it made did not work.
var errTrial = errors.New("a trial with this toolchain failed")

// answerFile is where the answer is remembered.
func (l *thinLinker) answerFile() string {
	return filepath.Join(l.builder.cfg.CacheDir, "thin-"+l.fingerprint()+".json")
}

// recall returns the answer of an earlier trial, if there is one that holds.
func (l *thinLinker) recall() (v trialResult, ok bool) {
	data, err := os.ReadFile(l.answerFile())
	if err != nil || json.Unmarshal(data, &v) != nil {
		return v, false
	}
	return v, v.OK || v.Reason != "" && time.Now().Before(v.Until)
}

// remembered returns the answer of an earlier trial, or makes one.
func (l *thinLinker) remembered(ctx context.Context) error {
	if v, ok := l.recall(); ok && v.OK {
		return nil
	} else if ok {
		return errors.New(v.Reason)
	}
	return l.tryAndRemember(ctx)
}

// tryAndRemember makes a trial. Only what the toolchain is to blame for is
// remembered: a disk that is full now, or a machine that is busy, is no property
// of it.
func (l *thinLinker) tryAndRemember(ctx context.Context) error {
	err := l.try(ctx)
	failed, blamed := errors.AsType[*trialError](err)
	blamed = blamed && ctx.Err() == nil && !passing(err)
	var v trialResult
	switch {
	case err == nil:
		v = trialResult{OK: true}
	case blamed:
		err = fmt.Errorf("%w: %s", errTrial, brief(failed.err))
		v = trialResult{Reason: err.Error(), Until: time.Now().Add(trialExpiry)}
	default:
		err = fmt.Errorf("the trial could not be made: %s", brief(err))
		_ = os.Remove(l.answerFile()) // an earlier version may have remembered such a failure
		return err
	}
	// What cannot be remembered is tried again.
	if data, e := json.Marshal(v); e == nil && os.MkdirAll(l.builder.cfg.CacheDir, 0o777) == nil {
		_ = os.WriteFile(l.answerFile(), data, 0o666)
	}
	return err
}

// passing reports whether an error is of the machine as it is now: no room, no
// permission, no memory, killed.
func passing(err error) bool {
	if errors.Is(err, gocmd.ErrDiskFull) || errors.Is(err, fs.ErrPermission) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return true
	}
	text := err.Error()
	if gocmd.DiskFull(text) != nil {
		return true
	}
	for _, sign := range []string{"signal: killed", "signal: terminated", "signal: interrupt", "permission denied", "cannot allocate memory", "out of memory", "resource temporarily unavailable", "too many open files", "read-only file system", "input/output error", "no such file or directory"} {
		if strings.Contains(text, sign) {
			return true
		}
	}
	return false
}

// trialError is errTrial with what happened.
type trialError struct{ err error }

func (e *trialError) Error() string   { return e.err.Error() }
func (e *trialError) Unwrap() error   { return e.err }
func (e *trialError) Is(t error) bool { return t == errTrial }

// TrialAnew is Trial without believing an earlier answer, which it replaces.
// earlier is that answer: empty if there was none, or thin links work.
func (b *Builder) TrialAnew(ctx context.Context) (earlier string, err error) {
	l := b.thin
	if why := l.off.Load(); why != nil {
		return "", errors.New(*why)
	}
	if v, ok := l.recall(); ok && !v.OK {
		earlier = v.Reason
	}
	return earlier, l.tryAndRemember(ctx)
}

// fingerprint names everything that the answer depends on.
func (l *thinLinker) fingerprint() string {
	h := sha256.New()
	fmt.Fprintln(h, thin.Version, l.builder.Toolchain(), l.builder.tools.Env.GOEXPERIMENT, l.builder.tools.CompilerFlags(), l.builder.tools.Race, l.builder.tools.ToolEnv)
	for _, file := range []string{l.builder.tools.Tool("compile"), l.linker.GoLink, l.linker.SystemLink, l.linker.Nothing} {
		info, err := os.Stat(file)
		if err != nil {
			fmt.Fprintln(h, file, err)
			continue
		}
		fmt.Fprintln(h, file, info.Size(), info.ModTime().UnixNano())
	}
	return hex.EncodeToString(h.Sum(nil)[:8])
}

// try builds the trial program and reloads it twice.
func (l *thinLinker) try(ctx context.Context) (err error) {
	tmp, err := l.builder.below(outdir.Temp)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp(tmp, "trial")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	for name, text := range trialFiles() {
		file := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o777), os.WriteFile(file, []byte(text), 0o666)); err != nil {
			return err
		}
	}
	cfg := l.builder.cfg
	cfg.Dir, cfg.Main, cfg.OutDir, cfg.Tags, cfg.CacheDir = dir, "", outdir.Path(dir), nil, ""
	cfg.Env = append(cfg.Env, "GOFLAGS=", "GOWORK=off")
	if v, _, _ := strings.Cut(l.builder.tools.Env.GOVERSION, " "); strings.HasPrefix(v, "go") {
		cfg.Env = append(cfg.Env, "GOTOOLCHAIN="+v) // which the workspace may have chosen
	}
	b, err := New(ctx, cfg)
	if err != nil {
		return err
	}
	b.thin.linker = l.linker
	host, _, err := b.Host(ctx, ".", 1, nil, Stages{})
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
	text := strings.Replace(trialFiles()["handlers/handlers.go"], `"one"`, `"two"`, 1)
	if err := os.WriteFile(handlers, []byte(text), 0o666); err != nil {
		return err
	}
	snap, want := host.Snapshot, one
	for generation := 2; generation <= 3; generation++ {
		plan, _, err := b.Plan(ctx, snap, []string{handlers})
		if err != nil {
			return err
		}
		if generation == 3 {
			plan = snap.Rebuild()
		}
		res, err := b.Plugin(ctx, plan, generation)
		if err != nil {
			return err
		}
		if !res.Thin {
			return &trialError{errors.New(res.why)}
		}
		if _, err := fmt.Fprintln(p.in, res.Path); err != nil {
			return err
		}
		want += " " + two
		if err := p.says(want + " 2"); err != nil {
			return &trialError{err}
		}
		snap = res.Snapshot
	}
	return nil
}

// trialFiles returns the files of the trial program.
func trialFiles() map[string]string {
	files := map[string]string{}
	name := ""
	for line := range strings.Lines(trialProgram) {
		if n, ok := strings.CutPrefix(strings.TrimSuffix(line, " --\n"), "-- "); ok && strings.HasSuffix(line, " --\n") {
			name = n
		} else if name != "" {
			files[name] += line
		}
	}
	return files
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

func (p *trialProcess) end() error {
	return errors.Join(p.in.Close(), p.cmd.Wait())
}
