package engine

import (
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/anvilforge/anvil-lsp/hotreload/shared/regular"
)

// work is a sign that a version control system is changing the work tree, and that one change of it
// is not over.
type work struct {
	sign string // a file or directory that exists meanwhile
	says string // what waits for it, for a person
	// moves are files next to sign whose times tell that it goes on; stopped is one that exists when
	// it waits for a person.
	moves   []string
	stopped string
	// patience is how long nothing may have moved, in the work or in the tree.
	patience time.Duration
}

// workTree says what a batch of changes should wait for: a branch switch, a rebase of several
// commits, or a stash that is popped again is one change. It waits only for what moves: a lock that
// a crash left behind, a rebase that stopped for a conflict, or a commit whose editor is open holds
// nothing up.
type workTree struct {
	works []work
	// stash is the log of what git stash has put away, stashed its size when a batch was last asked
	// about, put when something was last put away.
	stash   string
	stashed int64
	put     time.Time
}

// Patience with what may still move.
const (
	lockPatience   = 2 * time.Second
	rebasePatience = 5 * time.Second // what --exec runs may take this long
	stashPatience  = 2 * time.Second
)

// newWorkTree looks for the work tree that a directory is in; nil if it is in none.
func newWorkTree(dir string) *workTree {
	for d := dir; ; d = filepath.Dir(d) {
		if git := gitDir(filepath.Join(d, ".git")); git != "" {
			return gitWorkTree(git)
		}
		if hg := filepath.Join(d, ".hg"); isDir(hg) {
			return &workTree{works: []work{{sign: filepath.Join(hg, "wlock"), says: "hg, which holds .hg/wlock",
				patience: lockPatience}}}
		}
		if d == filepath.Dir(d) {
			return nil
		}
	}
}

// waitsFor returns the question to ask before a batch settles; nil if the directory is in no work
// tree. It is for one goroutine.
func waitsFor(dir string) func(first, last time.Time) string {
	w := newWorkTree(dir)
	if w == nil {
		return nil
	}
	return func(first, last time.Time) string { return w.busy(first, last, time.Now()) }
}

// gitWorkTree is about the work tree whose index is in a directory.
func gitWorkTree(git string) *workTree {
	in := func(names ...string) []string {
		for i, n := range names {
			names[i] = filepath.Join(git, n)
		}
		return names
	}
	w := &workTree{stash: filepath.Join(commonDir(git), "logs", "refs", "stash"), works: []work{
		{sign: filepath.Join(git, "index.lock"), says: "git, which holds " + filepath.Join(filepath.Base(git), "index.lock"),
			patience: lockPatience},
		{
			sign: filepath.Join(git, "rebase-merge"), says: "the git rebase that is under way", patience: rebasePatience,
			moves:   in("rebase-merge/done", "rebase-merge/msgnum", "HEAD", "index"),
			stopped: filepath.Join(git, "rebase-merge", "stopped-sha"),
		},
		{sign: filepath.Join(git, "rebase-apply"), says: "the git rebase that is under way", patience: lockPatience,
			moves: in("rebase-apply/next", "HEAD", "index")},
		{sign: filepath.Join(git, "sequencer"), says: "the git cherry-pick or revert that is under way",
			patience: lockPatience, moves: in("sequencer/todo", "HEAD", "index")},
	}}
	w.stashed = size(w.stash)
	return w
}

// busy returns what a batch waits for, whose first and last change were then; nothing if that is
// over, or does not move.
func (w *workTree) busy(first, last, now time.Time) string {
	for _, k := range w.works {
		moved, ok := changed(k.sign)
		if !ok {
			continue
		}
		if _, stopped := changed(k.stopped); stopped {
			continue
		}
		for _, m := range k.moves {
			if t, ok := changed(m); ok && t.After(moved) {
				moved = t
			}
		}
		// What was there before the batch and has not moved has nothing to do with it.
		if moved.Before(first.Add(-k.patience)) || moved.After(now.Add(k.patience)) {
			continue
		}
		if last.After(moved) {
			moved = last
		}
		if now.Sub(moved) < k.patience {
			return k.says
		}
	}
	if w.stash == "" {
		return ""
	}
	switch n := size(w.stash); {
	case n > w.stashed:
		w.put, _ = changed(w.stash)
		w.stashed = n
	case n < w.stashed: // popped or dropped
		w.put, w.stashed = time.Time{}, n
	}
	if since := now.Sub(w.put); since < stashPatience && since > -stashPatience {
		return "git stash: what it has put away may come back at once"
	}
	return ""
}

// changed returns when a file or directory changed last, if it exists.
func changed(path string) (time.Time, bool) {
	if path == "" {
		return time.Time{}, false
	}
	info, err := os.Lstat(path)
	if err != nil {
		return time.Time{}, false
	}
	return info.ModTime(), true
}

func size(path string) int64 {
	info, err := os.Stat(path)
	if err != nil {
		return 0
	}
	return info.Size()
}

func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// gitDir returns where git keeps the index of the work tree that a .git belongs to, or nothing if
// that is not git's. In a linked work tree and in a submodule it is a file that names the
// directory, absolutely or relative to itself (gitrepository-layout(5)).
func gitDir(dotGit string) string {
	st, err := os.Stat(dotGit)
	if err != nil {
		return ""
	}
	if st.IsDir() {
		return dotGit
	}
	data, err := regular.Read(dotGit, regular.MaxSource)
	if err != nil {
		return ""
	}
	dir, ok := strings.CutPrefix(strings.TrimRight(string(data), "\r\n"), "gitdir: ")
	if !ok || dir == "" {
		return ""
	}
	if !filepath.IsAbs(dir) {
		dir = filepath.Join(filepath.Dir(dotGit), dir)
	}
	return dir
}

// commonDir returns where git keeps what all work trees of a repository share.
func commonDir(git string) string {
	data, err := regular.Read(filepath.Join(git, "commondir"), regular.MaxSource)
	if err != nil {
		return git
	}
	dir := strings.TrimRight(string(data), "\r\n")
	if !filepath.IsAbs(dir) {
		dir = filepath.Join(git, dir)
	}
	return dir
}
