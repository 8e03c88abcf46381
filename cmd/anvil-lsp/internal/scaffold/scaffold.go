// Package scaffold makes new projects.
//
// A new project must build where it is made, with no network if anvil-lsp was built from a
// checkout: its go.mod then takes the runtime from that checkout, and its go.sum is the part of the
// checkout's that the runtime needs.
package scaffold

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"text/template"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"golang.org/x/mod/module"
)

// The names of the templates end in .tmpl, so that the go command does not take them for packages
// of this module.
//
//go:embed all:template
var templates embed.FS

// ToolModule is the module of anvil-lsp, and RuntimeModule the one that a project requires.
const (
	ToolModule    = "github.com/anvilforge/anvil-lsp"
	RuntimeModule = manifest.RuntimePath
)

// Options say what to make.
type Options struct {
	// Dir is the directory of the project. It is made if it does not exist.
	Dir string
	// Module is the module path; if empty it is example.com/ and the directory's name.
	Module string
	// Source is where the runtime comes from.
	Source Source
}

// Result says what was made.
type Result struct {
	Dir    string   // absolute
	Module string   // module path
	Files  []string // relative to Dir, with slashes, sorted
	// Tidy says that `go mod tidy` must run first, which needs the network.
	Tidy bool
	// Workspace is a go.work file that covers Dir without listing it, or empty: the go command refuses
	// to build there until `go work use` adds it.
	Workspace string
}

// ErrNotEmpty reports a directory that holds something already.
var ErrNotEmpty = errors.New("directory is not empty")

// ErrModulePath reports a module path that the go command would not take.
var ErrModulePath = errors.New("bad module path")

// Init makes a project. If it fails, nothing is left behind; the error wraps ErrNotEmpty or
// ErrModulePath where that is the reason.
func Init(o Options) (*Result, error) {
	dir, err := filepath.Abs(o.Dir)
	if err != nil {
		return nil, err
	}
	if err := checkEmpty(dir); err != nil {
		return nil, err
	}
	modulePath := o.Module
	if modulePath == "" {
		modulePath = "example.com/" + nameFrom(filepath.Base(dir))
	}
	if err := checkModule(modulePath); err != nil {
		return nil, err
	}
	mod, err := o.Source.moduleFiles(dir, modulePath)
	if err != nil {
		return nil, err
	}
	name, _, _ := module.SplitPathVersion(modulePath)
	data := templateData{Name: path.Base(name), Module: modulePath, Checkout: o.Source.Checkout, Tidy: mod.sum == nil}
	files, err := render(data)
	if err != nil {
		return nil, err
	}
	files = append(files, file{"go.mod", mod.mod})
	if mod.sum != nil {
		files = append(files, file{"go.sum", mod.sum})
	}
	if err := write(dir, files); err != nil {
		return nil, err
	}
	res := &Result{Dir: dir, Module: modulePath, Tidy: data.Tidy, Workspace: goWork(dir)}
	for _, f := range files {
		res.Files = append(res.Files, f.name)
	}
	slices.Sort(res.Files)
	return res, nil
}

// checkEmpty accepts a directory that does not exist, holds nothing, or is a fresh clone.
func checkEmpty(dir string) error {
	entries, err := os.ReadDir(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		if st, e := os.Stat(dir); e == nil && !st.IsDir() {
			return fmt.Errorf("%s is a file; name a directory", dir)
		}
		return fmt.Errorf("%s: %w", dir, err)
	}
	entries = slices.DeleteFunc(entries, func(e fs.DirEntry) bool { return e.Name() == ".git" })
	if len(entries) > 0 {
		return fmt.Errorf("%w: %s holds %s; name a new directory, nothing was written", ErrNotEmpty, dir, some(entries))
	}
	return nil
}

func some(entries []fs.DirEntry) string {
	const most = 3
	var names []string
	for _, e := range entries[:min(most, len(entries))] {
		names = append(names, e.Name())
	}
	text := strings.Join(names, ", ")
	if n := len(entries) - most; n > 0 {
		text += fmt.Sprintf(" and %d more", n)
	}
	return text
}

var unfit = regexp.MustCompile(`[^a-z0-9._~-]+`)

// nameFrom makes an element of a module path from a directory's name.
func nameFrom(base string) string {
	name := strings.Trim(unfit.ReplaceAllString(strings.ToLower(base), "-"), "-.~_")
	if name == "" || module.CheckImportPath("example.com/"+name) != nil {
		return "app"
	}
	return name
}

func checkModule(p string) error {
	if err := module.CheckImportPath(p); err != nil {
		return fmt.Errorf("%w: %w", ErrModulePath, err)
	}
	if _, _, ok := module.SplitPathVersion(p); !ok {
		return fmt.Errorf("%w: %q ends in a major version that is none; it is /v2 or higher", ErrModulePath, p)
	}
	if first, _, _ := strings.Cut(p, "/"); first == "std" || first == "cmd" || p == ToolModule ||
		strings.HasPrefix(p, ToolModule+"/") {
		return fmt.Errorf("%w: %q is taken", ErrModulePath, p)
	}
	return nil
}

// templateData is what the templates know.
type templateData struct {
	Name     string // of the program
	Module   string
	Checkout string // directory that the runtime is taken from, or empty
	Tidy     bool
}

type file struct {
	name string // with slashes
	data []byte
}

// render executes all templates.
func render(data templateData) ([]file, error) {
	var files []file
	err := fs.WalkDir(templates, "template", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		t, err := template.ParseFS(templates, name)
		if err != nil {
			return err
		}
		var b bytes.Buffer
		if err := t.Execute(&b, data); err != nil {
			return err
		}
		name = strings.TrimSuffix(strings.TrimPrefix(name, "template/"), ".tmpl")
		if name == "gitignore" { // under its own name it would apply to the templates
			name = ".gitignore"
		}
		text := append(bytes.TrimRight(b.Bytes(), "\n"), '\n')
		files = append(files, file{name, text})
		return nil
	})
	return files, err
}

// write writes all files or none.
func write(dir string, files []file) (err error) {
	var made []string // newest last
	defer func() {
		if err == nil {
			return
		}
		for _, p := range slices.Backward(made) {
			err = errors.Join(err, os.Remove(p))
		}
	}()
	for _, f := range files {
		name := filepath.Join(dir, filepath.FromSlash(f.name))
		if made, err = makeDirs(filepath.Dir(name), made); err != nil {
			return err
		}
		// Exclusive: another process may have been faster.
		w, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
		if err != nil {
			return err
		}
		made = append(made, name)
		_, err = w.Write(f.data)
		if err := errors.Join(err, w.Close()); err != nil {
			return err
		}
	}
	return nil
}

// makeDirs makes a directory with those above it, and appends to made what did not exist.
func makeDirs(dir string, made []string) ([]string, error) {
	err := os.Mkdir(dir, 0o777)
	switch {
	case err == nil:
		return append(made, dir), nil
	case errors.Is(err, fs.ErrExist):
		return made, nil
	case errors.Is(err, fs.ErrNotExist) && filepath.Dir(dir) != dir:
		if made, err = makeDirs(filepath.Dir(dir), made); err != nil {
			return made, err
		}
		return makeDirs(dir, made)
	}
	return made, err
}
