package engine

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestGitBusy(t *testing.T) {
	// ROOT stands for the test's directory. The work tree is ROOT/repo.
	tests := map[string]struct {
		git   map[string]string // files
		index string            // where git has its index
		dir   string            // the application's
	}{
		"at the root": {
			git: map[string]string{"repo/.git/HEAD": "ref: refs/heads/main\n"}, index: "repo/.git", dir: "repo",
		},
		"in a subdirectory": {
			git: map[string]string{"repo/.git/HEAD": "ref: refs/heads/main\n"}, index: "repo/.git", dir: "repo/cmd/app",
		},
		"linked work tree": {
			git: map[string]string{"repo/.git": "gitdir: ROOT/main/.git/worktrees/repo\n"}, index: "main/.git/worktrees/repo", dir: "repo/cmd",
		},
		"submodule": {
			git: map[string]string{"repo/.git": "gitdir: ../main/.git/modules/repo\n"}, index: "main/.git/modules/repo", dir: "repo",
		},
		"path with a space": {
			git: map[string]string{"repo/.git": "gitdir: ../my main/.git/worktrees/repo\r\n"}, index: "my main/.git/worktrees/repo", dir: "repo",
		},
		"below a .git that is not git's": {
			git: map[string]string{"repo/.git/HEAD": "ref: refs/heads/main\n", "repo/odd/.git": "mine"}, index: "repo/.git", dir: "repo/odd",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			root := t.TempDir()
			for file, text := range tt.git {
				writeFile(t, strings.ReplaceAll(text, "ROOT", root), root, file)
			}
			dir := filepath.Join(root, tt.dir)
			if err := os.MkdirAll(dir, 0o777); err != nil {
				t.Fatal(err)
			}
			busy := gitBusy(dir)
			if busy == nil {
				t.Fatal("no work tree was found")
			}
			if busy() {
				t.Error("busy without a lock")
			}
			lock := writeFile(t, "", root, tt.index, "index.lock")
			if !busy() {
				t.Error("not busy, though git holds its lock")
			}
			if err := os.Remove(lock); err != nil {
				t.Fatal(err)
			}
			if busy() {
				t.Error("busy after the lock was released")
			}
		})
	}
}

func TestGitDirOfNothing(t *testing.T) {
	dir := t.TempDir()
	for _, text := range []string{"", "gitdir:", "gitdir: ", "gitdir: \n", "something else"} {
		if got := gitDir(writeFile(t, text, dir, ".git")); got != "" {
			t.Errorf("%q was read as %q", text, got)
		}
	}
	if got := gitDir(filepath.Join(dir, "missing")); got != "" {
		t.Errorf("a missing file was read as %q", got)
	}
}
