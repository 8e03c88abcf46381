// Package paths compares the paths of files and replaces files.
package paths

import (
	"errors"
	"os"
	"path/filepath"
)

// Below reports whether a path is a directory or something in it.
func Below(path, dir string) bool {
	rel, err := filepath.Rel(dir, path)
	return err == nil && filepath.IsLocal(rel)
}

// Above returns the nearest regular file of one of the names in a directory or above it,
// empty if there is none.
func Above(dir string, names ...string) string {
	for ; ; dir = filepath.Dir(dir) {
		for _, name := range names {
			path := filepath.Join(dir, name)
			if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() {
				return path
			}
		}
		if dir == filepath.Dir(dir) {
			return ""
		}
	}
}

// ModuleRoot returns the directory of the module that a directory is in; empty if it is
// in none.
func ModuleRoot(dir string) string {
	if file := Above(dir, "go.mod"); file != "" {
		return filepath.Dir(file)
	}
	return ""
}

// Replace writes a file that only the user can read, and makes its directory if there
// is none. A reader sees the old content or the new one, never a part.
func Replace(path string, data []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), "new-*") // with mode 0600
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}
