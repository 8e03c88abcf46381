package engine

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestWorkTreeIsFound(t *testing.T) {
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
			w := newWorkTree(dir)
			if w == nil {
				t.Fatal("no work tree was found")
			}
			now := time.Now()
			if what := w.busy(now, now, now); what != "" {
				t.Errorf("waits for %s without a lock", what)
			}
			lock := writeFile(t, "", root, tt.index, "index.lock")
			if what := w.busy(now, now, now); !strings.Contains(what, "index.lock") {
				t.Errorf("waits for %q, though git holds its lock", what)
			}
			if err := os.Remove(lock); err != nil {
				t.Fatal(err)
			}
			if what := w.busy(now, now, now); what != "" {
				t.Errorf("waits for %s after the lock was released", what)
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

// TestWorkTreeBusy: what is waited for, and that it is waited for only while it
// moves. Times are seconds from the first change of the batch; negative ones are
// before it.
func TestWorkTreeBusy(t *testing.T) {
	type files map[string]float64 // name below .git → when it changed
	tests := map[string]struct {
		files     files
		last, now float64 // the last change, and now
		busy      bool
	}{
		"nothing":                                 {},
		"checkout":                                {files: files{"index.lock": 0}, busy: true},
		"checkout that began before":              {files: files{"index.lock": -1.5}, busy: true},
		"long checkout":                           {files: files{"index.lock": 0}, last: 30, now: 30.5, busy: true},
		"checkout that hangs":                     {files: files{"index.lock": 0}, last: 1, now: 3.1},
		"lock of a crash":                         {files: files{"index.lock": -2.1}},
		"lock of an hour ago":                     {files: files{"index.lock": -3600}},
		"lock of tomorrow":                        {files: files{"index.lock": 86400}},
		"editor of git commit -a":                 {files: files{"index.lock": -30, "COMMIT_EDITMSG": -29}},
		"rebase":                                  {files: files{"rebase-merge": 0, "rebase-merge/done": 0}, now: 1.5, busy: true},
		"rebase between two commits":              {files: files{"rebase-merge": -20, "rebase-merge/done": -1}, last: 0, now: 3, busy: true},
		"rebase that moves no file":               {files: files{"rebase-merge": -20, "HEAD": 8}, last: 0, now: 10, busy: true},
		"rebase whose command takes long":         {files: files{"rebase-merge": -20, "rebase-merge/done": 0}, last: 0, now: 5.1},
		"rebase that stopped for a conflict":      {files: files{"rebase-merge": 0, "rebase-merge/done": 0, "rebase-merge/stopped-sha": 0}},
		"rebase that stopped at a break long ago": {files: files{"rebase-merge": -300, "rebase-merge/done": -200, "HEAD": -200}},
		"am":                       {files: files{"rebase-apply": -1, "rebase-apply/next": 0}, now: 1, busy: true},
		"am that stopped":          {files: files{"rebase-apply": -100, "rebase-apply/next": -60}},
		"cherry-pick of several":   {files: files{"sequencer": -1, "sequencer/todo": 0}, now: 1, busy: true},
		"cherry-pick that stopped": {files: files{"sequencer": -100, "sequencer/todo": -60, "CHERRY_PICK_HEAD": -60}},
		"merge with conflicts":     {files: files{"MERGE_HEAD": -1, "MERGE_MSG": -1}},
		"bisect":                   {files: files{"BISECT_LOG": -1, "BISECT_START": -1}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			first := time.Now()
			at := func(s float64) time.Time { return first.Add(time.Duration(s * float64(time.Second))) }
			names := slices.Sorted(maps.Keys(tt.files))
			for _, isDir := range []bool{false, true} { // a directory has the time of what was written into it last
				for _, f := range names {
					path := filepath.Join(dir, ".git", f)
					isSign := slices.Contains([]string{"rebase-merge", "rebase-apply", "sequencer"}, f)
					if isSign != isDir {
						continue
					}
					if isSign {
						if err := os.MkdirAll(path, 0o777); err != nil {
							t.Fatal(err)
						}
					} else {
						writeFile(t, "", path)
					}
					if err := os.Chtimes(path, at(tt.files[f]), at(tt.files[f])); err != nil {
						t.Fatal(err)
					}
				}
			}
			writeFile(t, "ref: refs/heads/other\n", dir, ".git", "ORIG_HEAD")
			if what := newWorkTree(dir).busy(first, at(tt.last), at(tt.now)); (what != "") != tt.busy {
				t.Errorf("waits for %q, want to wait: %t", what, tt.busy)
			}
		})
	}
}

// TestStashIsPopped: a stash that was made a moment ago is waited for, because
// it often comes back at once; one that was popped, or made before, is not.
func TestStashIsPopped(t *testing.T) {
	dir := t.TempDir()
	writeFile(t, "old\n", dir, ".git", "logs", "refs", "stash")
	w := newWorkTree(dir)
	now := time.Now()
	ask := func(want bool, when string) {
		t.Helper()
		if what := w.busy(now, now, now); (what != "") != want {
			t.Errorf("%s: waits for %q, want to wait: %t", when, what, want)
		}
	}
	ask(false, "before")
	writeFile(t, "old\nnew\n", dir, ".git", "logs", "refs", "stash")
	ask(true, "after git stash")
	writeFile(t, "old\n", dir, ".git", "logs", "refs", "stash")
	ask(false, "after git stash pop")
	if err := os.Remove(filepath.Join(dir, ".git", "logs", "refs", "stash")); err != nil {
		t.Fatal(err)
	}
	ask(false, "after the last one was popped")
	path := writeFile(t, "long ago\n", dir, ".git", "logs", "refs", "stash")
	if err := os.Chtimes(path, now, now.Add(-time.Hour)); err != nil {
		t.Fatal(err)
	}
	ask(false, "after a stash when nothing was watched")
	writeFile(t, "long ago\nnow\n", path)
	ask(true, "after git stash again")
	now = now.Add(3 * time.Second)
	ask(false, "when it was not popped")
}

// TestMercurial: its lock is a link to nothing.
func TestMercurial(t *testing.T) {
	dir := t.TempDir()
	writeFile(t, "", dir, ".hg", "requires")
	w := newWorkTree(filepath.Join(dir))
	now := time.Now()
	if what := w.busy(now, now, now); what != "" {
		t.Errorf("waits for %s", what)
	}
	if err := os.Symlink("host:4711", filepath.Join(dir, ".hg", "wlock")); err != nil {
		t.Fatal(err)
	}
	if what := w.busy(now, now, now); !strings.Contains(what, "wlock") {
		t.Errorf("waits for %q, though hg holds its lock", what)
	}
}
