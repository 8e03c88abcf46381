package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/anvilforge/anvil-lsp/cmd/anvil-lsp/e2e/internal/session"
)

// measureAir measures air, with the settings that it has by itself. It runs alone:
// beside anvil-lsp, each of the two would build at the other's saves.
func (b *bench) measureAir(ctx context.Context, targets []*target) (a *Air, err error) {
	tool, err := exec.LookPath("air")
	if err != nil {
		b.say("air: not in PATH")
		return nil, nil
	}
	started, program := b.path("started"), b.path("by-air")
	if err := os.WriteFile(started, nil, 0o666); err != nil {
		return nil, err
	}
	log, err := os.Create(b.path("air.log"))
	if err != nil {
		return nil, err
	}
	defer log.Close()
	tmp, err := os.MkdirTemp(b.work, "air")
	if err != nil {
		return nil, err
	}
	relative, err := filepath.Rel(b.dir, tmp) // air joins it to its root
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(tool,
		"-root", b.dir, "-tmp_dir", relative,
		"-build.cmd", shell("go", "build", "-tags="+b.tags, "-o", program, b.mainPackage),
		"-build.full_bin", "echo >> "+shell(started)+"; exec "+shell(append([]string{program}, b.args...)...))
	cmd.Dir, cmd.Stdout, cmd.Stderr = b.dir, log, log
	cmd.SysProcAttr, cmd.WaitDelay = session.OwnGroup(), 10*time.Second
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	defer func() {
		stop := errors.Join(b.restore(), cmd.Process.Signal(os.Interrupt))
		deadline := time.AfterFunc(30*time.Second, func() { cmd.Process.Kill() })
		cmd.Wait() // it says how it was ended
		deadline.Stop()
		err = errors.Join(err, stop)
	}()
	times := 0
	next := func() error {
		times++
		return b.waitStarted(ctx, started, times)
	}
	b.say("air: starting the application")
	if err := next(); err != nil {
		return nil, err
	}
	a = &Air{Version: airVersion(ctx, tool)}
	for range targets {
		a.Started = append(a.Started, &Samples{})
	}
	for i := range b.n {
		b.say("air: round %d of %d", i+1, b.n)
		for j, t := range targets {
			begun := time.Now()
			if err := b.edit(t); err != nil {
				return nil, err
			}
			if err := next(); err != nil {
				b.say("air: %s: %v", t.name, err)
				return nil, nil
			}
			a.Started[j].add(time.Since(begun))
		}
	}
	return a, nil
}

// waitStarted waits until the program was started so many times. The file has a
// line for each.
func (b *bench) waitStarted(ctx context.Context, file string, times int) error {
	ctx, cancel := context.WithTimeout(ctx, b.timeout)
	defer cancel()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for {
		data, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		if bytes.Count(data, []byte("\n")) >= times {
			return nil
		}
		select {
		case <-ctx.Done():
			log, _ := os.ReadFile(b.path("air.log"))
			return fmt.Errorf("the program was not started: %w\n%s", ctx.Err(), log[max(0, len(log)-2000):])
		case <-tick.C:
		}
	}
}

func airVersion(ctx context.Context, tool string) string {
	out, err := exec.CommandContext(ctx, "go", "version", "-m", tool).Output()
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(out)) {
		if f := strings.Fields(line); len(f) >= 3 && f[0] == "mod" {
			return f[2]
		}
	}
	return ""
}

// shell quotes words for sh.
func shell(words ...string) string {
	quoted := make([]string, len(words))
	for i, w := range words {
		quoted[i] = "'" + strings.ReplaceAll(w, "'", `'\''`) + "'"
	}
	return strings.Join(quoted, " ")
}
