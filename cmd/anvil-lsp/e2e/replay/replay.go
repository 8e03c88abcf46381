package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/anvilforge/anvil-lsp/cmd/anvil-lsp/e2e/internal/session"
	"github.com/anvilforge/anvil-lsp/hotreload/control"
	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
)

// replay is one run.
type replay struct {
	options
	work string
	self []string // how the process is started that sends requests
	say  func(format string, args ...any)
}

func (r *replay) run(ctx context.Context) (report *Report, err error) {
	h, err := openHistory(ctx, r.dir, worktreePath(r.work))
	if err != nil {
		return nil, err
	}
	defer func() {
		// Also when it was interrupted.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
		defer cancel()
		err = errors.Join(err, h.close(ctx))
	}()
	commits, err := h.commits(ctx, r.from, r.to, r.n)
	if err != nil {
		return nil, err
	}
	r.say("starting the application; %d commits", len(commits))
	s, err := session.Start(ctx, session.Options{
		Tool: r.tool, Dir: r.dir, Main: r.main, Tags: r.tags, Args: r.args, Timeout: r.timeout,
		Log: filepath.Join(r.work, "app.log"),
	})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.Stop()) }()
	report = &Report{Dir: r.dir}
	var load *loadProcess
	if r.rate > 0 {
		if load, err = startLoad(r.self, s.URL, r.rate, r.paths); err != nil {
			return nil, err
		}
	}
	err = r.commits(ctx, h, s, commits, report)
	if load != nil {
		var stopped error
		report.Load, stopped = load.stop()
		err = errors.Join(err, stopped)
	}
	return report, err
}

// commits makes them, one after the other.
func (r *replay) commits(ctx context.Context, h *history, s *session.Session, commits []string, report *Report) error {
	for i, commit := range commits {
		c := &Commit{}
		var err error
		if c.Commit, c.Subject, err = h.subject(ctx, commit); err != nil {
			return err
		}
		report.Commits = append(report.Commits, c)
		picked, err := h.pick(ctx, commit)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil:
			c.Outcome, c.Says = Skipped, err.Error()
		case picked == "":
			c.Outcome = Nothing
		default:
			c.Time = time.Now()
			if err := h.checkOut(ctx, picked); err != nil {
				return err
			}
			if err := r.follow(ctx, s, c); err != nil {
				return fmt.Errorf("%s %s: %w", c.Commit, c.Subject, err)
			}
		}
		r.say("%d of %d  %s", i+1, len(commits), c)
	}
	return nil
}

// quietAfterBuild is how long nothing may be built any more after a build, because a
// check-out can be seen as two changes.
const quietAfterBuild = 500 * time.Millisecond

// follow waits until what was checked out is built, and notes what came of it.
func (r *replay) follow(ctx context.Context, s *session.Session, c *Commit) error {
	c.Outcome = Nothing
	building := false
	wait := time.NewTimer(r.quiet)
	defer wait.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-wait.C:
			if building {
				return fmt.Errorf("nothing has come of it after %s\n%s", r.timeout, s.Tail())
			}
			return nil
		case ev, ok := <-s.Events:
			if !ok {
				return fmt.Errorf("anvil-lsp has ended\n%s", s.Tail())
			}
			switch ev.Kind {
			case control.EventBuilding, control.EventWaiting, control.EventRestarting, control.EventPredicted:
				building = true
			case control.EventLive, control.EventKept, control.EventUnchanged:
				c.note(ev)
				building = false
			case control.EventAsking:
				return errors.New("a restart waits for somebody to allow it")
			case control.EventStopped:
				return errors.New("anvil-lsp has stopped")
			case control.EventRecovered:
				building = false
			case control.EventExited:
				c.Exits++
				building = true // it is started again
			case control.EventPanic:
				c.Panics++
				continue
			default:
				continue
			}
			if building {
				wait.Reset(r.timeout)
			} else {
				wait.Reset(quietAfterBuild)
			}
		}
	}
}

// note takes in an event that ends a build.
func (c *Commit) note(ev control.Event) {
	c.Builds++
	c.Duration += time.Duration(ev.Total)
	c.Rebuilt = max(c.Rebuilt, len(ev.Rebuilt))
	switch ev.Kind {
	case control.EventLive:
		c.Outcome = HotSwap
		if ev.Rung == manifest.RungWarmRestart {
			c.Outcome = Restart
		}
	case control.EventKept:
		c.Outcome = Kept
		c.Says = session.Describe(ev)
	case control.EventUnchanged:
		c.Outcome = Nothing
	}
	for _, step := range ev.Steps {
		if step.Name == control.StepLink && c.Outcome == HotSwap {
			c.Link = step.Detail
		}
	}
	if ev.Predicted != nil {
		c.Predicted = string(ev.Predicted.Rung)
		if ev.Predicted.Wrong {
			c.Wrong = true
			c.Says = fmt.Sprintf("predicted %q %v, came %s", ev.Predicted.Rung, ev.Predicted.Codes, session.Describe(ev))
		}
	}
}
