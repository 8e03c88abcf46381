package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/anvilforge/anvil-lsp/cmd/anvil-lsp/e2e/internal/session"
)

// history makes commits of a repository on top of what is checked out.
type history struct {
	dir      string // where the application runs
	worktree string // the work tree in which commits are picked
	before   string // the branch or commit that was checked out
}

func git(ctx context.Context, dir string, args ...string) (string, error) {
	out, err := session.Output(ctx, dir, "git", args...)
	return strings.TrimSpace(string(out)), err
}

// openHistory prepares a work tree of its own next to dir's. It refuses one with changes:
// they would be lost.
func openHistory(ctx context.Context, dir, worktree string) (*history, error) {
	changes, err := git(ctx, dir, "status", "--porcelain", "--untracked-files=no")
	if err != nil {
		return nil, err
	}
	if changes != "" {
		return nil, fmt.Errorf("the work tree has changes; commit them first:\n%s", changes)
	}
	h := &history{dir: dir, worktree: worktree}
	if h.before, err = git(ctx, dir, "symbolic-ref", "--short", "-q", "HEAD"); err != nil {
		if h.before, err = git(ctx, dir, "rev-parse", "HEAD"); err != nil {
			return nil, err
		}
	}
	if _, err := git(ctx, dir, "worktree", "add", "-q", "--detach", worktree, "HEAD"); err != nil {
		return nil, err
	}
	return h, nil
}

// close checks out what was before.
func (h *history) close(ctx context.Context) error {
	_, err := git(ctx, h.dir, "checkout", "-q", "-f", h.before)
	_, removed := git(ctx, h.dir, "worktree", "remove", "--force", h.worktree)
	return errors.Join(err, removed)
}

// commits lists those after from up to to, at most n, oldest first.
func (h *history) commits(ctx context.Context, from, to string, n int) ([]string, error) {
	if from == "" {
		var err error
		if from, err = git(ctx, h.dir, "merge-base", "HEAD", to); err != nil {
			return nil, fmt.Errorf("HEAD and %s have nothing in common; name a commit with -from: %w", to, err)
		}
	}
	out, err := git(ctx, h.dir, "rev-list", "--first-parent", "--reverse", from+".."+to)
	if err != nil {
		return nil, err
	}
	all := strings.Fields(out)
	if n > 0 && len(all) > n {
		all = all[:n]
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("there are no commits after %s up to %s", from, to)
	}
	return all, nil
}

// pick makes a commit in that work tree and returns the new one, or "" if
// it changes nothing that is checked out. Where the commit conflicts with what is there, that wins.
func (h *history) pick(ctx context.Context, commit string) (string, error) {
	args := []string{"cherry-pick", "--no-commit", "--strategy-option=ours"}
	parents, err := git(ctx, h.worktree, "rev-list", "--parents", "-n1", commit)
	if err != nil {
		return "", err
	}
	if len(strings.Fields(parents)) > 2 {
		args = append(args, "--mainline=1")
	}
	if _, err := git(ctx, h.worktree, append(args, commit)...); err != nil {
		if ctx.Err() != nil {
			return "", err
		}
		if err := h.keepOurs(ctx); err != nil {
			return "", errors.Join(err, h.forget(ctx))
		}
	}
	if _, err := git(ctx, h.worktree, "diff", "--cached", "--quiet"); err == nil {
		return "", h.forget(ctx) // nothing is left of it
	}
	subject, err := git(ctx, h.worktree, "show", "-s", "--format=%s", commit)
	if err != nil {
		return "", err
	}
	if _, err := git(ctx, h.worktree, "-c", "user.name=replay", "-c", "user.email=replay@localhost",
		"-c", "commit.gpgsign=false", "commit", "-q", "--no-verify", "-m", subject); err != nil {
		return "", errors.Join(err, h.forget(ctx))
	}
	return git(ctx, h.worktree, "rev-parse", "HEAD")
}

// forget puts that work tree back to its commit.
func (h *history) forget(ctx context.Context) error {
	_, err := git(ctx, h.worktree, "reset", "-q", "--hard")
	return err
}

// keepOurs resolves what one of the two sides has deleted or moved.
func (h *history) keepOurs(ctx context.Context) error {
	out, err := git(ctx, h.worktree, "diff", "--name-only", "--diff-filter=U", "-z")
	if err != nil {
		return err
	}
	paths := strings.FieldsFunc(out, func(r rune) bool { return r == 0 })
	if len(paths) == 0 {
		return errors.New("git picks it not, and names no conflict")
	}
	for _, p := range paths {
		p = ":(top,literal)" + p
		if _, err := git(ctx, h.worktree, "cat-file", "-e", "HEAD:"+strings.TrimPrefix(p, ":(top,literal)")); err == nil {
			_, err = git(ctx, h.worktree, "checkout", "-q", "HEAD", "--", p)
			if err != nil {
				return err
			}
		} else if _, err := git(ctx, h.worktree, "rm", "-q", "-f", "--", p); err != nil {
			return err
		}
	}
	return nil
}

// checkOut has the application's directory have a commit, as one change.
func (h *history) checkOut(ctx context.Context, commit string) error {
	_, err := git(ctx, h.dir, "checkout", "-q", "--detach", commit)
	return err
}

// subject is a commit as a person knows it.
func (h *history) subject(ctx context.Context, commit string) (short, title string, err error) {
	out, err := git(ctx, h.dir, "show", "-s", "--format=%h %s", commit)
	short, title, _ = strings.Cut(out, " ")
	return short, title, err
}

// worktreePath is where that work tree lies.
func worktreePath(work string) string { return filepath.Join(work, "beside") }
