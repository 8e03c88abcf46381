package regular

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

// ErrNotSource reports a file that is no source by its name.
var ErrNotSource = errors.New("not a source file")

// ErrElsewhere reports a file of a module whose source is not shown.
var ErrElsewhere = errors.New("not in the source that is shown")

// Sources are the directories of modules whose source is shown, or single files,
// by their real paths. A //line directive can name any file of the machine, and a
// symbolic link can lead to it.
type Sources []string

// Read returns the text of a file to show lines of: a regular file of at most
// MaxSource bytes that is called what source is called, also where symbolic links
// lead, and is in one of the modules. A module inside of another is one of its
// own.
func (s Sources) Read(path string) ([]byte, error) {
	real, err := s.find(path)
	if err != nil {
		return nil, err
	}
	return Read(real, MaxSource)
}

// Hold reports whether a file is there and Read would not refuse its name.
func (s Sources) Hold(path string) bool {
	_, err := s.find(path)
	return err == nil
}

// find returns the real path of a file that is shown.
func (s Sources) find(path string) (string, error) {
	real, err := filepath.EvalSymlinks(path)
	switch {
	case err != nil:
	case !source(path) || !source(real):
		err = &fs.PathError{Op: "open", Path: path, Err: ErrNotSource}
	case !s.within(real):
		err = &fs.PathError{Op: "open", Path: path, Err: ErrElsewhere}
	}
	return real, err
}

func (s Sources) within(path string) bool {
	if slices.Contains(s, path) {
		return true
	}
	for dir := filepath.Dir(path); ; dir = filepath.Dir(dir) {
		if slices.Contains(s, dir) {
			return true
		}
		if _, err := os.Lstat(filepath.Join(dir, "go.mod")); err == nil || dir == filepath.Dir(dir) {
			return false
		}
	}
}

// source reports whether a file is called what Go, or what Go is generated from,
// is called.
func source(path string) bool {
	switch filepath.Base(path) {
	case "go.mod", "go.work":
		return true
	}
	return slices.Contains([]string{".go", ".y", ".rl", ".templ", ".qtpl"}, filepath.Ext(path))
}
