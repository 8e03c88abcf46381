package regular

import (
	"errors"
	"io/fs"
	"path/filepath"
	"slices"
)

// ErrNotSource reports a file that is no source by its name.
var ErrNotSource = errors.New("not a source file")

// Source returns the text of a file to show lines of. A //line directive can name
// any file, so only regular files of at most MaxSource bytes are read that are
// called what source is called, also where symbolic links lead.
func Source(path string) ([]byte, error) {
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		return nil, err
	}
	if !source(path) || !source(real) {
		return nil, &fs.PathError{Op: "open", Path: path, Err: ErrNotSource}
	}
	return Read(real, MaxSource)
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
