package engine

import (
	"os"
	"path/filepath"
	"strings"
)

// gitBusy reports whether git is changing the work tree: it holds index.lock
// through a checkout, so that a branch switch is one batch. It returns nil if
// the directory is in no work tree.
func gitBusy(dir string) func() bool {
	for d := dir; ; d = filepath.Dir(d) {
		if git := gitDir(filepath.Join(d, ".git")); git != "" {
			lock := filepath.Join(git, "index.lock")
			return func() bool {
				_, err := os.Lstat(lock)
				return err == nil
			}
		}
		if d == filepath.Dir(d) {
			return nil
		}
	}
}

// gitDir returns where git keeps the index of the work tree that a .git
// belongs to, or nothing if that is not git's. In a linked work tree and in a
// submodule it is a file that names the directory, absolutely or relative to
// itself (gitrepository-layout(5)).
func gitDir(dotGit string) string {
	st, err := os.Stat(dotGit)
	if err != nil {
		return ""
	}
	if st.IsDir() {
		return dotGit
	}
	data, err := os.ReadFile(dotGit)
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
