package view

import (
	"os"
	"path/filepath"
	"slices"
	"strings"

	"go.lsp.dev/uri"
)

// PathOf returns the path of a file's URI; empty if it is none.
func PathOf(u uri.URI) string {
	if !strings.HasPrefix(strings.ToLower(string(u)), "file:") {
		return ""
	}
	const local = "//localhost/" // which RFC 8089 allows for no host at all
	if rest := u[len("file:"):]; len(rest) >= len(local) && strings.EqualFold(string(rest[:len(local)]), local) {
		u = "file:///" + rest[len(local):]
	}
	path := u.FsPath()
	if !filepath.IsAbs(path) {
		return ""
	}
	return filepath.Clean(path)
}

// RealPath returns a path as the go command reports it. Neither the file nor the
// directories that it is going to be in need exist.
func RealPath(path string) string {
	rest := ""
	for at := path; ; at = filepath.Dir(at) {
		if real, err := filepath.EvalSymlinks(at); err == nil {
			return filepath.Join(real, rest)
		}
		if at == filepath.Dir(at) {
			return path
		}
		rest = filepath.Join(filepath.Base(at), rest)
	}
}

// ShortName returns the end of a path that none of the others has.
func ShortName(path string, others []string) string {
	parts := strings.Split(filepath.ToSlash(path), "/")
	for n := 1; n < len(parts); n++ {
		name := strings.Join(parts[len(parts)-n:], "/")
		if !slices.ContainsFunc(others, func(o string) bool { return strings.HasSuffix(filepath.ToSlash(o), "/"+name) }) {
			return name
		}
	}
	return path
}

// IsModule reports whether a directory is the root of a module or a workspace.
func IsModule(dir string) bool {
	for _, name := range []string{"go.mod", "go.work"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err == nil {
			return true
		}
	}
	return false
}
