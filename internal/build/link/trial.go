package link

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/anvilforge/anvil-lsp/internal/build/gocmd"
	"github.com/anvilforge/anvil-lsp/internal/build/thin"
)

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

// Close ends the trial and waits for it: no process of it is left then.
func (l *Thin) Close() {
	t := &l.trial
	t.stop()
	t.once.Do(func() { // it was never asked
		t.answer = context.Canceled
		close(t.done)
	})
	<-t.done
}

// Allowed tells whether thin links work, which is tried if that is not known.
func (l *Thin) Allowed(ctx context.Context) error {
	if why := l.off.Load(); why != nil {
		return errors.New(*why)
	}
	l.StartTrial()
	select {
	case <-l.trial.done:
		return l.trial.answer
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// StartTrial starts the trial if that was not done.
func (l *Thin) StartTrial() {
	l.trial.once.Do(func() {
		if l.options.CacheDir == "" || l.off.Load() != nil {
			close(l.trial.done) // taken on trust
			return
		}
		go func() {
			defer close(l.trial.done)
			// It is the machine's question, not that of whoever asks first: only Close ends it.
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
	// Until is when a failure is tried again; it is set since failures of the
	// machine are told from those of the toolchain, and others do not count.
	Until time.Time `json:"until,omitzero"`
}

// trialExpiry is how long a failure is believed: what was at fault may have been updated.
const trialExpiry = 7 * 24 * time.Hour

// answerFile is where the answer is remembered.
func (l *Thin) answerFile() string {
	return filepath.Join(l.options.CacheDir, "thin-"+l.fingerprint()+".json")
}

// Recall returns the answer of an earlier trial, if there is one that holds.
func (l *Thin) Recall() (v trialResult, ok bool) {
	data, err := os.ReadFile(l.answerFile())
	if err != nil || json.Unmarshal(data, &v) != nil {
		return v, false
	}
	return v, v.OK || v.Reason != "" && time.Now().Before(v.Until)
}

// remembered returns the answer of an earlier trial, or makes one.
func (l *Thin) remembered(ctx context.Context) error {
	if v, ok := l.Recall(); ok && v.OK {
		return nil
	} else if ok {
		return errors.New(v.Reason)
	}
	return l.tryAndRemember(ctx)
}

// tryAndRemember makes a trial. Only what the toolchain is to blame for is remembered: a disk that
// is full now, or a machine that is busy, is no property of it.
func (l *Thin) tryAndRemember(ctx context.Context) error {
	err := l.options.Try(ctx)
	failed, blamed := errors.AsType[*TrialError](err)
	blamed = blamed && ctx.Err() == nil && !passing(err)
	var v trialResult
	switch {
	case err == nil:
		v = trialResult{OK: true}
	case blamed:
		err = fmt.Errorf("a trial with this toolchain failed: %s", Brief(failed.Err))
		v = trialResult{Reason: err.Error(), Until: time.Now().Add(trialExpiry)}
	default:
		err = fmt.Errorf("the trial could not be made: %s", Brief(err))
		_ = os.Remove(l.answerFile()) // an earlier version may have remembered such a failure
		return err
	}
	// What cannot be remembered is tried again.
	if data, e := json.Marshal(v); e == nil && os.MkdirAll(l.options.CacheDir, 0o777) == nil {
		_ = os.WriteFile(l.answerFile(), data, 0o666)
	}
	return err
}

// passing reports whether an error is of the machine as it is now: no room, no
// permission, no memory, killed.
func passing(err error) bool {
	if errors.Is(err, gocmd.ErrDiskFull) || errors.Is(err, fs.ErrPermission) ||
		errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return true
	}
	text := err.Error()
	if gocmd.DiskFull(text) != nil {
		return true
	}
	for _, sign := range []string{"signal: killed", "signal: terminated", "signal: interrupt", "permission denied",
		"cannot allocate memory", "out of memory", "resource temporarily unavailable", "too many open files",
		"read-only file system", "input/output error", "no such file or directory"} {
		if strings.Contains(text, sign) {
			return true
		}
	}
	return false
}

// TrialError is a failure that says something about the toolchain: the linker refused,
// or what it made did not work.
type TrialError struct{ Err error }

// Error returns the cause's words.
func (e *TrialError) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *TrialError) Unwrap() error { return e.Err }

// TryAgain makes a trial without believing an earlier answer, which it replaces and
// returns; it is empty if there was none, or thin links work.
func (l *Thin) TryAgain(ctx context.Context) (earlier string, err error) {
	if why := l.off.Load(); why != nil {
		return "", errors.New(*why)
	}
	if v, ok := l.Recall(); ok && !v.OK {
		earlier = v.Reason
	}
	return earlier, l.tryAndRemember(ctx)
}

// fingerprint names everything that the answer depends on.
func (l *Thin) fingerprint() string {
	h := sha256.New()
	fmt.Fprintln(h, thin.Version, l.Version(), l.Env.GOEXPERIMENT, l.CompilerFlags(), l.Race, l.ToolEnv)
	for _, file := range []string{l.Tool("compile"), l.Linker.GoLink, l.Linker.SystemLink, l.Linker.Nothing} {
		info, err := os.Stat(file)
		if err != nil {
			fmt.Fprintln(h, file, err)
			continue
		}
		fmt.Fprintln(h, file, info.Size(), info.ModTime().UnixNano())
	}
	return hex.EncodeToString(h.Sum(nil)[:8])
}
