package syntax

import (
	"os"
	"path/filepath"
)

// maxLinks bounds a chain of symbolic links, as the system does.
const maxLinks = 40

// linkTargets returns what a file is a symbolic link to, and so on to the end, by
// absolute path; nothing for a file that is none.
func linkTargets(path string) []string {
	var out []string
	for range maxLinks {
		to, err := os.Readlink(path)
		if err != nil {
			break
		}
		if !filepath.IsAbs(to) {
			dir, err := filepath.EvalSymlinks(filepath.Dir(path)) // .. is that of the real directory
			if err != nil {
				break
			}
			to = filepath.Join(dir, to)
		}
		path = filepath.Clean(to)
		out = append(out, path)
		if dir, err := filepath.EvalSymlinks(filepath.Dir(path)); err == nil {
			if real := filepath.Join(dir, filepath.Base(path)); real != path {
				path = real
				out = append(out, path)
			}
		}
	}
	return out
}
