package testkit

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// WriteFile writes a file and the directories above it.
func WriteFile(t testing.TB, path, text string) {
	t.Helper()
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o777), os.WriteFile(path, []byte(text), 0o666)); err != nil {
		t.Fatal(err)
	}
}

// Save writes a file as an editor does that renames a temporary file over it.
func Save(t testing.TB, path, text string) {
	t.Helper()
	WriteFile(t, path+"~", text)
	if err := os.Rename(path+"~", path); err != nil {
		t.Fatal(err)
	}
}

// WriteTree writes files into dir; their names have slashes.
func WriteTree(t testing.TB, dir string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		WriteFile(t, filepath.Join(dir, filepath.FromSlash(name)), text)
	}
}

// Repository returns the root of this checkout, without symbolic links.
func Repository(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	if err == nil {
		dir, err = filepath.EvalSymlinks(dir)
	}
	if err != nil {
		t.Fatal(err)
	}
	for ; ; dir = filepath.Dir(dir) {
		mod, err := os.ReadFile(filepath.Join(dir, "go.mod"))
		if bytes.HasPrefix(mod, []byte("module github.com/anvilforge/anvil-lsp\n")) {
			return dir
		}
		if filepath.Dir(dir) == dir {
			t.Fatalf("no checkout above the working directory: %v", err)
		}
	}
}

// CopyApp returns a copy of a sample application, so that what is built for it does
// not end up in the repository.
func CopyApp(t testing.TB, name string) string {
	t.Helper()
	return CopyTree(t, name, os.DirFS(filepath.Join(Repository(t), "examples", name)))
}

// CopyTree returns a directory, called name, with the files of an application. The
// replacements in its go.mod lead to this checkout; what a run has left is not copied.
func CopyTree(t testing.TB, name string, app fs.FS) string {
	t.Helper()
	repository := Repository(t)
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	dir = filepath.Join(dir, name)
	err = fs.WalkDir(app, ".", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && d.Name() == ".anvil":
			return fs.SkipDir
		case d.IsDir():
			return os.MkdirAll(filepath.Join(dir, path), 0o777)
		case strings.Contains(path, ".db"):
			return nil
		}
		data, err := fs.ReadFile(app, path)
		if err != nil {
			return err
		}
		if path == "go.mod" {
			data = bytes.ReplaceAll(data, []byte("=> ../../"), []byte("=> "+repository+"/"))
		}
		return os.WriteFile(filepath.Join(dir, path), data, 0o666)
	})
	if err != nil {
		t.Fatal(err)
	}
	return dir
}
